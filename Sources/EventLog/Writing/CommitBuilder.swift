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
        var place: Int
        var times: FrameTimes
        var contents: LiveSegment.Contents
    }

    private let extractor: UInt16
    private let frameBytes: Int
    private let randomBytes: @Sendable (Int) -> [UInt8]
    private let lz4 = LZ4State()
    private var lines = GrowingBytes(capacity: 512 << 10)
    private var columns = ColumnBuilder()
    private var out = GrowingBytes(capacity: 1 << 20)
    private var pending: [Pending] = []
    /// Of the batch that is being added, by the places of its texts.
    private var symbolOfText: [UInt16?] = []
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
        let firstNewSymbol = symbols.names.count
        namesAtFrame = firstNewSymbol
        base = start.durableEnd
        for batch in batches {
            precondition(batch.first == base + UInt64(columns.count), "offsets are dense")
            let recorded = RecordLine.timestamp(batch.recorded)
            symbolOfText.removeAll(keepingCapacity: true)
            symbolOfText.append(
                contentsOf: repeatElement(nil, count: batch.drafts.texts.count))
            batch.drafts.tails.withUnsafeBytes { tails in
                for record in 0..<batch.drafts.count {
                    let tail = tails.part(batch.drafts.tailRange(record))
                    if lines.count > 0, lines.count + tail.count + 80 > frameBytes {
                        endFrame(symbols, start)
                    }
                    add(
                        record, of: batch.drafts, tail, recorded: batch.recorded, text: recorded,
                        &symbols)
                }
            }
        }
        endFrame(symbols, start)
        return finish(start, firstNewSymbol: firstNewSymbol)
    }

    private func add(
        _ record: Int, of drafts: DraftBatch, _ tail: UnsafeRawBufferPointer, recorded: Int64,
        text: [UInt8], _ symbols: inout SymbolTable
    ) {
        let row = drafts[record]
        let place = lines.count
        RecordLine.append(offset: base + UInt64(columns.count), recorded: text, to: &lines)
        lines.append(tail)
        lines.append(0x0A as UInt8)
        columns.add(
            recorded: recorded, occurred: row.occurred, kind: row.kind,
            source: symbol(ofText: row.source, of: drafts, &symbols),
            name: symbol(ofText: row.name, of: drafts, &symbols),
            length: lines.count - place, keys: drafts.keys[drafts.keyRange(record)])
    }

    /// A text is looked up where its first record needs it, so that the frame introduces it, and once.
    private func symbol(
        ofText text: Int32, of drafts: DraftBatch, _ symbols: inout SymbolTable
    ) -> UInt16 {
        if let known = symbolOfText[Int(text)] { return known }
        let symbol = symbols.symbol(drafts.texts[Int(text)])
        symbolOfText[Int(text)] = symbol
        return symbol
    }

    private func endFrame(_ symbols: SymbolTable, _ start: Start) {
        guard columns.count > 0 else { return }
        let place = out.count
        out.appendZeros(FrameHeader.prefixBytes)
        let section = out.count
        columns.appendOpenSection(
            salts: randomBytes(columns.count * 16),
            introducing: symbols.introduction(from: namesAtFrame), to: &out)
        let data = out.count
        LZ4Frame.append(lines.bytes, effort: .light, with: lz4, to: &out)
        let header = FrameHeader(
            extractor: extractor, incarnation: start.incarnation, base: base,
            durableEnd: start.durableEnd, commitBytes: 0, count: UInt32(columns.count),
            rawLength: UInt32(lines.count), dataLength: UInt32(out.count - data),
            dataCRC: CRC32C.of(out.bytes.part(data..<out.count)),
            columnsLength: UInt32(data - section),
            columnsCRC: CRC32C.of(out.bytes.part(section..<data)), previousCRC: 0)
        pending.append(
            Pending(
                header: header, place: place, times: columns.times,
                contents: .known(keys: columns.keys, names: columns.distinctNames)))
        base += UInt64(columns.count)
        namesAtFrame = symbols.names.count
        columns.removeAll()
        lines.removeAll()
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
