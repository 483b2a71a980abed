import CustomerModel
import EventLog
import JSONText

/// What an effect keeps inside beside the policy in force (E5, E6).
///
/// A policy that lets out more than the one before it says nothing about what already waits: that was
/// allowed under the rules that released or planned it, and leaves with what both send. A retry keeps inside
/// every version under which it was tried, so that it is the recorded body or a narrower one.
extension FoldState {
    struct Bounds {
        var rules: [RenderingBound] = []
        /// Identifier types that may be sent, in the order of the oldest version.
        var identifiers: [String]
    }

    /// The bounds of an event's effect; a decision where one of them does not let it out at all.
    func bounds(
        of sight: Sight, at offset: UInt64, lane: Lane, policy: CompiledPolicy,
        destination: Destination, meta: FoldLine
    ) -> Result<Bounds, Withheld> {
        var bounds = Bounds(identifiers: destination.identifiers)
        guard let number = laneNumbers[lane] else { return .success(bounds) }
        var lists: [[String]] = []
        let stripped = destination.followsPlans ? sight.plan?.stripped ?? [] : []
        for version in boundingVersions(of: offset, lane: number) where version != policy.version {
            guard let older = self.policy(version: version),
                let index = older.destinationIndex(lane.destination)
            else { return .failure(.unreadable) }
            let known = older.policy.destinations[index]
            let name = sight.body.name?.string ?? ""
            guard
                let rule = known.events.first(where: {
                    $0.selector.matches(type: sight.type, name: name)
                })
            else { return .failure(.notListed) }
            let plan = older.plans.verdict(
                on: sight.body, type: sight.type, name: name, source: meta.source)
            let bound = RenderingBound(
                rule: rule, stripped: known.followsPlans ? plan?.stripped ?? [] : [])
            if !bound.lets(outAs: sight.rule, stripped: stripped) { bounds.rules.append(bound) }
            lists.append(known.identifiers)
        }
        bounds.identifiers = Self.common(to: lists + [destination.identifiers])
        return .success(bounds)
    }

    /// Why a bound holds an effect back.
    enum Withheld: Error {
        case unreadable, notListed, missingIdentifier

        var decision: Decision {
            var decision = Decision.allow
            switch self {
            case .unreadable: decision.fail(.unreadable)
            case .notListed: decision.fail(.eventNotListed)
            case .missingIdentifier: decision.fail(.missingIdentifier)
            }
            return decision
        }
    }

    /// The version that released or planned what waits, and those under which it was tried and not refused,
    /// ascending.
    private func boundingVersions(of offset: UInt64, lane: Int) -> [Int] {
        var versions: Set<Int> = []
        if let row = lanes[lane].row(offset), row.isOpen {
            versions.formUnion([ground(of: offset, plan: row.plan)].compactMap(\.self))
        }
        forEachTry(of: decisions.anchor(at: offset), at: offset, lane: lane) { attempt in
            guard !isCorrection(attempt: attempt) else { return }
            versions.formUnion(
                [ground(of: offset, plan: attempts.plans[attempt]), inForce(at: attempt)]
                    .compactMap(\.self))
        }
        return versions.sorted()
    }

    /// The version under which a release or a plan lets an event out.
    private func ground(of offset: UInt64, plan: UInt32) -> Int? {
        switch plan {
        case AttemptTable.noPlan: decisions.version(at: offset)
        case AttemptTable.lostPlan: nil
        case let plan: Int(plans[Int(plan)].policyVersion)
        }
    }

    /// The version that an attempt's second look judged by.
    func inForce(at attempt: Int) -> Int? {
        policies.last { $0.activatedAt < attempts.looks[attempt] }?.version
    }

    /// Visits the attempts of one effect that its destination may have taken; without `at`, of every effect
    /// that told of the subject in an audience.
    func forEachTry(
        of subject: UInt32, at offset: UInt64? = nil, audience: UInt16 = AttemptTable.noAudience,
        lane: Int, _ visit: (Int) -> Void
    ) {
        attempts.forEachMember(of: subject) { member in
            guard offset.map({ attempts.members[member] == $0 }) ?? true,
                attempts.audiences[member] == audience,
                attempts.outcomes[member] != EffectStatus.rejected.rawValue
            else { return }
            let attempt = attempts.attempt(ofMember: member)
            if Int(attempts.lanes[attempt]) == lane { visit(attempt) }
        }
    }

    /// Types of the identifiers that a membership may be told with: those of the version that released it
    /// or of one after it, of every version under which it was tried, and of the one in force.
    func boundedIdentifiers(
        of key: LaneState.MembershipEffect.Key, subject: UInt32, lane: Int,
        destination: Destination
    ) -> [String] {
        let name = lanes[lane].lane.destination
        func known(_ policy: CompiledPolicy) -> Destination? {
            policy.destinationIndex(name).map { policy.policy.destinations[$0] }
        }
        var tried: Set<Int> = []
        forEachTry(of: subject, at: key.at, audience: key.audience, lane: lane) { attempt in
            if let version = inForce(at: attempt) { tried.insert(version) }
        }
        var lists: [[String]] = []
        let first = policies.lastIndex { $0.activatedAt <= key.at } ?? 0
        // A change that came before the destination asked for the audience is released under the policy that
        // made it ask.
        let released = policies[first...].first { policy in
            known(policy)?.audiences.contains {
                policy.audienceNumbers[$0] == Int(key.audience)
            } == true
        }
        for policy in policies where policy === released || tried.contains(policy.version) {
            if let known = known(policy) { lists.append(known.identifiers) }
        }
        return Self.common(to: lists + [destination.identifiers])
    }

    private static func common(to lists: [[String]]) -> [String] {
        lists[0].filter { type in lists.dropFirst().allSatisfy { $0.contains(type) } }
    }

    /// Whether a destination would be told of somebody without an identifier that it needs and that its own
    /// rules would send, since the bounds leave that out.
    func lacksIdentifier(
        _ found: [OutgoingIdentifier], _ destination: Destination, root: UInt32?,
        asOf offset: UInt64,
        now: UInt32
    ) -> Bool {
        func has(_ list: [OutgoingIdentifier]) -> Bool {
            list.contains { destination.requiredIdentifiers.contains($0.type) }
        }
        guard !destination.requiredIdentifiers.isEmpty, !has(found) else { return false }
        return has(
            outgoingIdentifiers(destination.identifiers, root: root, asOf: offset, now: now))
    }
}

extension RenderingBound {
    /// Whether it makes of an event what another rule makes of it.
    fileprivate func lets(outAs other: EventRule?, stripped: [FieldPath]) -> Bool {
        guard let other else { return false }
        return rule.fields == other.fields && rule.context == other.context
            && rule.transformations == other.transformations && self.stripped == stripped
    }
}
