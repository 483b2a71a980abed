public import CustomerModel

/// Whom a call of IDSync means, by the links there are.
public struct IdentityMatch: Equatable, Sendable {
    /// The person that the strongest identifier belongs to; nil for nobody yet.
    public var person: ProfileID?
    /// Types of the identifiers that are this person's.
    public var matched: [String] = []
    /// Whether an identifier can count at all: its type is one of the policy's and its value not blocked.
    public var isAnyUsable = false
    /// Whether an event with these identifiers could link something that is not linked.
    public var isAnythingNew = false
    /// Only identifiers that make nobody known were given, and they belong to a known person: who comes with
    /// a device alone is not that person.
    public var isKnownPersonsDevice = false

    public init() {}
}

extension FoldState {
    /// Looks for a person as IDSync does: by the strongest identifier, and a known person only by one that
    /// makes a person known (I3).
    public func match(_ wanted: [(type: String, value: String)]) -> IdentityMatch {
        var match = IdentityMatch()
        guard let rules = governing(next)?.identity else { return match }
        var found: [(rank: Int, root: UInt32)] = []
        var asksForKnown = false
        for (type, value) in wanted {
            guard let rank = rules.rank(of: type), isUsable(value, rank: rank, rules) else {
                continue
            }
            match.isAnyUsable = true
            if rules.makesKnown[rank] { asksForKnown = true }
            guard
                let identifier = identity.find(
                    type: type, value: normalised(type: type, value: value)),
                let root = identity.root(ofIdentifier: identifier)
            else {
                match.isAnythingNew = true
                continue
            }
            found.append((rank, root))
        }
        let strongest =
            found.filter { !asksForKnown || rules.makesKnown[$0.rank] }
            .min { $0.rank < $1.rank }
        guard let strongest else { return match }
        let members = members(of: strongest.root)
        if !asksForKnown, members.contains(where: { rules.knownTypes.contains(identity.type($0)) })
        {
            match.isKnownPersonsDevice = true
            return match
        }
        match.person = identity.profileID(ofRoot: strongest.root)
        match.isAnythingNew =
            match.isAnythingNew || found.contains { $0.root != strongest.root }
        match.matched = found.filter { $0.root == strongest.root }.map { rules.names[$0.rank] }
        return match
    }

    /// The person that an event's facts hang on; nil when it linked nobody.
    public func person(ofEventAt offset: UInt64) -> ProfileID? {
        let anchor = decisions.anchor(at: offset)
        guard anchor != DecisionColumns.none else { return nil }
        return identity.root(ofIdentifier: anchor).map { identity.profileID(ofRoot: $0) }
    }

    /// The person whose number this is, or was before a merge; nil for numbers that nobody has.
    public func person(numbered mpid: MPID) -> ProfileID? {
        profileID(of: .profile(mpid.profile(key: key)))
    }

    /// A person's number.
    public func mpid(of person: ProfileID) -> MPID? { MPID(person, key: key) }

    private func members(of root: UInt32) -> [UInt32] {
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
        return members
    }

    private func isUsable(_ value: String, rank: Int, _ rules: CompiledIdentity) -> Bool {
        var normal: [UInt8] = []
        let isValue = Array(value.utf8).withUnsafeBytes {
            IdentifierValue.normalise(
                $0, rules.normalisations[rank], country: rules.phoneCountries[rank], into: &normal)
        }
        guard isValue else { return false }
        return !normal.withUnsafeBytes {
            IdentifierValue.isBlocked(type: rules.names[rank], value: $0, by: rules.blocked)
        }
    }
}
