import Hashing

/// Makes the bytes of one commit: whole pairs, ready for a single write.
///
/// Owned by the writer's thread; its buffers are reused from commit to commit.
final class CommitBuilder {
    /// What a commit will be once it is durable.
    struct Commit {
        var frames: [(entry: FrameEntry, contents: LiveSegment.Contents)] = []
        var end: UInt64
        var chainEnd: UInt32
        /// The first symbol that the commit introduces.
        var firstNewSymbol: Int
        var rawBytes = 0
    }

    /// Where a commit begins.
    struct Start {
        var position: Int
        var chain: UInt32
        var durableEnd: UInt64
        var incarnation: UInt64
    }

    private struct Pending {
        var header: FrameHeader
        var times: FrameTimes
        var contents: LiveSegment.Contents
        /// Nil once its bytes are in `out`, at `place`.
        var frame: FramePacker.Frame?
        var place = 0
    }

    /// So many frames may be on their way into `out`.
    private static let framesLimit = 5

    private let extractor: UInt16
    private let frameBytes: Int
    private let randomBytes: @Sendable (Int) -> [UInt8]
    private let packer = FramePacker()
    /// The frame that is gathered, and others to be used again.
    private var frame = FramePacker.Frame()
    private var spare: [FramePacker.Frame] = []
    private var columns = ColumnBuilder()
    private var out = GrowingBytes(capacity: 1 << 20)
    private var pending: [Pending] = []
    /// So many of the pending frames are in `out`.
    private var assembled = 0
    private var namesAtFrame = 0
    private var base: UInt64 = 0

    init(_ configuration: LogConfiguration) {
        extractor = configuration.extractor
        frameBytes = configuration.frameBytes
        randomBytes = configuration.randomBytes
    }

    /// The bytes of the commit that was built last.
    var bytes: UnsafeRawBufferPointer { out.bytes }

    /// Builds a commit of `batches`, whose offsets follow on `start.durableEnd`.
    func build(
        _ batches: [QueuedBatch], symbols: inout SymbolTable, from start: Start
    ) -> Commit {
        out.removeAll()
        pending.removeAll(keepingCapacity: true)
        assembled = 0
        let firstNewSymbol = symbols.names.count
        namesAtFrame = firstNewSymbol
        base = start.durableEnd
        for batch in batches {
            precondition(batch.first == base + UInt64(columns.count), "offsets are dense")
            let recorded = RecordLine.timestamp(batch.recorded)
            // By place: a copy of each draft would count references three times.
            for place in batch.drafts.indices {
                let held = frame.lines.count
                if held > 0, held + batch.drafts[place].tail.count + 80 > frameBytes {
                    packer.submit(endFrame(symbols, start))
                    assemble()
                    // The second thread has not got to run: memory stays bounded.
                    if pending.count - assembled > Self.framesLimit {
                        packer.finish()
                        assemble()
                    }
                }
                add(batch.drafts[place], recorded: batch.recorded, text: recorded, &symbols)
            }
        }
        if columns.count > 0 { packer.pack(endFrame(symbols, start)) }
        packer.finish()
        assemble()
        return finish(start, firstNewSymbol: firstNewSymbol)
    }

    private func add(
        _ draft: RecordDraft, recorded: Int64, text: [UInt8], _ symbols: inout SymbolTable
    ) {
        let place = frame.lines.count
        RecordLine.append(
            offset: base + UInt64(columns.count), recorded: text, to: &frame.lines)
        frame.lines.append(draft.tail)
        frame.lines.append(0x0A as UInt8)
        columns.add(
            recorded: recorded, occurred: draft.occurred, kind: draft.kind,
            source: symbols.symbol(draft.source), name: symbols.symbol(draft.name),
            length: frame.lines.count - place, keys: draft.keys)
    }

    /// Ends the gathered frame but for its data, which the packer adds.
    private func endFrame(_ symbols: SymbolTable, _ start: Start) -> FramePacker.Frame {
        let ended = frame
        ended.pair.appendZeros(FrameHeader.prefixBytes)
        columns.appendOpenSection(
            salts: randomBytes(columns.count * 16),
            introducing: symbols.introduction(from: namesAtFrame), to: &ended.pair)
        let section = ended.pair.bytes.part(FrameHeader.prefixBytes..<ended.pair.count)
        let header = FrameHeader(
            extractor: extractor, incarnation: start.incarnation, base: base,
            durableEnd: start.durableEnd, commitBytes: 0, count: UInt32(columns.count),
            rawLength: UInt32(ended.lines.count), dataLength: 0, dataCRC: 0,
            columnsLength: UInt32(section.count), columnsCRC: CRC32C.of(section), previousCRC: 0)
        pending.append(
            Pending(
                header: header, times: columns.times,
                contents: .known(keys: columns.keys, names: columns.distinctNames), frame: ended))
        base += UInt64(columns.count)
        namesAtFrame = symbols.names.count
        columns.removeAll()
        frame = spare.popLast() ?? FramePacker.Frame()
        return ended
    }

    /// Puts the frames that are packed behind each other, as far as none is missing.
    private func assemble() {
        while assembled < pending.count, let packed = pending[assembled].frame,
            packer.isPacked(packed)
        {
            pending[assembled].place = out.count
            pending[assembled].header.dataLength = UInt32(packed.dataLength)
            pending[assembled].header.dataCRC = packed.dataCRC
            pending[assembled].frame = nil
            out.append(packed.pair.bytes)
            packed.removeAll()
            spare.append(packed)
            assembled += 1
        }
    }

    /// Only now is the commit's length known, which every header names: write headers and chain.
    private func finish(_ start: Start, firstNewSymbol: Int) -> Commit {
        var commit = Commit(
            end: base, chainEnd: start.chain, firstNewSymbol: firstNewSymbol)
        for var frame in pending {
            frame.header.commitBytes = UInt64(out.count - frame.place)
            frame.header.previousCRC = commit.chainEnd
            let (bytes, crc) = frame.header.encoded()
            out.store(bytes, at: frame.place)
            commit.chainEnd = crc
            commit.rawBytes += Int(frame.header.rawLength)
            let entry = FrameEntry(
                header: frame.header, headerCRC: crc,
                position: UInt64(start.position + frame.place), times: frame.times)
            commit.frames.append((entry, frame.contents))
        }
        return commit
    }
}
