import CustomerModel
import EventLog
import JSONText
import NIOPosix
import Projections

/// Reads the log for one dispatcher, on a thread of its own: reading blocks.
final class LogWorker: Sendable {
    private let thread: NIOThreadPool
    private let projection: LiveProjection
    // Touched on the one thread only, which is why it needs no lock.
    nonisolated(unsafe) private var reader: LogReader

    init(log: EventLog, projection: LiveProjection) {
        thread = NIOThreadPool(numberOfThreads: 1)
        self.projection = projection
        reader = log.makeReader()
    }

    /// Starts the thread. Before it nothing can be asked.
    func start() { thread.start() }

    /// The second look (E6).
    ///
    /// - Throws: ``LaneHold`` when the log cannot be read.
    func look(_ effects: [PendingEffect], in lane: Lane, now: Timestamp) async throws -> Look {
        try await thread.runIfActive {
            do {
                return try self.projection.look(effects, in: lane, now: now, reader: &self.reader)
            } catch {
                throw LaneHold("the second look could not be taken: \(error)")
            }
        }
    }

    /// The attempt recorded at `offset`.
    ///
    /// - Throws: ``LaneHold`` when it cannot be read.
    func attempt(at offset: Offset) async throws -> AttemptRecord {
        try await thread.runIfActive {
            do {
                if let line = try self.reader.line(at: offset) {
                    var parser = JSONParser(limits: JSONLimits(maximumBytes: 64 << 20))
                    return try parser.parse(line) { line in
                        guard let body = line["body"] else {
                            throw RecordError(kind: .attempt, member: "body", problem: .missing)
                        }
                        return try AttemptRecord(body)
                    }
                }
            } catch LogError.damaged(let damage) {
                self.projection.notice(damage)
                throw Self.unreadable(offset)
            } catch {
                throw Self.unreadable(offset)
            }
            throw Self.unreadable(offset)
        }
    }

    private static func unreadable(_ attempt: Offset) -> LaneHold {
        LaneHold(
            "the attempt at offset \(attempt.value) cannot be read back: run 'sluice log verify'")
    }

    /// Ends the thread. No other call follows.
    func close() async throws { try await thread.shutdownGracefully() }
}
