import CustomerModel
import EventLog
import JSONText

/// The second look at what a destination is told of who is in an audience (E2, E6).
extension FoldState {
    /// Judges a membership effect as of now and renders it.
    ///
    /// - Parameters:
    ///   - plan: the plan that names it; nil when a release did.
    ///   - moment: when the record at `at` was received.
    func look(
        membership key: LaneState.MembershipEffect.Key, change: MembershipChange, plan: String?,
        lane: Lane, policy: CompiledPolicy, destination: Destination, moment: Timestamp,
        now: Timestamp
    ) -> Verdict {
        guard let number = laneNumbers[lane],
            let identifier = identity.identifier(born: key.profile),
            let root = identity.root(ofIdentifier: identifier)
        else { return .superseded }
        let decision = judgeMembership(
            destination, policy: policy, root: root, now: now.microseconds, asOf: nil)
        let isHeldRightly = holds(
            key.audience, root: root, policy: policy, destination: destination)
        // E2: only where what is so differs from what was told.
        switch change {
        case .entered
        where !isHeldRightly
            || told(lane: number, audience: key.audience, root: root) == .entered:
            return .superseded
        case .exited
        where isHeldRightly && decision.againstMembership.isAllow
            || told(lane: number, audience: key.audience, of: subject(of: key, asOf: nil))
                == .nothing:
            return .superseded
        case .entered, .exited: break
        }
        let identifiers: [OutgoingIdentifier]
        switch self.identifiers(
            for: key, change: change, identifier: identifier, root: root, lane: number,
            policy: policy, destination: destination, decision: decision)
        {
        case .success(let found): identifiers = found
        case .failure(let held): return .cancel(held.decision)
        }
        let audience = memberships.audiences.names[Int(key.audience)]
        let effect = EffectKey.make(
            destination: lane.destination, epoch: lane.epoch, source: audience,
            messageID: "\(key.profile)@\(key.at)", slot: lane.slot, action: change.action)
        let rendered = Rendering.membership(
            id: effect.hex, audience: audience, change: change, at: moment, plan: plan,
            identifiers: identifiers)
        var consent: Offset?
        if decision.isAllow {
            var states: [ConsentState] = []
            purposeStates(of: root, policy: policy, now: now.microseconds, into: &states)
            consent = Self.relied(
                on: destination, states, tcString(of: root, policy: policy))
        }
        return .send(
            Outgoing(
                key: effect, action: change.action, at: Offset(key.at), audience: audience,
                profile: key.profile, body: rendered.bytes, policyVersion: policy.version,
                consent: consent, fields: rendered.fields, identifiers: rendered.identifierTypes,
                identifierHashes: hashes(identifiers)))
    }

    /// What keeps a membership back.
    private struct Held: Error {
        var decision: Decision
    }

    /// The identifiers that a membership is told with.
    ///
    /// An exit that the rules withhold takes back and asks for no consent, as a retraction does; it names
    /// nothing that the recipient was not told.
    private func identifiers(
        for key: LaneState.MembershipEffect.Key, change: MembershipChange, identifier: UInt32,
        root: UInt32, lane: Int, policy: CompiledPolicy, destination: Destination,
        decision: Decision
    ) -> Result<[OutgoingIdentifier], Held> {
        let isWithdrawal =
            change == .exited
            && (!decision.againstMembership.isAllow
                || !asks(destination, policy, for: key.audience))
        let against = isWithdrawal ? decision.againstExit : decision
        guard against.isAllow else { return .failure(Held(decision: against)) }
        let then = identity.root(ofIdentifier: identifier, asOf: key.at)
        var types = boundedIdentifiers(
            of: key, subject: identifier, lane: lane, destination: destination)
        var missing = Decision.allow
        missing.fail(.missingIdentifier)
        guard isWithdrawal else {
            let found = outgoingIdentifiers(types, root: then, asOf: key.at, now: root)
            return lacksIdentifier(found, destination, root: then, asOf: key.at, now: root)
                ? .failure(Held(decision: missing)) : .success(found)
        }
        let known = subject(of: key, asOf: nil).filter {
            told(lane: lane, audience: key.audience, of: [$0]) != .nothing
        }
        let sent = toldTypes(audience: key.audience, root: root, lane: lane)
        types.removeAll { !sent.contains($0) }
        let found = outgoingIdentifiers(types, among: known)
        let required = destination.requiredIdentifiers
        guard !found.isEmpty,
            required.isEmpty || found.contains(where: { required.contains($0.type) })
        else { return .failure(Held(decision: missing)) }
        return .success(found)
    }

    /// Types of identifiers that a recipient was told of a person in an audience: those that its policies sent
    /// at their entries. Who was divided off since has no entry of their own; then only types that every one
    /// of its policies sends.
    private func toldTypes(audience: UInt16, root: UInt32, lane: Int) -> Set<String> {
        let name = lanes[lane].lane.destination
        func destination(_ policy: CompiledPolicy?) -> Destination? {
            policy.flatMap { policy in
                policy.destinationIndex(name).map { policy.policy.destinations[$0] }
            }
        }
        var types: Set<String> = []
        identity.forEachMember(ofRoot: root) { identifier in
            forEachTry(of: identifier, audience: audience, lane: lane) { attempt in
                let known = inForce(at: attempt).flatMap { policy(version: $0) }
                types.formUnion(destination(known)?.identifiers ?? [])
            }
        }
        guard types.isEmpty else { return types }
        let lists = policies.filter { $0.activatedAt >= lanes[lane].start || $0 === policies.last }
            .compactMap { destination($0) }.map { Set($0.identifiers) }
        return lists.dropFirst().reduce(lists.first ?? []) { $0.intersection($1) }
    }

    private func outgoingIdentifiers(_ types: [String], among identifiers: [UInt32])
        -> [OutgoingIdentifier]
    {
        types.flatMap { type in
            // Identifiers are numbered by birth, which does not depend on how people were joined.
            identifiers.filter { identity.typeName($0) == type }.sorted().map {
                OutgoingIdentifier(type: type, value: identity.values.text($0))
            }
        }
    }
}
