import CustomerModel

/// What one policy's consent rules make of people's words, as masks over the fold's purposes.
final class ConsentJudge: Sendable {
    private let rules: ConsentRules
    /// The candidate's purposes.
    private let purposes: UInt64
    /// Purposes whose grants end after the same time, in microseconds.
    private let expiries: [(purposes: UInt64, after: Int64)]
    /// By country: what is granted there by default (C6).
    private let defaults: [UInt16: UInt64]

    /// - Parameter numbers: the fold's number of each of the policy's purposes.
    init(_ policy: Policy, purposes numbers: [UInt8]) {
        rules = policy.consent
        var all: UInt64 = 0
        var expiries: [(purposes: UInt64, after: Int64)] = []
        var defaults: [UInt16: UInt64] = [:]
        for (purpose, number) in zip(policy.purposes, numbers) {
            let bit = UInt64(1) << UInt64(number)
            all |= bit
            for country in purpose.signals.defaultCountries {
                defaults[country.code, default: 0] |= bit
            }
            guard let after = purpose.expiresAfterMicroseconds else { continue }
            if let same = expiries.firstIndex(where: { $0.after == after }) {
                expiries[same].purposes |= bit
            } else {
                expiries.append((bit, after))
            }
        }
        purposes = all
        self.expiries = expiries
        self.defaults = defaults
    }

    /// A person's state, and the times between which nothing of it ends or ended.
    struct Resolved {
        var row = ConsentRow()
        /// Microseconds; the row is that of every time in `from..<until`.
        var from = Int64.min
        var until = Int64.max
    }

    /// Joins what holds of a person's identifiers (C4), as ``ConsentState/resolve(_:by:expiresAfter:now:)`` does.
    ///
    /// - Parameters:
    ///   - standings: each with the rank of its identifier; smaller is stronger.
    ///   - isOne: whether all are of one identifier, which lifts and retires nothing of its own.
    func resolve(
        _ standings: [(rank: Int, entry: StandingTable.Entry)], isOne: Bool, now: Int64
    ) -> Resolved {
        var result = Resolved()
        for (rank, entry) in standings {
            result.row.granted |= entry.granted
            guard entry.denied != 0 else { continue }
            result.row.denied |=
                isOne ? entry.denied : denied(by: entry, rank: rank, among: standings)
        }
        result.row.denied &= purposes
        result.row.granted &= purposes & ~result.row.denied
        for (group, after) in expiries where group & result.row.granted != 0 {
            expire(group & result.row.granted, after, standings, now: now, in: &result)
        }
        return result
    }

    private func denied(
        by denial: StandingTable.Entry, rank: Int,
        among standings: [(rank: Int, entry: StandingTable.Entry)]
    ) -> UInt64 {
        var left = denial.denied
        for (other, entry) in standings where entry.granted & left != 0 && entry.time > denial.time
        {
            let lifts = rules.resolution == .latest && other <= rank
            let retires = rules.supersedesWeaker && other < rank && entry.offset > denial.offset
            if lifts || retires { left &= ~entry.granted }
        }
        return left
    }

    /// Ends the grants of some purposes; the newest of a purpose counts.
    private func expire(
        _ group: UInt64, _ after: Int64,
        _ standings: [(rank: Int, entry: StandingTable.Entry)], now: Int64,
        in result: inout Resolved
    ) {
        var left = group
        while left != 0 {
            var bits = left & (~left &+ 1)
            var newest = Int64.min
            if standings.count == 1 {
                (bits, newest) = (left, standings[0].entry.time)
            } else {
                for (_, entry) in standings where entry.granted & bits != 0 {
                    newest = max(newest, entry.time)
                }
            }
            left &= ~bits
            let (end, overflowed) = newest.addingReportingOverflow(after)
            if overflowed { continue }
            if end <= now {
                result.row.granted &= ~bits
                result.row.expired |= bits
                result.from = max(result.from, end)
            } else {
                result.until = min(result.until, end)
            }
        }
    }

    /// A person's state as one event's decisions see it: with what the policy says for the event's country
    /// where nobody said anything, and less what the event takes away from itself (C1, C6).
    func narrowed(_ state: ConsentRow, by signal: OwnSignal) -> ConsentRow {
        var row = state
        if signal.country != 0, let granted = defaults[signal.country] {
            row.granted |= granted & ~(row.granted | row.denied | row.expired)
        }
        let denied = signal.denied & purposes
        row.denied |= denied
        row.granted &= ~(denied | signal.missing)
        row.expired &= ~denied
        return row
    }
}
