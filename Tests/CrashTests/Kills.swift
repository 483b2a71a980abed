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

    /// Sixty kills: of each of the three places twelve, eight while starting, sixteen while
    /// serving; in an order that follows from the seed.
    static func plan(random: inout SeededRandom) -> [Kill] {
        let counts: [(Kill, Int)] = [
            (.attemptRecorded, 12), (.bytesSent, 12), (.receiptPending, 12), (.starting, 8),
            (.serving, 16),
        ]
        var plan = counts.flatMap { kill, count in Array(repeating: kill, count: count) }
        for place in plan.indices.dropFirst() { plan.swapAt(place, random.below(place + 1)) }
        return plan
    }
}
