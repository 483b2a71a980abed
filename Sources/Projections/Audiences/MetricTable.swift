import CustomerModel
import JSONText

/// Counts and sums that audiences speak of, per identifier.
///
/// A metric is kept once however many audiences or policy versions name it. Totals without a window are
/// two numbers; with a window every contribution is kept with its time, because a window moves only when
/// a tick says so (T2).
struct MetricTable {
    private(set) var metrics: [Metric] = []
    private(set) var totals: [[UInt32: Total]] = []
    private(set) var contributions: [[UInt32: [Contribution]]] = []
    /// What of the contributions is inside the window at projection time: derived, so that asking for a
    /// value does not cost by how much somebody did.
    private var windowTotals: [[UInt32: Total]] = []
    /// Values that did not fit an exact sum, which withhold rather than round (D4).
    private(set) var misfits: UInt64 = 0

    struct Total: Equatable {
        var count: Int64 = 0
        var sum = Amount.zero
        var isBroken = false

        mutating func add(_ amount: Amount) {
            count += 1
            if let next = sum.adding(amount) { sum = next } else { isBroken = true }
        }

        /// Takes out what was added before, exactly.
        mutating func remove(_ amount: Amount) {
            count -= 1
            sum = Amount(billionths: sum.billionths - amount.billionths)
        }
    }

    struct Contribution: Equatable {
        var time: Int64
        var offset: UInt64
        var amount: Amount
    }

    init() {}

    /// The number of `metric`; `isNew` when its history is still to be read.
    mutating func intern(_ metric: Metric) -> (index: Int, isNew: Bool) {
        if let known = metrics.firstIndex(of: metric) { return (known, false) }
        metrics.append(metric)
        totals.append([:])
        contributions.append([:])
        windowTotals.append([:])
        return (metrics.count - 1, true)
    }

    /// What an event was to a metric.
    enum Noted: Equatable {
        case nothing
        /// It counts for good, or cannot be counted exactly.
        case counted
        /// It counts until `end`; whoever moves time calls ``expire(_:identifier:amount:)`` then.
        case countedUntil(end: Int64, amount: Amount)
    }

    /// Takes one event in, if it counts. `now` is projection time.
    mutating func note(
        _ index: Int, _ body: EventBody, type: EventType, name: String, anchor: UInt32, time: Int64,
        offset: UInt64, now: Int64
    ) -> Noted {
        let metric = metrics[index]
        guard metric.selector.matches(type: type, name: name) else { return .nothing }
        if let filter = metric.filter, !filter.evaluate(on: body) { return .nothing }
        var amount = Amount.zero
        if case .sum(let path) = metric.measure {
            guard let value = body.value(at: path), value.kind == .number else { return .nothing }
            guard let read = Amount(token: value.rawBytes) else {
                misfits += 1
                totals[index][anchor, default: Total()].isBroken = true
                return .counted
            }
            amount = read
        }
        guard let window = metric.windowMicroseconds else {
            totals[index][anchor, default: Total()].add(amount)
            return .counted
        }
        contributions[index][anchor, default: []].append(
            Contribution(time: time, offset: offset, amount: amount))
        guard Self.isInside(time, window: window, now: now) else { return .counted }
        windowTotals[index][anchor, default: Total()].add(amount)
        let (end, overflowed) = time.addingReportingOverflow(window)
        return overflowed ? .counted : .countedUntil(end: end, amount: amount)
    }

    /// A contribution left its window.
    mutating func expire(_ index: Int, identifier: UInt32, amount: Amount) {
        windowTotals[index][identifier, default: Total()].remove(amount)
    }

    /// The value of a metric over a person's identifiers; nil when a sum does not fit.
    func value(_ index: Int, of identifiers: [UInt32]) -> Amount? {
        let metric = metrics[index]
        var count: Int64 = 0
        var sum = Amount.zero
        for identifier in identifiers {
            if let total = totals[index][identifier] {
                if total.isBroken { return nil }
                count += total.count
                guard let next = sum.adding(total.sum) else { return nil }
                sum = next
            }
            if let total = windowTotals[index][identifier] {
                if total.isBroken { return nil }
                count += total.count
                guard let next = sum.adding(total.sum) else { return nil }
                sum = next
            }
        }
        if case .count = metric.measure { return Amount(count) }
        return sum
    }

    /// Whether a moment still counts: less than one window before projection time, or after it. Before the
    /// first tick nothing has passed.
    static func isInside(_ time: Int64, window: Int64, now: Int64) -> Bool {
        guard now > time else { return true }
        let age = now.subtractingReportingOverflow(time)
        return !age.overflow && age.partialValue < window
    }

    /// Makes the window totals anew and names every contribution that a window will let go of, in any order.
    mutating func restoreWindows(
        now: Int64,
        _ visit: (_ metric: Int, _ end: Int64, _ identifier: UInt32, _ amount: Amount) -> Void
    ) {
        for (index, metric) in metrics.enumerated() {
            windowTotals[index] = [:]
            guard let window = metric.windowMicroseconds else { continue }
            for (identifier, entries) in contributions[index] {
                for entry in entries where Self.isInside(entry.time, window: window, now: now) {
                    windowTotals[index][identifier, default: Total()].add(entry.amount)
                    let (end, overflowed) = entry.time.addingReportingOverflow(window)
                    if !overflowed { visit(index, end, identifier, entry.amount) }
                }
            }
        }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("METR")
        out.integer(UInt32(metrics.count))
        out.integer(misfits)
        for index in metrics.indices {
            let known = totals[index].keys.sorted()
            out.integer(UInt32(known.count))
            for identifier in known {
                guard let total = totals[index][identifier] else { continue }
                out.integer(identifier)
                out.integer(total.count)
                out.integer(total.sum.billionths)
                out.flag(total.isBroken)
            }
            let moving = contributions[index].keys.sorted()
            out.integer(UInt32(moving.count))
            for identifier in moving {
                let entries = contributions[index][identifier] ?? []
                out.integer(identifier)
                out.integer(UInt32(entries.count))
                for entry in entries {
                    out.integer(entry.time)
                    out.integer(entry.offset)
                    out.integer(entry.amount.billionths)
                }
            }
        }
    }

    /// `metrics` are those of the policies that the state holds, interned in their order.
    mutating func read(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("METR")
        guard try reader.integer(UInt32.self) == UInt32(metrics.count) else {
            throw CanonicalError(position: reader.position, expected: "\(metrics.count) metrics")
        }
        misfits = try reader.integer()
        for index in metrics.indices {
            for _ in 0..<(try reader.integer(UInt32.self)) {
                let identifier = try reader.integer(UInt32.self)
                var total = Total()
                total.count = try reader.integer()
                total.sum = Amount(billionths: try reader.integer())
                total.isBroken = try reader.flag()
                totals[index][identifier] = total
            }
            for _ in 0..<(try reader.integer(UInt32.self)) {
                let identifier = try reader.integer(UInt32.self)
                var entries: [Contribution] = []
                for _ in 0..<(try reader.integer(UInt32.self)) {
                    entries.append(
                        Contribution(
                            time: try reader.integer(), offset: try reader.integer(),
                            amount: Amount(billionths: try reader.integer())))
                }
                contributions[index][identifier] = entries
            }
        }
    }
}
