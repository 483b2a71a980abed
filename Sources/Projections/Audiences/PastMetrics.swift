import CustomerModel
public import EventLog
import Hashing
import JSONText

/// What one person's events come to in some metrics, as of an offset: counted again from their own lines.
///
/// The fold keeps each metric's value as of now alone. As of the past it is what the person's events up to
/// there give, measured against projection time as of there. So only those lines are read, and the answer is
/// that of a fold which stopped there: no metric looks at other people, and what had left a window does not
/// come back into it (T2).
public struct PastMetrics: Sendable {
    /// An event that counts, or may.
    private struct Wanted {
        var offset: UInt64
        var anchor: UInt32
        /// Microseconds; clipped to `received`.
        var time: Int64
        /// The metrics that it can be about.
        var metrics: [Int]
    }

    private(set) var table: MetricTable
    private let wanted: [Wanted]
    /// Projection time as of the offset. Microseconds.
    let now: Int64
    /// By metric: a record that it rests on and that cannot be read.
    private(set) var unreadable: [Int: UInt64] = [:]
    private var parser = JSONParser()

    /// How many lines have to be read.
    public var lineCount: Int { wanted.count }

    fileprivate init(
        _ metrics: [Metric], _ state: borrowing FoldState, members: [UInt32], asOf offset: UInt64
    ) {
        var table = MetricTable(key: state.key)
        for metric in metrics { _ = table.intern(metric) }
        let now = state.ticks.time(asOf: offset)
        var bySituation: [UInt32: [Int]] = [:]
        var wanted: [Wanted] = []
        for member in members where !metrics.isEmpty {
            state.forEachPlace(of: member, asOf: offset) { place in
                let situation = state.decisions.situation(
                    ofMoment: state.decisions.moments[place])
                let able =
                    bySituation[situation]
                    ?? state.situations.metrics(table.metrics, inSituation: situation)
                bySituation[situation] = able
                let time = state.decisions.time(atPlace: place)
                let inside = able.filter {
                    MetricSeries.isInside(
                        time, window: table.metrics[$0].windowMicroseconds, now: now)
                }
                guard !inside.isEmpty else { return }
                wanted.append(
                    Wanted(
                        offset: state.decisions.space.offset(ofRow: UInt64(place)),
                        anchor: member, time: time, metrics: inside))
            }
        }
        self.table = table
        self.now = now
        self.wanted = wanted.sorted { $0.offset < $1.offset }
    }

    /// The numbers of metrics in the table.
    func numbers(of metrics: [Metric]) -> [Int] {
        metrics.compactMap { table.metrics.firstIndex(of: $0) }
    }

    /// Reads the lines and counts them. Blocking.
    ///
    /// - Returns: what could not be read; the metrics that it may be about cannot be told then.
    public mutating func count(with reader: inout LogReader) throws -> [Damage] {
        var damages: [Damage] = []
        for event in wanted {
            let at = Offset(event.offset)
            var isLost = false
            _ = try reader.forEachReadable(from: at, to: at + 1, needs: .lines) { view in
                count(Replayer.record(view), as: event)
                return .next
            } unreadable: { damage in
                isLost = true
                if !damages.contains(damage) { damages.append(damage) }
                return .stop
            }
            if isLost {
                for metric in event.metrics { unreadable[metric] = event.offset }
            }
        }
        return damages
    }

    /// As ``count(with:)`` does, from lines that the caller holds.
    package mutating func count(_ line: (UInt64, (FoldRecord) -> Void) -> Void) {
        for event in wanted {
            line(event.offset) { count($0, as: event) }
        }
    }

    private mutating func count(_ record: FoldRecord, as event: Wanted) {
        // A tombstone counts for nobody.
        guard record.kind == RecordKind.event.rawValue else { return }
        do {
            try parser.parseTrusted(record.line) { line in
                _ = EventBody.read(line: line) { body in
                    guard let type = body.type else { return }
                    let name = record.eventName(type)
                    for metric in event.metrics {
                        _ = table.note(
                            metric, body, type: type, name: name, anchor: event.anchor,
                            time: event.time, offset: event.offset, now: now)
                    }
                }
            }
        } catch {
            // It was folded, so it could be read then.
            for metric in event.metrics { unreadable[metric] = event.offset }
        }
    }
}

extension FoldState {
    /// - Parameter members: a person's identifiers as of `offset`.
    func pastMetrics(_ metrics: [Metric], of members: [UInt32], asOf offset: UInt64) -> PastMetrics
    {
        PastMetrics(metrics, self, members: members, asOf: offset)
    }
}

extension SituationTable {
    /// Which of some metrics an event in a situation can be about, by its type and name.
    func metrics(_ metrics: [Metric], inSituation number: UInt32) -> [Int] {
        let situation = situations[number]
        guard let type = EventType(rawValue: situation.type) else { return [] }
        let name: String? = situation.name == .max ? nil : names.text(situation.name)
        return metrics.indices.filter { index in
            let selector = metrics[index].selector
            // A name that is not kept is looked up in the line.
            return name.map { selector.matches(type: type, name: $0) } ?? (selector.type == type)
        }
    }
}
