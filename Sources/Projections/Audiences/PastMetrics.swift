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
        /// The metrics in which it counts, whatever else stands in its line.
        var counting: [Int]
        /// The metrics that it can be about, which its line decides.
        var asking: [Int]
    }

    /// How a metric's events are looked at.
    private enum Way {
        /// Columns say everything.
        case counted
        /// Each line counts.
        case each
        /// From the newest on, or from the oldest, until one gives a value.
        case newestFirst
        case oldestFirst

        init(_ metric: Metric) {
            switch metric.measure {
            case .last(let path) where path != nil || metric.filter != nil: self = .newestFirst
            case .first(let path) where path != nil || metric.filter != nil: self = .oldestFirst
            case .count, .moments, .first, .last: self = metric.filter == nil ? .counted : .each
            case .sum, .minimum, .maximum, .distinct: self = .each
            }
        }
    }

    private(set) var table: MetricTable
    private let wanted: [Wanted]
    /// Projection time as of the offset. Microseconds.
    let now: Int64
    /// By metric: a record that it rests on and that cannot be read.
    private(set) var unreadable: [Int: UInt64] = [:]
    private var parser = JSONParser()

    /// How many lines were read.
    public private(set) var lineCount = 0

    fileprivate init(
        _ metrics: [Metric], _ state: borrowing FoldState, members: [UInt32], asOf offset: UInt64
    ) {
        var table = MetricTable(key: state.key)
        for metric in metrics { _ = table.intern(metric) }
        let now = state.ticks.time(asOf: offset)
        let ways = table.metrics.map { Way($0) }
        var bySituation: [UInt32: SituationTable.Concerned] = [:]
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
                let inside = able.metrics.filter {
                    MetricSeries.isInside(
                        time, window: table.metrics[$0].windowMicroseconds, now: now)
                }
                guard !inside.isEmpty else { return }
                let isCounted = { able.isCertain && ways[$0] == .counted }
                wanted.append(
                    Wanted(
                        offset: state.decisions.space.offset(ofRow: UInt64(place)),
                        anchor: member, time: time, counting: inside.filter(isCounted),
                        asking: inside.filter { !isCounted($0) }))
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
        try countAll { past, event, metrics in
            // The line alone: a record would bring its segment's keys with it.
            let line = try reader.readableLine(at: Offset(event.offset)) { damage in
                if !damages.contains(damage) { damages.append(damage) }
            }
            guard let line else {
                for metric in metrics { past.unreadable[metric] = event.offset }
                return []
            }
            return line.withUnsafeBytes { past.count($0, as: event, in: metrics) }
        }
        return damages
    }

    /// As ``count(with:)`` does, from lines that the caller holds.
    package mutating func count(_ line: (UInt64, (UnsafeRawBufferPointer) -> Void) -> Void) {
        countAll { past, event, metrics in
            var counted: [Int] = []
            line(event.offset) { counted = past.count($0, as: event, in: metrics) }
            return counted
        }
    }

    /// - Parameter read: reads an event's line for some metrics, and says in which of them it counted.
    private mutating func countAll<E: Error>(
        _ read: (inout PastMetrics, Wanted, [Int]) throws(E) -> [Int]
    ) throws(E) {
        let ways = table.metrics.map { Way($0) }
        for event in wanted {
            for metric in event.counting {
                table.count(
                    metric, anchor: event.anchor, time: event.time, offset: event.offset, now: now)
            }
            let each = event.asking.filter { ways[$0] == .each || ways[$0] == .counted }
            guard !each.isEmpty else { continue }
            lineCount += 1
            _ = try read(&self, event, each)
        }
        for (metric, way) in ways.enumerated() where way == .newestFirst || way == .oldestFirst {
            let asking = wanted.filter { $0.asking.contains(metric) }.sorted {
                ($0.time, $0.offset) < ($1.time, $1.offset)
            }
            for place in asking.indices {
                let event = asking[way == .newestFirst ? asking.count - 1 - place : place]
                lineCount += 1
                // One that cannot be read may be it, and then nobody knows.
                if try read(&self, event, [metric]).contains(metric) || unreadable[metric] != nil {
                    break
                }
            }
        }
    }

    /// Returns the metrics in which the event counted.
    private mutating func count(
        _ line: UnsafeRawBufferPointer, as event: Wanted, in metrics: [Int]
    ) -> [Int] {
        var counted: [Int] = []
        do {
            try parser.parseTrusted(line) { line in
                // A tombstone counts for nobody.
                guard line["kind"]?.equals("event") == true else { return }
                _ = EventBody.read(line: line) { body in
                    guard let type = body.type else { return }
                    let name = type.name(ofColumn: EventExtractor.columnName(of: body))
                    counted = metrics.filter { metric in
                        table.note(
                            metric, body, type: type, name: name, anchor: event.anchor,
                            time: event.time, offset: event.offset, now: now)
                    }
                }
            }
        } catch {
            // It was folded, so it could be read then.
            for metric in metrics { unreadable[metric] = event.offset }
        }
        return counted
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
    /// Metrics that events in a situation can be about.
    struct Concerned {
        var metrics: [Int] = []
        /// Whether they are about them for certain; otherwise the line says so.
        var isCertain = false
    }

    /// Which of some metrics an event in a situation can be about, by its type and name.
    func metrics(_ metrics: [Metric], inSituation number: UInt32) -> Concerned {
        let situation = situations[number]
        guard let type = EventType(rawValue: situation.type) else { return Concerned() }
        let name: String? = situation.name == .max ? nil : names.text(UInt32(situation.name))
        let concerned = metrics.indices.filter { index in
            let selector = metrics[index].selector
            // A name that is not kept is looked up in the line.
            return name.map { selector.matches(type: type, name: $0) } ?? (selector.type == type)
        }
        return Concerned(metrics: concerned, isCertain: name != nil)
    }
}
