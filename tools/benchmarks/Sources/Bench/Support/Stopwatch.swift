import Glibc

/// Seconds on the monotonic clock since it was started.
struct Stopwatch {
    private let start = Self.nanoseconds

    static var nanoseconds: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }

    /// Processor time of this process so far, all threads together, in seconds.
    static var processorSeconds: Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        return Double(seconds) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    var seconds: Double { Double(Self.nanoseconds - start) / 1e9 }
}

/// Durations that are sorted once to say how they are spread.
struct Durations {
    private var nanoseconds: [UInt64] = []

    var count: Int { nanoseconds.count }
    mutating func add(_ duration: UInt64) { nanoseconds.append(duration) }
    mutating func add(_ other: Durations) { nanoseconds += other.nanoseconds }

    /// All of them together, in seconds.
    var total: Double { nanoseconds.reduce(0) { $0 + Double($1) } / 1e9 }

    /// The duration, in milliseconds, that `share` of all do not exceed; nil without any.
    func milliseconds(at share: Double) -> Double? {
        let sorted = nanoseconds.sorted()
        guard !sorted.isEmpty else { return nil }
        let place = min(sorted.count - 1, Int(Double(sorted.count) * share))
        return Double(sorted[place]) / 1e6
    }
}

/// The middle one of an odd number of values.
func median(_ values: [Double]) -> Double {
    precondition(!values.isEmpty, "a median of nothing")
    return values.sorted()[values.count / 2]
}
