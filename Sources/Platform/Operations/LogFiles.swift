public import EventLog
import Hashing
public import JSONText

#if canImport(Glibc)
    import Glibc
#endif

/// What operators do with a log's files when no workspace has them open. Blocking.
///
/// Questions that a running workspace answers stand in `Workspace+Log.swift`; the shapes are the same.
public enum LogFiles {
    /// How this platform configures its log.
    static func configuration(queueBytes: Int? = nil) -> LogConfiguration {
        var configuration = LogConfiguration()
        if let queueBytes { configuration.queueBytes = queueBytes }
        configuration.extractor = LineExtractor.number
        return configuration
    }

    /// Every checksum, chain, root and column of the log, or the backup, in `directory` (L7, L8). Writes nothing.
    public static func verify(
        _ directory: String, progress: (String) -> Void = { _ in }
    ) throws(OperationError) -> JSONValue {
        try naming(directory) {
            let started = ContinuousClock.now
            let (report, findings) = try EventLog.inspect(
                directory, extractor: { LineExtractor.make(key: $0) },
                progress: { progress($0.file) })
            return LogShapes.verified(
                report, findings: findings.map(\.description), since: started)
        }
    }

    /// Copies out what is whole and lists what is not.
    public static func salvage(
        from directory: String, to output: String, progress: (String) -> Void = { _ in }
    ) throws(OperationError) -> JSONValue {
        try naming(directory) {
            let report = try EventLog.salvage(from: directory, to: output, progress: progress)
            return [
                "whole": .bool(report.problems.isEmpty && report.lost.isEmpty),
                "records": .offset(report.records), "lostRecords": .offset(report.lostRecords),
                "lost": .array(
                    report.lost.map {
                        ["from": .offset($0.lowerBound), "to": .offset($0.upperBound)]
                    }),
                "problems": LogShapes.problems(report.problems),
                "files": .array(
                    report.files.map {
                        [
                            "segment": .string($0.segment), "records": .offset($0.records),
                            "output": .text($0.output),
                        ]
                    }),
            ]
        }
    }

    /// Makes columns, indexes, footers and a missing manifest anew from the lines.
    public static func reindex(
        _ directory: String, scope: ReindexScope, progress: (String) -> Void = { _ in }
    ) throws(OperationError) -> JSONValue {
        try naming(directory) {
            let report = try EventLog.reindex(
                directory, scope: scope, configuration: configuration(),
                extractor: { LineExtractor.make(key: $0) }, progress: progress)
            return [
                "healed": .bool(report.notHealed.isEmpty),
                "madeManifest": .bool(report.madeManifest),
                "rewritten": .texts(report.rewritten), "kept": .count(report.kept),
                "notHealed": LogShapes.problems(report.notHealed),
            ]
        }
    }

    /// Makes the log of the data directory `data` from a backup (L3). The directory is made when absent, and
    /// may hold secrets and keys already, but no log.
    public static func restore(
        from backup: String, toData data: String, incarnation: UInt64?, damaged: DamagedBackup,
        progress: (String) -> Void = { _ in }
    ) throws(OperationError) -> JSONValue {
        if mkdir(data, 0o700) != 0, errno != EEXIST {
            throw .failed("could not make \(data): \(String(cString: strerror(errno)))")
        }
        let directory = data + "/log"
        return try naming(backup) {
            let report = try EventLog.restore(
                from: backup, to: directory, incarnation: incarnation, damaged: damaged,
                configuration: configuration(), progress: progress)
            return [
                "incarnation": .offset(report.incarnation),
                "backupEnd": .offset(report.backupEnd.value),
                "goesOnAt": .offset(report.firstOffset.value),
                "copiedFiles": .count(report.copiedFiles),
                "copiedBytes": .offset(report.copiedBytes),
                "damages": LogShapes.problems(report.damages),
                "findings": .texts(report.findings.map(\.description)),
            ]
        }
    }

    private static func naming<R>(
        _ directory: String, _ body: () throws -> R
    ) throws(OperationError) -> R {
        do { return try body() } catch let error as LogError {
            switch error {
            case .refused(let reason): throw .refused("\(directory): \(reason)")
            case .locked: throw .busy("\(directory): \(error)")
            case .storage(let storage) where storage.code == ENOENT:
                throw .notFound("\(directory): \(error)")
            case .storage, .damaged, .manifest, .unsupportedVersion, .closed:
                throw .failed("\(directory): \(error)")
            }
        } catch { throw .failed("\(directory): \(error)") }
    }
}

/// What several answers about the log's files show the same way.
enum LogShapes {
    static func problems(_ damages: [Damage]) -> JSONValue { .array(damages.map(damage)) }

    static func damage(_ damage: Damage) -> JSONValue {
        let offsets = damage.offsets.isEmpty ? nil : damage.offsets
        return [
            "from": .optionalOffset(offsets?.lowerBound),
            "to": .optionalOffset(offsets?.upperBound),
            "reason": .string(damage.reason), "file": .string(damage.file),
            "position": .offset(damage.position),
        ]
    }

    static func verified(
        _ report: VerifyReport, findings: [String], since started: ContinuousClock.Instant
    ) -> JSONValue {
        [
            "whole": .bool(report.problems.isEmpty), "problems": problems(report.problems),
            "findings": .texts(findings),
            "records": .offset(report.records), "bytes": .offset(report.bytes),
            "columnsChecked": .offset(report.extracted),
            "columnsNotChecked": .offset(report.notExtracted),
            "segments": .array(
                report.segments.map { segment in
                    [
                        "file": .string(segment.file), "sealed": .bool(segment.isSealed),
                        "frames": .count(segment.frames), "records": .offset(segment.records),
                        "merkleRoot": .string(segment.merkleRoot),
                    ]
                }),
            "seconds": .number(Workspace.seconds(since: started)),
        ]
    }
}
