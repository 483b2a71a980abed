import Hashing
import Testing

@Suite struct `CRC-32C` {
    private static let known: [([UInt8], UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0..<32), 0x46DD_794E),
        ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
        ([UInt8]("123456789".utf8), 0xE306_9283),
        ([], 0),
    ]

    /// RFC 3720, appendix B.4.
    @Test(arguments: known)
    func `gives the RFC's values`(_ bytes: [UInt8], _ value: UInt32) {
        bytes.withUnsafeBytes {
            #expect(CRC32C.of($0) == value)
            #expect(CRC32C.byTable($0) == value)
        }
    }

    /// Parts of 128 and 2,048 bytes are taken three at a time; the table knows nothing of that.
    @Test func `is the same by the processor's instruction and by the table, at every length`() {
        let bytes = noise(20_000)
        bytes.withUnsafeBytes { bytes in
            let lengths =
                Array(0..<1_300) + Array(6_100..<6_200) + Array(12_250..<12_700) + [20_000]
            for length in lengths {
                for start in [0, 3] where start + length <= bytes.count {
                    let part = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
                    #expect(CRC32C.of(part) == CRC32C.byTable(part), "\(length) bytes")
                }
            }
        }
    }

    @Test func `is the same in one go and in pieces`() {
        let bytes = noise(9_000)
        bytes.withUnsafeBytes { bytes in
            for cut in [1, 127, 384, 3_000, 6_144, 8_999] {
                var crc = CRC32C()
                crc.update(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
                crc.update(UnsafeRawBufferPointer(rebasing: bytes[cut...]))
                #expect(crc.value == CRC32C.of(bytes), "cut at \(cut)")
            }
        }
    }

    private func noise(_ count: Int) -> [UInt8] {
        var state: UInt64 = 1
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }
}
