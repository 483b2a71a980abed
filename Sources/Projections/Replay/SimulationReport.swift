import CustomerModel

/// What a candidate policy would have changed, counted exactly.
public struct SimulationReport: Equatable, Sendable {
    public struct ReasonCount: Equatable, Sendable {
        public var reason: String
        public var count: Int
    }

    /// Counts of events, of one day or of all.
    public struct Counts: Equatable, Sendable {
        public var considered = 0
        public var allowedBefore = 0
        public var allowedAfter = 0
        public var newlyAllowed = 0
        public var newlyWithheld = 0
    }

    /// The events that were received on one day (UTC).
    public struct Day: Equatable, Sendable {
        /// Days since 1970-01-01.
        public var day: Int64
        public var counts: Counts
    }

    /// One destination's difference over the range.
    public struct DestinationDifference: Equatable, Sendable {
        public var name: String
        public var counts = Counts()
        /// What the destination was told and the candidate withholds.
        public var overShared = 0
        /// First reason before, of what would newly be allowed.
        public var newlyAllowedBefore: [ReasonCount] = []
        /// First reason after, of what would newly be withheld.
        public var newlyWithheldBy: [ReasonCount] = []
        /// First reason after, of everything that would be withheld.
        public var withheldBy: [ReasonCount] = []
        public var days: [Day] = []
        public var allowedSamples: [UInt64] = []
        public var withheldSamples: [UInt64] = []
    }
    public var from: UInt64
    public var to: UInt64
    public var events: Int
    public var destinations: [DestinationDifference]
    public var peopleBefore: Int
    public var peopleAfter: Int
}

/// Judgements before and after, by their first reasons, of one destination on one day: 16 by 16 counts.
struct ReasonPairs {
    static let width = 256
    /// Stands for `allow` behind the gates, and then for a destination that was not there.
    private static let allow = 14
    private static let absent = 15

    /// The number of a judgement's first reason.
    static func number(_ bits: UInt16) -> Int {
        switch bits {
        case 0: allow
        case 0xFFFF: absent
        default: bits.trailingZeroBitCount
        }
    }

    static func pair(_ old: UInt16, _ new: UInt16) -> Int { number(old) * 16 + number(new) }

    private static func name(_ number: Int) -> String {
        number == absent ? "no such destination" : Gate.allCases[number].name
    }

    /// Adds up what was counted by day.
    static func sum(
        _ days: [(day: Int64, counts: [Int])],
        into result: inout SimulationReport.DestinationDifference
    ) {
        var all = [Int](repeating: 0, count: width)
        for (day, pairs) in days {
            var counts = SimulationReport.Counts()
            for (pair, count) in pairs.enumerated() where count > 0 {
                all[pair] += count
                add(count, pair, to: &counts)
                add(count, pair, to: &result.counts)
            }
            if counts.considered > 0 {
                result.days.append(SimulationReport.Day(day: day, counts: counts))
            }
        }
        let reasons = (0..<16).filter { $0 != allow }
        func list(_ count: (Int) -> Int) -> [SimulationReport.ReasonCount] {
            reasons.compactMap { reason in
                let count = count(reason)
                return count == 0
                    ? nil : SimulationReport.ReasonCount(reason: name(reason), count: count)
            }
        }
        result.newlyAllowedBefore = list { all[$0 * 16 + allow] }
        result.newlyWithheldBy = list { all[allow * 16 + $0] }
        result.withheldBy = list { new in (0..<16).reduce(0) { $0 + all[$1 * 16 + new] } }
    }

    private static func add(_ count: Int, _ pair: Int, to counts: inout SimulationReport.Counts) {
        let wasAllowed = pair / 16 == allow
        let isAllowed = pair % 16 == allow
        counts.considered += count
        if wasAllowed { counts.allowedBefore += count }
        if isAllowed { counts.allowedAfter += count }
        if isAllowed, !wasAllowed { counts.newlyAllowed += count }
        if wasAllowed, !isAllowed { counts.newlyWithheld += count }
    }
}
