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

    static func decode(_ bytes: UnsafeRawBufferPointer) throws(FormatProblem) -> SegmentTrailer {
        guard bytes.count == encodedBytes, bytes.part(0..<4).elementsEqual(magic),
            CRC32C.of(bytes.part(0..<124)) == bytes.integer(UInt32.self, at: 124)
        else { throw FormatProblem("the trailer's checksum is wrong") }
        guard bytes[4] == LogFormat.version, bytes[5] == 4 else {
            throw FormatProblem("the trailer has version \(bytes[4])")
        }
        return SegmentTrailer(
            blockCount: bytes.integer(UInt16.self, at: 6),
            directoryPosition: bytes.integer(UInt64.self, at: 8),
            footerPosition: bytes.integer(UInt64.self, at: 16),
            base: bytes.integer(UInt64.self, at: 24), count: bytes.integer(UInt64.self, at: 32),
            rawBytes: bytes.integer(UInt64.self, at: 40), merkleRoot: bytes.part(48..<80).array,
            columnsHash: bytes.part(80..<112).array,
            directoryCRC: bytes.integer(UInt32.self, at: 112),
            openChainEnd: bytes.integer(UInt32.self, at: 116))
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
            .withUnsafeBytes { try SegmentTrailer.decode($0) }
        let length = Int(trailer.blockCount) * FooterBlock.encodedBytes
        guard trailer.directoryPosition == UInt64(end - length), end >= length else {
            throw FormatProblem("the footer's directory is out of place")
        }
        let directory = try file.bytes(at: end - length, count: length)
        let blocks = try directory.withUnsafeBytes { bytes in
            guard CRC32C.of(bytes) == trailer.directoryCRC else {
                throw FormatProblem("the footer's directory has a wrong checksum")
            }
            return try (0..<Int(trailer.blockCount)).map { number in
                let start = number * FooterBlock.encodedBytes
                return try block(
                    bytes.part(start..<start + FooterBlock.encodedBytes), before: end - length)
            }
        }
        return SegmentFooter(blocks: blocks, trailer: trailer)
    }

    private static func block(
        _ bytes: UnsafeRawBufferPointer, before end: Int
    ) throws(FormatProblem) -> FooterBlock {
        let block = FooterBlock(
            id: bytes.integer(UInt16.self, at: 0), paging: bytes[2], width: bytes[3],
            crc: bytes.integer(UInt32.self, at: 4), position: bytes.integer(UInt64.self, at: 8),
            length: bytes.integer(UInt64.self, at: 16),
            elements: bytes.integer(UInt64.self, at: 24), digest: bytes.part(32..<64).array)
        guard block.position <= UInt64(end), block.length <= UInt64(end) - block.position,
            block.elements / 8 <= block.length
        else { throw FormatProblem("footer block \(block.id) is out of range") }
        return block
    }
}
