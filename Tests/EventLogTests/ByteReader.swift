import EventLog
import Hashing
import Testing

/// Reads a log's files by `Format/LogFormat.swift` alone, without a line of the log's own readers, so that the
/// document and the bytes are held against each other.
struct ByteReader {
    let name: String
    let bytes: [UInt8]

    static func check(_ storage: MemoryStorage) throws {
        let manifest = ByteReader(
            name: "manifest", bytes: try #require(storage.contents("manifest")))
        for (entry, file) in try manifest.manifest() {
            let reader = ByteReader(
                name: file, bytes: try #require(storage.contents(file), "\(file)"))
            let state = manifest.bytes[entry + 12]
            let end = try reader.frames(base: manifest.integer(entry), isSealed: state == 3)
            guard state != 1 else { continue }
            let count: UInt64 = manifest.integer(entry + 16)
            #expect(end.offset == manifest.integer(entry) + count, "\(file)")
            #expect(UInt64(reader.bytes.count) == manifest.integer(entry + 24), "\(file)")
            if state == 2 { #expect(end.chain == manifest.integer(entry + 120), "\(file)") }
            guard state == 3 else { continue }
            try reader.footer(at: end.position)
            let trailer = reader.bytes.count - 128
            #expect(
                reader.bytes[trailer + 48..<trailer + 112]
                    == manifest.bytes[entry + 32..<entry + 96], "\(file)")
            #expect(reader.integer(trailer + 32) as UInt64 == count, "\(file)")
        }
    }

    func integer<T: FixedWidthInteger>(_ place: Int) -> T { Forge.integer(bytes, at: place) }
    func crc(_ range: Range<Int>) -> UInt32 { Forge(bytes).crc(range) }

    func text(_ place: Int, _ expected: String) {
        #expect(bytes[place..<place + expected.utf8.count].elementsEqual(expected.utf8), "\(name)")
    }

    /// The entries' places and the files that they name.
    private func manifest() throws -> [(place: Int, file: String)] {
        text(0, "SLUICEmf")
        #expect(integer(8) as UInt32 == 1 && integer(12) as UInt32 == UInt32(bytes.count))
        let number: UInt32 = integer(64)
        try #require(bytes.count == 72 + Int(number) * 128 + 4)
        #expect(integer(bytes.count - 4) == crc(0..<bytes.count - 4))
        return (0..<Int(number)).map { index in
            let place = 72 + index * 128
            let base = Self.digits(integer(place) as UInt64, 20)
            let edition = Self.digits(UInt64(integer(place + 8) as UInt32), 4)
            let isSealed = bytes[place + 12] == 3
            return (place, isSealed ? "\(base)-\(edition).lz4" : "\(base).open.lz4")
        }
    }

    private static func digits(_ value: UInt64, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }

    /// The segment header and every pair. Returns where they end, at which offset, and with which chain.
    private func frames(
        base: UInt64, isSealed: Bool
    ) throws -> (position: Int, offset: UInt64, chain: UInt32) {
        #expect(integer(11) as UInt32 == 0x184D_2A5C && integer(15) as UInt32 == 128, "\(name)")
        text(19, "SLsg")
        #expect(bytes[23] == 1 && bytes[24] == 1 && integer(25) as UInt16 == (isSealed ? 1 : 0))
        #expect(integer(19 + 32) == base && integer(19 + 124) == crc(19..<19 + 124), "\(name)")
        let incarnation: UInt64 = integer(19 + 24)
        var chain: UInt32 = integer(19 + 124)
        var offset = base
        var position = Forge.firstPair
        for pair in Forge.pairs(of: bytes) {
            #expect(pair == position, "\(name)")
            let header = pair + 8
            let dataLength: UInt32 = integer(header + 48)
            let columnsLength: UInt32 = integer(header + 56)
            let data = header + 80 + Int(columnsLength)
            position = data + Int(dataLength)
            #expect(integer(pair) as UInt32 == 0x184D_2A5C)
            #expect(integer(pair + 4) as UInt32 == 80 + columnsLength)
            #expect(bytes[header + 4] == 1 && bytes[header + 5] == 2)
            #expect(integer(header + 6) as UInt16 == 7)
            #expect(integer(header + 8) == incarnation && integer(header + 16) == offset)
            #expect(integer(header + 52) == crc(data..<position), "\(name) at \(pair)")
            #expect(integer(header + 60) == crc(header + 80..<data), "\(name) at \(pair)")
            #expect(integer(header + 64) == chain, "\(name) at \(pair)")
            #expect(integer(header + 68) as UInt16 == (isSealed ? 1 : 0))
            chain = integer(header + 76)
            #expect(chain == crc(header..<header + 76), "\(name) at \(pair)")
            // The LZ4 frame's magic, flags and content size.
            #expect(integer(data) as UInt32 == 0x184D_2204 && bytes[data + 4] == 0x68)
            #expect(integer(data + 6) == UInt64(integer(header + 44) as UInt32))
            offset += UInt64(integer(header + 40) as UInt32)
            columns(at: header + 80, length: Int(columnsLength), isSealed: isSealed)
        }
        return (position, offset, chain)
    }

    private func columns(at place: Int, length: Int, isSealed: Bool) {
        let number = Int(integer(place) as UInt32)
        let ids = (0..<number).map { bytes[place + 4 + $0 * 10] }
        let expected: [UInt8] = isSealed ? [9] : [1, 2, 3, 4, 5, 6, 7, 8, 9]
        #expect(ids == expected || ids == expected + [10], "\(name) at \(place)")
        #expect(length >= 4 + number * 10)
    }

    private func footer(at position: Int) throws {
        #expect(integer(position) as UInt32 == 0x184D_2A5C)
        #expect(Int(integer(position + 4) as UInt32) == bytes.count - position - 8)
        text(position + 8, "SLft")
        let trailer = bytes.count - 128
        text(trailer, "SLtr")
        #expect(integer(trailer + 124) == crc(trailer..<trailer + 124), "\(name)")
        let number = Int(integer(trailer + 6) as UInt16)
        let directory = trailer - number * 64
        #expect(integer(trailer + 8) as UInt64 == UInt64(directory))
        #expect(integer(trailer + 16) as UInt64 == UInt64(position))
        #expect(integer(trailer + 112) == crc(directory..<trailer), "\(name)")
        var next = position + 24
        var covered: [UInt8] = []
        for entry in stride(from: directory, to: trailer, by: 64) {
            let id: UInt16 = integer(entry)
            let start = Int(integer(entry + 8) as UInt64)
            let end = start + Int(integer(entry + 16) as UInt64)
            #expect(start == next && end <= directory, "\(name): block \(id)")
            next = end
            let digest = SHA256.of(Array(bytes[start..<end])).bytes
            #expect(integer(entry + 4) == crc(start..<end), "\(name): block \(id)")
            #expect(bytes[entry + 32..<entry + 64].elementsEqual(digest), "\(name): block \(id)")
            if [1, 3, 4].contains(id) { covered += digest }
            let kind = bytes[entry + 2]
            #expect((kind > 0) == (id >= 4))
            if kind > 0 {
                pages(start..<end, kind, width: Int(bytes[entry + 3]), integer(entry + 24))
            }
        }
        #expect(next == directory, "\(name)")
        #expect(bytes[trailer + 80..<trailer + 112].elementsEqual(SHA256.of(covered).bytes))
    }

    /// What elements are in each page: as `kind` 1 in bytes, 2 in bits, 3 a first one and differences in bits.
    private func pages(_ block: Range<Int>, _ kind: UInt8, width: Int, _ elements: UInt64) {
        let bits = kind == 1 ? width * 8 : width
        let fixed = kind == 3 ? 1 : 0
        let perPage = fixed + (4088 - fixed * 8) * 8 / bits
        var left = Int(elements)
        for start in stride(from: block.lowerBound, to: block.upperBound, by: 4096) {
            let end = min(start + 4096, block.upperBound)
            let number = min(left, perPage)
            let length = fixed * 8 + ((number - fixed) * bits + 7) / 8
            #expect(integer(end - 4) as UInt32 == UInt32(number), "\(name) at \(start)")
            #expect(integer(end - 8) == crc(start..<start + length), "\(name) at \(start)")
            left -= number
        }
        #expect(left == 0, "\(name) at \(block.lowerBound)")
    }
}
