import TestSupport

/// When the server is killed.
enum Kill: String, CaseIterable {
    /// By itself: an attempt is recorded and nothing has left.
    case attemptRecorded = "attempt-recorded"
    /// By itself: the bytes have left and the answer was not looked at.
    case bytesSent = "bytes-sent"
    /// By itself: the answer is known and no receipt written.
    case receiptPending = "receipt-pending"
    /// From outside, some milliseconds after it was started: while it recovers, mostly.
    case starting
    /// From outside, some milliseconds after it answered: while it collects and delivers.
    case serving

    /// Whether the server does it itself.
    var isFault: Bool { [.attemptRecorded, .bytesSent, .receiptPending].contains(self) }

    /// A hundred kills: of each of the three places twenty, fifteen while starting, twenty-five
    /// while serving; in an order that follows from the seed.
    static func plan(random: inout SeededRandom) -> [Kill] {
        let counts: [(Kill, Int)] = [
            (.attemptRecorded, 20), (.bytesSent, 20), (.receiptPending, 20), (.starting, 15),
            (.serving, 25),
        ]
        var plan = counts.flatMap { kill, count in Array(repeating: kill, count: count) }
        for place in plan.indices.dropFirst() { plan.swapAt(place, random.below(place + 1)) }
        return plan
    }
}
