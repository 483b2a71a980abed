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
        let before = run.limits.decompressMegabytes(.thread)
        let rounds = try (0..<3).map { _ in try lines(log) }
        let limit = (before + run.limits.decompressMegabytes(.thread)) / 2
        guard rounds.allSatisfy({ $0.digest == made.writer.digest }) else {
            throw BenchError("the lines that were read are not those that were written")
        }
        report.add("lines", median(rounds.map { $0.bytes / $0.wall }) / 1e6, "MB/s")
        report.add("lines", median(rounds.map { $0.records / $0.wall }), "records/s")
        let speed = median(rounds.map { $0.bytes / $0.processor }) / 1e6
        report.add("lines, by processor time", speed, "MB/s")
        report.add(ratio: "that over LZ4_decompress_safe", speed, of: limit, goal: .atLeast(0.6))
        report.note("digest of the lines: \(String(made.writer.digest, radix: 16)), as written")
        try columns(run, made, log)
    }

    private struct Round {
        var bytes = 0.0
        var records = 0.0
        var wall = 0.0
        var processor = 0.0
        var digest: UInt64 = 0
    }

    private static func lines(_ log: EventLog) throws -> Round {
        var reader = log.makeReader()
        let wall = Stopwatch()
        let processor = Stopwatch(.thread)
        var bytes = 0
        var digest: UInt64 = 0
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .lines) { record in
            bytes &+= record.line.count &+ 1
            if record.kind == EventMaker.eventKind {
                digest &+= EventMaker.digest(ofLine: record.line)
            }
            return .next
        }
        return Round(
            bytes: Double(bytes), records: Double(log.durableEnd.value), wall: wall.seconds,
            processor: processor.seconds, digest: digest)
    }

    // MARK: Columns

    private static func columns(_ run: LogRun, _ made: LogRun.Made, _ log: EventLog) throws {
        let maker = run.maker(people: made.records / 10)
        let rules = EightRules(
            records: made.records,
            key: log.keyHash("user_id", EventMaker.userID(maker.person(of: made.records / 2))))
        let report = run.report
        let rows = try rounds(log) { try rules.countByRecord(log) }
        report.add("columns with 8 rules, record by record", rows.wall, "records/s")
        report.add("   by processor time", rows.processor, "records/s")
        let batches = try rounds(log) { try rules.countByBatch(log) }
        report.add("columns with 8 rules, a frame's columns at a time", batches.wall, "records/s")
        report.add("   by processor time", batches.processor, "records/s", goal: .atLeast(30e6))
        guard rows.counts == batches.counts else {
            throw BenchError("the two ways count differently: \(rows.counts), \(batches.counts)")
        }
        report.note("records that each rule found: \(batches.counts)")
    }

    /// Records a second by both clocks.
    private static func rounds(
        _ log: EventLog, _ count: () throws -> [Int]
    ) throws -> (wall: Double, processor: Double, counts: [Int]) {
        var counts: [Int] = []
        var walls: [Double] = []
        var processors: [Double] = []
        for _ in 0..<3 {
            let wall = Stopwatch()
            let processor = Stopwatch(.thread)
            counts = try count()
            walls.append(wall.seconds)
            processors.append(processor.seconds)
        }
        let records = Double(log.durableEnd.value)
        return (records / median(walls), records / median(processors), counts)
    }
}
