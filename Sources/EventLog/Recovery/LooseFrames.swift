import Hashing

/// Walks a segment's file by what the file itself says, open or sealed, past whatever is bad: for salvage and
/// reindex, which must do without manifest and footer.
struct LooseFrames: ~Copyable {
    /// What stands at a place.
    enum Found {
        /// A frame whose lines are whole; they are in ``LooseFrames/lines``.
        case frame(Frame)
        /// Bytes from `position` on that are no good frame. `offsets` is empty when no header says which.
        case bad(position: Int, offsets: Range<UInt64>, reason: String)
    }

    struct Frame {
        var header: FrameHeader
        var position: Int
        /// Of the companion's header: what the next one's chain goes on from.
        var headerCRC: UInt32
        /// Of the records, 16 bytes each; nil when the companion's columns are damaged.
        var salts: [UInt8]?
    }

    let file: any LogFile
    let size: Int
    /// The segment's own header; nil when it is damaged.
    let segment: SegmentHeader?
    /// The lines of the frame that was found last, each with its line feed.
    private(set) var lines = GrowingBytes(capacity: 512 << 10)
    private var position: Int
    private var window = FileWindow()
    private var isAtEnd = false

    init(_ file: any LogFile) throws {
        let size = try file.size()
        segment = try Self.header(of: file)
        self.file = file
        self.size = size
        position = min(size, LogFormat.firstPairPosition)
    }

    private static func header(of file: any LogFile) throws -> SegmentHeader? {
        do { return try SegmentHeader.read(from: file) } catch is FormatProblem { return nil }
    }

    /// What comes next; nil at the end, where a sealed file's footer begins.
    mutating func next() throws -> Found? {
        guard !isAtEnd, position < size else { return nil }
        let here = position
        do {
            let (header, crc) = try FrameHeader.decode(
                bytes(at: here, count: min(FrameHeader.prefixBytes, size - here)))
            guard header.pairBytes <= size - here else {
                throw FormatProblem("the file ends inside a frame")
            }
            position += header.pairBytes
            do { return .frame(try frame(header, crc, at: here)) } catch let error as FormatProblem
            {
                return .bad(
                    position: here, offsets: header.base..<header.end, reason: error.reason)
            }
        } catch let error as FormatProblem {
            if try isFooter(at: here) {
                isAtEnd = true
                return nil
            }
            return try resume(after: here, error.reason)
        }
    }

    private mutating func frame(
        _ header: FrameHeader, _ crc: UInt32, at position: Int
    ) throws -> Frame {
        let section = position + FrameHeader.prefixBytes
        let data = try bytes(
            at: section + Int(header.columnsLength), count: Int(header.dataLength))
        guard CRC32C.of(data) == header.dataCRC else {
            throw FormatProblem("the data's checksum is wrong")
        }
        lines.resize(to: Int(header.rawLength))
        try LZ4Frame.decode(data, into: lines.mutableBytes)
        try LZ4Frame.checkOffsets(data)
        try checkLines(header)
        return Frame(
            header: header, position: position, headerCRC: crc,
            salts: try salts(header, at: section))
    }

    /// As many lines as the header says, each with its own offset.
    private func checkLines(_ header: FrameHeader) throws(FormatProblem) {
        var rest = lines.bytes
        for offset in header.base..<header.end {
            guard let end = rest.position(of: 0x0A) else {
                throw FormatProblem("the frame has too few lines")
            }
            let opening = try RecordLine.opening(of: rest.part(0..<end))
            guard opening.offset == offset else {
                throw FormatProblem("the line of offset \(offset) says \(opening.offset)")
            }
            rest = rest.part(end + 1..<rest.count)
        }
        guard rest.count == 0 else { throw FormatProblem("the frame has too many lines") }
    }

    private mutating func salts(_ header: FrameHeader, at position: Int) throws -> [UInt8]? {
        let bytes = try bytes(at: position, count: Int(header.columnsLength))
        guard CRC32C.of(bytes) == header.columnsCRC else { return nil }
        do throws(FormatProblem) {
            return try ColumnSection(decoding: bytes, count: Int(header.count)).salts?.array
        } catch { return nil }
    }

    private mutating func isFooter(at position: Int) throws -> Bool {
        let wanted = LogFormat.skippableHeaderBytes + SegmentFooter.headBytes
        guard size - position >= wanted else { return false }
        let head = try bytes(at: position, count: wanted)
        let length = Int(head.integer(UInt32.self, at: 4))
        return head.elementsEqual(FooterBuilder.head(size: length))
    }

    private mutating func resume(after bad: Int, _ reason: String) throws -> Found {
        let incarnation = segment?.incarnation
        let next = try HeaderSearch.next(
            in: file, size: size, from: bad + 1, window: &window,
            where: { incarnation == nil || $0.incarnation == incarnation })
        position = next?.position ?? size
        return .bad(position: bad, offsets: 0..<0, reason: reason)
    }

    private mutating func bytes(at position: Int, count: Int) throws -> UnsafeRawBufferPointer {
        try window.bytes(of: file, at: position, count: count, readAhead: 1 << 20, limit: size)
    }
}
