import Hashing

/// A file whose bytes are changed and whose checksums are then made right: what no accident does, and what the
/// decoders must stand nevertheless. Places are those of `Format/LogFormat.swift`.
struct Forge {
    static let firstPair = 147
    static let prefixBytes = 88

    var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    static func integer<T: FixedWidthInteger>(_ bytes: [UInt8], at place: Int) -> T {
        bytes.withUnsafeBytes {
            T(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: T.self))
        }
    }

    /// Where the pairs of a segment's file begin.
    static func pairs(of bytes: [UInt8]) -> [Int] {
        var places: [Int] = []
        var place = firstPair
        while place + prefixBytes <= bytes.count,
            bytes[place + 8..<place + 12].elementsEqual("SLfr".utf8)
        {
            places.append(place)
            let data: UInt32 = integer(bytes, at: place + 8 + 48)
            let columns: UInt32 = integer(bytes, at: place + 8 + 56)
            place += prefixBytes + Int(data) + Int(columns)
        }
        return places
    }

    mutating func put<T: FixedWidthInteger>(_ value: T, at place: Int) {
        withUnsafeBytes(of: value.littleEndian) {
            bytes.replaceSubrange(place..<place + $0.count, with: $0)
        }
    }

    func crc(_ range: Range<Int>) -> UInt32 {
        bytes.withUnsafeBytes { CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    mutating func mendManifest() { put(crc(0..<bytes.count - 4), at: bytes.count - 4) }

    mutating func mendSegmentHeader() { put(crc(19..<19 + 124), at: 19 + 124) }

    /// The checksums of one pair's columns and header. The chain behind it breaks.
    mutating func mendPair(at pair: Int) {
        let columns: UInt32 = Self.integer(bytes, at: pair + 8 + 56)
        let section = pair + Self.prefixBytes
        if section + Int(columns) <= bytes.count {
            put(crc(section..<section + Int(columns)), at: pair + 8 + 60)
        }
        put(crc(pair + 8..<pair + 8 + 76), at: pair + 8 + 76)
    }

    /// Where the trailer of a sealed segment begins.
    var trailer: Int { bytes.count - 128 }

    mutating func mendTrailer() { put(crc(trailer..<trailer + 124), at: trailer + 124) }

    /// The place in the directory of the block with that id.
    func block(_ id: UInt16) -> Int? {
        let number: UInt16 = Self.integer(bytes, at: trailer + 6)
        return (0..<Int(number)).map { trailer - (Int(number) - $0) * 64 }
            .first { Self.integer(bytes, at: $0) as UInt16 == id }
    }

    /// The checksums of a block that is not paged, of the directory and of the trailer.
    mutating func mendBlock(_ id: UInt16) {
        guard let entry = block(id) else { return }
        let position: UInt64 = Self.integer(bytes, at: entry + 8)
        let length: UInt64 = Self.integer(bytes, at: entry + 16)
        let range = Int(position)..<Int(position + length)
        put(crc(range), at: entry + 4)
        bytes.replaceSubrange(entry + 32..<entry + 64, with: SHA256.of(Array(bytes[range])).bytes)
        mendDirectory()
    }

    mutating func mendDirectory() {
        let number: UInt16 = Self.integer(bytes, at: trailer + 6)
        put(crc(trailer - Int(number) * 64..<trailer), at: trailer + 112)
        mendTrailer()
    }
}
