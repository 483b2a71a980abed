public import Hashing

extension EventLog {
    /// Verifies the log, or the backup, in `directory` from its files alone: nothing is written, no lock is taken,
    /// and it need not be possible to open it. For a log that a process has open use ``verify(extractor:progress:)``.
    ///
    /// The unfinished end of the active segment is a finding, all else that is bad a problem.
    /// - Parameter extractor: made for the log's own key (L7).
    public static func inspect(
        _ directory: String, extractor: (SipKey) -> Extractor? = { _ in nil },
        progress: (VerifyReport.Segment) -> Void = { _ in }
    ) throws -> (report: VerifyReport, findings: [RecoveryReport.Finding]) {
        do {
            return try inspect(
                try PosixStorage(existing: directory), extractor: extractor, progress: progress)
        } catch let error as StorageError { throw LogError.storage(error) }
    }

    package static func inspect(
        _ storage: any LogStorage, extractor: (SipKey) -> Extractor? = { _ in nil },
        progress: (VerifyReport.Segment) -> Void = { _ in }
    ) throws -> (report: VerifyReport, findings: [RecoveryReport.Finding]) {
        let manifest: Manifest
        do throws(LogError) {
            guard let found = try ManifestStore(storage: storage).read() else {
                throw LogError.manifest("it is missing")
            }
            manifest = found
        } catch {
            guard case .manifest(let reason) = error else { throw error }
            var report = VerifyReport()
            report.problems = [
                Damage(file: Manifest.fileName, position: 0, offsets: 0..<0, reason: reason)
            ]
            return (report, [])
        }
        var inspection = Inspection(
            storage: storage, manifest: manifest,
            extractor: extractor(manifest.identity.key))
        try inspection.run(progress)
        return (inspection.report, inspection.findings)
    }
}

/// Examines segments as a manifest names them.
struct Inspection {
    let storage: any LogStorage
    let manifest: Manifest
    let extractor: Extractor?
    private(set) var report = VerifyReport()
    private(set) var findings: [RecoveryReport.Finding] = []

    init(storage: any LogStorage, manifest: Manifest, extractor: Extractor?) {
        self.storage = storage
        self.manifest = manifest
        self.extractor = extractor
    }

    mutating func run(_ progress: (VerifyReport.Segment) -> Void) throws {
        let catalog = LogCatalog(storage: storage, segments: [], durableEnd: 0)
        var chainEnd: UInt32?
        for entry in manifest.entries {
            do {
                let handle = try self.handle(of: entry)
                var verifier = SegmentVerifier(
                    handle, identity: manifest.identity, extractor: extractor,
                    previousChainEnd: chainEnd)
                chainEnd = try verifier.run(in: catalog)
                report.segments.append(verifier.segment)
                for damage in handle.damages + verifier.problems { note(damage) }
                progress(verifier.segment)
            } catch LogError.damaged(let damage) {
                note(damage)
                chainEnd = nil
            }
        }
    }

    /// What is bad, each thing once: recovery and verification may both find it.
    private mutating func note(_ damage: Damage) {
        if !report.problems.contains(damage) { report.problems.append(damage) }
    }

    private mutating func handle(of entry: Manifest.Entry) throws -> SegmentHandle {
        let isActive = entry.state == .active
        let end = isActive ? nil : entry.offsets.upperBound
        guard try storage.list().contains(entry.fileName) else {
            throw LogError.damaged(entry.missing)
        }
        if entry.state == .sealed {
            return SegmentHandle(base: entry.base, end: end, content: .sealed(entry))
        }
        let segment = try OpenSegmentRecovery.run(
            try storage.open(entry.fileName, for: .reading), base: entry.base,
            role: isActive
                ? .active : .closed(count: entry.count, fileLength: entry.fileLength),
            identity: manifest.identity)
        findings += segment.findings.filter { finding in
            if case .damage = finding { false } else { true }
        }
        return SegmentHandle(
            base: entry.base, end: end, content: .live(segment.live), damages: segment.damages)
    }
}
