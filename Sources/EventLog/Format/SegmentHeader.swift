import Hashing

/// The first skippable frame of a segment file; the layout stands in ``LogFormat``.
struct SegmentHeader: Equatable {
    static let encodedBytes = 128
    private static let magic = Array("SLsg".utf8)

    var isSealed: Bool
    var logID: [UInt8]
    var incarnation: UInt64
    var base: UInt64
    /// Microseconds since 1970.
    var created: Int64
    /// The CRC of the last companion header of the segment before.
    var chainSeed: UInt32
    var edition: UInt32

    /// The empty frame, the skippable frame, and the CRC from which the segment's chain goes on.
    func encoded() -> (bytes: [UInt8], chain: UInt32) {
        var payload = ByteWriter()
        payload.put(Self.magic)
        payload.put(LogFormat.version)
        payload.put(1 as UInt8)
        payload.put(UInt16(isSealed ? 1 : 0))
        payload.put(logID)
        payload.put(incarnation)
        payload.put(base)
        payload.put(created)
        payload.put(chainSeed)
        payload.put(edition)
        payload.pad(to: 124)
        let crc = payload.bytes.withUnsafeBytes { CRC32C.of($0) }
        payload.put(crc)
        var whole = ByteWriter()
        whole.put(LogFormat.emptyFrame)
        whole.put(LogFormat.skippableMagic)
        whole.put(UInt32(payload.bytes.count))
        whole.put(payload.bytes)
        return (whole.bytes, crc)
    }

    /// The header of a segment's file.
    static func read(from file: any LogFile) throws -> SegmentHeader {
        let bytes = try file.bytes(
            at: 0, count: min(try file.size(), LogFormat.firstPairPosition))
        return try bytes.withUnsafeBytes { try decode($0).header }
    }

    /// Decodes the first ``LogFormat/firstPairPosition`` bytes of a segment file.
    static func decode(_ file: UnsafeRawBufferPointer) throws(FormatProblem) -> (
        header: SegmentHeader, chain: UInt32
    ) {
        guard file.count >= LogFormat.firstPairPosition else {
            throw FormatProblem("the file ends inside its segment header")
        }
        let empty = LogFormat.emptyFrame.count
        guard file.part(0..<empty).elementsEqual(LogFormat.emptyFrame),
            file.integer(UInt32.self, at: empty) == LogFormat.skippableMagic,
            file.integer(UInt32.self, at: empty + 4) == encodedBytes
        else { throw FormatProblem("the file does not begin like a segment") }
        let payload = file.part(empty + 8..<empty + 8 + encodedBytes)
        let crc = payload.integer(UInt32.self, at: 124)
        guard payload.part(0..<4).elementsEqual(magic), CRC32C.of(payload.part(0..<124)) == crc
        else { throw FormatProblem("the segment header's checksum is wrong") }
        guard payload[4] == LogFormat.version, payload[5] == 1 else {
            throw FormatProblem("the segment header has version \(payload[4])")
        }
        let header = SegmentHeader(
            isSealed: payload.integer(UInt16.self, at: 6) & 1 == 1,
            logID: payload.part(8..<24).array,
            incarnation: payload.integer(UInt64.self, at: 24),
            base: payload.integer(UInt64.self, at: 32),
            created: payload.integer(Int64.self, at: 40),
            chainSeed: payload.integer(UInt32.self, at: 48),
            edition: payload.integer(UInt32.self, at: 52))
        guard header.base < LogFormat.offsetLimit, header.incarnation >= 1,
            header.incarnation <= LogFormat.maximumIncarnation
        else {
            throw FormatProblem("the segment header's base or incarnation is out of range")
        }
        return (header, crc)
    }
}
