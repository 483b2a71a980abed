import Hashing

@testable import EventLog

/// Makes checksums right after a mutation, from the inside out: a checksum that covers another one is
/// computed after it. What cannot be located is left as it is.
enum Checksums {
    // MARK: - Integers

    static func integer<T: FixedWidthInteger>(_ type: T.Type, _ bytes: [UInt8], _ place: Int) -> T?
    {
        guard place >= 0, place <= bytes.count - MemoryLayout<T>.size else { return nil }
        return bytes.withUnsafeBytes { $0.integer(T.self, at: place) }
    }

    static func put<T: FixedWidthInteger>(_ value: T, _ bytes: inout [UInt8], _ place: Int) {
        guard place >= 0, place <= bytes.count - MemoryLayout<T>.size else { return }
        withUnsafeBytes(of: value.littleEndian) {
            bytes.replaceSubrange(place..<place + $0.count, with: $0)
        }
    }

    static func put(_ value: [UInt8], _ bytes: inout [UInt8], _ place: Int) {
        guard place >= 0, place <= bytes.count - value.count else { return }
        bytes.replaceSubrange(place..<place + value.count, with: value)
    }

    static func crc(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        bytes.withUnsafeBytes { CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    // MARK: - Single structures

    static func segmentHeader(_ bytes: inout [UInt8]) {
        let payload = LogFormat.emptyFrame.count + LogFormat.skippableHeaderBytes
        guard bytes.count >= LogFormat.firstPairPosition else { return }
        put(crc(bytes, payload..<payload + 124), &bytes, payload + 124)
    }

    /// The header checksum byte of the LZ4 frame that begins at `start`.
    static func lz4(_ bytes: inout [UInt8], at start: Int) {
        guard bytes.count >= start + 15 else { return }
        let sum = bytes.withUnsafeBytes { XXH32.of($0.part(start + 4..<start + 14)) }
        bytes[start + 14] = UInt8(truncatingIfNeeded: sum >> 8)
    }

    static func frameHeader(_ bytes: inout [UInt8], at pair: Int) {
        let payload = pair + LogFormat.skippableHeaderBytes
        guard bytes.count >= payload + FrameHeader.encodedBytes else { return }
        put(crc(bytes, payload..<payload + 76), &bytes, payload + 76)
    }

    static func manifest(_ bytes: inout [UInt8]) {
        guard bytes.count >= 4 else { return }
        put(crc(bytes, 0..<bytes.count - 4), &bytes, bytes.count - 4)
    }

    // MARK: - Segments

    /// The pairs of a segment, one after another, with their chain. Returns where the last one ends.
    @discardableResult
    static func pairs(_ bytes: inout [UInt8], _ random: inout Random) -> Int {
        segmentHeader(&bytes)
        var position = LogFormat.firstPairPosition
        guard bytes.count >= position else { return 0 }
        var chain = integer(UInt32.self, bytes, position - 4) ?? 0
        // Now and then something stays wrong.
        let mends = (
            size: random.below(16) > 0, chain: random.below(16) > 0, body: random.below(16) > 0,
            commit: random.below(16) > 0
        )
        while let magic = integer(UInt32.self, bytes, position), magic == LogFormat.skippableMagic,
            bytes.count - position >= FrameHeader.prefixBytes,
            bytes[position + 8..<position + 12].elementsEqual(FrameHeader.magic)
        {
            let payload = position + LogFormat.skippableHeaderBytes
            let columns = Int(integer(UInt32.self, bytes, payload + 56) ?? 0)
            let data = Int(integer(UInt32.self, bytes, payload + 48) ?? 0)
            if mends.size {
                put(
                    UInt32(truncatingIfNeeded: columns + FrameHeader.encodedBytes), &bytes,
                    position + 4)
            }
            let section = position + FrameHeader.prefixBytes
            let end = section + columns + data
            if end <= bytes.count, mends.body {
                lz4(&bytes, at: section + columns)
                put(crc(bytes, section..<section + columns), &bytes, payload + 60)
                put(crc(bytes, section + columns..<end), &bytes, payload + 52)
            }
            if mends.chain { put(chain, &bytes, payload + 64) }
            if mends.commit, let commit = integer(UInt64.self, bytes, payload + 32),
                commit < UInt64(end - position)
            {
                put(UInt64(end - position), &bytes, payload + 32)
            }
            frameHeader(&bytes, at: position)
            chain = integer(UInt32.self, bytes, payload + 76) ?? 0
            guard end <= bytes.count else { break }
            position = end
        }
        return position
    }

    /// Pages, blocks, frame table, directory and trailer of a sealed segment, after its pairs.
    static func footer(_ bytes: inout [UInt8], _ random: inout Random) {
        let pairsEnd = pairs(&bytes, &random)
        let trailer = bytes.count - SegmentTrailer.encodedBytes
        guard trailer >= 0, let number = integer(UInt16.self, bytes, trailer + 6) else { return }
        let directory = trailer - Int(number) * FooterBlock.encodedBytes
        if directory >= 0, random.below(16) > 0 {
            put(UInt64(directory), &bytes, trailer + 8)
            var digests: [UInt16: [UInt8]] = [:]
            for index in 0..<Int(number) {
                block(
                    &bytes, at: directory + index * FooterBlock.encodedBytes, into: &digests,
                    &random)
            }
            let covered: [UInt16] = [1, 3, 4]
            put(
                SHA256.of(covered.flatMap { digests[$0] ?? [] }).bytes, &bytes, trailer + 80)
            put(crc(bytes, directory..<trailer), &bytes, trailer + 112)
        }
        if random.below(16) > 0, let position = integer(UInt64.self, bytes, trailer + 16),
            position == UInt64(pairsEnd)
        {
            // The footer's own skippable frame.
            put(UInt32(truncatingIfNeeded: bytes.count - pairsEnd - 8), &bytes, pairsEnd + 4)
        }
        put(crc(bytes, trailer..<trailer + 124), &bytes, trailer + 124)
    }

    // A block's length may have been mutated: those behind it follow on.
    private static func block(
        _ bytes: inout [UInt8], at entry: Int, into digests: inout [UInt16: [UInt8]],
        _ random: inout Random
    ) {
        guard let id = integer(UInt16.self, bytes, entry),
            let position = integer(UInt64.self, bytes, entry + 8),
            let length = integer(UInt64.self, bytes, entry + 16),
            position <= UInt64(bytes.count), length <= UInt64(bytes.count) - position
        else { return }
        let range = Int(position)..<Int(position + length)
        pages(&bytes, range, kind: bytes[entry + 2], width: bytes[entry + 3])
        if id == BlockID.frameTable.rawValue { frameTable(&bytes, range, &random) }
        put(crc(bytes, range), &bytes, entry + 4)
        let digest = SHA256.of(Array(bytes[range])).bytes
        put(digest, &bytes, entry + 32)
        digests[id] = digest
    }

    /// Elements of `kind` and `width` as a directory has them.
    static func pages(_ bytes: inout [UInt8], _ range: Range<Int>, kind: UInt8, width: UInt8) {
        guard let coding = Target.decoded({ try PageCoding(kind: kind, width: width) }) else {
            return
        }
        for start in stride(from: range.lowerBound, to: range.upperBound, by: PagedBlock.pageBytes)
        {
            let end = min(start + PagedBlock.pageBytes, range.upperBound)
            guard end - start >= 8, let number = integer(UInt32.self, bytes, end - 4), number > 0,
                Int(number) <= coding.valuesPerPage, coding.bytes(Int(number)) <= end - start - 8
            else { continue }
            put(crc(bytes, start..<start + coding.bytes(Int(number))), &bytes, end - 8)
        }
    }

    /// Sections and headers as they stand in the file now.
    private static func frameTable(
        _ bytes: inout [UInt8], _ range: Range<Int>, _ random: inout Random
    ) {
        guard random.below(16) > 0 else { return }
        for start in stride(
            from: range.lowerBound, to: range.upperBound, by: FrameEntry.encodedBytes)
        where range.upperBound - start >= FrameEntry.encodedBytes {
            if let position = integer(UInt64.self, bytes, start + 16),
                let length = integer(UInt32.self, bytes, start + 40),
                position <= UInt64(bytes.count), UInt64(length) <= UInt64(bytes.count) - position
            {
                let section = Int(position)..<Int(position) + Int(length)
                put(crc(bytes, section), &bytes, start + 44)
            }
            guard let pair = integer(UInt64.self, bytes, start + 8), pair < UInt64(bytes.count)
            else { continue }
            let payload = Int(pair) + LogFormat.skippableHeaderBytes
            // Data CRC and header CRC; the other fields are for mutation to make differ.
            if let crc = integer(UInt32.self, bytes, payload + 52) { put(crc, &bytes, start + 36) }
            if let crc = integer(UInt32.self, bytes, payload + 76) { put(crc, &bytes, start + 52) }
        }
    }
}
