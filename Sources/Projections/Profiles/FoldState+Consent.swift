public import CustomerModel

/// One person's consent, as of one offset.
public struct ConsentSummary: Sendable {
    public struct Purpose: Sendable {
        public var name: String
        public var state: ConsentState
    }
    /// One assertion that somebody made, on one identifier.
    public struct Assertion: Sendable {
        public var offset: UInt64
        /// Corrected, clipped to `received`. Microseconds.
        public var time: Int64
        public var identifierType: String
        public var granted: [String]
        public var denied: [String]
    }
    public var profile: ProfileID
    public var policyVersion: Int
    public var purposes: [Purpose]
    /// Oldest first.
    public var history: [Assertion]
}

extension FoldState {
    /// A person's consent under the newest policy, now or once the record at `offset` was applied.
    ///
    /// - Parameter now: what expiry is measured against, in microseconds.
    public func consent(of person: PersonReference, asOf offset: UInt64?, now: Int64)
        -> ConsentSummary?
    {
        let governing = offset.flatMap { at in policies.last { $0.activatedAt <= at } }
        guard let root = root(of: person, asOf: offset),
            let policy = governing ?? policies.last ?? initial
        else { return nil }
        var states: [ConsentState] = []
        purposeStates(of: root, policy: policy, now: now, asOf: offset, into: &states)
        var history: [ConsentSummary.Assertion] = []
        identity.forEachMember(ofRoot: root, upTo: offset) { member in
            for row in consent.history(of: member) where row.offset <= offset ?? .max {
                history.append(
                    ConsentSummary.Assertion(
                        offset: row.offset, time: row.time,
                        identifierType: identity.typeName(member),
                        granted: names(row.granted), denied: names(row.denied)))
            }
        }
        let profile =
            offset.flatMap { identity.profileID(ofRoot: root, asOf: $0) }
            ?? identity.profileID(ofRoot: root)
        return ConsentSummary(
            profile: profile, policyVersion: policy.version,
            purposes: zip(policy.policy.purposes, states).map {
                ConsentSummary.Purpose(name: $0.name, state: $1)
            },
            history: history.sorted { $0.offset < $1.offset })
    }

    private func names(_ mask: UInt64) -> [String] {
        var left = mask
        var found: [String] = []
        while left != 0 {
            found.append(consent.purposes.names[left.trailingZeroBitCount])
            left &= left - 1
        }
        return found
    }
}
