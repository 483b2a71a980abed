import EventLog
import Foundation
import Hashing

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

    /// Asks, and leaves the checkpoint behind. A function of its own, so that the state is gone after it.
    private static func asked(
        _ size: Int, _ label: String, _ path: String, _ draws: Int, _ checkpoint: String,
        _ report: Report
    ) throws -> Digest256 {
        let world = try PeopleWorld(events: size, path: path)
        defer { world.log.close() }
        report.add(
            "\(label): folded, with attributes", Double(size) / world.foldSeconds, "events/s")
        report.add(
            "\(label): peak of the process while folding", Double(world.foldPeakKiB) / 1024, "MiB",
            goal: .atMost(2048))
        report.add(
            "\(label): peak with a checkpoint's bytes", Double(world.checkpointPeakKiB) / 1024,
            "MiB", goal: .atMost(2048))
        try PastSection.perform(world, draws: draws, label, report)
        try ExplainSection.perform(world, draws: draws, label, report)
        try DisclosureSection.perform(world, draws: draws, label, report)
        try Data(world.checkpoint).write(to: URL(fileURLWithPath: checkpoint))
        return SHA256.of(world.checkpoint)
    }
}
