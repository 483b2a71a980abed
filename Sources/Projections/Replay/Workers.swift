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

    /// The share of each of `count` workers in a range: in order, and as even as it goes with borders at
    /// multiples of `unit`.
    static func shares(of range: Range<Int>, among count: Int, unit: Int) -> [Range<Int>] {
        let borders = (0...count).map { number in
            let even = range.lowerBound + range.count * number / count
            return number == 0 || number == count
                ? even : min(max(even / unit * unit, range.lowerBound), range.upperBound)
        }
        return zip(borders, borders.dropFirst()).map { $0..<$1 }
    }
}
