import Hashing

/// Examines the pairs of an open segment's file one after another.
struct FrameScanner: ~Copyable {
    /// A pair that is what its header says.
    struct Good {
        var header: FrameHeader
        var crc: UInt32
        var names: (first: Int, names: [String])?
        var contents: LiveSegment.Contents
        var times: FrameTimes
    }

    /// Why the bytes at a position are not a good pair.
    enum Trouble {
        /// Fewer bytes are left than a header has.
        case shortHeader
        /// The header is good and its pair passes the end of the file.
        case shortPair
        /// The header is bad, or not the one that must follow.
        case badHeader(String)
        /// The header is good, columns or data are not. `good` holds what can still be used of it.
        case badBody(FrameHeader, crc: UInt32, columns: Good?, reason: String)
    }

    enum Finding {
        case good(Good)
        case trouble(Trouble)
    }

    /// Whether data frames are read and checked too.
    enum Depth { case columns, data }

    let file: any LogFile
    let size: Int
    let incarnation: UInt64
    let depth: Depth
    private var window = FileWindow()

    init(file: any LogFile, size: Int, incarnation: UInt64, depth: Depth) {
        self.file = file
        self.size = size
        self.incarnation = incarnation
        self.depth = depth
    }

    /// Examines the pair at `position`, which must begin with offset `base` and follow on `chain`
    /// (nil: unknown, after damage).
    mutating func examine(
        at position: Int, base: UInt64, chain: UInt32?
    ) throws -> Finding {
        guard size - position >= FrameHeader.prefixBytes else { return .trouble(.shortHeader) }
        let (header, crc): (FrameHeader, UInt32)
        do {
            (header, crc) = try FrameHeader.decode(
                bytes(at: position, count: FrameHeader.prefixBytes))
        } catch let error as FormatProblem { return .trouble(.badHeader(error.reason)) }
        guard header.incarnation == incarnation, header.base == base, !header.isSealed,
            chain == nil || header.previousCRC == chain
        else { return .trouble(.badHeader("the frame does not follow on the one before it")) }
        guard header.pairBytes <= size - position else { return .trouble(.shortPair) }
        return try body(header, crc, at: position)
    }

    private mutating func body(
        _ header: FrameHeader, _ crc: UInt32, at position: Int
    ) throws -> Finding {
        var columns: Good?
        do {
            let section = try bytes(
                at: position + FrameHeader.prefixBytes, count: Int(header.columnsLength))
            columns = try Self.columns(section, header, crc)
            if depth == .data {
                let data = try bytes(
                    at: position + FrameHeader.prefixBytes + Int(header.columnsLength),
                    count: Int(header.dataLength))
                guard CRC32C.of(data) == header.dataCRC else {
                    throw FormatProblem("the data's checksum is wrong")
                }
            }
        } catch let error as FormatProblem {
            return .trouble(.badBody(header, crc: crc, columns: columns, reason: error.reason))
        }
        guard let columns else { preconditionFailure("columns were decoded") }
        return .good(columns)
    }

    private static func columns(
        _ bytes: UnsafeRawBufferPointer, _ header: FrameHeader, _ crc: UInt32
    ) throws(FormatProblem) -> Good {
        guard CRC32C.of(bytes) == header.columnsCRC else {
            throw FormatProblem("the columns' checksum is wrong")
        }
        let section = try ColumnSection(decoding: bytes, count: Int(header.count))
        guard section.isComplete, section.salts != nil, !section.keysAreReferences,
            section.linesFill(Int(header.rawLength))
        else { throw FormatProblem("the columns are not those of an open segment") }
        var names: (first: Int, names: [String])?
        if let bytes = section.names { names = try SymbolTable.introduced(by: bytes) }
        return Good(
            header: header, crc: crc, names: names,
            contents: .known(
                keys: (0..<section.totalKeys).map { section.key($0) },
                names: section.distinctNames), times: section.times)
    }

    /// Good headers of this log anywhere past `position`. Slow; only after trouble.
    mutating func laterHeaders(past position: Int) throws -> LaterHeaders {
        var found: [LaterHeaders.Found] = []
        var place = position + 1
        while let next = try HeaderSearch.next(
            in: file, size: size, from: place, window: &window,
            where: { $0.incarnation == incarnation && !$0.isSealed })
        {
            found.append(next)
            place = next.position + 1
        }
        return LaterHeaders(found)
    }

    /// Whether everything from `position` on is zero: a file that grew and whose bytes never came.
    mutating func isZero(from position: Int) throws -> Bool {
        var place = position
        while place < size {
            let count = min(1 << 20, size - place)
            guard try bytes(at: place, count: count).allSatisfy({ $0 == 0 }) else { return false }
            place += count
        }
        return true
    }

    private mutating func bytes(at position: Int, count: Int) throws -> UnsafeRawBufferPointer {
        try window.bytes(of: file, at: position, count: count, readAhead: 1 << 20, limit: size)
    }
}
