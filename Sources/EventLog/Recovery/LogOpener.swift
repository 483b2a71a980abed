import Hashing

/// A log as recovery left it, ready to be written.
struct OpenedLog: Sendable {
    var manifest: Manifest
    var active: RecoveredSegment
    var handles: [SegmentHandle]
    var jobs: [SealJob]
    var lastRecorded: Int64
    var report: RecoveryReport
}

/// Opens a log's directory: reads the manifest, clears away what a crash left, recovers the open
/// segments, and makes the result durable before anything is accepted.
///
/// | what is found | what opening does |
/// |---|---|
/// | no manifest, no segment | makes a new log |
/// | no manifest, but segments | refuses: offsets would be given out twice |
/// | a manifest that is empty, cut, flipped or another file's | refuses; it is replaced whole, so no crash leaves one |
/// | a whole manifest of another version | refuses, as ``LogError/unsupportedVersion(file:version:)`` |
/// | a manifest of another log | refuses: the active segment is not its own |
/// | an old manifest | refuses when a segment that it does not name holds records, and removes nothing |
/// | a sealed or closed segment missing, cut, foreign or of another edition | opens; its offsets are damage |
/// | the active segment missing or foreign | refuses: nothing says where offsets go on |
/// | an old copy of the active segment | opens: nothing tells it from a log that was never longer |
/// | a left-over of a roll, a seal or a rewrite | removes it while the file that the manifest names is there |
/// | an error of the operating system | refuses, names file and operation; asked again, it decides anew |
/// | a full disk | opens: recovery needs no space, but where a bad commit proved damage |
///
/// What is refused is left as it is. Inside the open segments ``OpenSegmentRecovery`` decides.
struct LogOpener {
    let storage: any LogStorage
    let configuration: LogConfiguration
    private var report = RecoveryReport()

    init(storage: any LogStorage, configuration: LogConfiguration) {
        self.storage = storage
        self.configuration = configuration
    }

    /// The caller holds the lock.
    mutating func open() throws(LogError) -> OpenedLog {
        do { return try opening() } catch let error as LogError { throw error } catch let error
            as StorageError
        {
            throw LogError.storage(error)
        } catch { throw LogError.manifest("\(error)") }
    }

    private mutating func opening() throws -> OpenedLog {
        if try storage.list().contains(BackupFiles.marker) {
            throw LogError.refused(
                "the directory holds a backup; `sluice log restore` makes a log of it elsewhere")
        }
        var manifest: Manifest
        if let known = try ManifestStore(storage: storage).read() {
            manifest = known
            try clearLeftovers(of: manifest)
        } else {
            manifest = try create()
        }
        var handles: [SegmentHandle] = []
        var jobs: [SealJob] = []
        var lastRecorded = Int64.min
        let files = Set(try storage.list())
        for entry in manifest.entries.dropLast() {
            handles.append(try handle(of: entry, manifest.identity, files: files, &jobs))
            lastRecorded = max(lastRecorded, entry.lastRecorded)
        }
        var active = try recoverActive(of: manifest)
        lastRecorded = max(lastRecorded, active.lastRecorded ?? .min)
        if active.unproven != nil {
            let damaged = active
            active = try begin(after: damaged, in: &manifest)
            let entry = manifest.entries[manifest.entries.count - 2]
            damaged.live.dropIndex()
            handles.append(
                SegmentHandle(
                    base: entry.base, end: damaged.end, content: .live(damaged.live),
                    closed: entry, damages: damaged.damages))
        } else {
            try settle(active)
        }
        handles.append(
            SegmentHandle(
                base: active.live.base, end: nil, content: .live(active.live),
                damages: active.damages))
        report.durableEnd = Offset(active.end)
        return OpenedLog(
            manifest: manifest, active: active, handles: handles, jobs: jobs,
            lastRecorded: lastRecorded, report: report)
    }

    // MARK: - A new log

    /// Makes the first segment, then the manifest that names it.
    ///
    /// - Crash: without a manifest there is no log yet; an empty first segment is replaced.
    private mutating func create() throws -> Manifest {
        for name in try storage.list() where name.hasSuffix(".lz4") {
            let size = try storage.open(name, for: .reading).size()
            guard name == LogFormat.openName(base: 0), size <= LogFormat.firstPairPosition else {
                let isRestoring = try storage.list().contains(BackupFiles.restoring)
                throw LogError.manifest(
                    isRestoring
                        ? "a restore into this directory was not finished; restore again"
                        : "it is missing, but \(name) exists; `sluice log reindex` makes it anew")
            }
        }
        let random = configuration.randomBytes(32)
        let (low, high) = random.withUnsafeBytes {
            ($0.integer(UInt64.self, at: 16), $0.integer(UInt64.self, at: 24))
        }
        let identity = LogIdentity(
            id: Array(random[..<16]), incarnation: 1, key: .init(low: low, high: high))
        let header = SegmentHeader(
            isSealed: false, logID: identity.id, incarnation: 1, base: 0,
            created: configuration.clock(), chainSeed: 0, edition: 0)
        _ = try OpenSegmentFile.create(header, in: storage)
        let manifest = Manifest(
            identity: identity, generation: 1, entries: [.init(base: 0, state: .active)])
        try ManifestStore(storage: storage).write(manifest)
        report.findings.append(.created)
        return manifest
    }

    // MARK: - What a crash left

    private mutating func clearLeftovers(of manifest: Manifest) throws {
        let named = Set(manifest.entries.map(\.fileName))
        let end = manifest.entries[manifest.entries.count - 1]
        for name in try storage.list() where !named.contains(name) {
            switch name {
            case Manifest.fileName, "LOCK": break
            case BackupFiles.restoring: try remove(name, "the restore is finished")
            case BackupFiles.restores: break
            case let name where name.hasSuffix(".tmp"):
                try remove(name, "the unfinished work of a crash")
            case let name where name.hasSuffix(".lz4"):
                try removeUnnamed(name, manifest, active: end)
            default: report.findings.append(.foreign(file: name))
            }
        }
    }

    /// A segment file that the manifest does not name: half of a seal or of a roll.
    private mutating func removeUnnamed(
        _ name: String, _ manifest: Manifest, active: Manifest.Entry
    ) throws {
        for entry in manifest.entries {
            guard let reason = Self.reasonToRemove(name, besides: entry) else { continue }
            // Under an old manifest this may be the only file that holds the segment's records.
            guard try isThere(entry) else {
                throw LogError.manifest(
                    "it names \(entry.fileName), which is missing or cut, and not \(name), which holds "
                        + "the same records: it may be an old copy; put the newest one back, or move "
                        + "it away and let `sluice log reindex` make one")
            }
            return try remove(name, reason)
        }
        guard name.hasSuffix(".open.lz4"), let base = UInt64(name.prefix(20)), base > active.base,
            try storage.open(name, for: .reading).size() <= LogFormat.firstPairPosition
        else { throw LogError.manifest("it does not name \(name), which holds records") }
        try remove(name, "a roll was not finished; it holds no record")
    }

    /// Why a file is in the way when the manifest names the segment as `entry`; nil when it is no other
    /// form of that segment.
    private static func reasonToRemove(_ name: String, besides entry: Manifest.Entry) -> String? {
        switch entry.state {
        case .active: return nil
        case .closed:
            return name == LogFormat.sealedName(base: entry.base, edition: entry.edition)
                ? "its seal was not finished; it is made again" : nil
        case .sealed:
            if name == LogFormat.openName(base: entry.base) { return "its segment is sealed" }
            guard let edition = LogFormat.edition(of: name, base: entry.base) else { return nil }
            // Durably gone: the older one may hold a line that was erased.
            return edition < entry.edition
                ? "a newer edition has taken its place" : "its rewrite was not finished"
        }
    }

    /// Whether the file that the manifest names is there, at least as long as it must be.
    private func isThere(_ entry: Manifest.Entry) throws -> Bool {
        guard try storage.list().contains(entry.fileName) else { return false }
        return try storage.open(entry.fileName, for: .reading).size() >= Int(entry.fileLength)
    }

    private mutating func remove(_ name: String, _ reason: String) throws {
        try storage.unlink(name)
        report.findings.append(.removed(file: name, reason: reason))
    }

    // MARK: - Segments

    private mutating func handle(
        of entry: Manifest.Entry, _ identity: LogIdentity, files: Set<String>,
        _ jobs: inout [SealJob]
    ) throws -> SegmentHandle {
        var handle = SegmentHandle(
            base: entry.base, end: entry.offsets.upperBound, content: .sealed(entry), closed: entry)
        guard files.contains(entry.fileName) else { return lost(handle, entry.missing) }
        if entry.state == .sealed {
            let size = try storage.open(entry.fileName, for: .reading).size()
            guard size == Int(entry.fileLength) else {
                return lost(
                    handle,
                    entry.damage(
                        "the file has \(size) bytes instead of \(entry.fileLength)",
                        at: UInt64(size)))
            }
            return handle
        }
        let file = try storage.open(entry.fileName, for: .reading)
        let segment = try OpenSegmentRecovery.run(
            file, base: entry.base, role: .closed(count: entry.count, fileLength: entry.fileLength),
            identity: identity)
        report.findings += segment.findings
        segment.live.dropIndex()
        handle.content = .live(segment.live)
        handle.damages = segment.damages
        if segment.damages.isEmpty { jobs.append(SealJob(live: segment.live, entry: entry)) }
        return handle
    }

    private mutating func lost(_ handle: SegmentHandle, _ damage: Damage) -> SegmentHandle {
        report.findings.append(.damage(damage))
        var handle = handle
        handle.content = .lost(damage)
        return handle
    }

    private mutating func recoverActive(of manifest: Manifest) throws -> RecoveredSegment {
        let entry = manifest.entries[manifest.entries.count - 1]
        let active = try OpenSegmentRecovery.run(
            try storage.open(entry.fileName, for: .writing), base: entry.base, role: .active,
            identity: manifest.identity)
        report.findings += active.findings
        return active
    }

    /// Cuts the tear off the active segment, and makes what is left durable: a process may have been killed
    /// between its write and its fdatasync.
    private func settle(_ active: RecoveredSegment) throws {
        let file = active.live.file
        if try file.size() > active.length { try file.truncate(to: active.length) }
        try rewriteLastCommit(of: active, in: file)
        try file.sync()
        try storage.syncDirectory()
    }

    /// Closes an active segment in which the damage was proved durable by a bad commit that is cut, and begins the
    /// next one behind it: only the manifest can remember now that those offsets are taken.
    ///
    /// - Crash: until the manifest names both, the damaged file is as it was and is decided anew.
    private func begin(
        after damaged: RecoveredSegment, in manifest: inout Manifest
    ) throws -> RecoveredSegment {
        let incarnation = manifest.identity.incarnation
        guard LogFormat.offsets(ofIncarnation: incarnation).contains(damaged.end),
            damaged.end > damaged.live.base
        else {
            throw LogError.refused("\(damaged.live.file.name) ends in damage at its last offset")
        }
        let header = SegmentHeader(
            isSealed: false, logID: manifest.identity.id, incarnation: incarnation,
            base: damaged.end,
            created: configuration.clock(), chainSeed: damaged.chain, edition: 0)
        let created = try OpenSegmentFile.create(header, in: storage)
        manifest.entries[manifest.entries.count - 1] = Manifest.Entry(
            base: damaged.live.base, state: .closed, count: damaged.end - damaged.live.base,
            fileLength: UInt64(damaged.length), firstRecorded: damaged.firstRecorded ?? 0,
            lastRecorded: damaged.lastRecorded ?? 0, rawBytes: damaged.rawBytes,
            chainEnd: damaged.chain)
        manifest.entries.append(Manifest.Entry(base: damaged.end, state: .active))
        manifest.generation += 1
        try ManifestStore(storage: storage).write(manifest)
        try settle(damaged)
        return RecoveredSegment(
            live: LiveSegment(
                base: damaged.end, incarnation: header.incarnation, file: created.file,
                fileLength: UInt64(created.length), chain: created.chain),
            length: created.length, chain: created.chain, end: damaged.end, rawBytes: 0)
    }

    /// Writes the last commit again as it is. If its fdatasync failed in an earlier process, the cache may
    /// still show its bytes and call them clean, and then no later sync would bring them to the disk.
    private func rewriteLastCommit(
        of active: RecoveredSegment, in file: any LogFile
    ) throws(StorageError) {
        var position = active.lastCommit
        while position < active.length {
            let bytes = try file.bytes(
                at: position, count: min(1 << 20, active.length - position))
            try file.writeAll(bytes, at: position)
            position += bytes.count
        }
    }
}
