import Hashing
import Testing

@Suite struct `SipHash-2-4` {
    private static let known: [(Int, UInt64)] = [
        (0, 0x726F_DB47_DD0E_0E31), (1, 0x74F8_39C5_93DC_67FD), (7, 0xAB02_00F5_8B01_D137),
        (8, 0x93F5_F579_9A93_2462), (15, 0xA129_CA61_49BE_45E5), (16, 0x3F2A_CC7F_57C2_9BDB),
        (63, 0x958A_324C_EB06_4572),
    ]

    /// The key 00 01 … 0f and the texts 00 01 … of the paper's appendix A and its reference program.
    @Test(arguments: known)
    func `gives the reference's values`(_ length: Int, _ value: UInt64) {
        let key = SipKey(low: 0x0706_0504_0302_0100, high: 0x0F0E_0D0C_0B0A_0908)
        #expect(SipHash.hash((0..<length).map { UInt8($0) }, key: key) == value)
    }
}
