import ArgumentParser
import CustomerModel
import EventLog
import Foundation
import Hashing
import JSONText
import PolicyText
import Projections

/// `bench replay`: rebuilds and simulations against the goals of DESIGN, section 9, and against the same
/// question in DuckDB.
struct ReplayBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Rebuild, simulations of changed rules, and the same counts from DuckDB.")

    @Flag(help: "Half a million events: no goal is judged by it in earnest.")
    var quick = false
    @Flag(help: "All figures as JSON on stdout; the table goes to stderr.")
    var json = false
    @Flag(help: "Only questions about people and a restart, at 1, 3 and 10 million events.")
    var growth = false
    @Option(help: "Events (10 M, or 500 k with --quick).")
    var events: Int?
    @Option(help: "Where the files go; removed at the end. Default: a new one in TMPDIR.")
    var dir: String?
    @Flag(help: "Rebuild only: no simulations, no peer.")
    var rebuildOnly = false
    @Option(help: "A log that an earlier run left with --keep, in place of a new one.")
    var log: String?
    @Flag(help: "Leave the files.")
    var keep = false
    @Option(help: "A Python that has DuckDB.")
    var python: String
    @Option(help: "The peer's script.")
    var peer: String

    func run() async throws {
        let scratch = try Scratch(dir)
        defer { if !keep { scratch.remove() } }
        let report = Report(json ? .json : .table)
        if growth {
            let sizes = quick ? [100_000, 300_000, 1_000_000] : [1_000_000, 3_000_000, 10_000_000]
            try PeopleSections.perform(sizes: events.map { [$0] } ?? sizes, scratch, report)
            try report.finish()
            return
        }
        let world = ReplayWorld(events: events ?? (quick ? 500_000 : 10_000_000))
        let rules = (before: ReplayWorld.Rules.before, after: ReplayWorld.Rules.after)

        let path = log ?? scratch.path + "/log"
        if log == nil {
            report.begin("log", "the events that are replayed")
            let writing = Stopwatch()
            try world.write(to: path, policy: rules.before.text())
            report.add("events", Double(world.events), "")
            report.add("people", Double(world.people), "")
            report.add(
                "making and writing them", Double(world.events) / writing.seconds, "events/s")
        }
        var configuration = LogConfiguration()
        configuration.sealing = .off
        let log = try EventLog.open(directory: path, configuration: configuration)
        defer { log.close() }
        try ProcessMemory.resetPeak()
        let live = try rebuild(log, report)
        report.add(
            "peak of the process", Double(try ProcessMemory.peakKiB()) / 1024, "MiB",
            goal: .atMost(2048))
        guard !rebuildOnly else { return try report.finish() }
        let candidate = try PolicyFile.read(rules.after.text(), name: "candidate")
        let columns = try simulate(live, candidate, world, report)
        try fold(log, live, world, report)
        report.add(
            "peak of the process", Double(try ProcessMemory.peakKiB()) / 1024, "MiB",
            goal: .atMost(2048))
        try PeopleSections.perform(sizes: [world.events], scratch, report)
        try compare(columns, world, rules, scratch, report)
        try report.finish()
    }

    private func rebuild(_ log: EventLog, _ report: Report) throws -> FoldState {
        report.begin("rebuild", "how fast does the whole log become state again?")
        var state = FoldState(key: log.identity.key)
        var replayer = Replayer(log: log)
        try ProcessMemory.resetPeak()
        let processor = Stopwatch.processorSeconds
        let folding = Stopwatch()
        try replayer.advance(&state, to: log.durableEnd)
        let seconds = folding.seconds
        let records = Double(state.recordCount)
        report.add("every line folded", records / seconds, "records/s")
        let hashing = Stopwatch()
        let digest = state.digest()
        report.add("the digest after that", hashing.seconds * 1000, "ms")
        report.add(
            "rebuild to the digest", records / (seconds + hashing.seconds), "records/s",
            goal: .atLeast(1_000_000))
        report.add(
            "processor time of both threads, a record",
            (Stopwatch.processorSeconds - processor) / records * 1e9, "ns")
        report.note("digest \(digest.hex)")
        return state
    }

    private func simulate(
        _ live: FoldState, _ candidate: Policy, _ world: ReplayWorld, _ report: Report
    ) throws -> (report: SimulationReport, seconds: Double) {
        report.begin(
            "destination rule", "how fast is a changed destination rule counted, 10 destinations?")
        var runs: [Double] = []
        var found: SimulationReport?
        for _ in 0..<5 {
            let watch = Stopwatch()
            found = try live.basis(for: candidate).difference(
                under: candidate, from: 0, range: 0..<live.next, samples: 3)
            runs.append(watch.seconds)
        }
        guard let found else { throw BenchError("no run was made") }
        let middle = median(runs)
        report.add("from columns, the middle of five", middle * 1000, "ms")
        report.add("the first", runs[0] * 1000, "ms")
        report.add(
            "events a second", Double(world.events) / middle, "events/s",
            goal: .atLeast(50_000_000))
        return (found, middle)
    }

    /// Rules that columns cannot tell yet fold the lines again.
    private func fold(_ log: EventLog, _ live: FoldState, _ world: ReplayWorld, _ report: Report)
        throws
    {
        report.begin("consent rule", "how fast is a changed consent rule counted?")
        let candidate = try PolicyFile.read(
            ReplayWorld.Rules.before.text(resolve: "latest"), name: "candidate")
        let watch = Stopwatch()
        var state = FoldState(key: log.identity.key, schedule: .candidate(candidate, from: 0))
        var replayer = Replayer(log: log)
        try replayer.advance(&state, to: log.durableEnd)
        _ = state.difference(
            from: live.basis(for: candidate), range: 0..<live.next, samples: 3)
        report.add(
            "by folding every line", Double(world.events) / watch.seconds, "events/s",
            goal: .atLeast(20_000_000))
        report.note("an identity rule takes the same way")
    }

    // MARK: The peer

    private struct PeerAnswer: Decodable {
        var seconds: [Double]
        var destinations: [[String: Int]]
    }

    private func compare(
        _ ours: (report: SimulationReport, seconds: Double), _ world: ReplayWorld,
        _ rules: (before: ReplayWorld.Rules, after: ReplayWorld.Rules), _ scratch: Scratch,
        _ report: Report
    ) throws {
        report.begin(
            "DuckDB",
            "the same question: ASOF join of events with consent in Parquet, grouped counts")
        try Tables.write(world, to: scratch.path)
        let question: [String: Any] = [
            "before": rules.before.json, "after": rules.after.json,
            "purposes": ReplayWorld.purposes,
        ]
        try JSONSerialization.data(withJSONObject: question)
            .write(to: URL(fileURLWithPath: scratch.path + "/question.json"))
        let output = try Programs.output(of: python, [peer, scratch.path])
        let answer = try JSONDecoder().decode(PeerAnswer.self, from: output)
        let seconds = median(answer.seconds)
        report.add("the middle of five, 2 threads, tables warm", seconds * 1000, "ms")
        report.add("DuckDB's time over ours", seconds / ours.seconds, "x", goal: .atLeast(10))
        var different = 0
        for (number, counts) in answer.destinations.enumerated() {
            let item = ours.report.destinations[number]
            let withheld = Dictionary(
                uniqueKeysWithValues: item.withheldBy.map { ($0.reason, $0.count) })
            let same =
                item.counts.allowedBefore == counts["allowedBefore"]
                && item.counts.allowedAfter == counts["allowedAfter"]
                && item.counts.newlyAllowed == counts["newlyAllowed"]
                && item.counts.newlyWithheld == counts["newlyWithheld"]
                && withheld["event not listed", default: 0] == counts["notListed"]
                && withheld["consent unknown", default: 0] == counts["unknown"]
                && withheld["consent denied", default: 0] == counts["denied"]
            if !same {
                different += 1
                report.note(
                    "destination \(number): ours \(item.counts) \(withheld), theirs \(counts)")
            }
        }
        report.add("destinations whose counts differ", Double(different), "", goal: .atMost(0))
    }
}
