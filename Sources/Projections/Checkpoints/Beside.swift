import EventLog
import Synchronization

/// A value that is worked out on a thread of its own while its owner goes on.
final class Beside<Value: Sendable>: Sendable {
    private let found = Mutex<Value?>(nil)
    private let thread = Mutex<OwnThread?>(nil)

    init(_ make: @escaping @Sendable () -> Value) {
        let made = OwnThread(.normal) { [self] in
            let value = make()
            found.withLock { $0 = value }
        }
        thread.withLock { $0 = made }
    }

    /// Waits for it.
    var value: Value {
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
        guard let value = found.withLock({ $0 }) else {
            preconditionFailure("a thread that has ended has worked its value out")
        }
        return value
    }
}
