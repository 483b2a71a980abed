import Hashing
import Synchronization

/// An open sealed segment: its footer's directory and frame table. Immutable and shared by readers.
final class SealedSegment: Sendable {
    let entry: Manifest.Entry
    let file: any LogFile
    let footer: SegmentFooter
    let frames: [FrameEntry]
    private let loadedNames = Mutex<SegmentNames?>(nil)

    /// Opens the file and reads what every question needs.
    init(_ entry: Manifest.Entry, in storage: any LogStorage) throws(LogError) {
        self.entry = entry
        let name = entry.fileName
        (file, footer, frames) = try Self.guarding(name, entry) {
            let file = try storage.open(name, for: .reading)
            let footer = try SegmentFooter.read(from: file)
            guard footer.trailer.base == entry.base, footer.trailer.count == entry.count,
                footer.trailer.merkleRoot == entry.merkleRoot,
                footer.trailer.columnsHash == entry.columnsHash,
                footer.trailer.openChainEnd == entry.chainEnd
            else {
                throw FormatProblem(
                    "the trailer is not the one that the manifest names",
                    at: footer.trailer.directoryPosition)
            }
            let table = try footer.block(.frameTable)
            let frames = try Self.placing(at: table.position) {
                try Self.frameTable(table, of: footer.trailer, in: file)
            }
            return (file, footer, frames)
        }
    }

    /// The names behind the segment's symbols; read once.
    func names() throws(LogError) -> SegmentNames {
        if let names = loadedNames.withLock({ $0 }) { return names }
        let list = try guarding {
            let block = try footer.block(.dictionary)
            let bytes = try Self.whole(block, of: file)
            return try Self.placing(at: block.position) {
                try bytes.withUnsafeBytes { try SymbolTable.list(dictionary: $0) }
            }
        }
        let names = SegmentNames()
        names.set(list, from: 0)
        return loadedNames.withLock { loaded in
            if let loaded { return loaded }
            loaded = names
            return names
        }
    }

    /// The frames that hold the key hash at a place, ascending: one or two page reads.
    func frames(ofKeyAt place: Int) throws(LogError) -> [Int] {
        try guarding { try listed(at: place, .keyFrames, .keyFrameLists) }
    }

    /// The frames that may hold a record of that name, ascending; nil: any. A record whose name has no
    /// symbol may be it.
    func frames(ofName name: String) throws(LogError) -> [Int]? {
        guard footer.blocks.contains(where: { $0.id == BlockID.nameFrames.rawValue }) else {
            return nil
        }
        let names = try names()
        return try guarding {
            let unnamed = try listed(at: names.count, .nameFrames, .nameFrameLists)
            guard let symbol = names.symbol(of: name) else { return unnamed }
            let named = try listed(at: Int(symbol), .nameFrames, .nameFrameLists)
            return unnamed.isEmpty ? named : Set(named + unnamed).sorted()
        }
    }

    /// The frames behind place `place` of a block of ``FrameLists``.
    private func listed(at place: Int, _ values: BlockID, _ lists: BlockID) throws -> [Int] {
        guard let value = try paged(values).values(from: place, count: 1).first else {
            throw FormatProblem("block \(values.rawValue) is too short")
        }
        guard value >= UInt64(frames.count) else { return [Int(value)] }
        let lists = try paged(lists)
        guard value - UInt64(frames.count) < UInt64(lists.count) else {
            throw FormatProblem("a list of frames is out of range")
        }
        let start = Int(value - UInt64(frames.count))
        guard let number = try lists.values(from: start, count: 1).first,
            number <= UInt64(lists.count - start - 1)
        else { throw FormatProblem("a list of frames is out of range") }
        let found = try lists.values(from: start + 1, count: Int(number))
        guard found.count == Int(number), found.allSatisfy({ $0 < UInt64(frames.count) })
        else { throw FormatProblem("a list of frames is out of range") }
        return found.map(Int.init)
    }

    /// The place of a key hash among the segment's, by which its frames refer to it.
    func place(of hash: UInt64) throws(LogError) -> Int64? {
        try guarding { try paged(.keyHashes).place(of: hash).map(Int64.init) }
    }

    /// All distinct key hashes, ascending.
    func keyHashes() throws(LogError) -> [UInt64] { try guarding { try paged(.keyHashes).all() } }

    func paged(_ id: BlockID) throws(FormatProblem) -> PagedBlock {
        let block = try footer.block(id)
        return try PagedBlock(
            file: file, position: block.position, length: block.length,
            coding: try PageCoding(kind: block.paging, width: block.width),
            count: Int(block.elements))
    }

    /// A block's bytes, checked.
    static func whole(_ block: FooterBlock, of file: any LogFile) throws -> [UInt8] {
        let bytes = try file.bytes(at: Int(block.position), count: Int(block.length))
        guard bytes.withUnsafeBytes({ CRC32C.of($0) }) == block.crc else {
            throw FormatProblem(
                "footer block \(block.id) has a wrong checksum", at: block.position)
        }
        return bytes
    }

    private static func frameTable(
        _ block: FooterBlock, of trailer: SegmentTrailer, in file: any LogFile
    ) throws -> [FrameEntry] {
        let bytes = try whole(block, of: file)
        guard bytes.count == Int(block.elements) * FrameEntry.encodedBytes else {
            throw FormatProblem("the frame table's length does not fit its frames")
        }
        var expected = trailer.base
        var frames: [FrameEntry] = []
        frames.reserveCapacity(Int(block.elements))
        try bytes.withUnsafeBytes { bytes in
            for number in 0..<Int(block.elements) {
                let start = number * FrameEntry.encodedBytes
                let frame = try FrameEntry(
                    decoding: bytes.part(start..<start + FrameEntry.encodedBytes))
                guard frame.base == expected else {
                    throw FormatProblem("the frame table has a gap at offset \(expected)")
                }
                guard frame.dataPosition + UInt64(frame.dataLength) <= trailer.footerPosition,
                    frame.columnsPosition + UInt64(frame.columnsLength) <= trailer.directoryPosition
                else {
                    throw FormatProblem("the frame at offset \(expected) passes its file's end")
                }
                expected = frame.end
                frames.append(frame)
            }
        }
        guard expected == trailer.base + trailer.count else {
            throw FormatProblem("the frame table does not end where the segment does")
        }
        return frames
    }

    /// Gives a problem that does not know its place the one where it was met.
    private static func placing<R>(at position: UInt64, _ body: () throws -> R) throws -> R {
        do { return try body() } catch let problem as FormatProblem {
            throw FormatProblem(problem.reason, at: problem.position ?? position)
        }
    }

    func guarding<R>(_ body: () throws -> R) throws(LogError) -> R {
        try Self.guarding(entry.fileName, entry, body)
    }

    /// Turns what goes wrong inside a sealed file into damage of that file.
    private static func guarding<R>(
        _ name: String, _ entry: Manifest.Entry, _ body: () throws -> R
    ) throws(LogError) -> R {
        do { return try body() } catch let error as StorageError
            where error.code != 0 && !error.isAbsent
        {
            throw LogError.storage(error)
        } catch {
            throw LogError.damaged(
                Damage(
                    file: name, position: (error as? FormatProblem)?.position ?? 0,
                    offsets: entry.base..<entry.base + entry.count,
                    reason: (error as? FormatProblem)?.reason ?? "\(error)"))
        }
    }
}
