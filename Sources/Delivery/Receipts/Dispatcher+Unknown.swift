import CustomerModel
import EventLog
import Logging
import Projections

extension Dispatcher {
    /// Records every attempt that has no receipt as unknown: a crash came between (E7).
    func settleInterrupted() async throws {
        try await projection.waitApplied(through: log.durableEnd)
        let interrupted = projection.openAttempts(in: lane)
        var last: AppendTicket?
        for attempt in interrupted {
            last = try await appender.append(
                ReceiptRecord(
                    attempt: attempt.value, outcome: .unknown, reason: "interrupted",
                    settled: clock.now()))
        }
        guard let last else { return }
        try await log.waitDurable(last)
        try await projection.waitApplied(through: last.end)
        logger.notice(
            "recorded interrupted attempts as unknown",
            metadata: ["lane": "\(lane)", "attempts": "\(interrupted.count)"])
    }

    /// Asks the destination which members of an attempt it holds, and records the answer as a receipt.
    ///
    /// All members are asked for, not only those still unknown, so that the receipt is true of the whole
    /// attempt.
    func lookUp(
        _ earlier: AttemptRecord, at attempt: Offset, _ transport: any DestinationTransport
    ) async throws {
        let keys = Set(earlier.members.map(\.key))
        let found = try await transport.find(keys, from: earlier.position)
        let receipt = ReceiptRecord.ofLookup(
            earlier.members.map(\.key), found: found, attempt: attempt, settled: clock.now())
        let ticket = try await appender.append(receipt)
        try await log.waitDurable(ticket)
        try await projection.waitApplied(through: ticket.end)
        note { $0.delivered += found.count }
        logger.notice(
            "looked up an unknown outcome",
            metadata: [
                "lane": "\(lane)", "members": "\(keys.count)", "found": "\(found.count)",
            ])
    }
}
