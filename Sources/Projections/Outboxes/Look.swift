public import CustomerModel
public import EventLog
import JSONText

/// What the second look found (E6): one verdict an effect, all as of one offset.
public struct Look: Sendable {
    /// Consent, suppression and policy had been applied up to here.
    public var offset: Offset
    public var policyVersion: Int
    public var destination: Destination
    public var generation: Int
    /// Whether the lane was held meanwhile: then nothing of it may leave, whatever the verdicts say.
    public var isHeld: Bool
    public var verdicts: [Verdict]
}

public enum Verdict: Sendable {
    case send(Outgoing)
    case cancel(Decision)
    /// A newer state makes it pointless.
    case superseded
}

/// One effect as it will leave.
public struct Outgoing: Sendable {
    public var key: EffectKey
    public var action: EffectAction
    public var at: Offset
    public var audience: String?
    public var profile: ProfileID?
    /// One JSON object. The same effect under the same policy gives the same bytes.
    public var body: [UInt8]
    public var policyVersion: Int
    /// The newest assertion that was relied on; nil where no purpose rests on one.
    public var consent: Offset?
    public var fields: [String]
    /// Types of the identifiers sent.
    public var identifiers: [String]
    /// Keyed hashes of their values.
    public var identifierHashes: [UInt64]
}

extension FoldState {
    /// One event as its gates see it when it is looked at again.
    struct Sight {
        var body: EventBody
        var type: EventType
        var messageID: String
        var received: Timestamp
        var states: [ConsentState]
        var tcString: PersonTCString?
        /// The person that it is about now; ``IdentityTable/none`` for nobody.
        var root: UInt32
        /// The person that it was about when it came.
        var then: UInt32?
        var plan: PlanVerdict?
        var rule: EventRule?
        var decision: Decision
    }

    /// Judges one event's effect as of now and renders it.
    ///
    /// The policy in force now can only narrow: the event was allowed when it was released, and must be
    /// allowed now as well, with its own stamp (R2); what leaves is what both let out (``Bounds``).
    /// Identifiers are those known at the event, so that a retry sends the same bytes whatever was learned
    /// since.
    ///
    /// - Parameter now: the wall clock, for expiry and age; it only narrows.
    func look(
        at offset: UInt64, line: JSONView, lane: Lane, policy: CompiledPolicy,
        destination: Destination, meta: FoldLine, now: Timestamp
    ) -> Verdict {
        EventBody.read(line: line) { body in
            let sight = sight(
                of: offset, body, received: EventClock.time(line["received"]), policy: policy,
                destination: destination, meta: meta, at: now)
            guard let sight else { return Self.unreadable }
            guard sight.decision.isAllow, sight.rule != nil else { return .cancel(sight.decision) }
            let bounds: Bounds
            switch self.bounds(
                of: sight, at: offset, lane: lane, policy: policy, destination: destination,
                meta: meta)
            {
            case .success(let found): bounds = found
            case .failure(let reason): return .cancel(reason.decision)
            }
            let identifiers = outgoingIdentifiers(
                bounds.identifiers, root: sight.then, asOf: offset, now: sight.root)
            if lacksIdentifier(
                identifiers, destination, root: sight.then, asOf: offset, now: sight.root)
            {
                return .cancel(Withheld.missingIdentifier.decision)
            }
            let outgoing = outgoing(
                sight, of: offset, lane: lane, policy: policy, destination: destination, meta: meta,
                identifiers: identifiers, within: bounds.rules)
            return outgoing.map { .send($0) } ?? Self.unreadable
        } ?? Self.unreadable
    }

    private static var unreadable: Verdict {
        var decision = Decision.allow
        decision.fail(.unreadable)
        return .cancel(decision)
    }

    /// Asks the gates of a policy about an event again, with everything known now.
    ///
    /// - Parameter now: what expiry and age are measured against; nil for the event's own time.
    /// - Returns: nil when the event lacks what every event has.
    func sight(
        of offset: UInt64, _ body: EventBody, received: Timestamp?, policy: CompiledPolicy,
        destination: Destination, meta: FoldLine, at now: Timestamp?
    ) -> Sight? {
        guard let type = body.type, let received, let messageID = body.messageID?.string
        else { return nil }
        let moment = (now ?? received).microseconds
        let anchor = decisions.anchor(at: offset)
        let root =
            anchor == DecisionColumns.none
            ? IdentityTable.none : identity.root(ofIdentifier: anchor) ?? IdentityTable.none
        let signal = ConsentSignal.read(body, by: policy.reading, received: received)
        var states: [ConsentState] = []
        purposeStates(of: root, policy: policy, now: moment, into: &states)
        Self.narrow(
            &states, by: signal, policy: policy, body: body, source: meta.source, offset: offset)
        let tcString = tcString(of: root, policy: policy)
        let name = body.name?.string ?? ""
        let then =
            anchor == DecisionColumns.none
            ? nil : identity.root(ofIdentifier: anchor, asOf: offset)
        let plan = policy.plans.verdict(on: body, type: type, name: name, source: meta.source)
        let item = Case(
            body: body, source: meta.source, type: type, name: name, received: moment,
            occurred: meta.occurred, purposes: states,
            isSuppressed: isSuppressed(root: root, candidates: []),
            isUnreadable: signal.isUnreadable || hasUnreadable(keys: meta.keys, root: root),
            profile: root == IdentityTable.none ? nil : identity.profileID(ofRoot: root),
            eventReceived: received.microseconds,
            fields: profile(policy, of: then, asOf: offset), plan: plan)
        var decision = Judge.decide(
            destination, item, purposes: policy.policy.purposes,
            hasRequiredIdentifier: hasRequired(
                destination, root: then ?? IdentityTable.none, asOf: offset),
            sampleKey: key)
        Self.judgeTCF(destination, person: tcString, own: signal.tcString, into: &decision)
        return Sight(
            body: body, type: type, messageID: messageID, received: received, states: states,
            tcString: tcString, root: root, then: then, plan: plan,
            rule: Judge.rule(for: item, in: destination), decision: decision)
    }

    /// An event as it leaves under the policy in force alone; nil when it cannot be rendered.
    func outgoing(
        _ sight: Sight, of offset: UInt64, lane: Lane, policy: CompiledPolicy,
        destination: Destination, meta: FoldLine
    ) -> Outgoing? {
        outgoing(
            sight, of: offset, lane: lane, policy: policy, destination: destination, meta: meta,
            identifiers: outgoingIdentifiers(
                destination.identifiers, root: sight.then, asOf: offset, now: sight.root),
            within: [])
    }

    private func outgoing(
        _ sight: Sight, of offset: UInt64, lane: Lane, policy: CompiledPolicy,
        destination: Destination, meta: FoldLine, identifiers: [OutgoingIdentifier],
        within bounds: [RenderingBound]
    ) -> Outgoing? {
        guard let rule = sight.rule else { return nil }
        let key = EffectKey.make(
            destination: lane.destination, epoch: lane.epoch, source: meta.source,
            messageID: sight.messageID, slot: lane.slot, action: .deliver)
        guard
            let rendered = Rendering.event(
                id: key.hex, event: sight.body,
                occurred: Timestamp(microseconds: meta.occurred), received: sight.received,
                rule: rule, identifiers: identifiers,
                stripped: destination.followsPlans ? sight.plan?.stripped ?? [] : [],
                bounds: bounds)
        else { return nil }
        return Outgoing(
            key: key, action: .deliver, at: Offset(offset), audience: nil, profile: nil,
            body: rendered.bytes, policyVersion: policy.version,
            consent: Self.relied(on: destination, sight.states, sight.tcString),
            fields: rendered.fields, identifiers: rendered.identifierTypes,
            identifierHashes: hashes(identifiers))
    }

    /// The person's identifiers of some types, as known at an offset; without those that a retraction has
    /// shown to be somebody else's since (I5).
    func outgoingIdentifiers(
        _ types: [String], root: UInt32?, asOf offset: UInt64, now: UInt32
    ) -> [OutgoingIdentifier] {
        guard let root, root != IdentityTable.none else { return [] }
        var found: [OutgoingIdentifier] = []
        for type in types {
            guard let number = identity.types.number(of: type) else { continue }
            var values: [UInt32] = []
            identity.forEachMember(ofRoot: root, asOf: offset) {
                guard identity.type($0) == number else { return }
                if identity.moves.isEmpty || identity.root(ofIdentifier: $0) == now {
                    values.append($0)
                }
            }
            // Identifiers are numbered by birth, which does not depend on how people were joined.
            for identifier in values.sorted() {
                found.append(
                    OutgoingIdentifier(type: type, value: identity.values.text(identifier)))
            }
        }
        return found
    }

    func hashes(_ identifiers: [OutgoingIdentifier]) -> [UInt64] {
        var extractor = EventExtractor(key: key)
        return identifiers.map { identifier in
            let bytes = Array(identifier.value.utf8)
            return bytes.withUnsafeBytes {
                extractor.identifierKey(type: identifier.type, value: $0)
            }
        }
    }

    static func relied(
        on destination: Destination, _ states: [ConsentState], _ tcString: PersonTCString?
    ) -> Offset? {
        let purposes =
            destination.purposes
            + destination.anyPurposes.filter { states[$0].value == .granted }
        var offsets = purposes.compactMap { states[$0].offset }
        if destination.tcf != nil, let tcString { offsets.append(tcString.offset) }
        return offsets.max().map { Offset($0) }
    }
}
