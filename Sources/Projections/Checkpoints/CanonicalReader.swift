/// What is wrong with canonical bytes.
public struct CanonicalError: Error, Equatable, Sendable, CustomStringConvertible {
    public var position: Int
    public var expected: String
    public var description: String {
        "state bytes at \(position): expected \(expected); rebuild the projection from the log"
    }
}

/// Reads what ``CanonicalWriter`` wrote. Lengths are checked before anything is allocated.
///
/// Bytes of any kind give a state or an error. That its parts fit each other beyond what reading needs is the
/// matter of the digest that a checkpoint carries.
public struct CanonicalReader {
    private let source: ByteStream
    /// What is at hand, and how much of it was read.
    private var block: UnsafeRawBufferPointer?
    private var place = 0
    /// Where the block begins.
    private var base = 0

    public init(_ bytes: [UInt8]) { self.init(ByteStream(bytes)) }

    init(_ source: ByteStream) { self.source = source }

    public var position: Int { base + place }
    public var isAtEnd: Bool { position == source.count }
    private var left: Int { source.count - position }

    /// Fills `room` with what comes next; false where too little comes.
    private mutating func take(_ room: UnsafeMutableRawBufferPointer) -> Bool {
        guard room.count <= left else { return false }
        var filled = 0
        while filled < room.count {
            if place == block?.count ?? 0 {
                base += place
                place = 0
                block = source.next(after: block)
            }
            guard let block else { return false }
            let part = min(block.count - place, room.count - filled)
            UnsafeMutableRawBufferPointer(rebasing: room[filled..<filled + part])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: block[place..<place + part]))
            filled += part
            place += part
        }
        return true
    }

    public mutating func section(_ tag: StaticString) throws(CanonicalError) {
        let start = position
        var found: UInt32 = 0
        let wanted = UnsafeBufferPointer(start: tag.utf8Start, count: tag.utf8CodeUnitCount)
        guard
            withUnsafeMutableBytes(of: &found, { take($0) && $0.elementsEqual(wanted) })
        else { throw CanonicalError(position: start, expected: "section \(tag)") }
    }

    @inline(__always)
    public mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self)
        throws(CanonicalError) -> T
    {
        let size = MemoryLayout<T>.size
        if let block, block.count - place >= size {
            let value = block.loadUnaligned(fromByteOffset: place, as: T.self)
            place += size
            return T(littleEndian: value)
        }
        return try integerAcross()
    }

    /// One that may begin in one block and end in the next.
    @inline(never)
    private mutating func integerAcross<T: FixedWidthInteger>() throws(CanonicalError) -> T {
        var value: T = 0
        guard withUnsafeMutableBytes(of: &value, { take($0) }) else {
            throw CanonicalError(
                position: position, expected: "an integer of \(MemoryLayout<T>.size) bytes")
        }
        return T(littleEndian: value)
    }

    /// A number of elements that follow, each of at least so many bytes.
    public mutating func count<T: FixedWidthInteger & UnsignedInteger>(
        _ type: T.Type, ofBytes size: Int = 1
    ) throws(CanonicalError) -> Int {
        let count = try integer(type)
        guard count <= left / size else {
            throw CanonicalError(position: position, expected: "\(count) elements")
        }
        return Int(count)
    }

    public mutating func flag() throws(CanonicalError) -> Bool {
        let value = try integer(UInt8.self)
        guard value <= 1 else { throw CanonicalError(position: position - 1, expected: "0 or 1") }
        return value == 1
    }

    public mutating func text() throws(CanonicalError) -> String {
        let length = Int(try integer(UInt32.self))
        let start = position
        var text: String?
        if length <= left {
            text = withUnsafeTemporaryAllocation(byteCount: length, alignment: 1) { room in
                take(room) ? String(validating: room, as: UTF8.self) : nil
            }
        }
        guard let text else {
            throw CanonicalError(position: start, expected: "a text of \(length) bytes")
        }
        return text
    }

    @inline(__always)
    public mutating func column<T: FixedWidthInteger>(_ type: T.Type = T.self)
        throws(CanonicalError) -> [T]
    {
        let count = try columnCount(type)
        // Room for what comes next: the first value after a restart would copy the whole column.
        return try elements(count, room: count + count / 8)
    }

    /// How many elements a column has, all of which follow.
    mutating func columnCount<T: FixedWidthInteger>(_ type: T.Type) throws(CanonicalError) -> Int {
        let count = try integer(UInt64.self)
        let size = UInt64(MemoryLayout<T>.size)
        guard count <= UInt64(left) / size else {
            throw CanonicalError(position: position, expected: "\(count) elements of \(size) bytes")
        }
        return Int(count)
    }

    /// So many elements, in an array with room for more.
    @inline(__always)
    mutating func elements<T: FixedWidthInteger>(
        _ count: Int, _ type: T.Type = T.self, room: Int
    ) throws(CanonicalError) -> [T] {
        guard count > 0 else { return [] }
        let start = position
        var isWhole = true
        let values = [T](unsafeUninitializedCapacity: room) { buffer, filled in
            let wanted = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
            isWhole = take(UnsafeMutableRawBufferPointer(wanted))
            filled = isWhole ? count : 0
        }
        guard isWhole else {
            throw CanonicalError(
                position: start,
                expected: "\(count) elements of \(MemoryLayout<T>.size) bytes")
        }
        #if _endian(big)
            return values.map { T(littleEndian: $0) }
        #else
            return values
        #endif
    }
}
