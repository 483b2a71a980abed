import CustomerModel

/// A person as known at an offset, whose attributes are still to be counted (see ``PastMetrics``).
public struct PastProfile: Sendable {
    private var summary: ProfileSummary
    private let members: [UInt32]
    private let policy: Policy?
    /// To be counted before ``profile()`` is asked for.
    public var metrics: PastMetrics

    fileprivate init(
        summary: ProfileSummary, members: [UInt32], policy: Policy?, metrics: PastMetrics
    ) {
        self.summary = summary
        self.members = members
        self.policy = policy
        self.metrics = metrics
    }

    /// The whole profile, as a fold that stopped there has it.
    public func profile() -> ProfileSummary {
        guard let policy else { return summary }
        var whole = summary
        let numbers = metrics.numbers(of: policy.attributes.map(\.metric))
        var known = metrics.table.attributes(
            policy, numbers: numbers, of: members, now: metrics.now)[...]
        // What rests on a record that cannot be read is not told, whatever the other records give (L9).
        for (attribute, number) in zip(policy.attributes, numbers) {
            let told = known.first?.name == attribute.name ? known.popFirst() : nil
            if let lost = metrics.unreadable[number] {
                whole.attributes.append(
                    ProfileSummary.Attribute(name: attribute.name, unreadable: lost))
            } else if let told {
                whole.attributes.append(told)
            }
        }
        return whole
    }
}

extension FoldState {
    /// One person as known once the record at `offset` was applied: with the identifiers, the policy and the
    /// projection time of then. Nil when nobody was known by that reference.
    public func past(_ person: PersonReference, asOf offset: UInt64) -> PastProfile? {
        guard let root = root(of: person, asOf: offset) else { return nil }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: offset, to: &members)
        let policy = policy(asOf: offset)?.policy
        return PastProfile(
            summary: summary(ofRoot: root, asOf: offset), members: members, policy: policy,
            metrics: pastMetrics(
                policy?.attributes.map(\.metric) ?? [], of: members, asOf: offset))
    }
}
