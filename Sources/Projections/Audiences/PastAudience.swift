import CustomerModel

/// Why a person was in an audience as known at an offset, whose events are still to be counted (see
/// ``PastMetrics``).
public struct PastAudience: Sendable {
    private var explanation: AudienceExplanation
    private let audience: Audience
    private let members: [UInt32]
    /// The parts that rest on no events, in order; the others are known once the events are counted.
    private let known: [AudienceExplanation.Part]
    /// To be counted before ``explain()`` is asked for.
    public var metrics: PastMetrics

    fileprivate init(
        _ explanation: AudienceExplanation, _ audience: Audience, members: [UInt32],
        known: [AudienceExplanation.Part], metrics: PastMetrics
    ) {
        self.explanation = explanation
        self.audience = audience
        self.members = members
        self.known = known
        self.metrics = metrics
    }

    /// The whole answer, as a fold that stopped there gives it.
    public func explain() -> AudienceExplanation {
        var whole = explanation
        var rest = known[...]
        var lost: Set<UInt64> = []
        let numbers = metrics.numbers(of: audience.metrics)
        whole.condition = AudienceExplanation.Part(audience.condition) { leaf in
            guard let used = leaf.ownMetrics else {
                return rest.popFirst()
                    ?? AudienceExplanation.Part(
                        leaf, audience, FoldState.Answer(truth: .unknown), found: nil)
            }
            let unreadable = used.compactMap { metrics.unreadable[numbers[$0]] }
            guard let first = unreadable.min() else {
                return AudienceExplanation.Part(
                    leaf, audience,
                    FoldState.answer(
                        leaf, from: metrics.table, numbers, of: members, now: metrics.now),
                    found: metrics.table.found(leaf, numbers, of: members, now: metrics.now))
            }
            lost.formUnion(unreadable)
            return AudienceExplanation.Part(
                leaf, audience, FoldState.Answer(truth: .unknown),
                found: "rests on record \(first), which cannot be read")
        }
        whole.unreadable = lost.sorted()
        return whole
    }
}

extension AudienceCondition {
    /// The audience's metrics that a part rests on; nil of parts that rest on no events.
    fileprivate var ownMetrics: [Int]? {
        switch self {
        case .metric(let index, _), .moment(let index, _): [index]
        case .sequence(let steps, _): steps
        case .absence(let missing, let after, _): [after, missing]
        case .trait, .consent, .member, .all, .any, .not: nil
        }
    }
}

extension FoldState {
    /// Judges one person by one audience as known once the record at `offset` was applied: with the
    /// identifiers, the policy and the projection time of then. Nil when the policy of then had no such
    /// audience or nobody was known by that reference.
    ///
    /// Costs by what is kept of the person, and then by their own events.
    public func past(audience name: String, of person: PersonReference, asOf offset: UInt64)
        -> PastAudience?
    {
        guard let policy = policy(asOf: offset), let root = root(of: person, asOf: offset),
            let place = policy.policy.audiences.firstIndex(where: { $0.name == name }),
            let profile = identity.profileID(ofRoot: root, asOf: offset)
        else { return nil }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: offset, to: &members)
        let audience = policy.policy.audiences[place]
        let now = ticks.time(asOf: offset)
        var known: [AudienceExplanation.Part] = []
        let condition = AudienceExplanation.Part(audience.condition) { leaf in
            var answer = Answer(truth: .unknown)
            switch leaf {
            case .trait(let path, let comparison):
                answer.truth = Truth(
                    comparison.matches(token: trait(path, of: members, asOf: offset)))
            case .consent(let purpose, let value):
                answer = consent(
                    purpose, is: value, root: root, members: members, policy: policy, now: now,
                    asOf: offset)
            case .member(let other):
                if let number = memberships.audiences.number(of: other) {
                    answer.truth = Truth(isMember(Int(number), root, asOf: offset))
                }
            case .metric, .moment, .sequence, .absence, .all, .any, .not: break
            }
            let part = AudienceExplanation.Part(
                leaf, audience, answer,
                found: found(leaf, root: root, members: members, policy: policy, asOf: offset))
            if leaf.ownMetrics == nil { known.append(part) }
            return part
        }
        let number = policy.audienceNumbers[place]
        let since = memberships.since(number, root, asOf: offset)
        return PastAudience(
            AudienceExplanation(
                audience: name, profile: profile, isMember: since != nil, since: since,
                condition: condition, projectionTime: now == .min ? nil : now,
                policyVersion: policy.version),
            audience, members: members, known: known,
            metrics: pastMetrics(audience.metrics, of: members, asOf: offset))
    }
}
