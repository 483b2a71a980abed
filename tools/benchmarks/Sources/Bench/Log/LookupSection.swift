import EventLog

/// Finding one person's records, and a time's first record.
enum LookupSection {
    static func perform(_ run: LogRun) throws {
        run.report.begin("lookup", "how fast are one key's records found, persons drawn by event?")
        for records in [run.sizes.small, run.sizes.large] {
            try perform(run, try run.log(records))
        }
    }

    private static func perform(_ run: LogRun, _ made: LogRun.Made) throws {
        let log = try LogRun.open(made)
        defer { log.close() }
        let maker = run.maker(people: made.records / 10)
        var random = SplitMix(state: 41)
        var find = Durations()
        var read = Durations()
        var found = 0
        var reader = log.makeReader()
        // The first questions open the segments.
        _ = try reader.candidates(for: 1, from: Offset(0), to: log.durableEnd)
        for _ in 0..<run.sizes.lookups {
            let person = maker.person(of: random.below(made.records))
            let key = log.keyHash("user_id", EventMaker.userID(person))
            let start = Stopwatch.nanoseconds
            let offsets = try reader.candidates(for: key, from: Offset(0), to: log.durableEnd)
            let middle = Stopwatch.nanoseconds
            for offset in offsets {
                guard let line = try reader.line(at: offset), line.last == UInt8(ascii: "}") else {
                    throw BenchError("the record at \(offset.value) is not there")
                }
            }
            find.add(middle - start)
            read.add(Stopwatch.nanoseconds - start)
            found += offsets.count
        }
        let label = Report.number(Double(made.records)) + " events"
        let mean = Double(found) / Double(run.sizes.lookups)
        report(find, "\(label): a person's offsets", goal: nil, run)
        report(
            read, "\(label): offsets and lines (\(Report.number(mean)) a person)", goal: .atMost(5),
            run)
        run.report.add(
            "\(label): a line of these", (total(read) - total(find)) / Double(found) * 1e3, "µs")
        try heaviest(run, log, label)
        try times(run, log, label)
    }

    private static func total(_ durations: Durations) -> Double { durations.total * 1e3 }

    private static func report(_ durations: Durations, _ name: String, goal: Goal?, _ run: LogRun) {
        for (share, label) in [(0.5, "p50"), (0.99, "p99")] {
            guard let value = durations.milliseconds(at: share) else { continue }
            run.report.add("\(name), \(label)", value, "ms", goal: share > 0.9 ? goal : nil)
        }
    }

    private static func heaviest(_ run: LogRun, _ log: EventLog, _ label: String) throws {
        var reader = log.makeReader()
        let key = log.keyHash("user_id", EventMaker.userID(0))
        let find = Stopwatch()
        let offsets = try reader.candidates(for: key, from: Offset(0), to: log.durableEnd)
        run.report.add(
            "\(label): offsets of the heaviest (\(offsets.count) records)", find.seconds * 1e3, "ms"
        )
        let read = Stopwatch()
        for offset in offsets { _ = try reader.line(at: offset) }
        run.report.add("\(label): its lines", read.seconds * 1e3, "ms")
    }

    /// The first record at or after a moment between the log's first and last.
    private static func times(_ run: LogRun, _ log: EventLog, _ label: String) throws {
        var reader = log.makeReader()
        guard let first = try reader.recorded(at: Offset(0)),
            let last = try reader.recorded(at: Offset(log.durableEnd.value - 1))
        else { throw BenchError("the log has no first record") }
        var random = SplitMix(state: 43)
        var durations = Durations()
        for _ in 0..<run.sizes.lookups {
            let moment = first + Int64(random.below(Int(last - first) + 1))
            let start = Stopwatch.nanoseconds
            _ = try reader.firstOffset(recordedAtOrAfter: moment)
            durations.add(Stopwatch.nanoseconds - start)
        }
        report(durations, "\(label): first offset at a time", goal: .atMost(5), run)
    }
}

extension LogReader {
    /// When the record at `offset` was recorded.
    fileprivate mutating func recorded(at offset: Offset) throws -> Int64? {
        var found: Int64?
        _ = try forEach(from: offset, to: offset + 1, needs: .columnsWithoutKeys) { record in
            found = record.recorded
            return .stop
        }
        return found
    }
}
