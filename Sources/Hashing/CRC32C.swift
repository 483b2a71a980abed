private import CChecksum

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), the checksum of the log's own structures.
///
/// It finds accidents, not attackers: tamper evidence is the Merkle tree's work.
public struct CRC32C: Sendable {
    /// The checksum of everything fed so far; 0 for nothing.
    public private(set) var value: UInt32

    /// Continues from `value`; start at 0.
    public init(continuing value: UInt32 = 0) { self.value = value }

    /// Feeds `bytes`.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        value = sluice_crc32c(value, bytes.baseAddress, bytes.count)
    }

    /// The checksum of `bytes` alone.
    public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        sluice_crc32c(0, bytes.baseAddress, bytes.count)
    }

    /// The same by the portable table path, for tests that hold the two against each other.
    package static func byTable(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        sluice_crc32c_table(0, bytes.baseAddress, bytes.count)
    }
}
