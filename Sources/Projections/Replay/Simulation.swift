public import CustomerModel

/// What a candidate policy would have changed, counted exactly.
public struct SimulationReport: Sendable {
    /// One destination's difference over the range.
    public struct DestinationDifference: Sendable {
        public var name: String
        public var considered = 0
        public var allowedBefore = 0
        public var allowedAfter = 0
        public var newlyAllowed = 0
        public var newlyWithheld = 0
        /// Of the newly allowed, those that the destination was told all the same, and of the newly
        /// withheld, those that it was told: over-shared.
        public var overShared = 0
        /// First reason before, of what would newly be allowed.
        public var newlyAllowedBefore: [(reason: String, count: Int)] = []
        /// First reason after, of what would newly be withheld.
        public var newlyWithheldBy: [(reason: String, count: Int)] = []
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

/// A frozen copy of what the live fold decided, to compare with.
public struct DecisionBaseline: Sendable {
    var columns: DecisionColumns
    var tables: [String: [UInt16]]
    /// Where the destination was told of an event, by name.
    var told: [String: OffsetSet]
    var people: Int
    public var end: UInt64
}

extension FoldState {
    /// Freezes decisions for comparison. The columns are shared until the fold appends again.
    public func baseline(for candidate: Policy) -> DecisionBaseline {
        var names = (policies.last?.policy.destinations ?? []).map(\.name)
        for destination in candidate.destinations where !names.contains(destination.name) {
            names.append(destination.name)
        }
        var tables: [String: [UInt16]] = [:]
        var told: [String: OffsetSet] = [:]
        for name in names {
            tables[name] = decisions.table { self.policy(version: $0)?.destinationIndex(name) }
            for lane in lanes where lane.lane.destination == name {
                told[name] = lane.delivered
            }
        }
        return DecisionBaseline(
            columns: decisions, tables: tables, told: told, people: personCount, end: next)
    }

    /// Compares what this fold, under its candidate, decided with what was decided live.
    public func difference(
        from baseline: DecisionBaseline, candidate: Policy, range: Range<UInt64>, samples: Int
    ) -> SimulationReport {
        let end = min(range.upperBound, baseline.end, next)
        let start = min(range.lowerBound, end)
        var names = candidate.destinations.map(\.name)
        for name in baseline.tables.keys.sorted() where !names.contains(name) { names.append(name) }
        var events = 0
        let stretches = decisions.stretches(in: start..<end)
        for stretch in stretches {
            for row in decisions.rows[stretch.rows] where row != DecisionColumns.none {
                events += 1
            }
        }
        let differences = names.map { name in
            compare(name, baseline: baseline, stretches: stretches, samples: samples)
        }
        return SimulationReport(
            from: start, to: end, events: events, destinations: differences,
            peopleBefore: baseline.people, peopleAfter: personCount)
    }

    private func compare(
        _ name: String, baseline: DecisionBaseline, stretches: [OffsetSpace.Stretch], samples: Int
    ) -> SimulationReport.DestinationDifference {
        var result = SimulationReport.DestinationDifference(name: name)
        let before = baseline.tables[name] ?? []
        let after = decisions.table { self.policy(version: $0)?.destinationIndex(name) }
        var allowedReasons: [UInt16: Int] = [:]
        var withheldReasons: [UInt16: Int] = [:]
        for stretch in stretches {
            // Both sides folded the same log, so the same record stands at the same place.
            for place in stretch.rows {
                let newRow = decisions.rows[place]
                guard newRow != DecisionColumns.none else { continue }
                result.considered += 1
                let oldRow = baseline.columns.rows[place]
                let old =
                    oldRow == DecisionColumns.none || before.isEmpty
                    ? 0xFFFF : before[Int(oldRow)]
                let new = after[Int(newRow)]
                if old == 0 { result.allowedBefore += 1 }
                if new == 0 { result.allowedAfter += 1 }
                guard (old == 0) != (new == 0) else { continue }
                let offset = stretch.offsets.lowerBound + UInt64(place - stretch.rows.lowerBound)
                if new == 0 {
                    result.newlyAllowed += 1
                    allowedReasons[old, default: 0] += 1
                    if result.allowedSamples.count < samples {
                        result.allowedSamples.append(offset)
                    }
                } else {
                    result.newlyWithheld += 1
                    withheldReasons[new, default: 0] += 1
                    if baseline.told[name]?.contains(offset) == true { result.overShared += 1 }
                    if result.withheldSamples.count < samples {
                        result.withheldSamples.append(offset)
                    }
                }
            }
        }
        result.newlyAllowedBefore = Self.byReason(allowedReasons)
        result.newlyWithheldBy = Self.byReason(withheldReasons)
        return result
    }

    /// Counts by first failing gate, in the gates' order; a destination that was not there comes last.
    private static func byReason(_ counts: [UInt16: Int]) -> [(reason: String, count: Int)] {
        var byGate: [Int: Int] = [:]
        for (bits, count) in counts {
            let place =
                bits == 0xFFFF
                ? Gate.allCases.count : Int(Decision(bits: bits).firstGate?.rawValue ?? 0)
            byGate[place, default: 0] += count
        }
        return byGate.keys.sorted().map { place in
            (
                place == Gate.allCases.count
                    ? "no such destination" : Gate.allCases[place].name, byGate[place] ?? 0
            )
        }
    }

    /// Offsets of a range that this fold allows a destination.
    public func allowed(_ destination: String, in range: Range<UInt64>) -> [UInt64] {
        let table = decisions.table { self.policy(version: $0)?.destinationIndex(destination) }
        var found: [UInt64] = []
        for stretch in decisions.stretches(in: range) {
            for (row, offset) in zip(decisions.rows[stretch.rows], stretch.offsets)
            where row != DecisionColumns.none && table[Int(row)] == 0 {
                found.append(offset)
            }
        }
        return found
    }
}

extension FoldState {
    /// Events in a range.
    public func eventCount(in range: Range<UInt64>) -> Int {
        decisions.stretches(in: range).reduce(0) { count, stretch in
            count + decisions.rows[stretch.rows].count { $0 != DecisionColumns.none }
        }
    }
}
