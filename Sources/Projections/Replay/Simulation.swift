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
    /// How a walk through people's consent is cut.
    package var cut = WalkCut()
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
                lanes.filter { $0.lane.destination == name }.map(\.held)
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
