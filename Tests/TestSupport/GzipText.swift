/// Gzip data made by hand (RFC 1951, RFC 1952): whole, broken, and far larger than it looks.
public enum GzipText {
    private static let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]

    /// One member that stores `bytes` as they are.
    public static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var out = header
        var start = 0
        repeat {
            let count = min(bytes.count - start, 65_535)
            let isLast: UInt8 = start + count == bytes.count ? 1 : 0
            out += [isLast, UInt8(count & 0xFF), UInt8(count >> 8)]
            out += [UInt8(~count & 0xFF), UInt8((~count >> 8) & 0xFF)]
            out += bytes[start..<start + count]
            start += count
        } while start < bytes.count
        return out + littleEndian(crc(bytes))
            + littleEndian(UInt32(truncatingIfNeeded: bytes.count))
    }

    /// One member that unpacks to `1 + 258 * repeats` zeros as digits, in 13 bits for 258 of them. Its
    /// checksum is wrong, which nobody finds out who stops in time.
    public static func bomb(repeats: Int) -> [UInt8] {
        var out = header
        var bits: UInt32 = 0
        var count: UInt32 = 0
        func put(_ value: UInt32, _ length: UInt32) {
            bits |= value << count
            count += length
            while count >= 8 {
                out.append(UInt8(bits & 0xFF))
                bits >>= 8
                count -= 8
            }
        }
        // The last block, with the fixed codes; codes are written highest bit first.
        put(0b1, 1)
        put(0b01, 2)
        put(reversed(0x30 + 0x30, 8), 8)
        // Length 258 is symbol 285, eight bits from 0b11000000 for 280; distance 1 is five zeros.
        let match = reversed(0b1100_0101, 8)
        for _ in 0..<repeats { put(match, 13) }
        put(0, 7)
        put(0, 7)
        return out + [0, 0, 0, 0, 0, 0, 0, 0]
    }

    private static func reversed(_ value: UInt32, _ length: Int) -> UInt32 {
        var out: UInt32 = 0
        for place in 0..<length where value >> UInt32(place) & 1 == 1 {
            out |= 1 << UInt32(length - 1 - place)
        }
        return out
    }

    private static func littleEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(value >> (8 * $0) & 0xFF) }
    }

    /// CRC-32 as gzip has it.
    private static func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
