import EventLog
import Foundation

/// Durable append with many appenders while closed segments are sealed.
///
/// Appenders are tasks, as in the server: each makes a batch, appends it, and waits until it is durable.
enum AppendSection {
    private struct Case {
        var appenders: Int
        var batch: Int
        var seconds: Double
        var isGoal = false

        var name: String { "\(appenders) x \(batch)" }
    }

    static func perform(_ run: LogRun) async throws {
        run.report.begin(
            "append", "how many events a second are durable, appenders x events in a batch?")
        run.report.note(
            "appenders are tasks; sealing runs; a commit is one write and one fdatasync")
        for batch in [1, 100] {
            for appenders in [1, 8, 64, 512] {
                let isGoal = appenders == 64 && batch == 100
                try await perform(
                    Case(
                        appenders: appenders, batch: batch,
                        seconds: isGoal ? run.sizes.goalSeconds : run.sizes.seconds,
                        isGoal: isGoal), run)
            }
        }
    }

    private static func perform(_ test: Case, _ run: LogRun) async throws {
        let name = "append-\(test.appenders)-\(test.batch)"
        let log = try EventLog.open(directory: run.scratch.path + "/" + name)
        defer {
            log.close()
            run.scratch.remove(name)
        }
        let before = run.limits.compressMegabytes()
        let processor = Stopwatch.processorSeconds
        let watch = Stopwatch()
        let latencies = try await append(test, run, log)
        let seconds = watch.seconds
        let stat = log.stat()
        let spent = Stopwatch.processorSeconds - processor
        let after = run.limits.compressMegabytes()
        let report = run.report
        let megabytes = Double(stat.rawBytes) / 1e6 / seconds
        report.add(
            "\(test.name): events", Double(stat.durableEnd.value) / seconds, "events/s",
            goal: test.isGoal ? .atLeast(300_000) : nil)
        report.add("\(test.name): lines", megabytes, "MB/s")
        report.add(
            ratio: "\(test.name): lines over LZ4_compress_default", megabytes,
            of: (before + after) / 2, goal: test.isGoal ? .atLeast(0.6) : nil)
        // What another program on the machine does not change.
        report.add(
            "\(test.name): processor time, the bench's own and sealing with it",
            spent * 1e9 / Double(stat.durableEnd.value), "ns/event")
        report.add("\(test.name): commits", Double(stat.syncs.count) / seconds, "fsync/s")
        for (share, label) in [(0.5, "p50"), (0.99, "p99")] {
            guard let value = latencies.milliseconds(at: share) else { continue }
            report.add("\(test.name): append to durable, \(label)", value, "ms")
        }
        guard test.batch > 1, test.appenders >= 64 else { return }
        report.add("\(test.name): segments not sealed at the end", Double(stat.sealBacklog), "")
        guard test.isGoal else { return }
        let drain = Stopwatch()
        while log.stat().sealBacklog > 0 { try await Task.sleep(for: .milliseconds(20)) }
        report.add("\(test.name): until they are sealed", drain.seconds, "s")
    }

    /// Appends for the case's time and returns how long each batch took to be durable.
    private static func append(
        _ test: Case, _ run: LogRun, _ log: EventLog
    ) async throws -> Durations {
        let maker = run.maker(people: 1_000_000)
        let numbers = Numbers()
        let end = Stopwatch.nanoseconds + UInt64(test.seconds * 1e9)
        return try await withThrowingTaskGroup(of: Durations.self) { group in
            for _ in 0..<test.appenders {
                group.addTask {
                    var latencies = Durations()
                    while Stopwatch.nanoseconds < end {
                        let first = numbers.take(test.batch)
                        let drafts = maker.drafts(first..<first + test.batch, for: log)
                        let start = Stopwatch.nanoseconds
                        try await log.waitDurable(try await append(drafts, to: log))
                        latencies.add(Stopwatch.nanoseconds - start)
                    }
                    return latencies
                }
            }
            var all = Durations()
            for try await one in group { all.add(one) }
            return all
        }
    }

    /// Waits where the queue is full, as the server's clients do.
    private static func append(
        _ drafts: [RecordDraft], to log: EventLog
    ) async throws -> AppendTicket {
        while true {
            do throws(AppendRefusal) { return try log.append(drafts) } catch {
                guard case .full = error else { throw error }
                try await Task.sleep(for: .milliseconds(1))
            }
        }
    }
}
