import EventLog
import Foundation
import Synchronization

/// A reader on a thread of its own that follows a log and keeps what it saw.
final class TailReader: Sendable {
    struct Result: Sendable {
        var seen: [Seen] = []
        var gap: String?
        var error: String?
        /// The first offset that was not seen.
        var end: UInt64 = 0
    }

    private struct State {
        var isStopped = false
        var isEnded = false
        var result = Result()
    }

    private let state = Mutex(State())

    init(of log: EventLog, from start: Offset) {
        state.withLock { $0.result.end = start.value }
        let thread = Thread { [self] in
            run(log)
            state.withLock { $0.isEnded = true }
        }
        thread.start()
    }

    private func run(_ log: EventLog) {
        var reader = log.makeReader()
        while !state.withLock({ $0.isStopped }) {
            let next = Offset(state.withLock { $0.result.end })
            _ = log.blockingWait(past: next, milliseconds: 2)
            do {
                _ = try reader.forEach(from: next, to: Offset(.max), needs: .lines) { record in
                    note(Seen(record))
                    return .next
                }
            } catch {
                state.withLock { $0.result.error = "\(error)" }
                return
            }
            if log.failure != nil { return }
        }
    }

    private func note(_ seen: Seen) {
        state.withLock { state in
            if seen.offset != state.result.end, state.result.gap == nil {
                state.result.gap = "offset \(seen.offset) after \(state.result.end)"
            }
            state.result.seen.append(seen)
            state.result.end = seen.offset + 1
        }
    }

    /// The first offset that was not seen yet.
    var seenEnd: UInt64 { state.withLock { $0.result.end } }

    /// Ends the thread and says what it saw.
    func finish() -> Result {
        state.withLock { $0.isStopped = true }
        while !state.withLock({ $0.isEnded }) { usleep(50) }
        return state.withLock { $0.result }
    }
}
