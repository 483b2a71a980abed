/// A 128-bit key for ``SipHash``: one per log, so that hashes from one log say nothing in another.
public struct SipKey: Hashable, Sendable {
    public var low: UInt64
    public var high: UInt64
    public init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012) with a 64-bit result.
///
/// Key hashes in the log's columns are made with it. A hash only finds candidates; whoever decides
/// anything compares the value itself (MEANINGS.md L7).
public enum SipHash {
    /// The hash of `bytes` under `key`.
    public static func hash(_ bytes: UnsafeRawBufferPointer, key: SipKey) -> UInt64 {
        var v0 = key.low ^ 0x736f_6d65_7073_6575
        var v1 = key.high ^ 0x646f_7261_6e64_6f6d
        var v2 = key.low ^ 0x6c79_6765_6e65_7261
        var v3 = key.high ^ 0x7465_6462_7974_6573

        @inline(__always) func round() {
            v0 &+= v1
            v1 = (v1 &<< 13) | (v1 &>> 51)
            v1 ^= v0
            v0 = (v0 &<< 32) | (v0 &>> 32)
            v2 &+= v3
            v3 = (v3 &<< 16) | (v3 &>> 48)
            v3 ^= v2
            v0 &+= v3
            v3 = (v3 &<< 21) | (v3 &>> 43)
            v3 ^= v0
            v2 &+= v1
            v1 = (v1 &<< 17) | (v1 &>> 47)
            v1 ^= v2
            v2 = (v2 &<< 32) | (v2 &>> 32)
        }

        let wholeWords = bytes.count / 8
        for word in 0..<wholeWords {
            let m = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
            v3 ^= m
            round()
            round()
            v0 ^= m
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) &<< 56
        for index in wholeWords * 8..<bytes.count {
            last |= UInt64(bytes[index]) &<< UInt64((index & 7) * 8)
        }
        v3 ^= last
        round()
        round()
        v0 ^= last
        v2 ^= 0xff
        round()
        round()
        round()
        round()
        return v0 ^ v1 ^ v2 ^ v3
    }

    /// The hash of an array's bytes under `key`.
    public static func hash(_ bytes: [UInt8], key: SipKey) -> UInt64 {
        bytes.withUnsafeBytes { hash($0, key: key) }
    }
}
