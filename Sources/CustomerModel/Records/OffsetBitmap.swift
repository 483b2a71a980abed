import Hashing

/// A set of offsets within one range: bit i, least significant first, stands for offset `from + i`.
///
/// As bytes it has one bit for each offset of the range and none besides: `(to - from + 7) / 8` bytes, the
/// spare bits of the last one zero. In JSON it is Base64 of these bytes.
public struct OffsetBitmap: Equatable, Sendable {
    public let from: UInt64
    /// The first offset after the range.
    public let to: UInt64
    @usableFromInline var words: [UInt64]

    /// The empty set over a range.
    ///
    /// - Precondition: `from <= to`.
    public init(from: UInt64, to: UInt64) {
        precondition(from <= to, "a range of offsets does not end before it begins")
        self.from = from
        self.to = to
        words = [UInt64](repeating: 0, count: Int((to - from + 63) / 64))
    }

    /// The set that `bytes` hold; nil when their number is not that of the range, or a spare bit is set.
    ///
    /// The length is checked before anything is allocated.
    public init?(from: UInt64, to: UInt64, bytes: [UInt8]) {
        guard from <= to else { return nil }
        let bits = to - from
        guard bits / 8 + (bits % 8 == 0 ? 0 : 1) == UInt64(bytes.count) else { return nil }
        if bits % 8 != 0, let last = bytes.last, last >> UInt8(bits % 8) != 0 { return nil }
        self.init(from: from, to: to)
        for (index, byte) in bytes.enumerated() {
            words[index >> 3] |= UInt64(byte) &<< UInt64((index & 7) * 8)
        }
    }

    /// The set in Base64; nil when it is none, or does not fit the range.
    public init?(from: UInt64, to: UInt64, base64: String) {
        guard let bytes = Base64.decode(base64) else { return nil }
        self.init(from: from, to: to, bytes: bytes)
    }

    /// The bytes, as described above.
    public var bytes: [UInt8] {
        (0..<Int((to - from + 7) / 8)).map { index in
            UInt8(truncatingIfNeeded: words[index >> 3] &>> UInt64((index & 7) * 8))
        }
    }

    public var base64: String { Base64.encode(bytes) }

    /// Adds an offset.
    ///
    /// - Precondition: it is within the range.
    @inlinable
    public mutating func set(_ offset: UInt64) {
        precondition(offset >= from && offset < to, "an offset outside the bitmap's range")
        let bit = offset - from
        words[Int(bit >> 6)] |= 1 &<< (bit & 63)
    }

    /// Whether an offset is in the set; false outside the range.
    @inlinable
    public func contains(_ offset: UInt64) -> Bool {
        guard offset >= from, offset < to else { return false }
        let bit = offset - from
        return words[Int(bit >> 6)] & (1 &<< (bit & 63)) != 0
    }

    /// How many offsets are in the set.
    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// The offsets of the set, ascending.
    public var members: [UInt64] {
        var found: [UInt64] = []
        found.reserveCapacity(count)
        forEach { found.append($0) }
        return found
    }

    /// Calls `body` with each offset of the set, ascending.
    @inlinable
    public func forEach(_ body: (UInt64) throws -> Void) rethrows {
        for (index, word) in words.enumerated() {
            var left = word
            while left != 0 {
                try body(from + UInt64(index) * 64 + UInt64(left.trailingZeroBitCount))
                left &= left &- 1
            }
        }
    }
}
