import Glibc

/// Sends prepared requests over several connections, one under way on each, and takes the time of every
/// answer. One thread waits for all of them, so that the server is disturbed as little as one core allows.
struct LoadGenerator {
    /// What a server says that took everything.
    static let taken = "{\"success\":true}"

    /// How requests follow each other.
    enum Pace {
        /// The next as soon as the last is answered.
        case answered
        /// So many a second, whatever the server does. A request that waits for a connection has begun when
        /// it was due.
        case perSecond(Double)
    }

    struct Result {
        var requests = 0
        var events = 0
        /// Requests that were not taken, or not whole.
        var refused = 0
        var seconds = 0.0
        var times = Durations()

        var eventsPerSecond: Double { Double(events) / seconds }
    }

    let connections: [LoadConnection]
    /// Makes a connection's next request; false when there are no more.
    let refill: (inout PreparedRequest) -> Bool

    /// Runs for so long, or until there are no more requests, and waits for the last answers.
    func run(_ pace: Pace, seconds: Double) throws -> Result {
        var run = Run(pace: pace, start: Stopwatch.nanoseconds, seconds: seconds)
        var idle = connections
        var waiting = connections.map { pollfd(fd: $0.descriptor, events: 0, revents: 0) }
        while true {
            let wait = try start(&idle, &run)
            if idle.count == connections.count, run.isOver { break }
            for place in waiting.indices { waiting[place].events = connections[place].awaited }
            guard poll(&waiting, nfds_t(waiting.count), wait) >= 0 || errno == EINTR else {
                throw BenchError("poll failed")
            }
            for place in waiting.indices where waiting[place].revents != 0 {
                let connection = connections[place]
                try connection.write()
                guard let isTaken = try connection.receive() else { continue }
                run.note(connection, isTaken)
                idle.append(connection)
            }
        }
        run.result.seconds = Double(run.lastAnswer - run.start) / 1e9
        return run.result
    }

    private struct Run {
        let pace: Pace
        let start: UInt64
        let end: UInt64
        var result = Result()
        var lastAnswer: UInt64
        var begun = 0
        var isEmpty = false

        init(pace: Pace, start: UInt64, seconds: Double) {
            self.pace = pace
            self.start = start
            end = start + UInt64(seconds * 1e9)
            lastAnswer = start
        }

        var isOver: Bool { isEmpty || Stopwatch.nanoseconds >= end }

        /// When the next request is due.
        var due: UInt64 {
            switch pace {
            case .answered: Stopwatch.nanoseconds
            case .perSecond(let rate): start + UInt64(Double(begun) / rate * 1e9)
            }
        }

        mutating func note(_ connection: LoadConnection, _ isTaken: Bool) {
            connection.isBusy = false
            lastAnswer = Stopwatch.nanoseconds
            result.times.add(lastAnswer - connection.began)
            result.requests += 1
            if isTaken { result.events += connection.request.events } else { result.refused += 1 }
        }
    }

    /// Begins what is due on idle connections.
    ///
    /// - Returns: how many milliseconds may be waited for answers; what is due then is up to one late, and
    ///   that counts as its time too.
    private func start(_ idle: inout [LoadConnection], _ run: inout Run) throws -> Int32 {
        while let connection = idle.last, !run.isOver {
            let due = run.due
            let now = Stopwatch.nanoseconds
            guard due <= now else { return Int32(min((due - now) / 1_000_000 + 1, 50)) }
            guard refill(&connection.request) else {
                run.isEmpty = true
                break
            }
            idle.removeLast()
            run.begun += 1
            switch run.pace {
            // Making the request is no part of its time.
            case .answered: try connection.begin(at: Stopwatch.nanoseconds)
            case .perSecond: try connection.begin(at: due)
            }
        }
        return 50
    }
}
