import Synchronization

/// Wakes the one who waits; set while nobody waits, it wakes the next at once.
final class Wakeup: Sendable {
    private struct State {
        var isSet = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func set() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state.waiter = nil }
            if state.waiter == nil { state.isSet = true }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Waits until it is set, the deadline passes or the task is cancelled. One at a time.
    func wait(until deadline: ContinuousClock.Instant? = nil) async {
        await withTaskGroup { group in
            group.addTask { await self.waitForSet() }
            if let deadline {
                group.addTask {
                    do {
                        try await Task.sleep(until: deadline, clock: .continuous)
                    } catch {}  // cancelled: whoever waits looks for themselves
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForSet() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state -> Bool in
                    // Cancellation comes before or after this; its handler takes the same lock.
                    if state.isSet || Task.isCancelled {
                        state.isSet = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
