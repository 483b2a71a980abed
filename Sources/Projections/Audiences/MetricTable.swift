import CustomerModel
import EventLog
import Hashing
import JSONText

/// What audiences and attributes ask of people's events, per identifier.
///
/// Everything hangs on the identifier that its event was anchored to, and a person's value is joined from
/// their identifiers when it is asked for: a merge moves nothing, and a split divides as identifiers do. A
/// metric is kept once however many audiences, attributes or policy versions name it.
struct MetricTable {
    private(set) var metrics: [Metric] = []
    private(set) var columns: [Column] = []
    /// Texts of values, as JSON tokens.
    private(set) var tokens: ByteTable
    /// Values that did not fit, which withhold rather than round (D4).
    var misfits: UInt64 = 0
    private let key: SipKey

    /// One metric's state, by identifier. Which part is used depends on the measure and the window.
    struct Column {
        /// Counts and sums without a window.
        var totals: [UInt32: Total] = [:]
        /// Smallest, largest, first and last without a window.
        var bests: [UInt32: Best] = [:]
        /// Different values without a window, sorted.
        var sets: [UInt32: [UInt32]] = [:]
        /// Everything else.
        var series: [UInt32: MetricSeries] = [:]
    }

    struct Total: Equatable {
        var count: Int64 = 0
        var sum = Amount.zero
        var isBroken = false

        mutating func add(_ amount: Amount) {
            count += 1
            if let next = sum.adding(amount) { sum = next } else { isBroken = true }
        }
    }

    struct Best: Equatable {
        var time: Int64 = 0
        var offset: UInt64 = .max
        var amount = Amount.zero
        /// Number of its token; ``MetricTable/unfit`` for one that is not kept.
        var value = MetricTable.unfit
        var isBroken = false
        /// Whether there is one; only what broke has none.
        var isThere: Bool { offset != .max }
    }

    /// Stands for a value that is too long to keep.
    static let unfit = UInt32.max

    init(key: SipKey) {
        self.key = key
        tokens = ByteTable(key: key)
    }

    mutating func readTokens(from reader: inout CanonicalReader) throws(CanonicalError) {
        tokens = try ByteTable(from: &reader, key: key)
    }

    mutating func restore(_ column: Column, of index: Int) { columns[index] = column }

    /// The number of `metric`; `isNew` when its history is still to be read.
    mutating func intern(_ metric: Metric) -> (index: Int, isNew: Bool) {
        if let known = metrics.firstIndex(of: metric) { return (known, false) }
        metrics.append(metric)
        columns.append(Column())
        return (metrics.count - 1, true)
    }

    // MARK: Taking events in

    /// Takes one event in, if it counts. `now` is projection time.
    ///
    /// - Returns: whether that can have changed a value.
    mutating func note(
        _ index: Int, _ body: @autoclosure () -> EventBody, type: EventType, name: String,
        anchor: UInt32, time: Int64,
        offset: UInt64, now: Int64
    ) -> Bool {
        let metric = metrics[index]
        guard metric.selector.matches(type: type, name: name) else { return false }
        // It never counts: projection time does not go back.
        guard MetricSeries.isInside(time, window: metric.windowMicroseconds, now: now) else {
            return false
        }
        if let filter = metric.filter, !filter.evaluate(on: body()) { return false }
        var event = MetricSeries.Event(time: time, offset: offset)
        switch metric.measure {
        case .count, .moments, .first(nil), .last(nil): break
        case .sum(let path), .minimum(let path), .maximum(let path):
            guard let value = body().value(at: path), value.kind == .number else { return false }
            guard let amount = Amount(token: value.rawBytes) else {
                misfits += 1
                breakValue(index, anchor, time: time)
                return true
            }
            event.amount = amount
        case .first(let path?), .last(let path?):
            guard let value = body().value(at: path), let number = token(value, .asWritten) else {
                return false
            }
            event.value = number
        case .distinct(let path):
            guard let value = body().value(at: path), let number = token(value, .canonical) else {
                return false
            }
            event.value = number
        }
        take(event, metric, index, anchor, now: now)
        return true
    }

    /// Takes an event in that counts whatever stands in its line.
    ///
    /// - Precondition: the metric has no filter and measures no field, and the event is inside its window.
    mutating func count(_ index: Int, anchor: UInt32, time: Int64, offset: UInt64, now: Int64) {
        let metric = metrics[index]
        precondition(
            metric.filter == nil && metric.measure.path == nil, "the line decides whether it counts"
        )
        take(MetricSeries.Event(time: time, offset: offset), metric, index, anchor, now: now)
    }

    /// An event's number does not fit: the value is unknown as long as the event counts.
    private mutating func breakValue(_ index: Int, _ anchor: UInt32, time: Int64) {
        let metric = metrics[index]
        if let window = metric.windowMicroseconds {
            columns[index].series[anchor, default: MetricSeries()].markUnknown(
                until: MetricSeries.end(of: time, window: window))
        } else if case .sum = metric.measure {
            columns[index].totals[anchor, default: Total()].isBroken = true
        } else {
            columns[index].bests[anchor, default: Best()].isBroken = true
        }
    }

    private mutating func take(
        _ event: MetricSeries.Event, _ metric: Metric, _ index: Int, _ anchor: UInt32, now: Int64
    ) {
        let window = metric.windowMicroseconds
        switch metric.measure {
        case .moments:
            _ = columns[index].series[anchor, default: MetricSeries()].insert(
                event, window: window, now: now, limit: Metric.maximumMoments)
        case .count where window == nil, .sum where window == nil:
            columns[index].totals[anchor, default: Total()].add(event.amount ?? .zero)
        case .count, .sum:
            _ = columns[index].series[anchor, default: MetricSeries()].insert(
                event, window: window, now: now, limit: nil)
        case _ where window != nil:
            let oldest = columns[index].series[anchor, default: MetricSeries()].insert(
                event, window: window, now: now, limit: Metric.maximumMoments)
            if let oldest {
                columns[index].series[anchor]?.markUnknown(
                    until: MetricSeries.end(of: oldest, window: window))
            }
        case .distinct:
            Self.insert(
                event.value ?? Self.unfit, into: &columns[index].sets[anchor, default: []])
        case .minimum, .maximum, .first, .last:
            let new = Best(
                time: event.time, offset: event.offset, amount: event.amount ?? .zero,
                value: event.value ?? Self.unfit)
            let isBetter =
                columns[index].bests[anchor].map {
                    !$0.isThere || Self.isBetter(new, than: $0, metric.measure)
                } ?? true
            guard isBetter else { return }
            let isBroken = columns[index].bests[anchor]?.isBroken ?? false
            columns[index].bests[anchor] = new
            columns[index].bests[anchor]?.isBroken = isBroken
        }
    }

    /// Keeps one more than are told apart, so that it is known that there are more.
    private static func insert(_ value: UInt32, into set: inout [UInt32]) {
        let place = set.partitioningIndex { $0 >= value }
        if place < set.count, set[place] == value { return }
        guard set.count <= Metric.maximumDistinct else { return }
        set.insert(value, at: place)
    }

    /// Which of two events a measure keeps; equal numbers keep the earlier event.
    static func isBetter(_ a: Best, than b: Best, _ measure: Metric.Measure) -> Bool {
        switch measure {
        case .minimum where a.amount != b.amount: a.amount < b.amount
        case .maximum where a.amount != b.amount: a.amount > b.amount
        case .last: (a.time, a.offset) > (b.time, b.offset)
        default: (a.time, a.offset) < (b.time, b.offset)
        }
    }

    // MARK: Values as JSON

    private enum Form { case asWritten, canonical }

    /// The number of a scalar's token; nil for what is no scalar.
    private mutating func token(_ value: JSONView, _ form: Form) -> UInt32? {
        var bytes: [UInt8]
        switch value.kind {
        case .object, .array, .null: return nil
        case .bool: bytes = Array(value.rawBytes)
        case .number:
            bytes = Array(value.rawBytes)
            if form == .canonical {
                guard let canonical = CanonicalNumber.bytes(bytes) else { return misfit() }
                bytes = canonical
            }
        case .string:
            guard value.rawBytes.count <= Metric.maximumValueBytes * 6 + 2,
                let text = value.string, text.utf8.count <= Metric.maximumValueBytes
            else { return misfit() }
            // One text is one value, however its client escaped it.
            var writer = JSONWriter(reserving: text.utf8.count + 2)
            writer.string(text)
            bytes = writer.bytes
        }
        guard bytes.count <= Metric.maximumValueBytes * 6 + 2 else { return misfit() }
        return bytes.withUnsafeBytes { tokens.intern(tag: 0, $0).index }
    }

    private mutating func misfit() -> UInt32 {
        misfits += 1
        return Self.unfit
    }

    func token(_ value: UInt32) -> [UInt8] { Array(tokens.bytes(value)) }
}

/// One spelling for each number: its digits without useless zeroes, and a power of ten.
enum CanonicalNumber {
    /// The bytes, themselves a JSON number; nil when the exponent is out of all reason.
    static func bytes(_ token: [UInt8]) -> [UInt8]? {
        if let amount = Amount(token: token) { return Array(amount.description.utf8) }
        var digits: [UInt8] = []
        var power = 0
        var sawPoint = false
        var rest = token[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        while let byte = rest.first, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: ".") {
                sawPoint = true
            } else {
                digits.append(byte)
                if sawPoint { power -= 1 }
            }
        }
        if !rest.isEmpty {
            var text = Substring(decoding: rest.dropFirst(), as: UTF8.self)
            if text.first == "+" { text = text.dropFirst() }
            guard let exponent = Int(text), exponent.magnitude <= 1_000_000 else { return nil }
            power += exponent
        }
        while digits.count > 1, digits.last == 0x30 {
            digits.removeLast()
            power += 1
        }
        let significant = digits.drop { $0 == 0x30 }
        guard !significant.isEmpty else { return [0x30] }
        return (isNegative ? [UInt8(ascii: "-")] : []) + significant + Array("e\(power)".utf8)
    }
}
