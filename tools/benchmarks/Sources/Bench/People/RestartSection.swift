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
        guard let file = fopen(checkpoint, "r") else { throw BenchError("no checkpoint") }
        defer { fclose(file) }
        guard fseek(file, 0, SEEK_END) == 0, case let size = ftell(file), size > 0 else {
            throw BenchError("the checkpoint has no size")
        }
        let descriptor = fileno(file)
        var state = try FoldState(
            canonicalBytes: size, digest: digest, key: log.identity.key
        ) { piece, position in
            var filled = 0
            while filled < piece.count {
                let count = pread(
                    descriptor, piece.baseAddress.map { $0 + filled }, piece.count - filled,
                    position + filled)
                guard count > 0 else { throw BenchError("the checkpoint cannot be read") }
                filled += count
            }
        }
        report.add("\(label): the checkpoint read and checked", reading.seconds * 1000, "ms")
        report.add("\(label): its size", Double(size) / 1_048_576, "MiB")
        let folding = Stopwatch()
        let before = state.next
        var replayer = Replayer(log: log)
        try replayer.advance(&state, to: log.durableEnd)
        report.add(
            "\(label): the \(state.next - before) records after it", folding.seconds * 1000, "ms")
        report.add("\(label): restart to serving", whole.seconds, "s", goal: .atMost(1))
    }
}
