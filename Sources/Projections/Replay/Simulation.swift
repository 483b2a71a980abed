public import CustomerModel
import Hashing

/// A frozen copy of what the live fold decided, and of what it decided on.
///
/// Columns are shared in chunks: the live fold goes on and copies at most a chunk of each.
public struct SimulationBasis: Sendable {
    let columns: DecisionColumns
    let situations: SituationTable
    /// By version; with what held before the first policy.
    let policies: [CompiledPolicy]
    /// Every destination that the candidate or the newest policy names, the candidate's first.
    let names: [String]
    /// By ``names``: for each decision row, the judgement for that destination.
    let tables: [[UInt16]]
    /// By ``names``: where the destination was told of an event, one set an epoch.
    let told: [[OffsetSet]]
    let sources: [String]
    let purposes: [String]
    let identifierTypes: [String]
    let births: IdentityTable.Births
    let consent: ConsentHistory
    /// What filters read of profiles; nil where the candidate's ask nothing of them.
    let profiles: ProfileColumns?
    let key: SipKey
    let people: Int
    public let end: UInt64
}

extension FoldState {
    /// Freezes decisions to compare `candidate` with.
    public func basis(for candidate: Policy) -> SimulationBasis {
        var names = candidate.destinations.map(\.name)
        for destination in policies.last?.policy.destinations ?? []
        where !names.contains(destination.name) {
            names.append(destination.name)
        }
        return SimulationBasis(
            columns: decisions, situations: situations,
            policies: (initial.map { [$0] } ?? []) + policies, names: names,
            tables: names.map { name in
                decisions.table { self.policy(version: $0)?.destinationIndex(name) }
            },
            told: names.map { name in
                lanes.filter { $0.lane.destination == name }.map(\.delivered)
            },
            sources: sources.names, purposes: consent.purposes.names,
            identifierTypes: identity.types.names, births: identity.births,
            consent: ConsentHistory(
                assertions: consent.assertions, lineage: identity.lineage,
                people: PersonHistory(identity)),
            profiles: candidate.profileFields.isEmpty ? nil : profileColumns,
            key: key,
            people: personCount, end: next)
    }

    /// Compares what this fold, under its candidate, decided with what was decided live.
    public func difference(
        from basis: SimulationBasis, range: Range<UInt64>, samples: Int
    ) -> SimulationReport {
        let end = min(range.upperBound, basis.end, next)
        let start = min(range.lowerBound, end)
        let stretches = decisions.stretches(in: start..<end)
        let differences = basis.names.indices.map { number in
            compare(number, basis, stretches, samples: samples)
        }
        return SimulationReport(
            from: start, to: end, events: decisions.eventCount(in: start..<end),
            destinations: differences, peopleBefore: basis.people, peopleAfter: personCount)
    }

    private func compare(
        _ number: Int, _ basis: SimulationBasis, _ stretches: [OffsetSpace.Stretch], samples: Int
    ) -> SimulationReport.DestinationDifference {
        let name = basis.names[number]
        var result = SimulationReport.DestinationDifference(name: name)
        let before = basis.tables[number]
        let after = decisions.table { self.policy(version: $0)?.destinationIndex(name) }
        var tally = DayTally(width: ReasonPairs.width)
        // What is before the candidate stays as it was, whatever this fold could still tell of it.
        var judged: UInt64 = 0
        if case .candidate(_, let from) = schedule { judged = from }
        for stretch in stretches {
            // Both sides folded the same log, so the same record stands at the same place.
            for place in stretch.rows {
                let newRow = decisions.row(atPlace: place)
                guard newRow != DecisionColumns.none else { continue }
                let oldRow = basis.columns.row(atPlace: place)
                let old = oldRow == DecisionColumns.none ? 0xFFFF : before[Int(oldRow)]
                let offset = stretch.offsets.lowerBound + UInt64(place - stretch.rows.lowerBound)
                let new = offset < judged ? old : after[Int(newRow)]
                tally.note(decisions.received[place], ReasonPairs.pair(old, new))
                if new != 0, basis.told[number].contains(where: { $0.contains(offset) }) {
                    result.overShared += 1
                }
                result.sample(offset, old, new, limit: samples)
            }
        }
        ReasonPairs.sum(tally.finish(), into: &result)
        return result
    }

    /// Offsets of a range that this fold allows a destination.
    public func allowed(_ destination: String, in range: Range<UInt64>) -> [UInt64] {
        let table = decisions.table { self.policy(version: $0)?.destinationIndex(destination) }
        var found: [UInt64] = []
        for stretch in decisions.stretches(in: range) {
            for (place, offset) in zip(stretch.rows, stretch.offsets) {
                let row = decisions.row(atPlace: place)
                if row != DecisionColumns.none, table[Int(row)] == 0 { found.append(offset) }
            }
        }
        return found
    }

    /// Events in a range.
    public func eventCount(in range: Range<UInt64>) -> Int { decisions.eventCount(in: range) }
}

extension SimulationReport.DestinationDifference {
    /// Keeps the first offsets whose judgement changes from or to `allow`.
    mutating func sample(_ offset: UInt64, _ old: UInt16, _ new: UInt16, limit: Int) {
        guard (old == 0) != (new == 0) else { return }
        if new == 0 {
            if allowedSamples.count < limit { allowedSamples.append(offset) }
        } else if withheldSamples.count < limit {
            withheldSamples.append(offset)
        }
    }
}
