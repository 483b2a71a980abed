import EventLog
import Foundation
import Hashing
import Projections

/// From nothing to a state that answers: the log opened, the checkpoint read and checked, the rest folded.
enum RestartSection {
    /// - Parameters:
    ///   - path: the log's, closed.
    ///   - checkpoint: a file of the state's bytes.
    static func perform(
        path: String, checkpoint: String, digest: Digest256, _ label: String, _ report: Report
    ) throws {
        let whole = Stopwatch()
        var configuration = LogConfiguration()
        configuration.sealing = .off
        let log = try EventLog.open(directory: path, configuration: configuration)
        defer { log.close() }
        report.add("\(label): the log opened", whole.seconds * 1000, "ms")
        let reading = Stopwatch()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: checkpoint)))
        guard SHA256.of(bytes) == digest else { throw BenchError("the checkpoint is not whole") }
        var state = try FoldState(canonicalBytes: bytes, key: log.identity.key)
        report.add("\(label): the checkpoint read and checked", reading.seconds * 1000, "ms")
        report.add("\(label): its size", Double(bytes.count) / 1_048_576, "MiB")
        let folding = Stopwatch()
        let before = state.next
        var replayer = Replayer(log: log)
        try replayer.advance(&state, to: log.durableEnd)
        report.add(
            "\(label): the \(state.next - before) records after it", folding.seconds * 1000, "ms")
        report.add("\(label): restart to serving", whole.seconds, "s", goal: .atMost(1))
    }
}
