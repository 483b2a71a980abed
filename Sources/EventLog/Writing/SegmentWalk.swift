/// Walks all records of a segment that is written anew, each with its salt.
struct SegmentWalk {
    let source: SegmentSource
    let workspace: ReaderWorkspace

    /// Every distinct key hash of the records for which `isWanted` says so, ascending.
    func distinctHashes(where isWanted: (UInt64) -> Bool = { _ in true }) throws -> [UInt64] {
        var all: [UInt64] = []
        // Growing by doubling would take three times the memory.
        if let live = source.live { all.reserveCapacity(live.withState { $0.keyCount }) }
        for frame in source.frames {
            try workspace.withFrame(
                frame, of: source, needs: .columns, readAhead: ReaderWorkspace.scanReadAhead
            ) { columns, _ in
                var key = 0
                for row in 0..<Int(frame.count) {
                    let count = Int(columns.pointee.keyCount.value(row))
                    if isWanted(frame.base + UInt64(row)) {
                        for place in key..<key + count { all.append(columns.pointee.key(place)) }
                    }
                    key += count
                }
            }
        }
        return HashPlaces.distinct(all)
    }

    /// Calls `body` with each record of `frame` and its key hashes, in order.
    func forEachRecord(
        of frame: FrameEntry,
        _ body: (UInt64, SealedRecord, LazyMapSequence<Range<Int>, UInt64>) throws -> Void
    ) throws {
        // Before the lines: both windows may be the same.
        let salts = try workspace.salts(frame, of: source)
        try salts.withUnsafeBytes { salts in
            try workspace.withFrame(
                frame, of: source, needs: .lines, readAhead: ReaderWorkspace.scanReadAhead
            ) { columns, text in
                guard let text else { preconditionFailure("lines were asked for") }
                var start = 0
                var key = 0
                for row in 0..<Int(frame.count) {
                    let length = Int(columns.pointee.lineLength.value(row))
                    guard text[start + length - 1] == 0x0A else {
                        throw FormatProblem("a line has no line feed")
                    }
                    let keyCount = Int(columns.pointee.keyCount.value(row))
                    let offset = frame.base + UInt64(row)
                    let record = try Self.record(
                        offset, row, columns.pointee, line: text.part(start..<start + length - 1),
                        salt: salts.part(row * 16..<row * 16 + 16))
                    try body(
                        offset, record,
                        (key..<key + keyCount).lazy.map { columns.pointee.key($0) })
                    start += length
                    key += keyCount
                }
            }
        }
    }

    private static func record(
        _ offset: UInt64, _ row: Int, _ columns: ColumnSection, line: UnsafeRawBufferPointer,
        salt: UnsafeRawBufferPointer
    ) throws -> SealedRecord {
        let kind = UInt8(truncatingIfNeeded: columns.kind.value(row))
        let recorded = columns.recorded.value(row)
        return SealedRecord(
            line: line, salt: salt,
            leaf: try Tombstone.leaf(of: line, kind: kind, offset: offset, recorded: recorded),
            recorded: recorded, occurred: columns.occurred.value(row), kind: kind,
            source: UInt16(truncatingIfNeeded: columns.source.value(row)),
            name: UInt16(truncatingIfNeeded: columns.name.value(row)))
    }
}
