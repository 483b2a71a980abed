import Hashing

/// Writes a footer to its file, block by block, in constant memory. The caller syncs.
struct FooterBuilder: ~Copyable {
    private static let flushBytes = 256 << 10
    /// As in ``SealedWriter``: dirty pages must not pile up in front of the appends' own syncs.
    private static let syncBytes = 4 << 20

    private let file: any LogFile
    /// Where the footer's skippable frame begins.
    private let position: Int
    private var blocks: [FooterBlock] = []
    /// What is not in the file yet, and where it belongs.
    private var out = GrowingBytes(capacity: 2 * flushBytes)
    private var outPosition: Int
    private var sinceSync = 0
    /// Of the block that is being written.
    private var crc = CRC32C()
    private let digest = SHA256()

    init(in file: any LogFile, at position: Int) {
        self.file = file
        self.position = position
        outPosition = position
        out.append(Self.head(size: 0))
    }

    /// The skippable frame's eight bytes and the sixteen that open the footer.
    static func head(size: Int) -> [UInt8] {
        var head = ByteWriter()
        head.put(LogFormat.skippableMagic)
        head.put(UInt32(size))
        head.put(Array("SLft".utf8))
        head.put(LogFormat.version)
        head.put(3 as UInt8)
        head.pad(to: LogFormat.skippableHeaderBytes + SegmentFooter.headBytes)
        return head.bytes
    }

    /// Where the next block will begin in the file.
    var nextPosition: Int { outPosition + out.count }

    mutating func add(_ id: BlockID, _ bytes: UnsafeRawBufferPointer, elements: Int) throws {
        let start = nextPosition
        var place = 0
        while place < bytes.count {
            let end = min(bytes.count, place + Self.flushBytes)
            try append { $0.append(bytes.part(place..<end)) }
            place = end
        }
        record(id, start: start, nil, elements: elements)
    }

    mutating func addPaged(
        _ id: BlockID, _ values: [some FixedWidthInteger], _ coding: PageCoding
    ) throws {
        let start = nextPosition
        // So many values fill whole pages; only the last page may be short.
        let step = coding.valuesPerPage * 16
        for first in stride(from: 0, to: values.count, by: step) {
            let end = min(values.count, first + step)
            try append {
                PagedBlock.append(
                    values[first..<end], coding, endsThere: end == values.count, to: &$0)
            }
        }
        record(id, start: start, coding, elements: values.count)
    }

    /// Appends what `body` appends to the block, and writes when there is enough.
    private mutating func append(_ body: (inout GrowingBytes) -> Void) throws {
        let start = out.count
        body(&out)
        let new = out.bytes.part(start..<out.count)
        crc.update(new)
        digest.update(new)
        if out.count >= Self.flushBytes { try flush() }
    }

    private mutating func flush() throws {
        try file.writeAll(out.bytes, at: outPosition)
        outPosition += out.count
        sinceSync += out.count
        out.removeAll()
        if sinceSync >= Self.syncBytes {
            try file.sync()
            sinceSync = 0
        }
    }

    private mutating func record(
        _ id: BlockID, start: Int, _ coding: PageCoding?, elements: Int
    ) {
        blocks.append(
            FooterBlock(
                id: id.rawValue, paging: coding?.kind.rawValue ?? 0, width: coding?.width ?? 0,
                crc: crc.value,
                position: UInt64(start), length: UInt64(nextPosition - start),
                elements: UInt64(elements), digest: digest.finish().bytes))
        crc = CRC32C()
        digest.restart()
    }

    /// Adds directory and trailer, and writes what is left.
    ///
    /// - Returns: the trailer, and the length that the file has now.
    consuming func finish(
        base: UInt64, count: UInt64, rawBytes: UInt64, merkleRoot: [UInt8], openChainEnd: UInt32
    ) throws -> (trailer: SegmentTrailer, fileLength: Int) {
        let directory = nextPosition
        let start = out.count
        for block in blocks {
            out.append(block.id)
            out.append(block.paging)
            out.append(block.width)
            out.append(block.crc)
            out.append(block.position)
            out.append(block.length)
            out.append(block.elements)
            out.append(block.digest)
        }
        let trailer = SegmentTrailer(
            blockCount: UInt16(blocks.count), directoryPosition: UInt64(directory),
            footerPosition: UInt64(position), base: base, count: count, rawBytes: rawBytes,
            merkleRoot: merkleRoot, columnsHash: SegmentFooter.columnsHash(of: blocks),
            directoryCRC: CRC32C.of(out.bytes.part(start..<out.count)),
            openChainEnd: openChainEnd)
        out.append(trailer.encoded())
        try flush()
        let size = outPosition - position
        precondition(size < Int(UInt32.max), "a footer is under 4 GiB")
        // Only now is it known how long the skippable frame is.
        try Self.head(size: size - LogFormat.skippableHeaderBytes).withUnsafeBytes {
            try file.writeAll($0, at: position)
        }
        return (trailer, outPosition)
    }
}
