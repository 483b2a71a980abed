/// Which records a reader wants. Everything that is given must hold; nothing given: all records.
///
/// Frames that hold none are not read: by the frame table's kinds and times, and by the indexes of keys
/// and names.
public struct Selection: Sendable {
    public var kinds: KindSet?
    /// Records of that name, and those whose name the segment's dictionary could not hold: read their line.
    public var name: String?
    /// Records that carry this key hash. A hash only finds candidates: compare the value itself (L7).
    public var key: UInt64?
    /// `recorded` in microseconds since 1970.
    public var recorded: Range<Int64>?

    public init(
        kinds: KindSet? = nil, name: String? = nil, key: UInt64? = nil,
        recorded: Range<Int64>? = nil
    ) {
        self.kinds = kinds
        self.name = name
        self.key = key
        self.recorded = recorded
    }

    /// Whether a frame may hold such a record, by its entry alone.
    func admits(_ frame: FrameEntry) -> Bool {
        if let kinds, frame.kindBits & kinds.folded == 0 { return false }
        // A frame whose columns are damaged says nothing of its times.
        guard let recorded, frame.kindBits != .max else { return true }
        return frame.firstRecorded < recorded.upperBound
            && frame.lastRecorded >= recorded.lowerBound
    }
}

extension LogReader {
    /// Calls `body` for each record in `from..<to` that `selection` names, in order.
    ///
    /// - Returns: where to go on, as ``forEach(from:to:needs:kinds:_:)`` does.
    /// - Throws: ``LogError/damaged(_:)`` at offsets that cannot be read and may hold such a record.
    public mutating func forEach(
        of selection: Selection, from: Offset, to: Offset, needs: ReadNeeds,
        _ body: (borrowing RecordView) throws -> Step
    ) throws -> Offset {
        own()
        let end = min(to.value, catalog.durableEnd)
        var next = from.value
        for handle in catalog.snapshot {
            if let last = handle.end, last <= next { continue }
            next = max(next, handle.base)
            guard next < end else { break }
            let stop = min(end, handle.end ?? end)
            if let recorded = selection.recorded, handle.isOutside(recorded) {
                next = stop
                continue
            }
            let source = try workspace.source(handle, in: catalog)
            let walk = SelectionWalk(selection: selection, source: source, workspace: workspace)
            if try walk.run(from: &next, to: stop, needs, body) == .stop { break }
        }
        return Offset(max(next, from.value))
    }
}

extension SegmentHandle {
    /// Whether the manifest says that no record of the segment was recorded in `range`.
    fileprivate func isOutside(_ range: Range<Int64>) -> Bool {
        guard case .sealed(let entry) = content else { return false }
        return entry.lastRecorded < range.lowerBound || entry.firstRecorded >= range.upperBound
    }
}

/// One segment's part of a selection.
private struct SelectionWalk {
    let selection: Selection
    let source: SegmentSource
    let workspace: ReaderWorkspace

    func run(
        from next: inout UInt64, to end: UInt64, _ needs: ReadNeeds,
        _ body: (borrowing RecordView) throws -> Step
    ) throws -> Step {
        let names = try wantedNames()
        let key = try wantedKey()
        let candidates = try candidateFrames(key)
        var number = source.frame(endingAfter: next)
        // Reading ahead pays where one wanted frame follows on another.
        var followsOn = -1
        while next < end {
            let frame = try source.frame(number, at: next, before: end)
            if candidates?.contains(number) ?? true, selection.admits(frame) {
                let step = try workspace.withFrame(
                    frame, of: source, needs: needs,
                    readAhead: followsOn == number ? ReaderWorkspace.scanReadAhead : 0
                ) { columns, lines in
                    try visit(frame, columns, lines, names, key, from: &next, to: end, body)
                }
                followsOn = number + 1
                if step == .stop { return .stop }
            }
            next = max(next, min(end, frame.end))
            number += 1
        }
        return .next
    }

    /// The frames that the indexes name; nil: all.
    private func candidateFrames(_ key: WantedKey) throws(LogError) -> Set<Int>? {
        var found: Set<Int>?
        switch key {
        case .any: break
        case .absent: found = []
        case .value(let place): found = Set(try source.frames(ofKey: place))
        }
        // A segment without the key is walked for holes alone.
        if key != .absent, let name = selection.name {
            let named = Set(try source.frames(ofName: name))
            found = found.map { $0.intersection(named) } ?? named
        }
        return found
    }

    private enum WantedKey: Equatable {
        case any
        /// As the columns spell it: the hash, or its place among a sealed segment's.
        case value(Int64)
        /// The segment has no such key.
        case absent
    }

    private func wantedKey() throws(LogError) -> WantedKey {
        guard let key = selection.key else { return .any }
        guard let sealed = source.sealed else { return .value(Int64(bitPattern: key)) }
        return try sealed.place(of: key).map { .value($0) } ?? .absent
    }

    /// The symbols that the wanted name may have here; nil: any.
    private func wantedNames() throws(LogError) -> [UInt16]? {
        guard let name = selection.name else { return nil }
        return [source.names.symbol(of: name), LogFormat.noSymbol].compactMap { $0 }
    }

    private func visit(
        _ frame: FrameEntry, _ columns: UnsafePointer<ColumnSection>,
        _ lines: UnsafeRawBufferPointer?, _ names: [UInt16]?, _ key: WantedKey,
        from next: inout UInt64, to end: UInt64, _ body: (borrowing RecordView) throws -> Step
    ) throws -> Step {
        var lineStart = 0
        var firstKey = 0
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        // The next place of the wanted key in the frame's column of keys: found by one quick pass, and the
        // rows without it are not looked at.
        var place = firstPlace(of: key, in: columns.pointee, from: 0)
        for row in 0..<Int(frame.count) {
            let offset = frame.base &+ UInt64(row)
            if offset >= end { break }
            guard let found = place else { break }
            let length = Int(columns.pointee.lineLength.value(row))
            let keyCount = Int(columns.pointee.keyCount.value(row))
            let isKeyed = key == .any || found < firstKey &+ keyCount
            if isKeyed {
                place = firstPlace(of: key, in: columns.pointee, from: firstKey &+ keyCount)
            }
            if isKeyed, offset >= next, matches(columns.pointee, row, names) {
                let record = RecordView(
                    columns: columns, row: row, firstKey: firstKey, names: source.names,
                    offset: Offset(offset), segment: Offset(source.base),
                    line: lines.map { $0.part(lineStart..<lineStart + length - 1) } ?? nothing)
                let step = try body(record)
                next = offset &+ 1
                if step == .stop { return .stop }
            }
            lineStart &+= length
            firstKey &+= keyCount
        }
        return .next
    }

    private func matches(_ columns: ColumnSection, _ row: Int, _ names: [UInt16]?) -> Bool {
        if let kinds = selection.kinds,
            !kinds.contains(UInt8(truncatingIfNeeded: columns.kind.value(row)))
        {
            return false
        }
        if let recorded = selection.recorded, !recorded.contains(columns.recorded.value(row)) {
            return false
        }
        return names?.contains(UInt16(truncatingIfNeeded: columns.name.value(row))) ?? true
    }

    /// The first place from `start` on where the frame's column of keys holds the wanted one. Any key is
    /// everywhere.
    private func firstPlace(
        of key: WantedKey, in columns: ColumnSection, from start: Int
    ) -> Int? {
        switch key {
        case .any: start
        case .absent: nil
        case .value(let wanted): columns.keys.firstIndex(of: wanted, in: start..<columns.totalKeys)
        }
    }
}
