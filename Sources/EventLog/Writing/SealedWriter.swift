import Hashing

/// One record on its way into a sealed segment. Its pointers are valid only during the call that takes it.
struct SealedRecord {
    /// Without its line feed.
    var line: UnsafeRawBufferPointer
    /// 16 bytes; zeros for a tombstone.
    var salt: UnsafeRawBufferPointer
    /// Of a tombstone: the leaf hash that it keeps, which salt and line no longer give.
    var leaf: [UInt8]?
    var recorded: Int64
    var occurred: Int64
    var kind: UInt8
    var source: UInt16
    var name: UInt16
}

/// Writes one sealed segment, frame by frame, and its footer at the end.
final class SealedWriter {
    /// The file is synced every so often, so that dirty pages do not pile up in front of the
    /// appends' own syncs.
    private static let syncBytes = 4 << 20

    var effort = LZ4Effort.high(3)
    private let file: any LogFile
    private let header: SegmentHeader
    /// Of the frame being gathered; a frame has one.
    private var extractor: UInt16 = 0
    private let frameBytes: Int
    private let hashes: HashPlaces
    private let lz4 = LZ4State()

    private var position = 0
    private var sinceSync = 0
    private var chain: UInt32 = 0
    private var out = GrowingBytes(capacity: 1 << 20)
    /// The frame being gathered.
    private var lines = GrowingBytes(capacity: 512 << 10)
    private var columns = ColumnBuilder()
    private var salts: [UInt8] = []
    private var base: UInt64
    /// What the footer will hold.
    private var sections = GrowingBytes(capacity: 1 << 20)
    private var frames: [FrameEntry] = []
    private var tree = MerkleTree()
    private var rawBytes: UInt64 = 0
    /// (place of a hash, frame), frame by frame.
    private var holders: [(place: Int32, frame: Int32)] = []
    /// By the place of a hash, the last frame that held it; −1: none yet.
    private var lastHolder: [Int32]
    /// (name symbol, frame), frame by frame.
    private var nameHolders: [(place: Int32, frame: Int32)] = []

    /// `keyCount`: how many keys the records have, if that is known.
    init(
        file: any LogFile, header: SegmentHeader, frameBytes: Int,
        hashes: [UInt64], keyCount: Int = 0
    ) throws {
        self.file = file
        self.header = header
        self.frameBytes = frameBytes
        self.hashes = HashPlaces(hashes)
        lastHolder = Array(repeating: -1, count: hashes.count)
        holders.reserveCapacity(keyCount)
        base = header.base
        let (bytes, chain) = header.encoded()
        out.append(bytes)
        self.chain = chain
        try flush()
    }

    /// Adds the next record, whose columns the extractor of that number made.
    func add(
        _ record: SealedRecord, keys: some RandomAccessCollection<UInt64>, extractor: UInt16
    ) throws {
        if extractor != self.extractor { try endFrame() }
        self.extractor = extractor
        let length = record.line.count + 1
        if lines.count > 0, lines.count + length > frameBytes { try endFrame() }
        if let leaf = record.leaf {
            tree.add(leafHash: leaf)
        } else {
            tree.add(salt: record.salt, line: record.line)
        }
        lines.append(record.line)
        lines.append(0x0A as UInt8)
        salts.append(contentsOf: record.salt)
        columns.add(
            recorded: record.recorded, occurred: record.occurred, kind: record.kind,
            source: record.source, name: record.name, length: length, keys: keys)
    }

    private func endFrame() throws {
        guard columns.count > 0 else { return }
        let pair = out.count
        out.appendZeros(FrameHeader.prefixBytes)
        ColumnBuilder.appendSalts(salts, to: &out)
        let data = out.count
        LZ4Frame.append(lines.bytes, effort: effort, with: lz4, to: &out)
        let section = pair + FrameHeader.prefixBytes
        var header = FrameHeader(
            isSealed: true, extractor: extractor, incarnation: self.header.incarnation, base: base,
            durableEnd: base, commitBytes: UInt64(out.count - pair),
            count: UInt32(columns.count), rawLength: UInt32(lines.count),
            dataLength: UInt32(out.count - data),
            dataCRC: CRC32C.of(out.bytes.part(data..<out.count)),
            columnsLength: UInt32(data - section),
            columnsCRC: CRC32C.of(out.bytes.part(section..<data)), previousCRC: chain)
        header.durableEnd = header.end
        let (bytes, crc) = header.encoded()
        out.store(bytes, at: pair)
        chain = crc
        addToFooter(header, crc, at: position + pair)
        rawBytes += UInt64(lines.count)
        base = header.end
        columns.removeAll()
        lines.removeAll()
        salts.removeAll(keepingCapacity: true)
        if out.count >= 1 << 20 { try flush() }
    }

    private func addToFooter(_ header: FrameHeader, _ crc: UInt32, at pair: Int) {
        let start = sections.count
        columns.appendSealedSection(
            referringTo: hashes, to: &sections)
        let number = Int32(frames.count)
        for place in columns.references where lastHolder[Int(place)] != number {
            lastHolder[Int(place)] = number
            holders.append((Int32(place), number))
        }
        for symbol in columns.distinctNames {
            nameHolders.append((Int32(symbol), Int32(frames.count)))
        }
        var entry = FrameEntry(
            header: header, headerCRC: crc, position: UInt64(pair), times: columns.times)
        // Relative to the columns block, until its place is known.
        entry.columnsPosition = UInt64(start)
        entry.columnsLength = UInt32(sections.count - start)
        entry.columnsCRC = CRC32C.of(sections.bytes.part(start..<sections.count))
        frames.append(entry)
    }

    private func flush() throws {
        try file.writeAll(out.bytes, at: position)
        position += out.count
        sinceSync += out.count
        out.removeAll()
        if sinceSync >= Self.syncBytes {
            try file.sync()
            sinceSync = 0
        }
    }

    /// Ends the last frame, writes the footer, and makes the file durable.
    ///
    /// - Returns: `closed` as the sealed segment that was written.
    func finish(_ closed: Manifest.Entry, names: [String]) throws -> Manifest.Entry {
        try endFrame()
        try flush()
        guard base == closed.base + closed.count else {
            throw FormatProblem("the segment does not hold the records that the manifest says")
        }
        lastHolder = []
        var footer = FooterBuilder(in: file, at: position)
        let start = UInt64(footer.nextPosition)
        try footer.add(.columns, sections.bytes, elements: frames.count)
        sections = GrowingBytes()
        var table = GrowingBytes()
        for var frame in frames {
            frame.columnsPosition += start
            frame.encode(into: &table)
        }
        try footer.add(.frameTable, table.bytes, elements: frames.count)
        try SymbolTable.dictionary(names).withUnsafeBytes {
            try footer.add(.dictionary, $0, elements: names.count)
        }
        try addIndex(to: &footer)
        try addNames(names.count, to: &footer)
        let root = tree.root.bytes
        let (trailer, length) = try footer.finish(
            base: closed.base, count: closed.count, rawBytes: rawBytes, merkleRoot: root,
            openChainEnd: closed.chainEnd)
        try file.sync()
        var sealed = closed
        sealed.state = .sealed
        sealed.isAnnounced = false
        sealed.edition = header.edition
        sealed.rawBytes = rawBytes
        sealed.fileLength = UInt64(length)
        sealed.merkleRoot = root
        sealed.columnsHash = trailer.columnsHash
        return sealed
    }

    /// For each name symbol the frames that hold it, the same way; the last place is for ``LogFormat/noSymbol``.
    private func addNames(_ count: Int, to footer: inout FooterBuilder) throws {
        let (values, lists) = NameFrames.make(nameHolders, names: count, frames: frames.count)
        try footer.addPaged(
            .nameFrames, values, .values(upTo: UInt64(frames.count + lists.count)))
        try footer.addPaged(.nameFrameLists, lists, .values(upTo: UInt64(frames.count)))
    }

    /// For each hash the frames that hold it: one value each, and lists for those held by several.
    private func addIndex(to footer: inout FooterBuilder) throws {
        let (values, lists) = FrameLists.make(
            holders, places: hashes.values.count, frames: frames.count)
        holders = []
        try footer.addPaged(.keyHashes, hashes.values, .ascending(hashes.values))
        try footer.addPaged(
            .keyFrames, values, .values(upTo: UInt64(frames.count + lists.count)))
        try footer.addPaged(.keyFrameLists, lists, .values(upTo: UInt64(frames.count)))
    }
}
