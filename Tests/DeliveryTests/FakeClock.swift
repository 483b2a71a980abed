import Delivery
import JSONText
import Synchronization

/// A clock that only waiting moves.
final class FakeClock: Sendable {
    private let state = Mutex((now: Timestamp.now().microseconds, sleeps: [Int]()))

    func now() -> Timestamp { Timestamp(microseconds: state.withLock { $0.now }) }

    /// What was slept, in milliseconds.
    var sleeps: [Int] { state.withLock { $0.sleeps } }

    var lane: LaneClock {
        LaneClock(
            now: { self.now() },
            sleep: { milliseconds in
                self.state.withLock {
                    $0.now += Int64(milliseconds) * 1_000
                    $0.sleeps.append(milliseconds)
                }
                try Task.checkCancellation()
                await Task.yield()
            },
            random: { 0 })
    }
}
