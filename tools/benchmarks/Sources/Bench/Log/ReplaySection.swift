import EventLog

/// Reading the whole log: lines, and columns alone.
enum ReplaySection {
    static func perform(_ run: LogRun) throws {
        let report = run.report
        report.begin("replay", "how fast is the whole log read?")
        let made = try run.log(run.sizes.large)
        let log = try LogRun.open(made)
        defer { log.close() }
        // Once over, so that neither way pays for the disk.
        _ = try lines(log)
        let limits = [run.limits.decompressMegabytes()]
        let rounds = try (0..<3).map { _ in try lines(log) }
        let limit = median(
            limits + [run.limits.decompressMegabytes(), run.limits.decompressMegabytes()])
        guard rounds.allSatisfy({ $0.digest == made.writer.digest }) else {
            throw BenchError("the lines that were read are not those that were written")
        }
        let speed = median(rounds.map(\.megabytes))
        report.add("lines", speed, "MB/s")
        report.add("lines", median(rounds.map(\.records)), "records/s")
        report.add(ratio: "lines over LZ4_decompress_safe", speed, of: limit, goal: .atLeast(0.6))
        report.note("digest of the lines: \(String(made.writer.digest, radix: 16)), as written")
        try columns(run, made, log)
    }

    private struct Round {
        var megabytes: Double
        var records: Double
        var digest: UInt64
    }

    private static func lines(_ log: EventLog) throws -> Round {
        var reader = log.makeReader()
        let watch = Stopwatch()
        var bytes = 0
        var digest: UInt64 = 0
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .lines) { record in
            bytes &+= record.line.count &+ 1
            if record.kind == EventMaker.eventKind {
                digest &+= EventMaker.digest(ofLine: record.line)
            }
            return .next
        }
        let seconds = watch.seconds
        return Round(
            megabytes: Double(bytes) / 1e6 / seconds,
            records: Double(log.durableEnd.value) / seconds, digest: digest)
    }

    // MARK: Columns

    private static func columns(_ run: LogRun, _ made: LogRun.Made, _ log: EventLog) throws {
        let maker = run.maker(people: made.records / 10)
        let rules = EightRules(
            records: made.records,
            key: log.keyHash("user_id", EventMaker.userID(maker.person(of: made.records / 2))))
        let report = run.report
        let rows = try rounds(log) { try rules.countByRecord(log) }
        report.add("columns with 8 rules, record by record", rows.speed, "records/s")
        let batches = try rounds(log) { try rules.countByBatch(log) }
        report.add(
            "columns with 8 rules, a frame's columns at a time", batches.speed, "records/s",
            goal: .atLeast(30_000_000))
        guard rows.counts == batches.counts else {
            throw BenchError("the two ways count differently: \(rows.counts), \(batches.counts)")
        }
        report.note("records that each rule found: \(batches.counts)")
    }

    private static func rounds(
        _ log: EventLog, _ count: () throws -> [Int]
    ) throws -> (speed: Double, counts: [Int]) {
        var counts: [Int] = []
        let seconds = try (0..<3).map { _ in
            let watch = Stopwatch()
            counts = try count()
            return watch.seconds
        }
        return (Double(log.durableEnd.value) / median(seconds), counts)
    }
}
