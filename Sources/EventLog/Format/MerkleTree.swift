public import Hashing

/// The Merkle tree hash of RFC 6962, section 2.1, fed leaf by leaf in constant memory.
///
/// A leaf's data is a record's salt followed by its line without the line feed (MEANINGS.md L8).
public struct MerkleTree {
    /// Roots of the complete subtrees so far, largest first, with their sizes.
    private var subtrees: [(size: UInt64, root: [UInt8])] = []
    private var scratch: [UInt8] = []

    public init() {}

    /// Adds the leaf for `line` (without its line feed) and its 16-byte salt.
    public mutating func add(salt: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer) {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(0)
        scratch.append(contentsOf: salt)
        scratch.append(contentsOf: line)
        add(leafHash: SHA256.of(scratch).bytes)
    }

    /// The hash of the leaf for `line` (without its line feed) and its 16-byte salt.
    static func leafHash(salt: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer) -> [UInt8] {
        SHA256.of([0] + Array(salt) + Array(line)).bytes
    }

    /// Adds a leaf by its hash: what is left of an erased record.
    public mutating func add(leafHash: [UInt8]) {
        subtrees.append((1, leafHash))
        while subtrees.count > 1,
            subtrees[subtrees.count - 2].size == subtrees[subtrees.count - 1].size
        {
            let right = subtrees.removeLast()
            let left = subtrees.removeLast()
            subtrees.append((left.size + right.size, Self.node(left.root, right.root)))
        }
    }

    /// The root over all leaves so far; SHA-256 of nothing when there is none.
    public var root: Digest256 {
        guard var right = subtrees.last?.root else { return SHA256.of([]) }
        for left in subtrees.dropLast().reversed() { right = Self.node(left.root, right) }
        return Digest256(bytes: right)
    }

    private static func node(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        SHA256.of([1] + left + right).bytes
    }
}
