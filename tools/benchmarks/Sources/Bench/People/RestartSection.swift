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
        let bytes = try read(checkpoint)
        report.add("\(label): the checkpoint's bytes read", reading.seconds * 1000, "ms")
        var state = try FoldState(canonicalBytes: bytes, digest: digest, key: log.identity.key)
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

    /// As a platform reads it: into place, without a copy.
    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw BenchError("no checkpoint") }
        defer { fclose(file) }
        guard fseek(file, 0, SEEK_END) == 0, case let size = ftell(file), size > 0,
            fseek(file, 0, SEEK_SET) == 0
        else { throw BenchError("the checkpoint has no size") }
        return try [UInt8](unsafeUninitializedCapacity: size) { room, filled in
            filled = fread(room.baseAddress, 1, size, file)
            guard filled == size else { throw BenchError("the checkpoint cannot be read") }
        }
    }
}
