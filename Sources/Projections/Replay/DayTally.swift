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

    /// Counts the classes of `moments` up to the first whose class is wanted.
    ///
    /// - Parameters:
    ///   - times: of the same events.
    ///   - classes: by moment. `DecisionColumns.none` has none and is passed over.
    ///   - wanted: by class.
    /// - Returns: how many moments were passed.
    mutating func note(
        _ moments: ArraySlice<UInt32>, _ times: ArraySlice<Int64>, _ classes: [UInt32],
        until wanted: [Bool]
    ) -> Int {
        precondition(moments.count == times.count, "a time for each moment")
        var done = 0
        // Buffers: a bounds check and a check for shared memory an event would cost more than the rest.
        moments.withUnsafeBufferPointer { moments in
            times.withUnsafeBufferPointer { times in
                classes.withUnsafeBufferPointer { classes in
                    wanted.withUnsafeBufferPointer { wanted in
                        while done < moments.count {
                            let start = done
                            done = run(from: done, moments, times, classes, wanted)
                            guard done < moments.count else { return }
                            let moment = moments[done]
                            if moment != DecisionColumns.none, wanted[Int(classes[Int(moment)])] {
                                return
                            }
                            if done == start { turn(to: times[done]) }
                        }
                    }
                }
            }
        }
        return done
    }

    /// Counts within the current day. Returns the place of the first event that is not of it, or is wanted.
    @inline(__always)
    private mutating func run(
        from start: Int, _ moments: UnsafeBufferPointer<UInt32>,
        _ times: UnsafeBufferPointer<Int64>, _ classes: UnsafeBufferPointer<UInt32>,
        _ wanted: UnsafeBufferPointer<Bool>
    ) -> Int {
        let (low, high) = (low, high)
        return current.withUnsafeMutableBufferPointer { counts in
            var place = start
            while place < moments.count {
                let moment = moments[place]
                if moment != DecisionColumns.none {
                    let time = times[place]
                    let number = Int(classes[Int(moment)])
                    guard time >= low, time < high, !wanted[number] else { break }
                    counts[number] &+= 1
                }
                place += 1
            }
            return place
        }
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
