import Hashing

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

    init(
        file: any LogFile, header: SegmentHeader, frameBytes: Int,
        hashes: [UInt64]
    ) throws {
        self.file = file
        self.header = header
        self.frameBytes = frameBytes
        self.hashes = HashPlaces(hashes)
        base = header.base
        let (bytes, chain) = header.encoded()
        out.append(bytes)
        self.chain = chain
        try flush()
    }

    /// Adds the records of one frame of the open segment.
    func add(
        _ frame: FrameEntry, _ source: ColumnSection, _ text: UnsafeRawBufferPointer
    ) throws {
        if frame.extractor != extractor { try endFrame() }
        extractor = frame.extractor
        guard let frameSalts = source.salts else { throw FormatProblem("a frame has no salts") }
        var start = 0
        var key = 0
        for row in 0..<Int(frame.count) {
            let length = Int(source.lineLength.value(row))
            let line = text.part(start..<start + length)
            guard line[length - 1] == 0x0A else { throw FormatProblem("a line has no line feed") }
            if lines.count > 0, lines.count + length > frameBytes { try endFrame() }
            let salt = frameSalts.part(row * 16..<row * 16 + 16)
            tree.add(salt: salt, line: line.part(0..<length - 1))
            lines.append(line)
            salts.append(contentsOf: salt)
            let keyCount = Int(source.keyCount.value(row))
            columns.add(
                recorded: source.recorded.value(row), occurred: source.occurred.value(row),
                kind: UInt8(truncatingIfNeeded: source.kind.value(row)),
                source: UInt16(truncatingIfNeeded: source.source.value(row)),
                name: UInt16(truncatingIfNeeded: source.name.value(row)), length: length,
                keys: (key..<key + keyCount).lazy.map { source.key($0) })
            start += length
            key += keyCount
        }
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
        var places: [Int32] = []
        columns.appendSealedSection(
            referringTo: { hash in
                let place = hashes.place(of: hash)
                places.append(Int32(place))
                return Int64(place)
            }, to: &sections)
        places.sort()
        var last: Int32 = -1
        for place in places where place != last {
            holders.append((place, Int32(frames.count)))
            last = place
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
    func finish(_ closed: Manifest.Entry, names: [String]) throws -> Manifest.Entry {
        try endFrame()
        try flush()
        guard base == closed.base + closed.count, rawBytes == closed.rawBytes else {
            throw FormatProblem("the closed segment does not hold what the manifest says")
        }
        var footer = FooterBuilder(at: position)
        let start = UInt64(footer.nextPosition)
        footer.add(.columns, sections.bytes, elements: frames.count)
        var table = GrowingBytes()
        for var frame in frames {
            frame.columnsPosition += start
            frame.encode(into: &table)
        }
        footer.add(.frameTable, table.bytes, elements: frames.count)
        SymbolTable.dictionary(names).withUnsafeBytes {
            footer.add(.dictionary, $0, elements: names.count)
        }
        addIndex(to: &footer)
        let root = tree.root.bytes
        return try footer.finish(
            base: closed.base, count: closed.count, rawBytes: rawBytes, merkleRoot: root,
            openChainEnd: closed.chainEnd
        ) { bytes, trailer in
            try file.writeAll(bytes, at: position)
            try file.sync()
            var sealed = closed
            sealed.state = .sealed
            sealed.fileLength = UInt64(position + bytes.count)
            sealed.merkleRoot = root
            sealed.columnsHash = trailer.columnsHash
            return sealed
        }
    }

    /// For each hash the frames that hold it: one value each, and lists for those held by several.
    private func addIndex(to footer: inout FooterBuilder) {
        let (values, lists) = KeyFrames.make(
            holders, hashes: hashes.values.count, frames: frames.count)
        footer.addPaged(.keyHashes, hashes.values, width: 8)
        let width = PagedBlock.width(for: UInt64(frames.count + lists.count))
        footer.addPaged(.keyFrames, values, width: width)
        footer.addPaged(
            .keyFrameLists, lists, width: PagedBlock.width(for: UInt64(frames.count)))
    }
}

/// Finds the place of a hash among the segment's distinct ones: a table over the leading bits leads to
/// a run of a few, since hashes are evenly spread.
private struct HashPlaces {
    let values: [UInt64]
    private let shift: UInt64
    /// Where the hashes with these leading bits begin.
    private var starts: [Int32]

    /// `values` are distinct and ascending.
    init(_ values: [UInt64]) {
        self.values = values
        let bits = max(1, 63 - (values.count | 1).leadingZeroBitCount)
        shift = UInt64(64 - bits)
        starts = [Int32](repeating: Int32(values.count), count: (1 << bits) + 1)
        for place in values.indices.reversed() {
            starts[Int(values[place] >> shift)] = Int32(place)
        }
        for bucket in (0..<1 << bits).reversed() {
            starts[bucket] = min(starts[bucket], starts[bucket + 1])
        }
    }

    /// The place of a hash that is there.
    func place(of hash: UInt64) -> Int {
        let bucket = Int(hash >> shift)
        let run = values[Int(starts[bucket])..<Int(starts[bucket + 1])]
        let place = run.partitioningIndex { $0 >= hash }
        precondition(place < run.endIndex && values[place] == hash, "the first pass saw every key")
        return place
    }
}

/// The footer's blocks 5 and 6.
enum KeyFrames {
    /// `holders` name each (hash, frame) pair once, frames ascending.
    static func make(
        _ holders: [(place: Int32, frame: Int32)], hashes: Int, frames: Int
    ) -> (values: [UInt64], lists: [UInt64]) {
        // A counting sort by hash keeps the frames in order.
        var ends = [Int](repeating: 0, count: hashes + 1)
        for holder in holders { ends[Int(holder.place) + 1] += 1 }
        for place in 0..<hashes { ends[place + 1] += ends[place] }
        var next = ends
        var sorted = [Int32](repeating: 0, count: holders.count)
        for holder in holders {
            sorted[next[Int(holder.place)]] = holder.frame
            next[Int(holder.place)] += 1
        }
        var values: [UInt64] = []
        values.reserveCapacity(hashes)
        var lists: [UInt64] = []
        for place in 0..<hashes {
            let held = sorted[ends[place]..<ends[place + 1]]
            if held.count == 1, let only = held.first {
                values.append(UInt64(only))
            } else {
                values.append(UInt64(frames + lists.count))
                lists.append(UInt64(held.count))
                for frame in held { lists.append(UInt64(frame)) }
            }
        }
        return (values, lists)
    }
}
