public import CustomerModel
import Hashing

/// Why a simulation must fold the lines again.
public struct NeedsFold: Error, Equatable, Sendable {
    public var reason: String
}

extension SimulationBasis {
    /// What `candidate` would have changed, from columns alone: no line is read.
    ///
    /// It answers for rules about destinations. What a person is and what they consented to stays as it was
    /// decided, so identity and consent rules must be those that were in force.
    ///
    /// - Parameter from: the candidate judges from this offset on; what is before stays as it was.
    /// - Throws: ``NeedsFold`` with what the columns do not know.
    public func difference(
        under candidate: Policy, from: UInt64, range: Range<UInt64>, samples: Int
    ) throws(NeedsFold) -> SimulationReport {
        let run = try ColumnSimulation(self, candidate, from: from, to: range.upperBound)
        return run.report(range, samples: samples)
    }
}

/// One candidate, ready to be counted.
struct ColumnSimulation {
    let basis: SimulationBasis
    let candidate: Policy
    let from: UInt64
    /// By moment and destination: the judgement before, and after but for ``perEvent``.
    private(set) var old: [UInt16] = []
    private(set) var new: [UInt16] = []
    /// By destination: what must be asked of each event's own times or person.
    private(set) var perEvent: [PerEvent]
    var width: Int { basis.names.count }

    struct PerEvent {
        var maximumAge: Int64?
        var share: Int?
        var isEmpty: Bool { maximumAge == nil && share == nil }
    }

    init(_ basis: SimulationBasis, _ candidate: Policy, from: UInt64, to: UInt64) throws(NeedsFold)
    {
        self.basis = basis
        self.candidate = candidate
        self.from = from
        perEvent = basis.names.map { _ in PerEvent() }
        let versions = Set(basis.columns.rowVersions)
        let governing = Self.governing(basis.policies, from: from, to: min(to, basis.end))
            .filter { versions.contains(UInt32($0.version)) }
        for policy in governing { try Self.check(candidate, stands: policy.policy) }
        guard
            !basis.situations.situations.elements.contains(where: { $0.flags.contains(.open) })
        else { throw NeedsFold(reason: "some events have names or integrations past the tables") }
        try judgeMoments(try recorded(governing))
    }

    /// The versions that judged something in a range.
    private static func governing(_ policies: [CompiledPolicy], from: UInt64, to: UInt64)
        -> [CompiledPolicy]
    {
        policies.indices.filter { index in
            let end = index + 1 < policies.count ? policies[index + 1].activatedAt : .max
            let start = policies[index].version == 0 ? 0 : policies[index].activatedAt
            return start < to && end > from
        }.map { policies[$0] }
    }

    private static func check(_ candidate: Policy, stands policy: Policy) throws(NeedsFold) {
        guard candidate.identity == policy.identity else {
            throw NeedsFold(reason: "the identity rules are others")
        }
        guard candidate.consent == policy.consent else {
            throw NeedsFold(reason: "the consent rules are others")
        }
        guard candidate.plans == policy.plans else {
            throw NeedsFold(reason: "the tracking plans are others")
        }
        guard !candidate.asksAudiences || candidate.audiences == policy.audiences else {
            throw NeedsFold(reason: "the audiences that a filter asks are others")
        }
        for purpose in candidate.purposes {
            var known = policy.purpose(named: purpose.name)
            // These two are read by gates and plans, and not by what people said.
            known?.basis = purpose.basis
            known?.isRetroactive = purpose.isRetroactive
            guard known == purpose else {
                throw NeedsFold(
                    reason: "the purpose \(purpose.name) is new or means something else")
            }
        }
    }

    // MARK: Moments

    /// What stands as one version recorded it, by destination.
    private struct Recorded {
        /// The gates whose judgement stands.
        var masks: [UInt16]
        /// Whose judgement by the tracking plans is this destination's too; nil where there are no plans.
        var planTwins: [Int?]
    }

    private mutating func recorded(_ governing: [CompiledPolicy]) throws(NeedsFold)
        -> [UInt32: Recorded]
    {
        var found: [UInt32: Recorded] = [:]
        for policy in governing {
            var masks: [UInt16] = []
            for (number, destination) in candidate.destinations.enumerated() {
                let before = policy.policy.destination(named: destination.name)
                var mask = Decision.allow
                if let filter = destination.filter {
                    guard before?.filter == filter else {
                        throw NeedsFold(reason: "the filter of \(destination.name) is another")
                    }
                    mask.fail(.filter)
                }
                if destination.tcf != nil {
                    // A situation holds no TC string, so the consent gates stand whole or not at all.
                    guard let before, before.tcf == destination.tcf,
                        before.purposes.map({ policy.policy.purposes[$0] })
                            == destination.purposes.map({ candidate.purposes[$0] }),
                        before.anyPurposes.map({ policy.policy.purposes[$0] })
                            == destination.anyPurposes.map({ candidate.purposes[$0] })
                    else {
                        throw NeedsFold(
                            reason: "what the TCF permits \(destination.name) must be read again")
                    }
                    for gate in [Gate.consentUnknown, .consentDenied, .consentExpired] {
                        mask.fail(gate)
                    }
                }
                if let limit = destination.maximumAgeMicroseconds {
                    if before?.maximumAgeMicroseconds == limit {
                        mask.fail(.tooOld)
                    } else {
                        perEvent[number].maximumAge = limit
                    }
                }
                if let share = destination.samplePerMillion {
                    if before?.samplePerMillion == share {
                        mask.fail(.sampledOut)
                    } else {
                        perEvent[number].share = share
                    }
                }
                masks.append(mask.bits)
            }
            found[UInt32(policy.version)] = Recorded(
                masks: masks, planTwins: try twins(in: policy.policy))
        }
        return found
    }

    /// For each of the candidate's destinations one that the version judged by the plans as the candidate
    /// wants it judged: what breaks a plan does not depend on anything else of a destination.
    private func twins(in policy: Policy) throws(NeedsFold) -> [Int?] {
        guard !candidate.plans.isEmpty else { return candidate.destinations.map { _ in nil } }
        var found: [Int?] = []
        for destination in candidate.destinations {
            let twin = basis.names.firstIndex {
                policy.destination(named: $0)?.followsPlans == destination.followsPlans
            }
            guard let twin else {
                throw NeedsFold(
                    reason:
                        "no destination was judged by the tracking plans as \(destination.name) is")
            }
            found.append(twin)
        }
        return found
    }

    private mutating func judgeMoments(_ recorded: [UInt32: Recorded]) throws(NeedsFold) {
        let columns = basis.columns
        var numbers: [UInt8] = []
        for purpose in candidate.purposes {
            guard let number = basis.purposes.firstIndex(of: purpose.name) else {
                throw NeedsFold(reason: "the purpose \(purpose.name) is new")
            }
            numbers.append(UInt8(number))
        }
        var judge = SituationJudge(candidate, purposes: numbers, basis)
        let count = columns.momentKeys.count * width
        old.reserveCapacity(count)
        new.reserveCapacity(count)
        for moment in 0..<UInt32(columns.momentKeys.count) {
            let row = columns.row(ofMoment: moment)
            let situation = basis.situations.situations[columns.situation(ofMoment: moment)]
            // A version that judged nothing in the range: its moments are not met there.
            let recorded = recorded[columns.rowVersions[Int(row)]]
            for number in 0..<width {
                let before = basis.tables[number][Int(row)]
                old.append(before)
                guard number < candidate.destinations.count, let recorded else {
                    new.append(0xFFFF)
                    continue
                }
                var kept = before == 0xFFFF ? 0 : before & recorded.masks[number]
                if let twin = recorded.planTwins[number] {
                    kept |= basis.tables[twin][Int(row)] & Gate.trackingPlanViolation.bit
                }
                new.append(judge.bits(situation, number) | kept)
            }
        }
    }
}
