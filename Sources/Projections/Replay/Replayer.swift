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

    /// Hands the records of `from..<to` to `body`, as the fold takes them.
    ///
    /// - Returns: the first offset that was not handed out.
    public mutating func forEach(
        from: Offset, to: Offset, _ body: (FoldRecord) throws -> Void
    ) throws -> Offset {
        try reader.forEach(from: from, to: to, needs: .lines) { view in
            try body(Self.record(view))
            return .next
        }
    }

    /// Applies the log to `state` up to `limit`.
    public mutating func advance(_ state: inout FoldState, to limit: Offset) throws {
        while state.next < limit.value {
            var history: [Int] = []
            var end = limit
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
            if !history.isEmpty {
                try countHistory(history, in: &state)
                state.finishActivation(at: end.value - 1)
            } else if state.next < limit.value {
                // Only a hole in the offsets ends a read early (L3); it holds nothing.
                state.skip(to: limit.value)
            }
        }
    }

    /// Counts everything that was applied into metrics that are new.
    public mutating func countHistory(_ metrics: [Int], in state: inout FoldState) throws {
        var second = log.makeReader()
        _ = try second.forEach(from: Offset(0), to: Offset(state.next), needs: .lines) { view in
            state.count(Self.record(view), in: metrics)
            return .next
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
        name ?? fromLine { EventBody(line: $0).map(EventExtractor.columnName) }
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
    /// Moves past offsets that hold nothing.
    mutating func skip(to offset: UInt64) {
        guard offset > next else { return }
        decisions.appendNone(count: Int(offset - next))
        next = offset
    }
}
