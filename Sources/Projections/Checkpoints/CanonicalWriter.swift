import Hashing

/// Writes fold state as canonical bytes: the same state gives the same bytes on every machine.
///
/// A checkpoint is these bytes, and a digest is their SHA-256, so that what is compared is what is
/// restored (P2). Every value is little-endian; a column is its count (8 bytes) and then its elements;
/// a text is its length (4 bytes) and its UTF-8. Sections start with a four-byte tag, so that a reader
/// that has lost its place says so at once.
public struct CanonicalWriter {
    /// What was written; of a writer that hashes, what is not hashed yet.
    public private(set) var bytes: [UInt8] = []
    private let hash: SHA256?

    /// From so many bytes on, hashing them where they are beats gathering them.
    private static let pieceBytes = 1 << 18

    public init() { hash = nil }

    /// A writer that keeps no bytes and hashes them, so that a digest takes no memory.
    init(hashing hash: SHA256) { self.hash = hash }

    /// The digest of everything that was written; once, of a writer that hashes.
    mutating func digest() -> Digest256 {
        guard let hash else { return SHA256.of(bytes) }
        flush(hash)
        return hash.finish()
    }

    private mutating func flush(_ hash: SHA256) {
        hash.update(bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    private mutating func append(_ piece: UnsafeRawBufferPointer) {
        guard let hash else {
            bytes.append(contentsOf: piece)
            return
        }
        if bytes.count + piece.count > Self.pieceBytes { flush(hash) }
        if piece.count > Self.pieceBytes {
            hash.update(piece)
        } else {
            bytes.append(contentsOf: piece)
        }
    }

    public mutating func section(_ tag: StaticString) {
        precondition(tag.utf8CodeUnitCount == 4, "a section tag has four letters")
        append(UnsafeRawBufferPointer(start: tag.utf8Start, count: 4))
    }

    public mutating func integer<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { append($0) }
    }

    public mutating func flag(_ value: Bool) { integer(value ? 1 : 0 as UInt8) }

    public mutating func text(_ value: String) {
        integer(UInt32(value.utf8.count))
        var value = value
        value.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Elements in the order they stand.
    public mutating func column<T: FixedWidthInteger>(_ values: [T]) {
        integer(UInt64(values.count))
        elements(values)
    }

    /// Elements of a column whose count was written.
    mutating func elements<T: FixedWidthInteger>(_ values: [T]) {
        #if _endian(little)
            values.withUnsafeBytes { append($0) }
        #else
            for value in values { integer(value) }
        #endif
    }
}

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
    private let bytes: [UInt8]
    public private(set) var position = 0

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public var isAtEnd: Bool { position == bytes.count }

    public mutating func section(_ tag: StaticString) throws(CanonicalError) {
        let wanted = UnsafeBufferPointer(start: tag.utf8Start, count: tag.utf8CodeUnitCount)
        guard position + 4 <= bytes.count, bytes[position..<position + 4].elementsEqual(wanted)
        else { throw CanonicalError(position: position, expected: "section \(tag)") }
        position += 4
    }

    public mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self)
        throws(CanonicalError) -> T
    {
        let size = MemoryLayout<T>.size
        guard bytes.count - position >= size else {
            throw CanonicalError(position: position, expected: "an integer of \(size) bytes")
        }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: T.self) }
        position += size
        return T(littleEndian: value)
    }

    /// A number of elements that follow, each of at least one byte.
    public mutating func count<T: FixedWidthInteger & UnsignedInteger>(
        _ type: T.Type
    ) throws(CanonicalError) -> Int {
        let count = try integer(type)
        guard count <= bytes.count - position else {
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
        guard bytes.count - position >= length,
            let text = String(validating: bytes[position..<position + length], as: UTF8.self)
        else { throw CanonicalError(position: position, expected: "a text of \(length) bytes") }
        position += length
        return text
    }

    public mutating func column<T: FixedWidthInteger>(_ type: T.Type = T.self)
        throws(CanonicalError) -> [T]
    {
        elements(try columnCount(type))
    }

    /// How many elements a column has, all of which follow.
    mutating func columnCount<T: FixedWidthInteger>(_ type: T.Type) throws(CanonicalError) -> Int {
        let count = try integer(UInt64.self)
        let size = UInt64(MemoryLayout<T>.size)
        guard count <= UInt64(bytes.count - position) / size else {
            throw CanonicalError(position: position, expected: "\(count) elements of \(size) bytes")
        }
        return Int(count)
    }

    /// - Precondition: so many follow.
    mutating func elements<T: FixedWidthInteger>(_ count: Int, _ type: T.Type = T.self) -> [T] {
        let size = MemoryLayout<T>.size
        let start = position
        position += count * size
        #if _endian(little)
            return [T](unsafeUninitializedCapacity: count) { buffer, filled in
                bytes.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(buffer).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: source[start..<position]))
                }
                filled = count
            }
        #else
            return bytes.withUnsafeBytes { source in
                (0..<count).map {
                    T(
                        littleEndian: source.loadUnaligned(
                            fromByteOffset: start + $0 * size, as: T.self))
                }
            }
        #endif
    }
}
