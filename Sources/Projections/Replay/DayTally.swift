/// Counts by day (UTC) of small numbers, for events that mostly come in order of time.
struct DayTally {
    static let dayMicroseconds: Int64 = 86_400_000_000

    private let width: Int
    private var days: [Int64: [Int]] = [:]
    private var current: [Int]
    private var low: Int64 = 0
    private var high: Int64 = 0
    private var day: Int64?

    /// - Parameter width: numbers are below this.
    init(width: Int) {
        self.width = width
        current = []
    }

    /// Counts `number` once on the day of `time`, in microseconds.
    @inline(__always)
    mutating func note(_ time: Int64, _ number: Int) {
        if time < low || time >= high { turn(to: time) }
        current[number] &+= 1
    }

    private mutating func turn(to time: Int64) {
        close()
        let next =
            time >= 0
            ? time / Self.dayMicroseconds : -((-(time + 1)) / Self.dayMicroseconds) - 1
        low = next * Self.dayMicroseconds
        high = low.addingReportingOverflow(Self.dayMicroseconds).partialValue
        current = days.removeValue(forKey: next) ?? [Int](repeating: 0, count: width)
        day = next
    }

    private mutating func close() {
        guard let day else { return }
        days[day] = current
        current = []
        self.day = nil
        low = 0
        high = 0
    }

    /// Days since 1970 with what was counted, ascending.
    mutating func finish() -> [(day: Int64, counts: [Int])] {
        close()
        return days.keys.sorted().map { ($0, days[$0] ?? []) }
    }
}
