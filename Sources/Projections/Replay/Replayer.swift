import CustomerModel
public import EventLog
import Hashing
import JSONText

/// Feeds the log to a fold, in order.
///
/// Blocking: it reads files. It runs on a thread of its own, never on the cooperative pool.
public struct Replayer {
    private let log: EventLog
    private var reader: LogReader
    private let room: BatchRoom

    /// One batch, used again and again.
    private final class BatchRoom {
        var batch: RecordBatch

        init(key: SipKey) { batch = RecordBatch(key: key) }
    }

    public init(log: EventLog) {
        self.log = log
        reader = log.makeReader()
        room = BatchRoom(key: log.identity.key)
    }

    /// Reads what comes next, on this thread, and hands it to `body`: at most `limit` records, and no more than
    /// a batch holds.
    ///
    /// - Parameters:
    ///   - policy, keepsKeys: as ``RecordBatch/begin(policy:keepsKeys:)`` takes them.
    ///   - body: is not called where there is no record.
    /// - Throws: ``LogError/damaged(_:)`` where `from` cannot be read; what can be read before damage is handed
    ///   out.
    mutating func withBatch(
        from: Offset, to: Offset, limit: Int, policy: CompiledPolicy?, keepsKeys: Bool,
        _ body: (borrowing RecordBatch) throws -> Void
    ) throws {
        room.batch.begin(policy: policy, keepsKeys: keepsKeys)
        do {
            _ = try reader.forEach(from: from, to: to, needs: .lines) { view in
                room.batch.count < limit && room.batch.append(view) ? .next : .stop
            }
        } catch {
            // Whoever comes for the records behind these meets it again.
            guard !room.batch.isEmpty else { throw error }
        }
        if !room.batch.isEmpty { try body(room.batch) }
    }

    /// Hands every record of a range that can be read to `body`.
    public mutating func forEachReadable(
        from start: Offset = Offset(0), to end: Offset, _ body: (FoldRecord) throws -> Void
    ) throws {
        _ = try reader.forEachReadable(from: start, to: end, needs: .lines) { view in
            try Self.withRecord(view, body)
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
            let history: [Int]
            do {
                history =
                    limit.value - state.next < readsAheadFrom
                    ? try fold(&state, to: limit) : try foldAhead(&state, to: limit)
            } catch LogError.damaged(let damage) where damage.offsets.upperBound > state.next {
                state.quarantine(reader.quarantine(damage))
                continue
            }
            if !history.isEmpty {
                let activation = state.next - 1
                try countHistory(history, in: &state)
                state.finishActivation(at: activation)
            } else if state.next < limit.value {
                // Only a restore leaves offsets that hold nothing (L3).
                state.skip(to: limit.value)
            }
        }
    }

    /// From so many records on, a second thread reads them: it must be worth its start.
    package var readsAheadFrom: UInt64 = 4096

    /// - Returns: metrics that must be counted over the past before the next record is applied.
    private mutating func fold(_ state: inout FoldState, to limit: Offset) throws -> [Int] {
        var history: [Int] = []
        _ = try reader.forEach(from: Offset(state.next), to: limit, needs: .lines) { view in
            switch Self.withRecord(view, { state.apply($0) }) {
            case .done: return .next
            case .needsHistory(let metrics):
                history = metrics
                return .stop
            }
        }
        return history
    }

    /// The same with a thread that reads and parses ahead.
    private func foldAhead(_ state: inout FoldState, to limit: Offset) throws -> [Int] {
        while true {
            let ahead = ReadAhead(
                log.makeReader(), from: Offset(state.next), to: limit, key: state.key,
                policy: state.governing(state.next), keepsKeys: state.asksKeys)
            defer { ahead.stop() }
            var isComplete = true
            reading: while let batch = try ahead.next() {
                switch state.apply(batch) {
                case .done: break
                case .needsHistory(let metrics): return metrics
                case .needsKeys:
                    // What was read ahead lacks them: it is read once more from here.
                    isComplete = false
                    break reading
                }
                ahead.giveBack(batch, policy: state.governing(state.next))
            }
            if isComplete { return [] }
        }
    }

    /// Counts everything that was applied into metrics that are new, but for what cannot be read.
    public mutating func countHistory(_ metrics: [Int], in state: inout FoldState) throws {
        var second = log.makeReader()
        _ = try second.forEachReadable(
            from: Offset(0), to: Offset(state.next), needs: .lines
        ) { view in
            Self.withRecord(view) { state.count($0, in: metrics) }
            return .next
        } unreadable: { _ in
            .next
        }
    }

    static func withRecord<R>(
        _ view: RecordView, _ body: (FoldRecord) throws -> R
    ) rethrows -> R {
        let keys = view.keys
        return try withUnsafeTemporaryAllocation(of: UInt64.self, capacity: keys.count) { room in
            _ = room.initialize(fromContentsOf: keys)
            return try body(
                FoldRecord(
                    offset: view.offset.value, kind: view.kind, recorded: view.recorded,
                    occurred: view.occurred, source: view.knownSource, name: view.knownName,
                    keys: UnsafeBufferPointer(room), line: view.line))
        }
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
