public import Hashing

/// The Merkle tree hash of RFC 6962, section 2.1, fed leaf by leaf in constant memory.
///
/// A leaf's data is a record's salt followed by its line without the line feed (MEANINGS.md L8).
public struct MerkleTree {
    /// Sizes of the complete subtrees so far, largest first.
    private var sizes: [UInt64] = []
    /// Their roots, 32 bytes each.
    private var roots: [UInt8] = []
    private let hash = SHA256()

    public init() {}

    /// Adds the leaf for `line` (without its line feed) and its 16-byte salt.
    public mutating func add(salt: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer) {
        roots.append(contentsOf: repeatElement(0, count: 32))
        hash.restart()
        withUnsafeBytes(of: 0 as UInt8) { hash.update($0) }
        hash.update(salt)
        hash.update(line)
        roots.withUnsafeMutableBytes { hash.finish(into: .init(rebasing: $0.suffix(32))) }
        joinEqual()
    }

    /// The hash of the leaf for `line` (without its line feed) and its 16-byte salt.
    static func leafHash(salt: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer) -> [UInt8] {
        SHA256.of([0] + Array(salt) + Array(line)).bytes
    }

    /// Adds a leaf by its hash: what is left of an erased record.
    public mutating func add(leafHash: [UInt8]) {
        precondition(leafHash.count == 32, "a leaf hash has 32 bytes")
        roots.append(contentsOf: leafHash)
        joinEqual()
    }

    /// Counts the leaf whose hash was put behind the roots, and joins neighbours of one size.
    private mutating func joinEqual() {
        sizes.append(1)
        while sizes.count > 1, sizes[sizes.count - 2] == sizes[sizes.count - 1] {
            join(into: &roots)
            sizes.removeLast()
            sizes[sizes.count - 1] *= 2
        }
    }

    /// Puts the node over the last two of `roots` in their place.
    private func join(into roots: inout [UInt8]) {
        let start = roots.count - 64
        roots.withUnsafeMutableBytes { bytes in
            hash.restart()
            withUnsafeBytes(of: 1 as UInt8) { hash.update($0) }
            hash.update(UnsafeRawBufferPointer(rebasing: bytes[start...]))
            hash.finish(into: .init(rebasing: bytes[start..<start + 32]))
        }
        roots.removeLast(32)
    }

    /// The root over all leaves so far; SHA-256 of nothing when there is none.
    public var root: Digest256 {
        guard !sizes.isEmpty else { return SHA256.of([]) }
        var left = roots
        while left.count > 32 { join(into: &left) }
        return Digest256(bytes: left)
    }
}
