import CustomerModel

/// What one person did, step by step, in order: where sequences and absences are found.
///
/// Everything is found anew when it is asked for, so that an event that comes late, or a person who is
/// joined with another, counts as if it had always been so. Times are compared as windows are: less than a
/// length is within it.
struct StepSearch {
    /// One event as one step.
    struct Moment: Comparable {
        var time: Int64
        var offset: UInt64
        var step: Int
        /// One event's steps come last first, so that it cannot be two steps of one way.
        static func < (a: Moment, b: Moment) -> Bool {
            (a.time, a.offset, -a.step) < (b.time, b.offset, -b.step)
        }
    }

    /// By (time, offset).
    private var moments: [Moment] = []
    private let steps: Int
    private let now: Int64

    init(_ table: MetricTable, metrics: [Int], of identifiers: [UInt32], now: Int64) {
        steps = metrics.count
        self.now = now
        for (step, metric) in metrics.enumerated() {
            let window = table.metrics[metric].windowMicroseconds
            for identifier in identifiers {
                guard let series = table.columns[metric].series[identifier] else { continue }
                let first = series.counted(window: window, now: now).first
                for place in first..<series.times.count {
                    moments.append(
                        Moment(
                            time: series.times[place], offset: series.offsets[place], step: step))
                }
            }
        }
        moments.sort()
    }

    /// When the latest way through all steps began, less than `within` from first to last; nil where there
    /// is none. As long as its beginning counts there is one.
    func sequence(within: Int64?) -> Int64? {
        // For each step the latest beginning of a way that reached it: no other beginning does better later.
        var began = [Int64?](repeating: nil, count: steps)
        for moment in moments {
            guard moment.step > 0 else {
                began[0] = moment.time
                continue
            }
            guard let start = began[moment.step - 1],
                MetricSeries.isInside(start, window: within, now: moment.time)
            else { continue }
            began[moment.step] = max(began[moment.step] ?? .min, start)
        }
        return began[steps - 1]
    }

    /// Of step 0 without step 1 in less than `within` after it.
    ///
    /// - Returns: the latest such moment whose wait is over, if any, and the earliest end of a wait that
    ///   still runs; `.max` for none.
    func absence(within: Int64) -> (found: Int64?, changesAt: Int64) {
        var found: Int64?
        var changesAt = Int64.max
        var answer: Int64?
        // From the end, so that the next step 1 is known.
        for moment in moments.reversed() {
            guard moment.step == 0 else {
                answer = moment.time
                continue
            }
            if let answer, MetricSeries.isInside(moment.time, window: within, now: answer) {
                continue
            }
            let end = MetricSeries.end(of: moment.time, window: within)
            if end <= now {
                if found == nil { found = moment.time }
            } else {
                changesAt = min(changesAt, end)
            }
        }
        return (found, changesAt)
    }
}
