import Hashing

/// One reindex: what is written anew, and what stays.
struct Reindexer {
    let storage: any LogStorage
    let configuration: LogConfiguration
    let extractor: Extractor
    /// Every segment is written anew: the old key hashes mean nothing under a new key.
    let isForced: Bool
    var manifest: Manifest
    var report = ReindexReport()
    private var replaced: [String] = []

    init(
        storage: any LogStorage, configuration: LogConfiguration, manifest: Manifest,
        extractor: Extractor, isForced: Bool
    ) {
        self.storage = storage
        self.configuration = configuration
        self.manifest = manifest
        self.extractor = extractor
        self.isForced = isForced
    }

    mutating func run(_ progress: (String) -> Void) throws {
        for place in manifest.entries.indices where manifest.entries[place].state != .active {
            progress(manifest.entries[place].fileName)
            try reindex(place)
        }
        progress(manifest.entries[manifest.entries.count - 1].fileName)
        try reindexActive()
        manifest.generation += 1
        try ManifestStore(storage: storage).write(manifest)
        for name in replaced { try storage.unlink(name) }
        try storage.syncDirectory()
    }

    private mutating func reindex(_ place: Int) throws {
        let entry = manifest.entries[place]
        guard try storage.list().contains(entry.fileName) else {
            report.notHealed.append(entry.missing)
            return
        }
        guard try isForced || !isWhole(entry) else {
            report.kept += 1
            return
        }
        if let made = try rewritten(entry) { replace(place, made) }
    }

    private mutating func replace(_ place: Int, _ made: Manifest.Entry) {
        replaced.append(manifest.entries[place].fileName)
        manifest.entries[place] = made
        report.rewritten.append(made.fileName)
    }

    /// Whether nothing is wrong with a segment, and this extractor made its columns.
    private func isWhole(_ entry: Manifest.Entry) throws -> Bool {
        var one = manifest
        one.entries = [entry]
        var inspection = Inspection(storage: storage, manifest: one, extractor: extractor)
        try inspection.run { _ in }
        return inspection.report.problems.isEmpty && inspection.report.notExtracted == 0
    }

    /// Writes one segment anew; nil when it cannot be, which is then in the report.
    private mutating func rewritten(_ entry: Manifest.Entry) throws -> Manifest.Entry? {
        var source = LineSource(
            file: try storage.open(entry.fileName, for: .reading), entry: entry,
            extractor: extractor, randomBytes: configuration.randomBytes)
        do {
            return try source.write(in: storage, frameBytes: configuration.sealedFrameBytes)
        } catch let error as LogError {
            guard case .damaged(let damage) = error else { throw error }
            report.notHealed.append(damage)
        } catch let error as FormatProblem {
            report.notHealed.append(entry.damage(error.reason))
        }
        return nil
    }

    /// The active segment is closed and sealed when something is wrong with it, and a new one begun.
    private mutating func reindexActive() throws {
        let place = manifest.entries.count - 1
        let entry = manifest.entries[place]
        guard try storage.list().contains(entry.fileName) else {
            report.notHealed.append(entry.missing)
            return
        }
        let file = try storage.open(entry.fileName, for: .writing)
        let tail = try OpenSegmentRecovery.run(
            file, base: entry.base, role: .active, identity: manifest.identity)
        guard let first = tail.firstRecorded, let last = tail.lastRecorded,
            isForced || !tail.damages.isEmpty
        else {
            report.kept += 1
            return
        }
        var closed = Manifest.Entry(
            base: entry.base, state: .closed, count: tail.end - entry.base,
            fileLength: UInt64(tail.length), firstRecorded: first, lastRecorded: last,
            rawBytes: tail.rawBytes, chainEnd: tail.chain)
        if try file.size() > tail.length { try file.truncate(to: tail.length) }
        try file.sync()
        if let made = try rewritten(closed) {
            replaced.append(entry.fileName)
            closed = made
            report.rewritten.append(made.fileName)
        }
        manifest.entries[place] = closed
        let header = SegmentHeader(
            isSealed: false, logID: manifest.identity.id,
            incarnation: manifest.identity.incarnation, base: tail.end,
            created: configuration.clock(), chainSeed: tail.chain, edition: 0)
        _ = try OpenSegmentFile.create(header, in: storage)
        manifest.entries.append(Manifest.Entry(base: tail.end, state: .active))
    }
}
