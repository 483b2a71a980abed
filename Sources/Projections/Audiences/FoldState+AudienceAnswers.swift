public import CustomerModel

/// One audience as the newest policy defines it.
public struct AudienceSummary: Sendable {
    public var name: String
    public var members: Int
    /// What it is made of, in a sentence; nil when the newest policy does not define it.
    public var definition: String?
    /// Destinations of the newest policy that are told of it.
    public var destinations: [String]
    /// Changes so far, by reason.
    public var changes: [(reason: MembershipReason, entered: Int, exited: Int)]
}

/// Why a person is in an audience, or not.
public struct AudienceExplanation: Sendable {
    /// One part of the condition.
    public struct Part: Sendable {
        public var text: String
        public var truth: Truth
        /// What was found, in words; nil where the parts say it.
        public var found: String?
        /// When it can change though nothing happens. Microseconds.
        public var changesAt: Int64?
        public var parts: [Part]
    }
    public var audience: String
    public var profile: ProfileID
    public var isMember: Bool
    /// The offset of the record that made them a member.
    public var since: UInt64?
    public var condition: Part
    /// What windows are measured against; nil before the first tick. Microseconds.
    public var projectionTime: Int64?
    public var policyVersion: Int
    /// Records that the answer rests on and that cannot be read (L9). Of the past only; what rests on them is
    /// unknown.
    public var unreadable: [UInt64] = []

    /// A2: a difference between what is recorded and what is found is shown, not hidden.
    public var agrees: Bool { isMember == (condition.truth == .yes) }
}

/// One member of an audience.
public struct AudienceMember: Sendable {
    public var profile: ProfileID
    /// The offset of the record that made them a member.
    public var since: UInt64
}

extension FoldState {
    public func audienceSummaries() -> [AudienceSummary] {
        let policy = policies.last
        return memberships.audiences.names.enumerated().map { number, name in
            let audience = policy?.policy.audiences.first { $0.name == name }
            let place = policy?.policy.audiences.firstIndex { $0.name == name }
            return AudienceSummary(
                name: name, members: memberships.count(number),
                definition: audience.map { $0.condition.text($0.metrics) },
                destinations: (policy?.policy.destinations ?? []).filter { destination in
                    place.map(destination.audiences.contains) ?? false
                }.map(\.name), changes: changes(of: number))
        }
    }

    private func changes(of audience: Int) -> [(MembershipReason, entered: Int, exited: Int)] {
        var counts: [(MembershipReason, entered: Int, exited: Int)] = [
            (.event, 0, 0), (.imported, 0, 0), (.tick, 0, 0), (.policy, 0, 0),
        ]
        for index in memberships.changeAudiences.indices
        where Int(memberships.changeAudiences[index]) == audience {
            guard let change = memberships.change(index),
                let place = counts.firstIndex(where: { $0.0 == change.reason })
            else { continue }
            if change.change == .entered {
                counts[place].entered += 1
            } else {
                counts[place].exited += 1
            }
        }
        return counts.filter { $0.entered + $0.exited > 0 }
    }

    /// The members of an audience now, or as they were once the record at `offset` was applied, oldest id
    /// first; nil when no policy ever named it. Costs by its members and by those that it ever had.
    public func members(ofAudience name: String, asOf offset: UInt64?) -> [AudienceMember]? {
        guard let number = memberships.audiences.number(of: name).map(Int.init) else { return nil }
        var found: [AudienceMember] = []
        memberships.forEachEverMember(number) { node in
            guard let offset else {
                guard let since = memberships.since(number, node) else { return }
                found.append(
                    AudienceMember(profile: identity.profileID(ofRoot: node), since: since))
                return
            }
            // Who was under another then was nobody of their own.
            guard identity.root(node, asOf: offset) == node,
                let since = memberships.since(number, node, asOf: offset),
                let profile = identity.profileID(ofRoot: node, asOf: offset)
            else { return }
            found.append(AudienceMember(profile: profile, since: since))
        }
        return found.sorted { $0.profile < $1.profile }
    }

    /// Whether the policy of then defines an audience; the newest one where `offset` is nil.
    public func definesAudience(_ name: String, asOf offset: UInt64?) -> Bool {
        policy(asOf: offset)?.policy.audiences.contains { $0.name == name } ?? false
    }

    /// Judges one person by one audience again, part by part; nil when the newest policy has no such
    /// audience or nobody is meant.
    public func explain(audience name: String, of person: PersonReference) -> AudienceExplanation? {
        guard let policy = policies.last, let root = root(of: person, asOf: nil),
            let place = policy.policy.audiences.firstIndex(where: { $0.name == name })
        else { return nil }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
        let audience = policy.policy.audiences[place]
        let number = policy.audienceNumbers[place]
        let numbers = audienceIndex.metrics[place]
        let condition = AudienceExplanation.Part(audience.condition) { leaf in
            let answer = answer(
                leaf, metrics: numbers, root: root, members: members, policy: policy, known: [:])
            return AudienceExplanation.Part(
                leaf, audience, answer,
                found: found(leaf, root: root, members: members, policy: policy, asOf: nil)
                    ?? metrics.found(leaf, numbers, of: members, now: projectionTime))
        }
        return AudienceExplanation(
            audience: name, profile: identity.profileID(ofRoot: root),
            isMember: memberships.isMember(number, root), since: memberships.since(number, root),
            condition: condition, projectionTime: projectionTime == .min ? nil : projectionTime,
            policyVersion: policy.version)
    }

    /// What a part was judged on that rests on no events, in words; nil of parts that rest on events.
    func found(
        _ leaf: AudienceCondition, root: UInt32, members: [UInt32], policy: CompiledPolicy,
        asOf offset: UInt64?
    ) -> String? {
        switch leaf {
        case .trait(let path, _):
            let token =
                offset.map { trait(path, of: members, asOf: $0) } ?? trait(path, of: members)
            return token.map { String(decoding: $0, as: UTF8.self) } ?? "no such trait"
        case .consent(let purpose, _):
            guard let place = policy.policy.purposes.firstIndex(where: { $0.name == purpose })
            else { return nil }
            var states: [ConsentState] = []
            let now = offset.map { ticks.time(asOf: $0) } ?? projectionTime
            purposeStates(of: root, policy: policy, now: now, asOf: offset, into: &states)
            return states[place].value.name
        case .member(let name):
            guard let number = memberships.audiences.number(of: name) else { return nil }
            return isMember(Int(number), root, asOf: offset) ? "a member" : "not a member"
        case .metric, .moment, .sequence, .absence, .all, .any, .not: return nil
        }
    }

    func isMember(_ audience: Int, _ root: UInt32, asOf offset: UInt64?) -> Bool {
        offset.map { memberships.since(audience, root, asOf: $0) != nil }
            ?? memberships.isMember(audience, root)
    }

    /// People whose values a tick may have changed, or who entered or left an audience, in a range.
    func movedPeople(in range: Range<UInt64>) -> [UInt32] {
        var nodes = Array(wakes.woken(in: range))
        var index = memberships.firstChange(from: range.lowerBound)
        while index < memberships.changeCount, memberships.changeOffsets[index] < range.upperBound {
            nodes.append(memberships.changeNodes[index])
            index += 1
        }
        return nodes
    }
}

extension AudienceExplanation.Part {
    /// A condition as a tree whose leaves `leaf` explains, in order.
    init(
        _ condition: AudienceCondition, _ leaf: (AudienceCondition) -> AudienceExplanation.Part
    ) {
        let (text, inner): (String, [AudienceCondition])
        switch condition {
        case .all(let parts): (text, inner) = ("all of", parts)
        case .any(let parts): (text, inner) = ("any of", parts)
        case .not(let part): (text, inner) = ("not", [part])
        case .trait, .metric, .moment, .sequence, .absence, .consent, .member:
            self = leaf(condition)
            return
        }
        let parts = inner.map { AudienceExplanation.Part($0, leaf) }
        var rest = parts[...]
        self.init(
            text: text, truth: condition.evaluateParts { rest.popFirst()?.truth ?? .unknown },
            found: nil, changesAt: nil, parts: parts)
    }

    init(
        _ leaf: AudienceCondition, _ audience: Audience, _ answer: FoldState.Answer, found: String?
    ) {
        self.init(
            text: leaf.text(audience.metrics), truth: answer.truth, found: found,
            changesAt: answer.changesAt == .max ? nil : answer.changesAt, parts: [])
    }
}

extension MetricTable {
    /// What a part was judged on that rests on events, in words.
    func found(_ leaf: AudienceCondition, _ numbers: [Int], of members: [UInt32], now: Int64)
        -> String?
    {
        switch leaf {
        case .metric(let index, _), .moment(let index, _):
            return Self.words(reading(numbers[index], of: members, now: now))
        case .sequence(let steps, _):
            return counts(steps.map { numbers[$0] }, members, now)
        case .absence(let missing, let after, _):
            return counts([numbers[after], numbers[missing]], members, now)
        case .trait, .consent, .member, .all, .any, .not: return nil
        }
    }

    private static func words(_ reading: MetricReading) -> String {
        let at = reading.offset.map { " at offset \($0)" } ?? ""
        switch reading.value {
        case .unknown: return "a value that does not fit"
        case .absent: return "no such event"
        case .amount(let amount): return amount.description + at
        case .many: return "more than \(Metric.maximumDistinct)"
        case .token(let token): return String(decoding: token, as: UTF8.self) + at
        case .event: return "an event" + at
        }
    }

    private func counts(_ metrics: [Int], _ members: [UInt32], _ now: Int64) -> String {
        metrics.map { number in
            reading(number, of: members, now: now).json ?? "an unknown number"
        }.joined(separator: ", then ") + " such events"
    }
}
