public import Hashing

/// What a reindex did.
public struct ReindexReport: Sendable, Hashable {
    /// Whether the manifest was missing or unusable and was made anew, with a new key for key hashes.
    public var madeManifest = false
    /// Segments that were written anew: the new file's name.
    public var rewritten: [String] = []
    /// Segments that needed nothing.
    public var kept = 0
    /// What cannot be healed from the lines, since lines are what is bad. The segments stay as they are.
    public var notHealed: [Damage] = []
}

/// Which segments a reindex writes anew.
public enum ReindexScope: Sendable {
    /// Those whose columns, indexes or footer are damaged or were made by another extractor.
    case whatNeedsIt
    case everything
}

extension EventLog {
    /// Makes everything derivable of the log in `directory` anew from its lines: columns, indexes, footers, and a
    /// manifest that is missing. No process may have the log open.
    ///
    /// A segment can be made anew when all of its lines are whole; its Merkle root stays, and what is written
    /// must give it. An open segment whose salts are damaged gets new ones: no root was ever announced for it.
    /// - Parameter extractor: makes the columns of a line, under the log's key.
    /// - Crash: the manifest names the old files until it names the new ones; call again.
    public static func reindex(
        _ directory: String, scope: ReindexScope = .whatNeedsIt,
        configuration: LogConfiguration = LogConfiguration(),
        extractor: @escaping (SipKey) -> Extractor, progress: (String) -> Void = { _ in }
    ) throws -> ReindexReport {
        do {
            return try reindex(
                try PosixStorage(existing: directory), scope: scope, configuration: configuration,
                extractor: extractor, progress: progress)
        } catch let error as StorageError { throw LogError.storage(error) }
    }

    package static func reindex(
        _ storage: any LogStorage, scope: ReindexScope, configuration: LogConfiguration,
        extractor: (SipKey) -> Extractor, progress: (String) -> Void = { _ in }
    ) throws -> ReindexReport {
        let lock = try storage.lock("LOCK")
        defer { lock.release() }
        guard try !storage.list().contains(BackupFiles.marker) else {
            throw LogError.refused("the directory holds a backup: restore it and reindex the log")
        }
        var known: Manifest?
        do throws(LogError) { known = try ManifestStore(storage: storage).read() } catch {
            guard case .manifest = error else { throw error }
        }
        let manifest =
            try known
            ?? ManifestRebuilder(storage: storage, configuration: configuration).rebuild()
        var reindexer = Reindexer(
            storage: storage, configuration: configuration, manifest: manifest,
            extractor: extractor(manifest.identity.key),
            isForced: known == nil || scope == .everything)
        reindexer.report.madeManifest = known == nil
        try reindexer.run(progress)
        return reindexer.report
    }
}

private struct Reindexer {
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
            report.notHealed.append(missing(entry))
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

    private func missing(_ entry: Manifest.Entry) -> Damage {
        Damage(
            file: entry.fileName, position: 0, offsets: entry.base..<entry.base + entry.count,
            reason: "the file is missing")
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
            report.notHealed.append(
                Damage(
                    file: entry.fileName, position: 0,
                    offsets: entry.base..<entry.base + entry.count, reason: error.reason))
        }
        return nil
    }

    /// The active segment is closed and sealed when something is wrong with it, and a new one begun.
    private mutating func reindexActive() throws {
        let place = manifest.entries.count - 1
        let entry = manifest.entries[place]
        guard try storage.list().contains(entry.fileName) else {
            report.notHealed.append(missing(entry))
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

/// One segment as its lines and salts say it, on its way into a new sealed file.
private struct LineSource {
    let file: any LogFile
    let entry: Manifest.Entry
    let extractor: Extractor
    let randomBytes: @Sendable (Int) -> [UInt8]

    /// - Throws: ``LogError/damaged(_:)`` where a line is not whole, or a sealed segment's salts are not.
    mutating func write(
        in storage: any LogStorage, frameBytes: Int
    ) throws -> Manifest.Entry? {
        guard var header = try LooseFrames(file).segment else {
            throw damage(0, entry.base..<entry.base + entry.count, "its segment header is damaged")
        }
        header.isSealed = true
        header.edition = entry.state == .sealed ? entry.edition + 1 : 0
        var hashes: Set<UInt64> = []
        try forEachRecord { _, extracted, _ in hashes.formUnion(extracted.keys) }
        return try SealedFile.make(
            base: entry.base, edition: header.edition, in: storage
        ) { file in
            let output = try SealedWriter(
                file: file, header: header, frameBytes: frameBytes, hashes: hashes.sorted())
            var symbols = SymbolTable()
            try forEachRecord { record, extracted, keys in
                var record = record
                record.source = symbols.symbol(extracted.source)
                record.name = symbols.symbol(extracted.name)
                try output.add(record, keys: extracted.keys, extractor: extractor.number)
            }
            let made = try output.finish(entry, names: symbols.names)
            guard entry.state != .sealed || made.merkleRoot == entry.merkleRoot else {
                throw FormatProblem("the lines do not give the Merkle root of the segment")
            }
            return made
        }
    }

    private func forEachRecord(
        _ body: (SealedRecord, Extractor.Extracted, Int) throws -> Void
    ) throws {
        var frames = try LooseFrames(file)
        var expected = entry.base
        while let next = try frames.next() {
            switch next {
            case .bad(let position, let offsets, let reason):
                throw damage(
                    position, offsets.isEmpty ? expected..<entry.base + entry.count : offsets,
                    reason)
            case .frame(let frame):
                guard frame.header.base == expected else {
                    throw damage(
                        frame.position, expected..<max(expected, frame.header.base),
                        "no frame holds these offsets")
                }
                try visit(frame, frames.lines.bytes, body)
                expected = frame.header.end
            }
        }
        guard expected == entry.base + entry.count else {
            throw damage(
                0, min(expected, entry.base + entry.count)..<entry.base + entry.count,
                "the segment ends early")
        }
    }

    private func visit(
        _ frame: LooseFrames.Frame, _ lines: UnsafeRawBufferPointer,
        _ body: (SealedRecord, Extractor.Extracted, Int) throws -> Void
    ) throws {
        guard let salts = frame.salts ?? freshSalts(frame) else {
            throw damage(
                frame.position, frame.header.base..<frame.header.end,
                "the salts are damaged, and with them the Merkle root")
        }
        var rest = lines
        try salts.withUnsafeBytes { salts in
            for row in 0..<Int(frame.header.count) {
                guard let end = rest.position(of: 0x0A) else {
                    preconditionFailure("the frame's lines were counted")
                }
                let line = rest.part(0..<end)
                let offset = frame.header.base + UInt64(row)
                let recorded = try RecordLine.opening(of: line).recorded
                let extracted = try extract(line, at: offset)
                try body(
                    SealedRecord(
                        line: line, salt: salts.part(row * 16..<row * 16 + 16),
                        leaf: extracted.kind == LogFormat.tombstoneKind
                            ? try Tombstone.leaf(of: line, offset: offset, recorded: recorded)
                            : nil,
                        recorded: recorded, occurred: extracted.occurred, kind: extracted.kind,
                        source: 0, name: 0), extracted, row)
                rest = rest.part(end + 1..<rest.count)
            }
        }
    }

    private func extract(
        _ line: UnsafeRawBufferPointer, at offset: UInt64
    ) throws -> Extractor.Extracted {
        do {
            if let own = try OwnRecord.columns(of: line) { return own }
            let extracted = try extractor.extract(line)
            guard extracted.keys.count <= LogFormat.maximumKeys else {
                throw FormatProblem("it has \(extracted.keys.count) keys")
            }
            return extracted
        } catch {
            let reason = (error as? FormatProblem)?.reason ?? "\(error)"
            throw damage(
                0, offset..<offset + 1, "the extractor cannot read the line: \(reason)")
        }
    }

    /// Of an open segment no root was ever announced, so that new salts break no promise.
    private func freshSalts(_ frame: LooseFrames.Frame) -> [UInt8]? {
        entry.state == .sealed ? nil : randomBytes(Int(frame.header.count) * 16)
    }

    private func damage(_ position: Int, _ offsets: Range<UInt64>, _ reason: String) -> LogError {
        .damaged(
            Damage(
                file: file.name, position: UInt64(position), offsets: offsets, reason: reason))
    }
}

/// Makes a manifest from the segments' files, when the old one is gone.
private struct ManifestRebuilder {
    let storage: any LogStorage
    let configuration: LogConfiguration

    func rebuild() throws -> Manifest {
        let files = SegmentFiles.choose(from: try usable(), manifest: nil)
        guard !files.isEmpty else { throw LogError.manifest("there are no segments either") }
        var entries: [Manifest.Entry] = []
        var identity: LogIdentity?
        for name in files {
            let (entry, header) = try entry(name)
            if let identity, identity.id != header.logID {
                throw LogError.manifest("\(name) belongs to another log than the others")
            }
            var known = identity ?? newIdentity(header)
            known.incarnation = max(known.incarnation, header.incarnation)
            identity = known
            entries.append(entry)
        }
        guard var identity else { preconditionFailure("there are files") }
        if entries[entries.count - 1].state == .sealed {
            let last = entries[entries.count - 1]
            // The open file is gone: nothing says how far it went, so the log goes on elsewhere.
            identity.incarnation += 1
            guard identity.incarnation <= LogFormat.maximumIncarnation else {
                throw LogError.manifest("the active segment is missing and no incarnation is left")
            }
            let base = LogFormat.offsets(ofIncarnation: identity.incarnation).lowerBound
            let header = SegmentHeader(
                isSealed: false, logID: identity.id, incarnation: identity.incarnation, base: base,
                created: configuration.clock(), chainSeed: last.chainEnd, edition: 0)
            _ = try OpenSegmentFile.create(header, in: storage)
            entries.append(Manifest.Entry(base: base, state: .active))
        } else {
            entries[entries.count - 1] = Manifest.Entry(
                base: entries[entries.count - 1].base, state: .active)
        }
        let manifest = Manifest(identity: identity, generation: 0, entries: entries)
        // Headers and trailers that are each good may still not fit together.
        do throws(FormatProblem) { try manifest.check() } catch {
            throw LogError.manifest(
                "the segments do not make one: \(error.reason); "
                    + "`sluice log salvage` copies out what is whole")
        }
        return manifest
    }

    /// A sealed file beside the open one counts only when it is whole to its end: a seal ends with its name.
    private func usable() throws -> [String] {
        let names = try storage.list()
        return try names.filter { name in
            guard let base = UInt64(name.prefix(20)),
                LogFormat.edition(of: name, base: base) != nil,
                names.contains(LogFormat.openName(base: base))
            else { return true }
            do {
                _ = try SegmentFooter.read(from: try storage.open(name, for: .reading))
                return true
            } catch is FormatProblem { return false }
        }
    }

    private func newIdentity(_ header: SegmentHeader) -> LogIdentity {
        let random = configuration.randomBytes(16)
        let (low, high) = random.withUnsafeBytes {
            ($0.integer(UInt64.self, at: 0), $0.integer(UInt64.self, at: 8))
        }
        return LogIdentity(
            id: header.logID, incarnation: header.incarnation, key: SipKey(low: low, high: high))
    }

    private func entry(_ name: String) throws -> (Manifest.Entry, SegmentHeader) {
        let file = try storage.open(name, for: .reading)
        var frames = try LooseFrames(file)
        guard let header = frames.segment,
            name
                == (header.isSealed
                    ? LogFormat.sealedName(base: header.base, edition: header.edition)
                    : LogFormat.openName(base: header.base))
        else {
            throw LogError.manifest(
                "the segment header of \(name) is damaged; `sluice log salvage` copies out what is whole"
            )
        }
        var entry = Manifest.Entry(
            base: header.base, edition: header.edition, state: header.isSealed ? .sealed : .closed)
        var end = header.base
        var first: Int64?
        while let next = try frames.next() {
            guard case .frame(let frame) = next else { continue }
            let opening = try RecordLine.opening(of: frames.lines.bytes)
            if first == nil { first = opening.recorded }
            entry.lastRecorded = max(entry.lastRecorded, opening.recorded)
            entry.rawBytes += UInt64(frame.header.rawLength)
            end = max(end, frame.header.end)
            entry.chainEnd = frame.headerCRC
        }
        entry.count = end - header.base
        entry.firstRecorded = first ?? 0
        entry.fileLength = UInt64(frames.size)
        if header.isSealed {
            do {
                let trailer = try SegmentFooter.read(from: file).trailer
                entry.count = trailer.count
                entry.merkleRoot = trailer.merkleRoot
                entry.columnsHash = trailer.columnsHash
                entry.chainEnd = trailer.openChainEnd
            } catch let error as FormatProblem {
                throw LogError.manifest(
                    "\(error.reason) in \(name), and no manifest holds its root; "
                        + "`sluice log salvage` copies out what is whole")
            }
        }
        return (entry, header)
    }
}
