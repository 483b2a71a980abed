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
