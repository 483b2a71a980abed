import EventLog

/// Threads that share one piece of work between them.
enum Workers {
    /// How many are of use on this machine, for work that a person waits for.
    static let count = min(OwnThread.atOnce, 8)

    /// Runs `body` once for each number below `count`, each on a thread of its own but the last, which the
    /// calling thread takes. Returns when all are done.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let threads = (0..<count - 1).map { number in OwnThread(.normal) { body(number) } }
        body(count - 1)
        for thread in threads { thread.join() }
    }

    /// The share of each of `count` workers in a range: as even as it goes, in order.
    static func shares(of range: Range<Int>, among count: Int) -> [Range<Int>] {
        (0..<count).map { number in
            let start = range.lowerBound + range.count * number / count
            return start..<range.lowerBound + range.count * (number + 1) / count
        }
    }
}
