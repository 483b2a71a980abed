import CustomerModel
import EventLog
import JSONText

/// One event: identity, then its assertions, then what it adds to its person, then its decisions (C5).
extension FoldState {
    mutating func applyEvent(
        _ record: FoldRecord, _ body: FoundBody, _ reading: EventReading, in reader: EventReader,
        policy: CompiledPolicy
    ) {
        let received = reading.received
        let time = min(record.occurred, received.microseconds)
        takeCandidates(reading, reader, policy: policy, offset: record.offset)
        let resolution = identity.resolve(
            scratch.candidates, rules: policy.identity, offset: record.offset, time: time,
            by: reading.type == .alias ? .alias : .event)
        take(resolution)
        let event = FoldedEvent(
            found: body, type: reading.type, isMParticle: reading.isMParticle,
            isImport: reading.isImport,
            name: eventName(record, reading.type), time: time, received: received,
            offset: record.offset)
        let integrations = reading.integrations.map { range in
            reader.values.withUnsafeBytes {
                situations.intern(
                    integrations: UnsafeRawBufferPointer(
                        rebasing: $0[Int(range.lowerBound)..<Int(range.upperBound)]))
            }
        }
        if reading.signal != nil {
            assertConsent(
                reader.signal(of: reading), resolution, policy: policy, time: time,
                received: received, offset: record.offset)
        }
        enrich(event, resolution, asserting: reading.signal != nil)
        judge(record, event, resolution, integrations, reading, in: reader, policy: policy)
        anchorRefusals()
    }

    /// Notes whom events went to that lost a link.
    mutating func anchorRefusals() {
        guard identity.refusals.isBehind else { return }
        var refusals = RefusalTable()
        swap(&refusals, &identity.refusals)
        refusals.anchor { decisions.anchor(at: $0) }
        swap(&refusals, &identity.refusals)
    }

    /// One event as the stages pass it on.
    struct FoldedEvent {
        var found: FoundBody
        var body: EventBody { found.body }
        var type: EventType
        var isMParticle: Bool
        var isImport: Bool
        var name: String
        /// `occurred` clipped to `received`.
        var time: Int64
        var received: Timestamp
        var offset: UInt64
    }

    func eventName(_ record: FoldRecord, _ type: EventType) -> String { record.eventName(type) }

    // MARK: Identity

    private mutating func takeCandidates(
        _ reading: EventReading, _ reader: EventReader, policy: CompiledPolicy, offset: UInt64
    ) {
        scratch.candidates.removeAll(keepingCapacity: true)
        let rules = policy.identity
        if let mpid = reading.mpid { offer(mpid, rules) }
        for place in reading.offers {
            let offer = reader.offers[Int(place)]
            let identifier = reader.values.withUnsafeBytes {
                identity.identifier(
                    type: rules.types[offer.rank],
                    UnsafeRawBufferPointer(rebasing: $0[offer.bytes]),
                    hash: offer.hash, offset: offset, ordinal: offer.ordinal)
            }
            if scratch.candidates.contains(where: { $0.identifier == identifier }) { continue }
            scratch.candidates.append(Candidate(identifier: identifier, rank: offer.rank))
        }
        // Few entries: an insertion sort keeps equal ranks in the event's own order.
        for place in scratch.candidates.indices.dropFirst() {
            var at = place
            while at > 0, scratch.candidates[at].rank < scratch.candidates[at - 1].rank {
                scratch.candidates.swapAt(at, at - 1)
                at -= 1
            }
        }
    }

    /// A number that this platform gave out names the identifier whose birth it is made of (I6); of others
    /// nothing is known.
    private mutating func offer(_ mpid: MPID, _ rules: CompiledIdentity) {
        guard let identifier = identity.identifier(born: mpid.profile(key: key)),
            let rank = rules.rank(of: identity.typeName(identifier))
        else { return }
        scratch.candidates.append(Candidate(identifier: identifier, rank: rank))
    }

    // MARK: Consent

    private mutating func assertConsent(
        _ signal: ConsentSignal, _ resolution: Resolution, policy: CompiledPolicy, time: Int64,
        received: Timestamp, offset: UInt64
    ) {
        let anchor = resolution.anchor
        guard anchor != IdentityTable.none else { return }
        let assertions = consent.assertionCount
        defer {
            if consent.assertionCount != assertions { personStandings.forget(resolution.root) }
        }
        signal.forEachStatement { statement in
            _ = consent.assert(
                on: anchor, granted: policy.numbers(statement.granted),
                denied: policy.numbers(statement.denied),
                time: statement.time.map { min($0, received.microseconds) } ?? time,
                offset: offset, reader: statement.reader)
        }
        if let carried = signal.tcString {
            consent.strings.append(carried.text, on: anchor, offset: offset)
        }
        guard signal.deniedByGPC != 0 else { return }
        // A GPC signal speaks for a device, so it hangs on the device's identifier where there is one.
        let device =
            resolution.accepted.first { identity.typeName($0.identifier) == "anonymous_id" }?
            .identifier ?? anchor
        _ = consent.assert(
            on: device, granted: 0, denied: policy.numbers(signal.deniedByGPC), time: time,
            offset: offset, reader: .gpc)
    }

    // MARK: What the event adds

    private mutating func enrich(
        _ event: FoldedEvent, _ resolution: Resolution, asserting didAssert: Bool
    ) {
        guard resolution.anchor != IdentityTable.none else { return }
        let anchor = resolution.anchor
        activity.note(anchor, time: event.time)
        var didTraitsChange = false
        if event.type == .identify || event.isMParticle {
            if takeTraits(event.body.traits, anchor, event) { didTraitsChange = true }
            if takeTraits(event.body.context(.traits), anchor, event) { didTraitsChange = true }
        }
        journal?.append(.profile(node: resolution.root))
        if !keepsAudiences { return }
        moveAudiences(event, resolution, didTraitsChange: didTraitsChange)
        if resolution.didChange || didAssert {
            withdrawMemberships(of: resolution.root, at: event.offset)
        }
    }

    private mutating func takeTraits(
        _ object: JSONView?, _ anchor: UInt32, _ event: FoldedEvent
    ) -> Bool {
        guard let object, object.kind == .object else { return false }
        var didChange = false
        object.forEachMember { key, value in
            guard let name = key.string, name.utf8.count <= 255,
                let number = traits.keys.intern(name)
            else { return }
            if traits.set(
                on: anchor, key: number, token: value.rawBytes, time: event.time,
                offset: event.offset)
            {
                didChange = true
            }
        }
        return didChange
    }

    // MARK: Decisions

    private mutating func judge(
        _ record: FoldRecord, _ event: FoldedEvent, _ resolution: Resolution,
        _ integrations: UInt16??, _ reading: EventReading, in reader: EventReader,
        policy: CompiledPolicy
    ) {
        let received = event.received
        let root = resolution.root
        let standing = self.standing(of: root, policy: policy, now: received.microseconds)
        // Asked first whether there is anything to ask: the call alone copies the state as it stands.
        let isSuppressed =
            suppressedCount > 0 && isSuppressed(root: root, candidates: scratch.candidates)
        let isUnreadable =
            reading.narrowing.isUnreadable
            || asksKeys && hasUnreadable(keys: record.keys, root: root)
        let situation = situation(
            event, source: record.source, standing, reading, integrations, policy: policy,
            isSuppressed: isSuppressed, isUnreadable: isUnreadable)
        let entry = DecisionColumns.Entry(
            anchor: resolution.anchor,
            person: root == IdentityTable.none ? root : identity.oldestMember(ofRoot: root),
            received: received.microseconds, occurred: record.occurred)
        // Most events are judged as the one before in the same situation.
        let isSituational =
            policy.isSituational && !situations.situations[situation].flags.contains(.open)
        if isSituational, policy.details.isEmpty,
            let moment = decisions.latestMoment(in: situation, version: UInt32(policy.version))
        {
            decisions.append(entry, moment: moment)
            return
        }
        if isSituational, scratch.judgements.take(situation, by: policy, into: &scratch.bits) {
            judgeDetails(event, entry, root: root, policy: policy)
            let moment = decisions.moment(
                version: UInt32(policy.version), bits: scratch.bits, situation: situation)
            decisions.append(entry, moment: moment)
            return
        }
        let signal = reader.signal(of: reading)
        var purposes: [ConsentState] = []
        swap(&purposes, &scratch.purposes)
        defer { swap(&purposes, &scratch.purposes) }
        purposeStates(of: root, policy: policy, now: received.microseconds, into: &purposes)
        Self.narrow(
            &purposes, by: signal, policy: policy, body: event.body, source: record.source,
            offset: event.offset)
        let profile = readProfile(policy, root: root)
        let plan = checkPlan(event, source: record.source, policy: policy)
        let item = Case(
            body: event.body, source: record.source, type: event.type, name: event.name,
            received: received.microseconds, occurred: record.occurred,
            purposes: purposes, isSuppressed: isSuppressed, isUnreadable: isUnreadable,
            profile: root == IdentityTable.none ? nil : identity.profileID(ofRoot: root),
            eventReceived: received.microseconds, fields: profile, plan: plan)
        decide(item, root: root, own: signal.tcString, policy: policy)
        if isSituational { scratch.judgements.keep(scratch.bits, of: situation, by: policy) }
        let moment = decisions.moment(
            version: UInt32(policy.version), bits: scratch.bits, situation: situation)
        decisions.append(entry, moment: moment)
    }

    /// Adds to the answers in the scratch room what looks at this event and not only at its situation.
    private mutating func judgeDetails(
        _ event: FoldedEvent, _ entry: DecisionColumns.Entry, root: UInt32, policy: CompiledPolicy
    ) {
        let fields = readProfile(policy, root: root)
        let asksPerson = root != IdentityTable.none && policy.details.contains { $0.share != nil }
        let profile = asksPerson ? identity.profileID(ofRoot: root) : nil
        for detail in policy.details {
            var decision = Decision(bits: scratch.bits[detail.destination])
            Judge.details(
                filter: detail.filter, maximumAge: detail.maximumAge, share: detail.share,
                event.body, received: entry.received, occurred: entry.occurred,
                eventReceived: entry.received, fields: fields, profile: profile, sampleKey: key,
                into: &decision)
            scratch.bits[detail.destination] = decision.bits
        }
    }

    /// Asks every destination's gates, and leaves the answers in the scratch room.
    private mutating func decide(
        _ item: Case, root: UInt32, own: CarriedTCString?, policy: CompiledPolicy
    ) {
        let tcString = keptTCString(of: root, policy: policy)
        scratch.bits.removeAll(keepingCapacity: true)
        for destination in policy.policy.destinations {
            var decision = Judge.decide(
                destination, item, purposes: policy.policy.purposes,
                hasRequiredIdentifier: hasRequired(destination, root: root), sampleKey: key)
            Self.judgeTCF(destination, person: tcString, own: own, into: &decision)
            scratch.bits.append(decision.bits)
        }
    }

    /// Whether the person has one of the identifiers that a destination cannot do without.
    func hasRequired(_ destination: Destination, root: UInt32, asOf offset: UInt64? = nil)
        -> Bool
    {
        destination.requiredIdentifiers.isEmpty
            || destination.requiredIdentifiers.contains {
                identity.has(type: $0, root: root, asOf: offset)
            }
    }

    /// A person's state on each of a policy's purposes.
    func purposeStates(
        of root: UInt32, policy: CompiledPolicy, now: Int64, asOf offset: UInt64? = nil,
        into states: inout [ConsentState]
    ) {
        states.removeAll(keepingCapacity: true)
        guard root != IdentityTable.none else {
            for _ in policy.policy.purposes { states.append(.unknown) }
            return
        }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: offset, to: &members)
        purposeStates(of: members, policy: policy, now: now, asOf: offset, into: &states)
    }

    /// The same over identifiers.
    func purposeStates(
        of members: [UInt32], policy: CompiledPolicy, now: Int64, asOf offset: UInt64?,
        into states: inout [ConsentState]
    ) {
        states.removeAll(keepingCapacity: true)
        // Loops instead of closures: a closure here would copy the whole state to hold on to it.
        var standings: [(rank: Int, standing: ConsentStanding)] = []
        for (index, purpose) in policy.policy.purposes.enumerated() {
            standings.removeAll(keepingCapacity: true)
            let number = Int(policy.purposeNumbers[index])
            for member in members {
                let standing =
                    if let offset {
                        consent.standing(of: member, purpose: number, asOf: offset)
                    } else {
                        consent.standing(of: member, purpose: number)
                    }
                guard let standing else { continue }
                let rank = policy.identity.rank(ofType: identity.type(member))
                standings.append((rank ?? Int.max - 1, standing))
            }
            states.append(
                ConsentState.resolve(
                    standings, by: policy.policy.consent,
                    expiresAfter: purpose.expiresAfterMicroseconds, now: now))
        }
    }

    /// What the policy says for the event's country where nobody said anything (C6), and then the event's own
    /// signal, which takes away and never gives (C1).
    static func narrow(
        _ states: inout [ConsentState], by signal: ConsentSignal, policy: CompiledPolicy,
        body: EventBody, source: String, offset: UInt64
    ) {
        if let country = policy.reading.country(of: body, source: source) {
            for (index, purpose) in policy.policy.purposes.enumerated()
            where states[index].value == .unknown
                && purpose.signals.defaultCountries.contains(country)
            {
                states[index] = ConsentState(
                    value: .granted, offset: nil, ground: .regionalDefault(country))
            }
        }
        let denials = signal.denials
        guard denials | signal.missing != 0 || signal.isUnreadable else { return }
        for index in states.indices {
            let bit = UInt64(1) << UInt64(index)
            if denials & bit != 0 {
                states[index] = ConsentState(
                    value: .denied, offset: offset, ground: signal.ground(of: bit))
            } else if signal.isUnreadable || signal.missing & bit != 0,
                states[index].value == .granted
            {
                states[index] = ConsentState(value: .unknown, offset: offset, ground: .ownSignal)
            }
        }
    }

    func isSuppressed(root: UInt32, candidates: [Candidate]) -> Bool {
        guard suppressedCount > 0 else { return false }
        if candidates.contains(where: { identity.suppressedFrom[Int($0.identifier)] != .max }) {
            return true
        }
        guard root != IdentityTable.none else { return false }
        var member = identity.firstMembers[Int(root)]
        while member != IdentityTable.none {
            if identity.suppressedFrom[Int(member)] != .max { return true }
            member = identity.nextMembers[Int(member)]
        }
        return false
    }
}

/// Why a record could not be folded. Words without personal data: they are shown in status.
enum FoldProblem: Error, CustomStringConvertible {
    case notAnEvent
    case noTime
    case unknownLane(String)
    case unknownAttempt
    case notInTheLog
    case badPolicy(String)
    case wrongVersion(expected: Int, found: Int)

    var description: String {
        switch self {
        case .notAnEvent: "the line holds no event with a type"
        case .noTime: "the line has no time of receipt"
        case .unknownLane(let lane): "no policy up to here names the destination \(lane)"
        case .unknownAttempt: "the receipt names no attempt"
        case .notInTheLog: "it names offsets at which no record stands"
        case .badPolicy(let reason): "the policy cannot be read: \(reason)"
        case .wrongVersion(let expected, let found):
            "policy version \(found) where \(expected) was next"
        }
    }
}

extension CompiledPolicy {
    /// A mask over this version's purposes as a mask over the fold's.
    func numbers(_ mask: UInt64) -> UInt64 {
        var left = mask
        var numbers: UInt64 = 0
        while left != 0 {
            numbers |= 1 << UInt64(purposeNumbers[left.trailingZeroBitCount])
            left &= left - 1
        }
        return numbers
    }
}

extension IdentityTable {
    /// Whether the person has an identifier of this type.
    func has(type name: String, root: UInt32, asOf offset: UInt64? = nil) -> Bool {
        guard root != Self.none, let type = types.number(of: name) else { return false }
        guard offset == nil else {
            var members: [UInt32] = []
            appendMembers(ofRoot: root, upTo: offset, to: &members)
            return members.contains { self.type($0) == type }
        }
        // Asked for every event of a destination that needs an identifier: a plain walk.
        var member = firstMembers[Int(root)]
        while member != Self.none {
            if self.type(member) == type { return true }
            member = nextMembers[Int(member)]
        }
        return false
    }

    /// The members as of an offset, or now where none is given, in the order in which they came.
    func appendMembers(ofRoot root: UInt32, upTo offset: UInt64?, to members: inout [UInt32]) {
        guard let offset else {
            var member = firstMembers[Int(root)]
            while member != Self.none {
                members.append(member)
                member = nextMembers[Int(member)]
            }
            return
        }
        forEachMember(ofRoot: root, asOf: offset) { members.append($0) }
    }

    /// The members as of an offset, or now where none is given.
    func forEachMember(ofRoot root: UInt32, upTo offset: UInt64?, _ visit: (UInt32) -> Void) {
        if let offset {
            forEachMember(ofRoot: root, asOf: offset, visit)
        } else {
            forEachMember(ofRoot: root, visit)
        }
    }
}
