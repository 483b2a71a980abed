/// Writes a sealed segment anew with tombstones in place of some lines. The old edition is not touched.
struct EditionWriter {
    let storage: any LogStorage
    let configuration: LogConfiguration

    /// What a rewrite did.
    struct Outcome {
        var entry: Manifest.Entry
        /// Lines that became tombstones now; those that were tombstones before are not counted.
        var erased: Int
    }

    /// Makes the next edition of `entry`, durable under its own name; nil when every offset is a tombstone
    /// already. `offsets` lie in the segment.
    ///
    /// - Crash: the manifest still names the old edition; the new file is removed at open.
    func write(
        _ entry: Manifest.Entry, erasing offsets: Set<UInt64>, reference: String
    ) throws -> Outcome? {
        let handle = SegmentHandle(
            base: entry.base, end: entry.offsets.upperBound, content: .sealed(entry))
        let sealed = try SealedSegment(entry, in: storage)
        let walk = SegmentWalk(
            source: try SegmentSource.ofSealed(sealed, handle), workspace: ReaderWorkspace())
        guard try hasLine(walk, among: offsets) else { return nil }
        var header = try SegmentHeader.read(from: sealed.file)
        header.edition = entry.edition + 1
        let hashes = try walk.distinctHashes { !offsets.contains($0) }
        var erased = 0
        let made = try SealedFile.make(
            base: entry.base, edition: header.edition, in: storage
        ) { file in
            let output = try SealedWriter(
                file: file, header: header, frameBytes: configuration.sealedFrameBytes,
                hashes: hashes)
            var rewrite = try Rewrite(output, names: sealed, erasing: offsets, reference: reference)
            for frame in walk.source.frames { try rewrite.add(frame, of: walk) }
            erased = rewrite.erased
            let new = try output.finish(entry, names: rewrite.symbols.names)
            // The promise of a tombstone: whoever holds the old root can still check every other line.
            guard new.merkleRoot == entry.merkleRoot else {
                throw FormatProblem("the new edition has another Merkle root")
            }
            return new
        }
        return made.map { Outcome(entry: $0, erased: erased) }
    }

    /// Whether any of `offsets` is not a tombstone yet. Refuses the log's own records.
    private func hasLine(_ walk: SegmentWalk, among offsets: Set<UInt64>) throws -> Bool {
        var found = false
        for number in Set(offsets.map(walk.source.frame(endingAfter:))).sorted() {
            let frame = walk.source.frames[number]
            try walk.workspace.withFrame(frame, of: walk.source, needs: [], readAhead: 0) {
                columns, _ in
                for row in 0..<Int(frame.count) where offsets.contains(frame.base + UInt64(row)) {
                    let kind = UInt8(truncatingIfNeeded: columns.pointee.kind.value(row))
                    if kind == LogFormat.tombstoneKind { continue }
                    guard kind < LogFormat.ownKinds else {
                        throw LogError.refused(
                            "offset \(frame.base + UInt64(row)) is one of the log's own records")
                    }
                    found = true
                }
            }
        }
        return found
    }
}

/// One rewrite in progress: symbols are numbered anew, so that a name that only erased lines had is gone.
private struct Rewrite {
    private let output: SealedWriter
    private let names: SegmentNames
    private let offsets: Set<UInt64>
    private let reference: String
    private let noSalt = [UInt8](repeating: 0, count: 16)
    private var line = GrowingBytesBox()
    var symbols = SymbolTable()
    var erased = 0

    init(
        _ output: SealedWriter, names sealed: SealedSegment, erasing offsets: Set<UInt64>,
        reference: String
    ) throws {
        self.output = output
        names = try sealed.names()
        self.offsets = offsets
        self.reference = reference
    }

    mutating func add(_ frame: FrameEntry, of walk: SegmentWalk) throws {
        var symbols = self.symbols
        var erased = self.erased
        try walk.forEachRecord(of: frame) { offset, record, keys in
            if offsets.contains(offset), record.kind != LogFormat.tombstoneKind {
                erased += 1
                try erase(record, at: offset, frame, &symbols)
            } else {
                var record = record
                record.source = renumbered(record.source, &symbols)
                record.name = renumbered(record.name, &symbols)
                try output.add(record, keys: keys, extractor: frame.extractor)
            }
        }
        self.symbols = symbols
        self.erased = erased
    }

    private func renumbered(_ symbol: UInt16, _ symbols: inout SymbolTable) -> UInt16 {
        // Without a name the line says it, before and after.
        names.name(symbol).map { symbols.symbol($0) } ?? LogFormat.noSymbol
    }

    private func erase(
        _ record: SealedRecord, at offset: UInt64, _ frame: FrameEntry,
        _ symbols: inout SymbolTable
    ) throws {
        let leaf = MerkleTree.leafHash(salt: record.salt, line: record.line)
        line.bytes.removeAll()
        Tombstone.append(
            offset: offset, recorded: record.recorded, leaf: leaf, reference: reference,
            to: &line.bytes)
        try noSalt.withUnsafeBytes { salt in
            try output.add(
                SealedRecord(
                    line: line.bytes.bytes, salt: salt, leaf: leaf, recorded: record.recorded,
                    occurred: record.recorded, kind: LogFormat.tombstoneKind,
                    source: symbols.symbol(Tombstone.source),
                    name: symbols.symbol(Tombstone.name)),
                keys: [UInt64](), extractor: frame.extractor)
        }
    }
}

/// A buffer that a value may keep without being noncopyable itself.
private final class GrowingBytesBox {
    var bytes = GrowingBytes(capacity: 1024)
}
