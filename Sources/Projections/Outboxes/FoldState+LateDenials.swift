import CustomerModel

/// Something that was allowed when it was sent, and that the person has denied since (R2).
public struct LateDenial: Equatable, Sendable {
    public var lane: Lane
    /// The event, or where the membership changed.
    public var at: UInt64
    public var audience: String?
    public var attempt: UInt64
    public var receipt: UInt64?
    public var outcome: EffectStatus
    /// The assertion that denies.
    public var denial: UInt64
}

extension FoldState {
    /// What stands among the effects of some attempts: told, or maybe told, and denied since by the rules in
    /// force. It stands no more once the person agrees again, or the destination was asked to delete it.
    ///
    /// A question and no part of the state, so that it needs no place in a checkpoint and is the same after a
    /// rebuild. One look at each person.
    public func lateDenials(attempts range: Range<Int>) -> [LateDenial] {
        var found: [LateDenial] = []
        var judges: [Int: DenialJudge] = [:]
        for attempt in range.clamped(to: 0..<attempts.count)
        where !isCorrection(attempt: attempt) {
            let lane = Int(attempts.lanes[attempt])
            guard var judge = judges[lane] ?? denialJudge(of: lane) else { continue }
            for member in attempts.range(attempt) {
                guard stands(member, of: attempt, lane: lane),
                    let root = identity.root(ofIdentifier: attempts.subjects[member]),
                    let denial = judge.denial(of: root, self),
                    // One that the look had read would have cancelled the effect.
                    denial >= attempts.looks[attempt]
                else { continue }
                let audience = attempts.audiences[member]
                found.append(
                    LateDenial(
                        lane: lanes[lane].lane, at: attempts.members[member],
                        audience: audience == AttemptTable.noAudience
                            ? nil : memberships.audiences.names[Int(audience)],
                        attempt: attempts.offsets[attempt],
                        receipt: attempts.receipts[attempt] == .max
                            ? nil : attempts.receipts[attempt],
                        outcome: EffectStatus(rawValue: attempts.outcomes[member]) ?? .unknown,
                        denial: denial))
            }
            judges[lane] = judge
        }
        return found
    }

    /// Whether a member of an attempt is what its destination holds now, or may hold.
    private func stands(_ member: Int, of attempt: Int, lane: Int) -> Bool {
        guard attempts.subjects[member] != IdentityTable.none,
            let outcome = EffectStatus(rawValue: attempts.outcomes[member]),
            outcome == .delivered || outcome == .unknown
        else { return false }
        let at = attempts.members[member]
        let audience = attempts.audiences[member]
        guard audience == AttemptTable.noAudience else {
            // A membership stands while the destination was told last that the person is in.
            guard let root = identity.root(ofIdentifier: attempts.subjects[member]) else {
                return false
            }
            let key = LaneState.MembershipEffect.Key(
                audience: audience, profile: identity.birth(attempts.subjects[member]), at: at)
            return lanes[lane].membership(key)?.change == .entered
                && told(lane: lane, audience: audience, root: root) != .nothing
        }
        if lanes[lane].corrections.told[at]?.correction == .retract { return false }
        // Of several tries the one that counts.
        guard lanes[lane].delivered.contains(at) else {
            return lanes[lane].row(at)?.attempt == attempts.offsets[attempt]
        }
        return outcome == .delivered
    }

    private func denialJudge(of lane: Int) -> DenialJudge? {
        let name = lanes[lane].lane.destination
        for policy in policies.reversed() {
            guard let index = policy.destinationIndex(name) else { continue }
            return DenialJudge(policy: policy, destination: policy.policy.destinations[index])
        }
        return nil
    }

    /// Asks once of each person what denies a destination's purposes.
    private struct DenialJudge {
        let policy: CompiledPolicy
        let destination: Destination
        private var known: [UInt32: UInt64] = [:]

        init(policy: CompiledPolicy, destination: Destination) {
            self.policy = policy
            self.destination = destination
        }

        /// The newest denial of a person; nil where there is none.
        mutating func denial(of root: UInt32, _ state: borrowing FoldState) -> UInt64? {
            if let answer = known[root] { return answer == .max ? nil : answer }
            var states: [ConsentState] = []
            state.purposeStates(
                of: root, policy: policy, now: state.projectionTime, into: &states)
            var denials = Judge.denials(
                destination, states: states, purposes: policy.policy.purposes)
            if let use = destination.tcf,
                let carried = state.tcString(of: root, policy: policy),
                carried.string.refusal(of: use) != nil
            {
                denials.append(carried.offset)
            }
            let newest = denials.max()
            known[root] = newest ?? .max
            return newest
        }
    }
}
