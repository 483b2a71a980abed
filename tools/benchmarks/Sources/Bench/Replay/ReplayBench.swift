import ArgumentParser
import CustomerModel
import EventLog
import Foundation
import Hashing
import JSONText
import PolicyText
import Projections
import ReadModel

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
    @Option(
        help: ArgumentHelp(
            "Only these sections, with commas: rebuild (always), model, destination, consent, identity, filter, fold, people, peer.",
            discussion: "peer asks DuckDB what destination, consent and filter asked."))
    var only: String?
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

        let path = log ?? scratch.path + "/log"
        if log == nil {
            report.begin("log", "the events that are replayed")
            let writing = Stopwatch()
            try world.write(to: path, policy: ReplayWorld.Rules.before.text())
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
        if wants("model") { try readModel(log, live, world, scratch, report) }
        let answers = try simulate(log, live, world, report)
        if !answers.isEmpty {
            report.add(
                "peak of the process", Double(try ProcessMemory.peakKiB()) / 1024, "MiB",
                goal: .atMost(2048))
        }
        if wants("people") { try PeopleSections.perform(sizes: [world.events], scratch, report) }
        if wants("peer"), !answers.isEmpty { try compare(answers, world, scratch, report) }
        try report.finish()
    }

    private func wants(_ section: String) -> Bool {
        guard let only else { return true }
        return only.split(separator: ",").contains { $0 == section }
    }

    private func simulate(
        _ log: EventLog, _ live: FoldState, _ world: ReplayWorld, _ report: Report
    ) throws -> [Answer] {
        var answers: [Answer] = []
        if wants("destination") {
            answers.append(
                try columns(
                    "destination rule",
                    "how fast is a changed destination rule counted, 10 destinations?",
                    .after, goal: 50_000_000, log, live, world, report))
        }
        if wants("consent") {
            let answer = try columns(
                "consent rule", "how fast is a changed consent rule counted: grants that end?",
                .ending, goal: 20_000_000, log, live, world, report)
            answers.append(answer)
            if wants("fold") { try fold(log, live, world, .ending, against: answer, report) }
        }
        if wants("identity") { try identity(log, live, world, report) }
        if wants("filter") {
            let answer = try columns(
                "payload filter",
                "how fast is a filter over events' fields counted, 2 destinations?",
                .filtered, goal: nil, log, live, world, report)
            answers.append(answer)
            if wants("fold") { try fold(log, live, world, .filtered, against: answer, report) }
        }
        return answers
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

    private func readModel(
        _ log: EventLog, _ live: FoldState, _ world: ReplayWorld, _ scratch: Scratch,
        _ report: Report
    ) throws {
        report.begin("read model", "how fast is the read model of everybody made anew?")
        let origin = ModelOrigin(
            logID: log.identity.hex, incarnation: log.identity.incarnation)
        let store = try ReadModelStore.open(directory: scratch.path + "/read", origin: origin)
        defer { store.close() }
        let projection = LiveProjection(log: log, state: live)
        let watch = Stopwatch()
        try store.rebuild(from: projection)
        let people = try store.query("SELECT COUNT(*) FROM profiles", limit: 1).rows
        report.add("of so many people", Double(world.people), "")
        report.note("rows of profiles: \(people.first?.first.map { "\($0)" } ?? "none")")
        report.add("all rows written", watch.seconds * 1000, "ms")
        // A million in 20 seconds.
        report.add(
            "people a second", Double(world.people) / watch.seconds, "people/s",
            goal: .atLeast(50_000))
    }

    /// One changed rule and what columns said of it.
    private struct Answer {
        var name: String
        var rules: ReplayWorld.Rules
        var report: SimulationReport
        var seconds: Double
        /// What DuckDB must take longer.
        var ratio: Double?
    }

    private func columns(
        _ name: String, _ question: String, _ rules: ReplayWorld.Rules, goal: Double?,
        _ log: EventLog, _ live: FoldState, _ world: ReplayWorld, _ report: Report
    ) throws -> Answer {
        report.begin(name, question)
        let candidate = try PolicyFile.read(rules.text(), name: "candidate")
        let verdicts = FilterVerdicts()
        var runs: [Double] = []
        var found: SimulationReport?
        for _ in 0..<6 {
            let watch = Stopwatch()
            found = try live.basis(for: candidate).difference(
                under: candidate, from: 0, range: 0..<live.next, samples: 3,
                filters: FilterReading(LineSource(log), keeping: verdicts))
            runs.append(watch.seconds)
        }
        guard let found else { throw BenchError("no run was made") }
        let middle = median(Array(runs.dropFirst()))
        report.add("the first", runs[0] * 1000, "ms")
        report.add("the first, events a second", Double(world.events) / runs[0], "events/s")
        report.add("from columns, the middle of five more", middle * 1000, "ms")
        report.add(
            "events a second", Double(world.events) / middle, "events/s",
            goal: goal.map { .atLeast($0) })
        if verdicts.lengthBytes > 0 {
            report.add("kept for the next time", Double(verdicts.lengthBytes) / 1024, "KiB")
        }
        return Answer(
            name: name, rules: rules, report: found, seconds: middle,
            ratio: name == "consent rule" ? 5 : name == "destination rule" ? 10 : nil)
    }

    /// Another identity rule, which columns cannot answer: every line is folded, and people are compared.
    private func identity(
        _ log: EventLog, _ live: FoldState, _ world: ReplayWorld, _ report: Report
    ) throws {
        report.begin(
            "identity rule", "how fast is a changed identity rule counted? Every line is folded")
        let text = ReplayWorld.Rules.before.text().replacing(
            "limit: 1 }", with: "limit: 1 }\n    - { type: anonymous_id }")
        let candidate = try PolicyFile.read(text, name: "candidate")
        let watch = Stopwatch()
        var state = FoldState(key: log.identity.key, schedule: .candidate(candidate, from: 0))
        var replayer = Replayer(log: log)
        try replayer.advance(&state, to: log.durableEnd)
        let found = state.difference(
            from: live.basis(for: candidate), range: 0..<live.next, samples: 3)
        let people = state.profileDifference(from: live)
        report.add("events a second", Double(world.events) / watch.seconds, "events/s")
        report.add("events counted", Double(found.events), "")
        report.add(
            "people that would join or split", Double(people.joins.count + people.splits.count), "")
    }

    /// The same question by folding every line, which must give the same counts.
    private func fold(
        _ log: EventLog, _ live: FoldState, _ world: ReplayWorld, _ rules: ReplayWorld.Rules,
        against answer: Answer, _ report: Report
    ) throws {
        let candidate = try PolicyFile.read(rules.text(), name: "candidate")
        let watch = Stopwatch()
        var state = FoldState(key: log.identity.key, schedule: .candidate(candidate, from: 0))
        var replayer = Replayer(log: log)
        try replayer.advance(&state, to: log.durableEnd)
        let folded = state.difference(
            from: live.basis(for: candidate), range: 0..<live.next, samples: 3)
        report.add("by folding every line", Double(world.events) / watch.seconds, "events/s")
        report.add(
            "reports that differ", folded == answer.report ? 0 : 1, "", goal: .atMost(0))
    }

    // MARK: The peer

    private struct PeerAnswer: Decodable {
        var seconds: [Double]
        var destinations: [[String: Int]]
    }

    private func compare(
        _ ours: [Answer], _ world: ReplayWorld, _ scratch: Scratch, _ report: Report
    ) throws {
        report.begin(
            "DuckDB",
            "the same questions: ASOF join of events with consent in Parquet, grouped counts")
        try Tables.write(world, to: scratch.path)
        let questions: [[String: Any]] = ours.map {
            ["before": ReplayWorld.Rules.before.json, "after": $0.rules.json]
        }
        try JSONSerialization.data(withJSONObject: questions)
            .write(to: URL(fileURLWithPath: scratch.path + "/questions.json"))
        let output = try Programs.output(of: python, [peer, scratch.path])
        let answers = try JSONDecoder().decode([PeerAnswer].self, from: output)
        for (own, answer) in zip(ours, answers) {
            let seconds = median(answer.seconds)
            report.add(
                "\(own.name): the middle of five, 2 threads, tables warm", seconds * 1000, "ms")
            report.add(
                "\(own.name): DuckDB's time over ours", seconds / own.seconds, "x",
                goal: own.ratio.map { .atLeast($0) })
            var different = 0
            for (number, counts) in answer.destinations.enumerated()
            where !Self.agree(own.report.destinations[number], counts) {
                different += 1
                report.note(
                    "destination \(number): ours \(own.report.destinations[number]), theirs \(counts)"
                )
            }
            report.add(
                "\(own.name): destinations whose counts differ", Double(different), "",
                goal: .atMost(0))
        }
    }

    private static func agree(
        _ ours: SimulationReport.DestinationDifference, _ theirs: [String: Int]
    ) -> Bool {
        var counts = [
            "allowedBefore": ours.counts.allowedBefore, "allowedAfter": ours.counts.allowedAfter,
            "newlyAllowed": ours.counts.newlyAllowed, "newlyWithheld": ours.counts.newlyWithheld,
        ]
        for reason in ours.withheldBy { counts[reason.reason] = reason.count }
        return counts.filter { $0.value > 0 } == theirs.filter { $0.value > 0 }
    }
}
