import EventLog
import Foundation
import Hashing
import PolicyText
import Projections

/// Everything that is asked of one person, and a restart, at one or more sizes of the log.
enum PeopleSections {
    /// - Parameter sizes: events of each log, ascending; each is written, asked and removed.
    static func perform(sizes: [Int], _ scratch: Scratch, _ report: Report) throws {
        report.begin(
            "people", "what does a question about one person cost, persons drawn by event?")
        for size in sizes {
            let label = Report.number(Double(size)) + " events"
            try perform(size, label, scratch.path + "/people-\(size)", report)
        }
    }

    private static func perform(_ size: Int, _ label: String, _ path: String, _ report: Report)
        throws
    {
        try ProcessMemory.resetPeak()
        let draws = min(2_000, size / 100)
        let checkpoint = path + ".checkpoint"
        let digest = try asked(size, label, path, draws, checkpoint, report)
        try RestartSection.perform(
            path: path, checkpoint: checkpoint, digest: digest, label, report)
        try FileManager.default.removeItem(atPath: checkpoint)
        try FileManager.default.removeItem(atPath: path)
    }

    /// What was told of, and would be withheld under a rule that asks for more: counted from columns, and each
    /// listed by a fold.
    private static func overShared(_ world: PeopleWorld, _ label: String, _ report: Report) throws {
        var rules = ReplayWorld.Rules.before
        rules.purposes[0] = [0, 5, 6]
        let candidate = try PolicyFile.read(rules.text(), name: "candidate")
        let range = 0..<world.state.next
        let watch = Stopwatch()
        let basis = world.state.basis(for: candidate)
        let counted = try basis.difference(under: candidate, from: 0, range: range, samples: 0)
        report.add("\(label): over-shared, counted from columns", watch.seconds * 1000, "ms")
        let listing = Stopwatch()
        var state = FoldState(
            key: world.log.identity.key, schedule: .candidate(candidate, from: 0))
        var replayer = Replayer(log: world.log)
        try replayer.advance(&state, to: Offset(world.state.next))
        var question = SimulationQuestion(range: range, samples: 0)
        question.list = .overShared
        var listed = 0
        _ = try state.difference(from: basis, question, replayer: &replayer) { _ in listed += 1 }
        report.add("\(label): each listed, by folding every line", listing.seconds, "s")
        report.add("\(label): over-shared", Double(listed), "")
        report.add(
            "\(label): listed but not counted, or counted but not listed",
            Double(abs(listed - counted.destinations.map(\.overShared).reduce(0, +))), "",
            goal: .atMost(0))
    }

    /// Asks, and leaves the checkpoint behind. A function of its own, so that the state is gone after it.
    private static func asked(
        _ size: Int, _ label: String, _ path: String, _ draws: Int, _ checkpoint: String,
        _ report: Report
    ) throws -> Digest256 {
        let world = try PeopleWorld(events: size, path: path)
        defer { world.log.close() }
        report.add("\(label): folded, with attributes", world.foldRate, "events/s")
        report.add(
            "\(label): peak of the process while folding", Double(world.foldPeakKiB) / 1024, "MiB",
            goal: .atMost(2048))
        report.add(
            "\(label): peak with a checkpoint's bytes", Double(world.checkpointPeakKiB) / 1024,
            "MiB", goal: .atMost(2048))
        try PastSection.perform(world, draws: draws, label, report)
        try ExplainSection.perform(world, draws: draws, label, report)
        try DisclosureSection.perform(world, draws: draws, label, report)
        try overShared(world, label, report)
        try Data(world.checkpoint).write(to: URL(fileURLWithPath: checkpoint))
        // As the platform writes one: what the disk still has to do is no part of a restart.
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: checkpoint))
        try file.synchronize()
        try file.close()
        return SHA256.of(world.checkpoint)
    }
}
