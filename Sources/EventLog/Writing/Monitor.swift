import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A value behind one lock, with conditions that own threads wait on.
///
/// `Mutex` has no condition to wait on; this is that, and nothing more. Never held across I/O.
package final class Monitor<State>: @unchecked Sendable {
    /// What a waiting thread waits for.
    package enum Condition: Int, CaseIterable {
        /// There is something for the writer.
        case work
        /// The durable end moved, or the log failed or closed.
        case progress
        /// There is something for the sealer.
        case sealing
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let conditions = UnsafeMutablePointer<pthread_cond_t>.allocate(
        capacity: Condition.allCases.count)
    private var state: State

    package init(_ state: State) {
        self.state = state
        precondition(pthread_mutex_init(mutex, nil) == 0)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        for condition in Condition.allCases {
            precondition(pthread_cond_init(conditions + condition.rawValue, &attributes) == 0)
        }
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        for condition in Condition.allCases {
            pthread_cond_destroy(conditions + condition.rawValue)
        }
        pthread_mutex_destroy(mutex)
        conditions.deallocate()
        mutex.deallocate()
    }

    package func withLock<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Wakes every thread that waits on `condition`.
    package func wake(_ condition: Condition) {
        pthread_cond_broadcast(conditions + condition.rawValue)
    }

    /// Waits until `body` gives a value, or the time is over; nil then. Blocks the calling thread.
    package func wait<R>(
        on condition: Condition, milliseconds: Int?, until body: (inout State) -> R?
    ) -> R? {
        var deadline = timespec()
        if let milliseconds {
            clock_gettime(CLOCK_MONOTONIC, &deadline)
            let nanoseconds = deadline.tv_nsec + (milliseconds % 1000) * 1_000_000
            deadline.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
            deadline.tv_nsec = nanoseconds % 1_000_000_000
        }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let found = body(&state) { return found }
            let place = conditions + condition.rawValue
            if milliseconds == nil {
                pthread_cond_wait(place, mutex)
            } else if pthread_cond_timedwait(place, mutex, &deadline) == ETIMEDOUT {
                return body(&state)
            }
        }
    }
}

/// How much of a busy machine a thread gets.
package enum ThreadUrgency: Sendable {
    case normal
    /// For the fold: it keeps its share of a full machine, about half of what an equal takes, and whoever
    /// answers clients goes first.
    case following
    /// For work that may lag and catch up: it yields to whoever answers clients.
    case background

    /// Gives the calling thread this share, and a name that `top -H` shows, cut to 15 bytes.
    package func enter(named name: String) {
        Self.rename(name)
        guard self != .normal else { return }
        // On Linux a nice value belongs to the thread. Refused: it runs as it is.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
    }

    private var niceness: Int32 {
        switch self {
        case .normal: 0
        case .following: 3
        case .background: 10
        }
    }

    /// Only for people who look: where the system does not take the name, nothing is lost.
    private static func rename(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        var name = name
        _ = name.withUTF8 { Glibc.write(file, $0.baseAddress, $0.count) }
    }
}

/// A thread of our own, for work that blocks.
package final class OwnThread: Sendable {
    private let thread: pthread_t

    /// Starts `body`.
    package init(
        _ urgency: ThreadUrgency, name: String = "sluice.work",
        _ body: @escaping @Sendable () -> Void
    ) {
        let start = Unmanaged.passRetained(Start(urgency, name, body))
        var made = pthread_t()
        let code = pthread_create(
            &made, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                start.urgency.enter(named: start.name)
                start.body()
                return nil
            }, start.toOpaque())
        precondition(code == 0, "no thread could be started")
        thread = made
    }

    /// How many run at once on this machine.
    package static var atOnce: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Waits for its end; once.
    package func join() { pthread_join(thread, nil) }

    private final class Start: Sendable {
        let urgency: ThreadUrgency
        let name: String
        let body: @Sendable () -> Void
        init(
            _ urgency: ThreadUrgency, _ name: String, _ body: @escaping @Sendable () -> Void
        ) {
            self.urgency = urgency
            self.name = name
            self.body = body
        }
    }
}
