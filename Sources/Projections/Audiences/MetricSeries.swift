import CustomerModel
import EventLog

/// One identifier's events that count for one metric, in order of (`occurred`, offset).
///
/// What left its window never counts again, since projection time only grows (T2), and is dropped when it
/// is met next. An event that comes late takes its place among the others.
struct MetricSeries {
    private(set) var times: [Int64] = []
    private(set) var offsets: [UInt64] = []
    /// What each event adds, where the metric measures numbers; else empty.
    private(set) var amounts: [Int128] = []
    /// What each event said, as numbers of texts, where the metric keeps values; else empty.
    private(set) var values: [UInt32] = []
    /// The value cannot be told before projection time reaches this: something did not fit (D4).
    private(set) var unknownUntil: Int64 = .min
    // Derived: the first event that was inside the window when time was looked at last, and the sum of the
    // amounts from there on.
    private var start = 0
    private var sum: Int128 = 0

    struct Event {
        var time: Int64
        var offset: UInt64
        var amount: Amount?
        var value: UInt32?
    }

    init() {}

    /// Whether a moment still counts: less than one window before projection time, or after it. Before the
    /// first tick nothing has passed.
    static func isInside(_ time: Int64, window: Int64?, now: Int64) -> Bool {
        guard let window, now > time else { return true }
        let age = now.subtractingReportingOverflow(time)
        return !age.overflow && age.partialValue < window
    }

    /// When a moment leaves a window; `.max` for never.
    static func end(of time: Int64, window: Int64?) -> Int64 {
        guard let window else { return .max }
        let (end, overflowed) = time.addingReportingOverflow(window)
        return overflowed ? .max : end
    }

    /// The events that count at `now`: where they begin, and the sum of their amounts.
    func counted(window: Int64?, now: Int64) -> (first: Int, sum: Int128) {
        var first = start
        var sum = sum
        while first < times.count, !Self.isInside(times[first], window: window, now: now) {
            if !amounts.isEmpty { sum &-= amounts[first] }
            first += 1
        }
        return (first, sum)
    }

    /// Lets go of what left the window.
    mutating func settle(window: Int64?, now: Int64) {
        (start, sum) = counted(window: window, now: now)
        guard start > 32, start > times.count / 2 else { return }
        times.removeFirst(start)
        offsets.removeFirst(start)
        if !amounts.isEmpty { amounts.removeFirst(start) }
        if !values.isEmpty { values.removeFirst(start) }
        start = 0
    }

    /// Takes in an event that is inside the window at `now`.
    ///
    /// - Parameter limit: how many are kept; nil for all.
    /// - Returns: the time of the oldest, where it had to go.
    mutating func insert(_ event: Event, window: Int64?, now: Int64, limit: Int?) -> Int64? {
        settle(window: window, now: now)
        // Offsets only grow, so a later record stands behind all of its own time.
        var place = times.count
        if let last = times.last, last > event.time {
            place = times.partitioningIndex { $0 > event.time }
        }
        if let limit, times.count - start >= limit {
            guard place > start else { return event.time }
            let oldest = times[start]
            remove(at: start)
            place -= 1
            add(event, at: place)
            return oldest
        }
        add(event, at: place)
        return nil
    }

    private mutating func add(_ event: Event, at place: Int) {
        times.insert(event.time, at: place)
        offsets.insert(event.offset, at: place)
        if let value = event.value { values.insert(value, at: place) }
        guard let amount = event.amount else { return }
        amounts.insert(amount.billionths, at: place)
        let (next, overflowed) = sum.addingReportingOverflow(amount.billionths)
        sum = next
        if overflowed { markUnknown(until: .max) }
    }

    private mutating func remove(at place: Int) {
        times.remove(at: place)
        offsets.remove(at: place)
        if !values.isEmpty { values.remove(at: place) }
        if !amounts.isEmpty { sum &-= amounts.remove(at: place) }
    }

    mutating func markUnknown(until time: Int64) { unknownUntil = max(unknownUntil, time) }

    // MARK: Canonical bytes

    /// Only what still counts is state: when the rest is dropped is nobody's business.
    func write(into out: inout CanonicalWriter, window: Int64?, now: Int64) {
        let first = counted(window: window, now: now).first
        out.column(Array(times[first...]))
        out.column(Array(offsets[first...]))
        out.column(amounts.isEmpty ? [] : Array(amounts[first...]))
        out.column(values.isEmpty ? [] : Array(values[first...]))
        out.integer(unknownUntil > now ? unknownUntil : .min)
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        times = try reader.column()
        offsets = try reader.column()
        amounts = try reader.column()
        values = try reader.column()
        unknownUntil = try reader.integer()
        guard offsets.count == times.count, amounts.isEmpty || amounts.count == times.count,
            values.isEmpty || values.count == times.count
        else { throw CanonicalError(position: reader.position, expected: "equal columns") }
        for amount in amounts { sum &+= amount }
    }

    /// Whether nothing of it counts at `now`.
    func isIdle(window: Int64?, now: Int64) -> Bool {
        counted(window: window, now: now).first == times.count && unknownUntil <= now
    }
}
