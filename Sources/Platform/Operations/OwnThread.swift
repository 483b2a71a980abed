import EventLog
import Foundation
import Synchronization

/// A thread for blocking work, which must never run on the cooperative pool.
enum OwnThread {
    /// Runs `body` on a fresh thread and waits for it without blocking the caller's.
    static func run<R: Sendable>(
        _ name: String, _ urgency: ThreadUrgency = .normal,
        _ body: @escaping @Sendable () throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            start(name, urgency) { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Starts `body` on a thread that nobody waits for.
    static func start(
        _ name: String, _ urgency: ThreadUrgency = .normal, _ body: @escaping @Sendable () -> Void
    ) {
        let thread = Thread {
            urgency.enter(named: name)
            body()
        }
        thread.stackSize = 8 << 20
        thread.start()
    }
}
