import Hashing

/// Reads a log. A value: each copy has buffers of its own, and one is used by one thread at a time.
///
/// It sees nothing past the durable end (L5), follows across rolls and seals without a gap or a
/// repeat, and blocks on files, so it must not run on the cooperative pool for long.
public struct LogReader: Sendable {
    let catalog: LogCatalog
    var workspace: ReaderWorkspace

    init(catalog: LogCatalog) {
        self.catalog = catalog
        workspace = ReaderWorkspace()
    }

    /// The first offset that is not durable.
    public var durableEnd: Offset { Offset(catalog.durableEnd) }

    /// Calls `body` for each record in `from..<to` whose kind is in `kinds`; the records' keys and lines
    /// are there as `needs` says.
    ///
    /// - Returns: where to go on: `to`, or the durable end, or the offset after the record at which
    ///   `body` said `.stop`.
    /// - Throws: ``LogError/damaged(_:)`` at a frame that cannot be read; its `offsets` say what to skip.
    ///   What `body` throws passes through.
    public mutating func forEach(
        from: Offset, to: Offset, needs: ReadNeeds, kinds: KindSet? = nil,
        _ body: (borrowing RecordView) throws -> Step
    ) throws -> Offset {
        own()
        return try eachFrame(from: from, to: to, needs: needs, kinds: kinds) { frame, next, end in
            try Self.visit(frame, from: &next, to: end, kinds, body)
        }
    }

    /// Calls `body` for the columns of records in `from..<to`, some hundred neighbours at a time: for whoever
    /// counts and compares, and needs neither lines nor all keys.
    ///
    /// Stretches without a record of `kinds` are passed over; the others come whole.
    /// - Returns, throws: as ``forEach(from:to:needs:kinds:_:)``; `.stop` stops after the batch.
    public mutating func forEachBatch(
        from: Offset, to: Offset, kinds: KindSet? = nil,
        _ body: (borrowing ColumnBatch) throws -> Step
    ) throws -> Offset {
        own()
        let decoded = workspace.decoded
        let places = workspace.places
        return try eachFrame(from: from, to: to, needs: [], kinds: kinds) { frame, next, end in
            let first = max(next, frame.entry.base)
            let rows =
                Int(first - frame.entry.base)..<Int(min(end, frame.entry.end) - frame.entry.base)
            decoded.removeAll()
            next = max(next, min(end, frame.entry.end))
            return try body(
                ColumnBatch(
                    columns: frame.columns, rows: rows, source: frame.source, decoded: decoded,
                    places: places, first: Offset(first)))
        }
    }

    /// A frame in the hands of a walk.
    private struct Visited {
        var entry: FrameEntry
        var source: SegmentSource
        var columns: UnsafePointer<ColumnSection>
        var lines: UnsafeRawBufferPointer?
    }

    /// Walks over the frames of `from..<to`. `visit` moves `next` on, up to `end` at most.
    private mutating func eachFrame(
        from: Offset, to: Offset, needs: ReadNeeds, kinds: KindSet?,
        _ visit: (Visited, _ next: inout UInt64, _ end: UInt64) throws -> Step
    ) throws -> Offset {
        // The durable end first: the segments taken after it hold everything before it.
        let end = min(to.value, catalog.durableEnd)
        let segments = catalog.snapshot
        var next = from.value
        var number = max(0, segments.partitioningIndex { $0.base > next } - 1)
        while next < end, number < segments.count {
            let handle = segments[number]
            number += 1
            if let last = handle.end, last <= next { continue }
            // Only a restore leaves a gap between segments, and it is a recorded one (L3).
            next = max(next, handle.base)
            guard next < end else { break }
            let source = try workspace.source(handle, in: catalog)
            let stop = min(end, handle.end ?? end)
            if try walk(source, from: &next, to: stop, needs, kinds, visit) == .stop { break }
        }
        return Offset(max(next, from.value))
    }

    private mutating func walk(
        _ source: SegmentSource, from next: inout UInt64, to end: UInt64, _ needs: ReadNeeds,
        _ kinds: KindSet?, _ visit: (Visited, inout UInt64, UInt64) throws -> Step
    ) throws -> Step {
        var number = source.frame(endingAfter: next)
        while next < end {
            let frame = try source.frame(number, at: next, before: end)
            number += 1
            if let kinds, frame.kindBits & kinds.folded == 0 {
                next = min(end, frame.end)
                continue
            }
            let step = try workspace.withFrame(
                frame, of: source, needs: needs, readAhead: ReaderWorkspace.scanReadAhead
            ) { columns, lines in
                try visit(
                    Visited(entry: frame, source: source, columns: columns, lines: lines), &next,
                    end)
            }
            if step == .stop { return .stop }
        }
        return .next
    }

    private static func visit(
        _ visited: Visited, from next: inout UInt64, to end: UInt64, _ kinds: KindSet?,
        _ body: (borrowing RecordView) throws -> Step
    ) throws -> Step {
        let frame = visited.entry
        let columns = visited.columns
        let lines = visited.lines
        let source = visited.source
        var lineStart = 0
        var firstKey = 0
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let segment = Offset(source.base)
        for row in 0..<Int(frame.count) {
            let offset = frame.base &+ UInt64(row)
            if offset >= end { break }
            let length = Int(columns.pointee.lineLength.value(row))
            if offset >= next,
                kinds.map({
                    $0.contains(UInt8(truncatingIfNeeded: columns.pointee.kind.value(row)))
                })
                    ?? true
            {
                let line = lines.map { $0.part(lineStart..<lineStart + length - 1) } ?? nothing
                let record = RecordView(
                    columns: columns, row: row, firstKey: firstKey, names: source.names,
                    offset: Offset(offset), segment: segment, line: line)
                let step = try body(record)
                next = offset &+ 1
                if step == .stop { return .stop }
            }
            lineStart &+= length
            firstKey &+= Int(columns.pointee.keyCount.value(row))
        }
        next = max(next, min(end, frame.end))
        return .next
    }

    /// The line of one record without its line feed, or nil when the offset is not durable (or was
    /// skipped by a restore). Keeps the last few frames, so neighbours are cheap.
    public mutating func line(at offset: Offset) throws -> [UInt8]? {
        own()
        guard let source = try source(of: offset.value) else { return nil }
        let number = source.frame(endingAfter: offset.value)
        guard number < source.frames.count, source.frames[number].base <= offset.value else {
            throw LogError.damaged(source.hole(from: offset.value, to: offset.value + 1))
        }
        return try workspace.line(
            Int(offset.value - source.frames[number].base), of: source.frames[number], in: source)
    }

    /// The offsets in `from..<to` of records that carry `keyHash`, ascending. Hash matches only: compare
    /// the value itself before deciding anything (L7).
    public mutating func candidates(
        for keyHash: UInt64, from: Offset, to: Offset
    ) throws -> [Offset] {
        var found: [Offset] = []
        _ = try forEach(
            of: Selection(key: keyHash), from: from, to: to, needs: .columnsWithoutKeys
        ) { record in
            found.append(record.offset)
            return .next
        }
        return found
    }

    /// The first durable offset whose `recorded` is at `microseconds` or later; the durable end when
    /// there is none (L6).
    public mutating func firstOffset(recordedAtOrAfter microseconds: Int64) throws -> Offset {
        own()
        let end = catalog.durableEnd
        for handle in catalog.snapshot {
            if case .sealed(let entry) = handle.content, entry.lastRecorded < microseconds {
                continue
            }
            let source = try workspace.source(handle, in: catalog)
            let number = source.frames.partitioningIndex { $0.lastRecorded >= microseconds }
            guard number < source.frames.count, source.frames[number].base < end else { continue }
            let frame = source.frames[number]
            let row = try workspace.withFrame(frame, of: source, needs: [], readAhead: 0) {
                columns, _ in
                (0..<Int(frame.count)).partitioningIndex {
                    columns.pointee.recorded.value($0) >= microseconds
                }
            }
            return Offset(min(end, frame.base + UInt64(row)))
        }
        return Offset(end)
    }

    private func source(of offset: UInt64) throws -> SegmentSource? {
        guard offset < catalog.durableEnd else { return nil }
        let segments = catalog.snapshot
        let number = segments.partitioningIndex { $0.base > offset } - 1
        guard number >= 0, segments[number].end.map({ offset < $0 }) ?? true else { return nil }
        return try workspace.source(segments[number], in: catalog)
    }

    /// A copy gets buffers of its own the first time it is used.
    mutating func own() {
        if !isKnownUniquelyReferenced(&workspace) { workspace = ReaderWorkspace() }
    }
}
