import Hashing

/// The blocks of a sealed segment's footer.
enum BlockID: UInt16, CaseIterable {
    case columns = 1
    case frameTable, dictionary, keyHashes, keyFrames, keyFrameLists, nameFrames, nameFrameLists
}

/// One entry of the footer's directory.
struct FooterBlock: Equatable, Sendable {
    static let encodedBytes = 64

    var id: UInt16
    /// 0: not in pages, else the ``PageCoding``'s kind.
    var paging: UInt8
    var width: UInt8
    var crc: UInt32
    /// In the file.
    var position: UInt64
    var length: UInt64
    var elements: UInt64
    var digest: [UInt8]
}

/// The fixed end of a sealed segment; the layout stands in ``LogFormat``.
struct SegmentTrailer: Equatable, Sendable {
    static let encodedBytes = 128
    private static let magic = Array("SLtr".utf8)

    var blockCount: UInt16
    var directoryPosition: UInt64
    var footerPosition: UInt64
    var base: UInt64
    var count: UInt64
    var rawBytes: UInt64
    var merkleRoot: [UInt8]
    var columnsHash: [UInt8]
    var directoryCRC: UInt32
    var openChainEnd: UInt32

    func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(Self.magic)
        out.put(LogFormat.version)
        out.put(4 as UInt8)
        out.put(blockCount)
        out.put(directoryPosition)
        out.put(footerPosition)
        out.put(base)
        out.put(count)
        out.put(rawBytes)
        out.put(merkleRoot)
        out.put(columnsHash)
        out.put(directoryCRC)
        out.put(openChainEnd)
        out.pad(to: 124)
        out.put(out.bytes.withUnsafeBytes { CRC32C.of($0) })
        return out.bytes
    }

    /// Decodes the trailer that stands at `position` of its file.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, at position: Int
    ) throws(FormatProblem) -> SegmentTrailer {
        guard bytes.count == encodedBytes, bytes.part(0..<4).elementsEqual(magic),
            CRC32C.of(bytes.part(0..<124)) == bytes.integer(UInt32.self, at: 124)
        else { throw FormatProblem("the trailer's checksum is wrong", at: UInt64(position)) }
        guard bytes[4] == LogFormat.version, bytes[5] == 4 else {
            throw FormatProblem("the trailer has version \(bytes[4])", at: UInt64(position))
        }
        let trailer = SegmentTrailer(
            blockCount: bytes.integer(UInt16.self, at: 6),
            directoryPosition: bytes.integer(UInt64.self, at: 8),
            footerPosition: bytes.integer(UInt64.self, at: 16),
            base: bytes.integer(UInt64.self, at: 24), count: bytes.integer(UInt64.self, at: 32),
            rawBytes: bytes.integer(UInt64.self, at: 40), merkleRoot: bytes.part(48..<80).array,
            columnsHash: bytes.part(80..<112).array,
            directoryCRC: bytes.integer(UInt32.self, at: 112),
            openChainEnd: bytes.integer(UInt32.self, at: 116))
        guard trailer.base < LogFormat.offsetLimit,
            trailer.count < LogFormat.offsetLimit - trailer.base
        else { throw FormatProblem("the trailer's offsets are out of range", at: UInt64(position)) }
        return trailer
    }
}

/// A whole footer: where its blocks stand, and the trailer.
struct SegmentFooter: Sendable {
    static let headBytes = 16

    var blocks: [FooterBlock]
    var trailer: SegmentTrailer

    func block(_ id: BlockID) throws(FormatProblem) -> FooterBlock {
        guard let block = blocks.first(where: { $0.id == id.rawValue }) else {
            throw FormatProblem("the footer has no block \(id.rawValue)")
        }
        return block
    }

    /// SHA-256 over the digests of what the columns are made of (L8).
    static func columnsHash(of blocks: [FooterBlock]) -> [UInt8] {
        let covered: [BlockID] = [.columns, .dictionary, .keyHashes]
        return SHA256.of(
            covered.flatMap { id in blocks.first { $0.id == id.rawValue }?.digest ?? [] }
        ).bytes
    }

    /// Reads trailer and directory from the end of `file`.
    static func read(from file: any LogFile) throws -> SegmentFooter {
        let size = try file.size()
        guard size >= LogFormat.firstPairPosition + SegmentTrailer.encodedBytes else {
            throw FormatProblem("the file is too short to be sealed")
        }
        let end = size - SegmentTrailer.encodedBytes
        let trailer = try file.bytes(at: end, count: SegmentTrailer.encodedBytes)
            .withUnsafeBytes { try SegmentTrailer.decode($0, at: end) }
        let length = Int(trailer.blockCount) * FooterBlock.encodedBytes
        guard end >= length, trailer.directoryPosition == UInt64(end - length),
            trailer.footerPosition <= trailer.directoryPosition
        else { throw FormatProblem("the footer's directory is out of place", at: UInt64(end)) }
        let directory = try file.bytes(at: end - length, count: length)
        let blocks = try directory.withUnsafeBytes { bytes in
            guard CRC32C.of(bytes) == trailer.directoryCRC else {
                throw FormatProblem(
                    "the footer's directory has a wrong checksum", at: UInt64(end - length))
            }
            return try Self.blocks(bytes, of: trailer)
        }
        return SegmentFooter(blocks: blocks, trailer: trailer)
    }

    /// The directory's entries. Blocks fill the room between the footer's head and the directory, one after
    /// another: so nothing is read twice, and no byte is nobody's.
    private static func blocks(
        _ directory: UnsafeRawBufferPointer, of trailer: SegmentTrailer
    ) throws(FormatProblem) -> [FooterBlock] {
        let end = trailer.directoryPosition
        var blocks: [FooterBlock] = []
        var expected =
            trailer.footerPosition + UInt64(LogFormat.skippableHeaderBytes + headBytes)
        for start in stride(from: 0, to: directory.count, by: FooterBlock.encodedBytes) {
            let block = block(directory.part(start..<start + FooterBlock.encodedBytes))
            guard block.position == expected, expected <= end, block.length <= end - expected,
                block.elements / 8 <= block.length
            else {
                throw FormatProblem(
                    "footer block \(block.id) is out of range", at: end + UInt64(start))
            }
            expected += block.length
            blocks.append(block)
        }
        guard expected == end else {
            throw FormatProblem("the footer's blocks do not fill it", at: end)
        }
        return blocks
    }

    private static func block(_ bytes: UnsafeRawBufferPointer) -> FooterBlock {
        FooterBlock(
            id: bytes.integer(UInt16.self, at: 0), paging: bytes[2], width: bytes[3],
            crc: bytes.integer(UInt32.self, at: 4), position: bytes.integer(UInt64.self, at: 8),
            length: bytes.integer(UInt64.self, at: 16),
            elements: bytes.integer(UInt64.self, at: 24), digest: bytes.part(32..<64).array)
    }
}
