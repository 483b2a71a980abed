/// What a restore made.
public struct RestoreReport: Sendable, Hashable {
    /// The incarnation that the new log has.
    public var incarnation: UInt64
    /// The first offset after the backup's last record; the offsets from here to `firstOffset` hold nothing.
    public var backupEnd: Offset
    /// The new incarnation's first offset, which the old log cannot have reached.
    public var firstOffset: Offset
    public var copiedFiles: Int
    public var copiedBytes: UInt64
    /// What was found bad in the backup; not empty only where the caller allowed that.
    public var damages: [Damage]
    /// What was cut off the backup's tail.
    public var findings: [RecoveryReport.Finding]
}

/// What a restore does when the backup is damaged.
public enum DamagedBackup: Sendable { case refuse, restoreWhatIsWhole }

extension EventLog {
    /// Makes a log in `directory` (absent, empty, or an unfinished restore) from the backup, or the log's
    /// directory, at `backup`, where only the note of `incarnation` is written. Every checksum and root is checked on the way.
    ///
    /// The new log has the same id and the next incarnation; its first record, `restored`, says which offsets
    /// were skipped (L3).
    /// - Parameter incarnation: nil for the next one that no restore of this backup was given; that is noted in
    ///   the backup's file `restores`.
    /// - Crash: without a manifest the directory is an unfinished restore; call again. A number that was noted
    ///   is not given out again.
    public static func restore(
        from backup: String, to directory: String, incarnation: UInt64? = nil,
        damaged: DamagedBackup = .refuse, configuration: LogConfiguration = LogConfiguration(),
        progress: (String) -> Void = { _ in }
    ) throws -> RestoreReport {
        do {
            return try restore(
                from: try PosixStorage(existing: backup),
                to: try PosixStorage(directory: directory),
                incarnation: incarnation, damaged: damaged, configuration: configuration,
                progress: progress)
        } catch let error as StorageError { throw LogError.storage(error) }
    }

    package static func restore(
        from backup: any LogStorage, to target: any LogStorage, incarnation: UInt64?,
        damaged: DamagedBackup, configuration: LogConfiguration,
        progress: (String) -> Void = { _ in }
    ) throws -> RestoreReport {
        guard let manifest = try ManifestStore(storage: backup).read() else {
            throw LogError.refused(
                "there is no manifest in the backup: it is unfinished or no backup. "
                    + "`sluice log salvage` copies out what lines there are")
        }
        let lock = try target.lock("LOCK")
        let report: RestoreReport
        do {
            defer { lock.release() }
            var restorer = Restorer(
                backup: backup, target: target, old: manifest, configuration: configuration)
            report = try restorer.run(incarnation, damaged, progress)
        }
        // Opening writes the `restored` record, and closing makes it durable.
        let log = try open(storage: target, configuration: configuration)
        try log.waitUntilQueueIsDurable()
        log.close()
        return report
    }

    private func waitUntilQueueIsDurable() throws {
        let next = stat().nextOffset
        guard next > durableEnd else { return }
        try blockingWaitDurable(
            AppendTicket(first: Offset(next.value - 1), count: 1, recorded: 0))
    }
}

/// One restore.
private struct Restorer {
    let backup: any LogStorage
    let target: any LogStorage
    let old: Manifest
    let configuration: LogConfiguration

    private var copiedFiles = 0
    private var copiedBytes: UInt64 = 0
    private var damages: [Damage] = []
    private var findings: [RecoveryReport.Finding] = []

    init(
        backup: any LogStorage, target: any LogStorage, old: Manifest,
        configuration: LogConfiguration
    ) {
        self.backup = backup
        self.target = target
        self.old = old
        self.configuration = configuration
    }

    mutating func run(
        _ wanted: UInt64?, _ damaged: DamagedBackup, _ progress: (String) -> Void
    ) throws -> RestoreReport {
        try prepareTarget()
        let incarnation = try chooseIncarnation(wanted)
        var manifest = old
        manifest.identity.incarnation = incarnation
        manifest.generation += 1
        manifest.entries = []
        for entry in old.entries.dropLast() {
            progress(entry.fileName)
            manifest.entries.append(entry)
            try copySegment(entry)
        }
        let tail = old.entries[old.entries.count - 1]
        progress(tail.fileName)
        let end = try copyTail(tail, into: &manifest)
        try verify(manifest)
        if damaged == .refuse, let first = damages.first {
            throw LogError.damaged(first)
        }
        let first = LogFormat.offsets(ofIncarnation: incarnation).lowerBound
        try begin(&manifest, at: first)
        return RestoreReport(
            incarnation: incarnation, backupEnd: Offset(end), firstOffset: Offset(first),
            copiedFiles: copiedFiles, copiedBytes: copiedBytes, damages: damages,
            findings: findings)
    }

    private func prepareTarget() throws {
        let names = Set(try target.list())
        guard !names.contains(Manifest.fileName), !names.contains(BackupFiles.marker) else {
            throw LogError.refused("the directory holds a log or a backup already; choose another")
        }
        guard !names.contains(BackupFiles.restoring) else { return }
        guard !names.contains(where: { $0.hasSuffix(".lz4") }) else {
            throw LogError.refused("the directory holds segments of a log; choose another")
        }
        try target.writeWhole(BackupFiles.restoring, [])
    }

    /// A number that no earlier restore of this backup was given, noted before anything is made of it.
    private func chooseIncarnation(_ wanted: UInt64?) throws -> UInt64 {
        let chosen: UInt64
        if let wanted {
            guard wanted > old.identity.incarnation else {
                throw LogError.refused(
                    "incarnation \(wanted) is not after the backup's \(old.identity.incarnation)")
            }
            chosen = wanted
        } else {
            chosen = max(old.identity.incarnation, try notedIncarnation()) + 1
        }
        guard chosen <= LogFormat.maximumIncarnation else {
            throw LogError.refused(
                "a log can be restored until incarnation \(LogFormat.maximumIncarnation)")
        }
        if wanted == nil {
            do throws(StorageError) {
                try backup.writeWhole(BackupFiles.restores, Array("\(chosen)\n".utf8))
            } catch {
                throw LogError.refused(
                    "the backup cannot note that it is restored as incarnation \(chosen) "
                        + "(\(error)); name an incarnation that no other restore of it was given")
            }
        }
        return chosen
    }

    private func notedIncarnation() throws -> UInt64 {
        guard try backup.list().contains(BackupFiles.restores) else { return 0 }
        let file = try backup.open(BackupFiles.restores, for: .reading)
        let bytes = try file.bytes(at: 0, count: min(try file.size(), 32))
        let digits = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        guard let noted = UInt64(digits), noted <= LogFormat.maximumIncarnation else {
            throw LogError.refused("the backup's file \(BackupFiles.restores) holds no incarnation")
        }
        return noted
    }

    private mutating func copySegment(_ entry: Manifest.Entry) throws {
        guard try backup.list().contains(entry.fileName) else {
            damages.append(entry.missing)
            return
        }
        let file = try backup.open(entry.fileName, for: .reading)
        let size = try file.size()
        try FileCopy.copy(file, count: size, to: entry.fileName, in: target)
        copiedFiles += 1
        copiedBytes += UInt64(size)
    }

    /// Copies the active segment and closes it at its last good frame. Returns where the backup ends.
    private mutating func copyTail(
        _ entry: Manifest.Entry, into manifest: inout Manifest
    ) throws -> UInt64 {
        let file = try backup.open(entry.fileName, for: .reading)
        try FileCopy.copy(file, count: try file.size(), to: entry.fileName, in: target)
        copiedFiles += 1
        copiedBytes += UInt64(try file.size())
        let copy = try target.open(entry.fileName, for: .writing)
        let tail = try OpenSegmentRecovery.run(
            copy, base: entry.base, role: .active, identity: old.identity)
        damages += tail.damages
        findings += tail.findings
        guard let first = tail.firstRecorded, let last = tail.lastRecorded else {
            try target.unlink(entry.fileName)
            return manifest.entries.last.map { $0.base + $0.count } ?? entry.base
        }
        try copy.truncate(to: tail.length)
        try copy.sync()
        manifest.entries.append(
            Manifest.Entry(
                base: entry.base, state: .closed, count: tail.end - entry.base,
                fileLength: UInt64(tail.length), firstRecorded: first, lastRecorded: last,
                rawBytes: tail.rawBytes, chainEnd: tail.chain))
        return tail.end
    }

    /// Every checksum, chain and root of what was copied.
    private mutating func verify(_ manifest: Manifest) throws {
        var inspection = Inspection(storage: target, manifest: manifest, extractor: nil)
        try inspection.run { _ in }
        for damage in inspection.report.problems where !damages.contains(damage) {
            damages.append(damage)
        }
    }

    /// Makes the new incarnation's first segment and the manifest that names everything.
    private func begin(_ manifest: inout Manifest, at first: UInt64) throws {
        let header = SegmentHeader(
            isSealed: false, logID: manifest.identity.id,
            incarnation: manifest.identity.incarnation, base: first,
            created: configuration.clock(), chainSeed: manifest.entries.last?.chainEnd ?? 0,
            edition: 0)
        _ = try OpenSegmentFile.create(header, in: target)
        manifest.entries.append(Manifest.Entry(base: first, state: .active))
        try ManifestStore(storage: target).write(manifest)
        try target.unlink(BackupFiles.restoring)
        try target.syncDirectory()
    }
}
