import CustomerModel

/// Something that happened in accordance with the rules and that somebody should look at all the same.
public struct Finding: Equatable, Sendable {
    public enum Kind: UInt8, Equatable, Sendable {
        /// A denial became durable after the second look and before the receipt: what was sent was allowed
        /// when it was looked at, and denied when it was settled (E6).
        case raceWindow = 1

        public var name: String {
            switch self {
            case .raceWindow: "denied in the race window"
            }
        }
    }
    public var kind: Kind
    public var lane: Lane
    /// The attempt's record.
    public var attempt: UInt64
    /// The event that was sent.
    public var event: UInt64
    /// The assertion that denies.
    public var denial: UInt64
    /// The record that made it known.
    public var foundAt: UInt64
}

/// Findings, in the order in which they came up.
struct FindingColumns {
    private(set) var kinds: [UInt8] = []
    private(set) var lanes: [UInt16] = []
    private(set) var attempts: [UInt64] = []
    private(set) var events: [UInt64] = []
    private(set) var denials: [UInt64] = []
    private(set) var foundAt: [UInt64] = []

    init() {}

    mutating func append(
        _ kind: Finding.Kind, lane: Int, attempt: UInt64, event: UInt64, denial: UInt64,
        at offset: UInt64
    ) {
        kinds.append(kind.rawValue)
        lanes.append(UInt16(lane))
        attempts.append(attempt)
        events.append(event)
        denials.append(denial)
        foundAt.append(offset)
    }

    func write(into out: inout CanonicalWriter) {
        out.section("FIND")
        out.column(kinds)
        out.column(lanes)
        out.column(attempts)
        out.column(events)
        out.column(denials)
        out.column(foundAt)
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("FIND")
        kinds = try reader.column()
        lanes = try reader.column()
        attempts = try reader.column()
        events = try reader.column()
        denials = try reader.column()
        foundAt = try reader.column()
        let sizes = [lanes.count, attempts.count, events.count, denials.count, foundAt.count]
        guard sizes.allSatisfy({ $0 == kinds.count }) else {
            throw CanonicalError(position: reader.position, expected: "equal columns")
        }
    }
}

extension FoldState {
    /// Looks at what one receipt settled: was any of it denied after its second look?
    mutating func noteRaces(_ attempt: Int, at offset: UInt64) {
        let lane = Int(attempts.lanes[attempt])
        guard let policy = policies.last,
            let index = policy.destinationIndex(lanes[lane].lane.destination)
        else { return }
        if isCorrection(attempt: attempt) { return }
        let destination = policy.policy.destinations[index]
        var states: [ConsentState] = []
        for member in attempts.range(attempt) {
            let outcome = EffectStatus(rawValue: attempts.outcomes[member])
            let subject = attempts.subjects[member]
            guard outcome == .delivered || outcome == .unknown, subject != IdentityTable.none,
                let root = identity.root(ofIdentifier: subject),
                // What nobody said since the look, the look has read.
                destination.tcf != nil || wasHeard(root, from: attempts.looks[attempt]),
                // An exit asks to forget: it is what a denial wants.
                change(of: member, lane: lane) != .exited
            else { continue }
            purposeStates(of: root, policy: policy, now: projectionTime, into: &states)
            var denials = Judge.denials(
                destination, states: states, purposes: policy.policy.purposes)
            if let use = destination.tcf, let carried = tcString(of: root, policy: policy),
                carried.string.refusal(of: use) != nil
            {
                denials.append(carried.offset)
            }
            // One that the look had read would have cancelled the effect.
            guard let denial = denials.max(), denial >= attempts.looks[attempt] else { continue }
            findings.append(
                .raceWindow, lane: lane, attempt: attempts.offsets[attempt],
                event: attempts.members[member], denial: denial, at: offset)
        }
    }

    /// Whether anything was asserted about a person's consent at an offset or later.
    private func wasHeard(_ root: UInt32, from offset: UInt64) -> Bool {
        var member = identity.firstMembers[Int(root)]
        while member != IdentityTable.none {
            if let latest = consent.latestOffset(of: member), latest >= offset { return true }
            member = identity.nextMembers[Int(member)]
        }
        return false
    }

    /// What a member of an attempt told of a membership; nil of an event.
    private func change(of member: Int, lane: Int) -> MembershipChange? {
        let audience = attempts.audiences[member]
        guard audience != AttemptTable.noAudience, attempts.subjects[member] != IdentityTable.none
        else { return nil }
        return lanes[lane].membership(
            .init(
                audience: audience, profile: identity.birth(attempts.subjects[member]),
                at: attempts.members[member]))?.change
    }

    /// Whether what a finding is about was taken back since: the destination was asked to delete the event, or
    /// told that the person has left the audience.
    public func isTakenBack(_ finding: Finding) -> Bool {
        guard let lane = laneNumbers[finding.lane],
            let attempt = attempts.index(of: finding.attempt)
        else { return false }
        return attempts.range(attempt).allSatisfy { member in
            guard attempts.members[member] == finding.event else { return true }
            let audience = attempts.audiences[member]
            guard audience != AttemptTable.noAudience else {
                return lanes[lane].corrections.told[finding.event]?.correction == .retract
            }
            return identity.root(ofIdentifier: attempts.subjects[member]).map {
                told(lane: lane, audience: audience, root: $0) == .nothing
            } ?? true
        }
    }

    /// Everything found so far, oldest first.
    public func allFindings() -> [Finding] {
        findings.kinds.indices.compactMap { index in
            Finding.Kind(rawValue: findings.kinds[index]).map {
                Finding(
                    kind: $0, lane: lanes[Int(findings.lanes[index])].lane,
                    attempt: findings.attempts[index], event: findings.events[index],
                    denial: findings.denials[index], foundAt: findings.foundAt[index])
            }
        }
    }
}
