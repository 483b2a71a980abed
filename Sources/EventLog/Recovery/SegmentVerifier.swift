import Hashing

/// Checks one segment, frame by frame, from its file alone.
struct SegmentVerifier {
    private let handle: SegmentHandle
    private let identity: LogIdentity
    private let extractor: Extractor?
    private let previousChainEnd: UInt32?
    private(set) var segment: VerifyReport.Segment
    private(set) var problems: [Damage] = []

    private var tree = MerkleTree()
    private var position = 0
    private var expected: UInt64
    private var chain: UInt32 = 0
    private var sealed: SealedSegment?
    private var names = SegmentNames()
    private var hashes: [UInt64] = []
    /// Each key's frames as the sections say, to hold against the footer's index.
    private var holders: [(place: Int32, frame: Int32)] = []
    private var nameHolders: [(place: Int32, frame: Int32)] = []

    init(
        _ handle: SegmentHandle, identity: LogIdentity, extractor: Extractor?,
        previousChainEnd: UInt32?
    ) {
        self.handle = handle
        self.identity = identity
        self.extractor = extractor
        self.previousChainEnd = previousChainEnd
        expected = handle.base
        segment = VerifyReport.Segment(file: handle.fileName, isSealed: false)
    }

    /// Returns the chain's end, from which the next segment's must go on; nil when it is not known.
    mutating func run(in catalog: LogCatalog) throws -> UInt32? {
        do {
            switch handle.content {
            case .lost: return nil
            case .live(let live):
                let (length, end) = live.withState { ($0.fileLength, $0.chainEnd) }
                names = live.names
                try walk(live.file, to: Int(length))
                return problems.isEmpty ? end : nil
            case .sealed(let entry):
                segment.isSealed = true
                // Opened anew: what other readers hold in memory was read before.
                let sealed = try SealedSegment(entry, in: catalog.storage)
                self.sealed = sealed
                names = try sealed.names()
                hashes = try sealed.keyHashes()
                try walk(sealed.file, to: Int(sealed.footer.trailer.footerPosition))
                try checkFooter(sealed, entry)
                return sealed.footer.trailer.openChainEnd
            }
        } catch let error as LogError {
            guard case .damaged(let damage) = error else { throw error }
            problems.append(damage)
        } catch let error as StorageError where error.code == 0 {
            note(expected..<expected, error.reason)
        } catch let error as FormatProblem {
            note(
                expected..<max(expected, handle.end ?? expected), error.reason,
                at: error.position)
        }
        return nil
    }

    private mutating func note(
        _ offsets: Range<UInt64>, _ reason: String, at position: UInt64? = nil
    ) {
        problems.append(
            Damage(
                file: handle.fileName, position: position ?? UInt64(self.position),
                offsets: offsets,
                reason: reason))
    }

    // MARK: - Frames

    private mutating func walk(_ file: any LogFile, to end: Int) throws {
        segment.bytes = UInt64(try file.size())
        let header = try checkHeader(file)
        position = LogFormat.firstPairPosition
        while position < end {
            let prefix = try file.bytes(
                at: position, count: min(FrameHeader.prefixBytes, end - position))
            let (frame, crc) = try prefix.withUnsafeBytes { try FrameHeader.decode($0) }
            guard frame.pairBytes <= end - position else {
                throw FormatProblem("a frame passes the end of its segment")
            }
            if frame.previousCRC != chain { note(frame.base..<frame.end, "the chain is broken") }
            guard frame.incarnation == header.incarnation, frame.isSealed == segment.isSealed,
                frame.base == expected
            else { throw FormatProblem("the frame does not follow on the one before it") }
            let pair = try file.bytes(at: position, count: frame.pairBytes)
            do {
                try pair.withUnsafeBytes { try checkFrame(frame, crc, $0) }
            } catch let error as FormatProblem { note(frame.base..<frame.end, error.reason) }
            chain = crc
            segment.frames += 1
            segment.records += UInt64(frame.count)
            expected = frame.end
            position += frame.pairBytes
        }
        segment.merkleRoot = tree.root.hex
        if let end = handle.end, end != expected {
            note(
                min(expected, end)..<max(expected, end), "the segment does not end where it should")
        }
    }

    private mutating func checkHeader(_ file: any LogFile) throws -> SegmentHeader {
        let bytes = try file.bytes(at: 0, count: LogFormat.firstPairPosition)
        let (header, crc) = try bytes.withUnsafeBytes { try SegmentHeader.decode($0) }
        guard header.logID == identity.id, header.base == handle.base,
            header.isSealed == segment.isSealed
        else { throw FormatProblem("the segment belongs to another log or place") }
        if let previousChainEnd, header.chainSeed != previousChainEnd {
            note(handle.base..<handle.base, "the chain does not go on from the segment before")
        }
        chain = crc
        return header
    }

    private mutating func checkFrame(
        _ frame: FrameHeader, _ crc: UInt32, _ pair: UnsafeRawBufferPointer
    ) throws {
        let section = FrameHeader.prefixBytes
        let data = section + Int(frame.columnsLength)
        let companion = pair.part(section..<data)
        guard CRC32C.of(companion) == frame.columnsCRC else {
            throw FormatProblem("the columns' checksum is wrong")
        }
        let compressed = pair.part(data..<pair.count)
        guard CRC32C.of(compressed) == frame.dataCRC else {
            throw FormatProblem("the data's checksum is wrong")
        }
        var lines = GrowingBytes()
        lines.resize(to: Int(frame.rawLength))
        try LZ4Frame.decode(compressed, into: lines.mutableBytes)
        try LZ4Frame.checkOffsets(compressed)
        var padded = GrowingBytes()
        padded.append(companion)
        let beside = try ColumnSection(decoding: padded.bytes, count: Int(frame.count))
        guard let salts = beside.salts else { throw FormatProblem("the frame has no salts") }
        guard let sealed else {
            return try checkLines(frame, beside, salts: salts, lines.bytes)
        }
        let entry = try checkEntry(frame, crc, of: sealed)
        var footerSection = GrowingBytes()
        footerSection.append(
            try sealed.file.bytes(
                at: Int(entry.columnsPosition), count: Int(entry.columnsLength)))
        guard CRC32C.of(footerSection.bytes) == entry.columnsCRC else {
            throw FormatProblem("the footer's columns of the frame have a wrong checksum")
        }
        var columns = try ColumnSection(decoding: footerSection.bytes, count: Int(frame.count))
        guard columns.isComplete else { throw FormatProblem("the frame lacks columns") }
        try noteHolders(columns)
        try hashes.withUnsafeBufferPointer { values in
            columns.hashes = values.baseAddress
            columns.hashCount = values.count
            try checkLines(frame, columns, salts: salts, lines.bytes)
        }
    }

    private func checkEntry(
        _ frame: FrameHeader, _ crc: UInt32, of sealed: SealedSegment
    ) throws(FormatProblem) -> FrameEntry {
        guard segment.frames < sealed.frames.count else {
            throw FormatProblem("the frame table has too few frames")
        }
        let entry = sealed.frames[segment.frames]
        guard entry.base == frame.base, entry.count == frame.count,
            entry.position == UInt64(position), entry.headerCRC == crc,
            entry.rawLength == frame.rawLength, entry.dataLength == frame.dataLength,
            entry.dataCRC == frame.dataCRC, entry.companionLength == frame.columnsLength,
            entry.extractor == frame.extractor
        else { throw FormatProblem("the frame table says otherwise") }
        return entry
    }

    private mutating func noteHolders(_ columns: ColumnSection) throws(FormatProblem) {
        for symbol in columns.distinctNames {
            nameHolders.append((Int32(symbol), Int32(segment.frames)))
        }
        guard columns.keysAreReferences else { throw FormatProblem("keys are not references") }
        // A column without width stands for any number of equal keys.
        var places: [Int64] = []
        for key in 0..<columns.totalKeys where places.last != columns.keys.value(key) {
            places.append(columns.keys.value(key))
        }
        places.sort()
        var last: Int64 = -1
        for place in places where place != last {
            guard place >= 0, place < Int64(hashes.count) else {
                throw FormatProblem("a key refers to no hash")
            }
            holders.append((Int32(place), Int32(segment.frames)))
            last = place
        }
    }

    // MARK: - Lines

    private mutating func checkLines(
        _ frame: FrameHeader, _ columns: ColumnSection, salts: UnsafeRawBufferPointer,
        _ text: UnsafeRawBufferPointer
    ) throws {
        guard columns.linesFill(text.count) else {
            throw FormatProblem("line lengths do not add up to the frame")
        }
        var start = 0
        var key = 0
        var opening = GrowingBytes()
        for row in 0..<columns.count {
            let offset = frame.base + UInt64(row)
            let length = Int(columns.lineLength.value(row))
            let line = text.part(start..<start + length - 1)
            guard text[start + length - 1] == 0x0A, line.position(of: 0x0A) == nil else {
                throw FormatProblem("the line of offset \(offset) does not end where it should")
            }
            opening.removeAll()
            let recorded = RecordLine.timestamp(columns.recorded.value(row))
            RecordLine.append(offset: offset, recorded: recorded, to: &opening)
            guard line.starts(with: opening.bytes), line.last == UInt8(ascii: "}") else {
                throw FormatProblem("the line of offset \(offset) does not say so")
            }
            let salt = salts.part(row * 16..<row * 16 + 16)
            if UInt8(truncatingIfNeeded: columns.kind.value(row)) == LogFormat.tombstoneKind {
                guard salt.allSatisfy({ $0 == 0 }) else {
                    throw FormatProblem("the tombstone of offset \(offset) still has its salt")
                }
                tree.add(
                    leafHash: try Tombstone.leaf(
                        of: line, offset: offset, recorded: columns.recorded.value(row)))
            } else {
                tree.add(salt: salt, line: line)
            }
            try checkExtracted(line, columns, row: row, firstKey: key, frame)
            start += length
            key += Int(columns.keyCount.value(row))
        }
    }

    private mutating func checkExtracted(
        _ line: UnsafeRawBufferPointer, _ columns: ColumnSection, row: Int, firstKey: Int,
        _ frame: FrameHeader
    ) throws {
        let kind = UInt8(truncatingIfNeeded: columns.kind.value(row))
        if kind >= LogFormat.ownKinds {
            return try check(try OwnRecord.columns(of: line), columns, row: row, firstKey, frame)
        }
        guard let extractor, extractor.number == frame.extractor else {
            segment.notExtracted += 1
            return
        }
        try check(try extractor.extract(line), columns, row: row, firstKey, frame)
        segment.extracted += 1
    }

    /// Whether a row's columns are what was made of its line.
    private func check(
        _ found: Extractor.Extracted?, _ columns: ColumnSection, row: Int, _ firstKey: Int,
        _ frame: FrameHeader
    ) throws(FormatProblem) {
        let count = Int(columns.keyCount.value(row))
        let source = names.name(UInt16(truncatingIfNeeded: columns.source.value(row)))
        let name = names.name(UInt16(truncatingIfNeeded: columns.name.value(row)))
        guard let found, Int64(found.kind) == columns.kind.value(row),
            found.occurred == columns.occurred.value(row),
            source == nil || source == found.source, name == nil || name == found.name,
            found.keys.elementsEqual((firstKey..<firstKey + count).lazy.map { columns.key($0) })
        else {
            let offset = frame.base + UInt64(row)
            throw FormatProblem("the columns of offset \(offset) are not what its line says")
        }
    }

    // MARK: - Footer

    private mutating func checkFooter(_ sealed: SealedSegment, _ entry: Manifest.Entry) throws {
        let footer = sealed.footer
        guard UInt64(position) == footer.trailer.footerPosition,
            let size = UInt32(
                exactly: Int(entry.fileLength) - position - LogFormat.skippableHeaderBytes)
        else { throw FormatProblem("the footer is not where the frames end") }
        let head = try sealed.file.bytes(
            at: position, count: LogFormat.skippableHeaderBytes + SegmentFooter.headBytes)
        guard head == FooterBuilder.head(size: Int(size)) else {
            throw FormatProblem("the footer does not begin like one")
        }
        for block in footer.blocks {
            let bytes = try SealedSegment.whole(block, of: sealed.file)
            guard SHA256.of(bytes).bytes == block.digest else {
                throw FormatProblem(
                    "footer block \(block.id) has a wrong digest", at: block.position)
            }
        }
        guard SegmentFooter.columnsHash(of: footer.blocks) == entry.columnsHash else {
            throw FormatProblem("the columns hash is not the one of the columns")
        }
        guard problems.isEmpty else { return }
        guard tree.root.bytes == entry.merkleRoot else {
            throw FormatProblem("the Merkle root is not the one of the lines")
        }
        let (values, lists) = FrameLists.make(
            holders, places: hashes.count, frames: sealed.frames.count)
        guard zip(hashes, hashes.dropFirst()).allSatisfy({ $0 < $1 }),
            try sealed.paged(.keyFrames).all().elementsEqual(values, by: ==),
            try sealed.paged(.keyFrameLists).all().elementsEqual(lists, by: ==)
        else { throw FormatProblem("the key index is not the one of the frames") }
        guard footer.blocks.contains(where: { $0.id == BlockID.nameFrames.rawValue }) else {
            return
        }
        let named = NameFrames.make(
            nameHolders, names: names.count, frames: sealed.frames.count)
        guard try sealed.paged(.nameFrames).all().elementsEqual(named.values, by: ==),
            try sealed.paged(.nameFrameLists).all().elementsEqual(named.lists, by: ==)
        else { throw FormatProblem("the name index is not the one of the frames") }
    }
}
