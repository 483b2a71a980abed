import CustomerModel
public import EventLog
import JSONText

/// Feeds the log to a fold, in order.
///
/// Blocking: it reads files. It runs on a thread of its own, never on the cooperative pool.
public struct Replayer {
    private let log: EventLog
    private var reader: LogReader

    public init(log: EventLog) {
        self.log = log
        reader = log.makeReader()
    }

    /// Hands the records of `from..<to` to `body`, as the fold takes them, until it says `.stop`.
    ///
    /// - Returns: the first offset that was not handed out.
    /// - Throws: ``LogError/damaged(_:)`` at what cannot be read, after everything before it.
    public mutating func forEach(
        from: Offset, to: Offset, _ body: (FoldRecord) throws -> Step
    ) throws -> Offset {
        try reader.forEach(from: from, to: to, needs: .lines) { try body(Self.record($0)) }
    }

    /// Hands every record of a range that can be read to `body`.
    public mutating func forEachReadable(
        from start: Offset = Offset(0), to end: Offset, _ body: (FoldRecord) throws -> Void
    ) throws {
        _ = try reader.forEachReadable(from: start, to: end, needs: .lines) { view in
            try body(Self.record(view))
            return .next
        } unreadable: { _ in
            .next
        }
    }

    /// What is still known of records that cannot be read (L9).
    public mutating func quarantine(_ damage: Damage) -> Quarantine { reader.quarantine(damage) }

    /// Applies the log to `state` up to `limit`, and quarantines what cannot be read (L9).
    ///
    /// It may end past `limit`, where that lies within a range that cannot be read.
    public mutating func advance(_ state: inout FoldState, to limit: Offset) throws {
        while state.next < limit.value {
            var history: [Int] = []
            var end = limit
            do {
                _ = try reader.forEach(
                    from: Offset(state.next), to: limit, needs: .lines
                ) { view in
                    switch state.apply(Self.record(view)) {
                    case .done: return .next
                    case .needsHistory(let metrics):
                        history = metrics
                        end = Offset(state.next)
                        return .stop
                    }
                }
            } catch LogError.damaged(let damage) where damage.offsets.upperBound > state.next {
                state.quarantine(reader.quarantine(damage))
                continue
            }
            if !history.isEmpty {
                try countHistory(history, in: &state)
                state.finishActivation(at: end.value - 1)
            } else if state.next < limit.value {
                // Only a restore leaves offsets that hold nothing (L3).
                state.skip(to: limit.value)
            }
        }
    }

    /// Counts everything that was applied into metrics that are new, but for what cannot be read.
    public mutating func countHistory(_ metrics: [Int], in state: inout FoldState) throws {
        var second = log.makeReader()
        _ = try second.forEachReadable(
            from: Offset(0), to: Offset(state.next), needs: .lines
        ) { view in
            state.count(Self.record(view), in: metrics)
            return .next
        } unreadable: { _ in
            .next
        }
    }

    static func record(_ view: RecordView) -> FoldRecord {
        FoldRecord(
            offset: view.offset.value, kind: view.kind, recorded: view.recorded,
            occurred: view.occurred, source: view.knownSource, name: view.knownName,
            keys: Array(view.keys), line: view.line)
    }
}

extension RecordView {
    /// The source; from the line where the segment's dictionary was full. Needs the line.
    public var knownSource: String { source ?? fromLine { $0["source"]?.string } }

    /// The name; from the line where the segment's dictionary was full. Needs the line.
    public var knownName: String {
        name ?? fromLine { EventBody.read(line: $0) { EventExtractor.columnName(of: $0) } }
    }

    /// A line that cannot be read says nothing; whoever folds it parks it.
    private func fromLine(_ read: (JSONView) -> String?) -> String {
        var parser = JSONParser()
        do {
            return try parser.parseTrusted(line) { read($0) } ?? ""
        } catch {
            return ""
        }
    }
}

extension FoldState {
    /// Moves past offsets that were never given out: the log was restored, and nothing is written since.
    mutating func skip(to offset: UInt64) {
        if offset > next { beginIncarnation(at: offset) }
    }
}
