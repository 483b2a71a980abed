import CustomerModel

/// What people decided about links, and what merges and splits mean for everything that a person has.
///
/// Consent, traits, activity, metrics, suppressions and the anchors of events hang on identifiers, so they
/// follow by themselves whoever their identifiers belong to (C5), as does what destinations were told of them
/// (E2). What hangs on a person, memberships, is divided here.
extension FoldState {
    mutating func apply(_ record: IdentityRecord, at offset: UInt64, recorded: Int64) {
        switch record.act {
        case .retract:
            guard let first = born(record.first, at: offset, ordinal: 0),
                let second = born(record.second, at: offset, ordinal: 1), first != second
            else { return }
            retract(first, second, at: offset)
        case .lift:
            guard let (first, second) = known(record) else { return }
            _ = identity.retractions.lift(first, second, at: offset)
        case .reject:
            guard let (first, second) = known(record),
                let entry = identity.reviews.entry(first, second)
            else { return }
            identity.reviews.decide(entry, .rejected, at: offset)
            retract(first, second, at: offset)
        case .approve:
            guard let (first, second) = known(record),
                let entry = identity.reviews.entry(first, second)
            else { return }
            approve(entry, at: offset, recorded: recorded)
        }
    }

    /// The identifier that a record names, normalised as the policy in force says; a new one is born here.
    private mutating func born(
        _ named: IdentityRecord.Identifier, at offset: UInt64, ordinal: UInt16
    ) -> UInt32? {
        guard let type = identity.types.intern(named.type) else { return nil }
        let value = normalised(type: named.type, value: named.value)
        return value.withUnsafeBytes {
            identity.identifier(type: type, $0, offset: offset, ordinal: ordinal)
        }
    }

    private func known(_ record: IdentityRecord) -> (UInt32, UInt32)? {
        guard
            let first = identifier(
                of: .identifier(type: record.first.type, value: record.first.value)),
            let second = identifier(
                of: .identifier(type: record.second.type, value: record.second.value))
        else { return nil }
        return (first, second)
    }

    // MARK: Merges

    /// A link that waited counts from here on (I4). Every other rule still stands against it.
    private mutating func approve(_ entry: Int, at offset: UInt64, recorded: Int64) {
        guard let policy = governing(offset) else { return }
        var pair = [identity.reviews.anchors[entry], identity.reviews.others[entry]].map {
            Candidate(
                identifier: $0,
                rank: policy.identity.rank(of: identity.typeName($0)) ?? Int.max - 1)
        }
        // Since it began to wait, another policy may have turned their ranks round (P1).
        if pair[0].rank > pair[1].rank { pair.swapAt(0, 1) }
        let resolution = identity.resolve(
            pair, rules: policy.identity, offset: offset, time: recorded, by: .review,
            leaving: .size)
        guard resolution.accepted.count == 2 else { return }
        identity.reviews.decide(entry, .approved, at: offset)
        take(resolution)
        journal?.append(.profile(node: resolution.root))
        guard resolution.didChange else { return }
        evaluateAudiences(of: resolution.root, offset: offset, reason: .identity)
        withdrawMemberships(of: resolution.root, at: offset)
    }

    /// Lets go of the people that went under another.
    mutating func take(_ resolution: Resolution) {
        if resolution.didChange { personStandings.forget(resolution.root) }
        for gone in resolution.gone {
            scratch.brought += memberships.audiences(of: gone)
            memberships.forget(gone)
            wakes.forget(gone)
            journal?.append(.merged(kept: identity.root(gone), gone: gone))
        }
    }

    // MARK: Splits

    private mutating func retract(_ first: UInt32, _ second: UInt32, at offset: UInt64) {
        guard
            case .split(let root, let gone) = identity.retract(first, second, at: offset)
        else { return }
        personStandings.forget(root)
        journal?.append(.split(kept: root, gone: gone))
        journal?.append(.profile(node: root))
        journal?.append(.profile(node: gone))
        divideMemberships(root, gone, at: offset)
        for person in [root, gone] { withdrawMemberships(of: person, at: offset) }
    }

    /// Who keeps the id keeps their memberships, and both are judged anew: whoever came back enters under
    /// their own id or leaves under it, so that whoever was told of the two as one is told so.
    private mutating func divideMemberships(_ root: UInt32, _ gone: UInt32, at offset: UInt64) {
        evaluateAudiencesOfSplit(gone, comingFrom: root, at: offset)
        evaluateAudiences(of: root, offset: offset, reason: .identity)
    }

    private mutating func evaluateAudiencesOfSplit(
        _ gone: UInt32, comingFrom root: UInt32, at offset: UInt64
    ) {
        guard let policy = audiencePolicy else { return }
        let before = policy.audienceNumbers.filter { memberships.isMember($0, root) }
        for audience in before { memberships.assume(audience, gone) }
        evaluateAudiences(of: gone, offset: offset, reason: .identity)
        for audience in before where memberships.isMember(audience, gone) {
            memberships.forget(gone, in: audience)
            _ = memberships.set(
                audience, node: gone, isMember: true, profile: identity.profileID(ofRoot: gone),
                offset: offset, reason: .identity)
            journal?.append(.membership(index: memberships.changeCount - 1))
        }
    }
}
