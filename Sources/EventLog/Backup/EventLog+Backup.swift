import Hashing

/// What a backup holds now and what was copied for it.
public struct BackupReport: Sendable, Hashable {
    public var incarnation: UInt64 = 0
    /// The first offset that the backup does not hold.
    public var durableEnd = Offset(0)
    /// Files that were copied now, and their bytes.
    public var copiedFiles = 0
    public var copiedBytes: UInt64 = 0
    /// Sealed segments that an earlier backup into the same directory had copied already.
    public var keptFiles = 0
    /// Segments that could not be copied since the log itself has lost them.
    public var missing: [Damage] = []
}

/// The files that make a directory a backup.
///
/// ```
/// BACKUP      the log's id in hexadecimal and a line feed; written first
/// *.lz4       as in a log's directory
/// manifest    as in a log's directory; written last
/// restores    the last incarnation that a restore of this backup was given, in decimal
/// ```
/// ``EventLog/open(directory:configuration:)`` refuses a directory with `BACKUP` in it: two logs would go
/// on under one incarnation (L3).
enum BackupFiles {
    static let marker = "BACKUP"
    static let restores = "restores"
    /// In a directory that a restore has not finished.
    static let restoring = "RESTORING"
}

extension EventLog {
    /// Whether `directory` is a log's own, or a backup: no place for anything else. False when it is not there.
    public static func isLogDirectory(_ directory: String) throws -> Bool {
        do throws(StorageError) {
            let names = try PosixStorage(existing: directory).list()
            return names.contains(BackupFiles.marker) || names.contains(Manifest.fileName)
        } catch {
            guard error.isAbsent else { throw LogError.storage(error) }
            return false
        }
    }

    /// Copies the log as it is durable now into `directory`, made when absent: sealed segments that are not
    /// there yet, the rest of the log up to the durable end, and a manifest. Appends and readers go on.
    ///
    /// Into the same directory again it copies what is new, and removes what an erasure has replaced.
    /// What is copied is not examined: `verify` a backup as a log's directory.
    /// - Throws: ``LogError/refused(_:)`` when the directory holds something else.
    /// - Crash: without a manifest, or with the old one, the directory is an unfinished or the older backup;
    ///   call again.
    public func backup(
        to directory: String, progress: (String) -> Void = { _ in }
    ) throws -> BackupReport {
        do {
            return try backup(to: try PosixStorage(directory: directory), progress: progress)
        } catch let error as StorageError { throw LogError.storage(error) }
    }

    package func backup(
        to target: any LogStorage, progress: (String) -> Void = { _ in }
    ) throws -> BackupReport {
        let lock = try target.lock("LOCK")
        defer { lock.release() }
        let known = try knownBackup(in: target)
        while true {
            do {
                return try copy(catalog.snapshot, to: target, known: known, progress)
            } catch let error as StorageError where error.isAbsent && error.operation == .open {
                // A seal or a rewrite took the file away meanwhile; the list of segments is new, too.
                continue
            }
        }
    }

    /// What an earlier backup left in `target`; marks an empty directory as a backup of this log.
    private func knownBackup(in target: any LogStorage) throws -> Manifest? {
        let marker = Array((identity.hex + "\n").utf8)
        let names = Set(try target.list())
        guard names.contains(BackupFiles.marker) else {
            guard names.subtracting(["LOCK", BackupFiles.marker + ".tmp"]).isEmpty else {
                throw LogError.refused(
                    "the directory is not empty and no backup of this log; choose another")
            }
            try target.writeWhole(BackupFiles.marker, marker)
            return nil
        }
        let file = try target.open(BackupFiles.marker, for: .reading)
        guard try file.size() == marker.count,
            try file.bytes(at: 0, count: marker.count) == marker
        else { throw LogError.refused("the directory holds a backup of another log") }
        let known = try ManifestStore(storage: target).read()
        guard known.map({ $0.identity.incarnation <= identity.incarnation }) ?? true else {
            throw LogError.refused(
                "the directory holds a backup of a later incarnation of this log")
        }
        return known
    }

    private func copy(
        _ handles: [SegmentHandle], to target: any LogStorage, known: Manifest?,
        _ progress: (String) -> Void
    ) throws -> BackupReport {
        var report = BackupReport(incarnation: identity.incarnation)
        var manifest = Manifest(
            identity: identity, generation: (known?.generation ?? 0), entries: [])
        let present = Set(try target.list())
        for handle in handles {
            progress(handle.fileName)
            let entry = handle.manifestEntry
            manifest.entries.append(entry)
            switch handle.content {
            case .lost(let damage): report.missing.append(damage)
            case .sealed:
                let isKept =
                    present.contains(entry.fileName)
                    && known?.entries.contains { $0.isSameFile(as: entry) } ?? false
                if isKept {
                    report.keptFiles += 1
                } else {
                    let file = try catalog.storage.open(entry.fileName, for: .reading)
                    try copy(file, Int(entry.fileLength), to: target, &report)
                }
            case .live(let live):
                let (length, end) = live.withState { ($0.fileLength, $0.frames.last?.end) }
                try copy(live.file, Int(length), to: target, &report)
                report.durableEnd = Offset(handle.end ?? end ?? handle.base)
            }
        }
        try target.syncDirectory()
        manifest.generation += 1
        try ManifestStore(storage: target).write(manifest)
        try removeOthers(than: manifest, from: target)
        return report
    }

    private func copy(
        _ file: any LogFile, _ length: Int, to target: any LogStorage, _ report: inout BackupReport
    ) throws(StorageError) {
        try FileCopy.copy(file, count: length, to: file.name, in: target)
        report.copiedFiles += 1
        report.copiedBytes += UInt64(length)
    }

    /// Old editions and segments that are sealed by now: an erased line must not live on in a backup.
    private func removeOthers(
        than manifest: Manifest, from target: any LogStorage
    ) throws(StorageError) {
        let named = Set(manifest.entries.map(\.fileName))
        var isChanged = false
        for name in try target.list()
        where !named.contains(name) && (name.hasSuffix(".lz4") || name.hasSuffix(".tmp")) {
            try target.unlink(name)
            isChanged = true
        }
        if isChanged { try target.syncDirectory() }
    }
}

extension SegmentHandle {
    /// As a manifest names it.
    var manifestEntry: Manifest.Entry {
        if case .sealed(let entry) = content { return entry }
        return closed ?? Manifest.Entry(base: base, state: .active)
    }
}

extension Manifest.Entry {
    /// Whether both name the same sealed file.
    func isSameFile(as other: Manifest.Entry) -> Bool {
        state == .sealed && other.state == .sealed && base == other.base
            && edition == other.edition && fileLength == other.fileLength
            && merkleRoot == other.merkleRoot && columnsHash == other.columnsHash
    }
}
