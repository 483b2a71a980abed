public import CustomerModel
import EventLog

/// One person as people and services see it, as of one offset.
public struct ProfileSummary: Equatable, Sendable {
    public struct Identifier: Equatable, Sendable {
        public var type: String
        public var value: String
        /// Where it first appeared, and where it was linked to this person.
        public var born: ProfileID
        public var linkedAt: UInt64
        public var isSuppressed: Bool
    }
    public struct Trait: Equatable, Sendable {
        public var name: String
        /// The value's JSON text, as the client wrote it.
        public var json: String
        /// The event that said it, and when it happened. Microseconds.
        public var offset: UInt64
        public var time: Int64
    }
    public struct Attribute: Equatable, Sendable {
        public var name: String
        /// The value's JSON text; nil when it cannot be told exactly (D4).
        public var json: String?
        /// When the event happened that it is the value of, and its offset, where it is one's.
        public var time: Int64?
        public var offset: UInt64?
        /// The different values themselves, as JSON, of one that counts them.
        public var values: [String]?
        /// A record that it rests on and that cannot be read any more: then it cannot be told (L9).
        public var unreadable: UInt64?
    }
    public struct Membership: Equatable, Sendable {
        public var audience: String
        /// The offset of the record that made it so.
        public var since: UInt64
    }
    public struct Refusal: Equatable, Sendable {
        public var type: String
        public var value: String
        public var offset: UInt64
        /// The type whose limit would have broken, or what else stood against it.
        public var limit: String
        /// The same in words.
        public var reason: String
    }

    public var id: ProfileID
    /// Ids of people that were merged into this one; they still lead here.
    public var formerIDs: [ProfileID]
    /// Oldest first.
    public var identifiers: [Identifier]
    /// By name.
    public var traits: [Trait]
    /// Microseconds; nil when none of its identifiers anchored an event.
    public var firstSeen: Int64?
    public var lastSeen: Int64?
    /// Events anchored to it.
    public var eventCount: Int
    public var memberships: [Membership]
    /// The policy's, in its order. As of a past offset they are counted from the person's own lines again:
    /// see ``PastProfile``, without which there are none.
    public var attributes: [Attribute]
    public var refusals: [Refusal]
    /// Why its identifiers are one person's, oldest first; with links that were retracted. Empty in what a
    /// read model keeps.
    public var evidence: [LinkEvidence]
    /// The id as one number; nil past its bounds.
    public var mpid: MPID?
}

/// A question about a person names them so.
public enum PersonReference: Equatable, Sendable {
    case identifier(type: String, value: String)
    case profile(ProfileID)

    /// Reads `type:value` or a profile id; nil for anything else.
    public init?(_ text: String) {
        if let id = ProfileID(text) {
            self = .profile(id)
            return
        }
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return nil }
        let value = text[text.index(after: colon)...]
        guard !value.isEmpty else { return nil }
        self = .identifier(type: String(text[..<colon]), value: String(value))
    }
}

extension FoldState {
    /// The newest policy, or the newest that was activated up to an offset; nil before the first.
    func policy(asOf offset: UInt64?) -> CompiledPolicy? {
        guard let offset else { return policies.last }
        return policies.last { $0.activatedAt <= offset }
    }

    /// The identifier that a reference means, normalised as the newest policy says, or said as of an offset.
    func identifier(of person: PersonReference, asOf offset: UInt64? = nil) -> UInt32? {
        switch person {
        case .profile(let id): return identity.identifier(born: id)
        case .identifier(let type, let value):
            return identity.find(
                type: type,
                value: Self.normalised(type: type, value: value, by: policy(asOf: offset)))
        }
    }

    /// The carrying node of a person, now or as of an offset.
    func root(of person: PersonReference, asOf offset: UInt64?) -> UInt32? {
        guard let identifier = identifier(of: person, asOf: offset) else { return nil }
        if let offset { return identity.root(ofIdentifier: identifier, asOf: offset) }
        return identity.root(ofIdentifier: identifier)
    }

    /// One person, as known once the record at `offset` was applied, or now.
    public func profile(_ person: PersonReference, asOf offset: UInt64? = nil) -> ProfileSummary? {
        root(of: person, asOf: offset).map { summary(ofRoot: $0, asOf: offset) }
    }

    /// The person that `node` belongs to now, without the refused links: what a read model keeps. Costs
    /// by the person's own size alone.
    public func profile(node: UInt32) -> ProfileSummary? {
        guard node < UInt32(identity.nodeCount) else { return nil }
        return summary(ofRoot: identity.root(node), asOf: nil, with: .present)
    }

    enum Detail { case present, refusals }

    /// Calls `visit` with every carrying node, one a person.
    public func forEachPerson(_ visit: (UInt32) -> Void) {
        for node in identity.parents.indices where identity.parents[node] == IdentityTable.none {
            visit(UInt32(node))
        }
    }

    /// The number of people.
    public var personCount: Int { identity.parents.count { $0 == IdentityTable.none } }

    func summary(ofRoot root: UInt32, asOf offset: UInt64?, with detail: Detail = .refusals)
        -> ProfileSummary
    {
        var members: [UInt32] = []
        identity.forEachMember(ofRoot: root, upTo: offset) { members.append($0) }
        members.sort()
        let id =
            offset.flatMap { identity.profileID(ofRoot: root, asOf: $0) }
            ?? identity.profileID(ofRoot: root)
        var former: Set<ProfileID> = []
        for member in members {
            let held = identity.moves.nodes(
                of: member, asOf: offset, present: identity.nodes[Int(member)])
            // What a node began with is the person that it began as.
            if held.contains(where: { identity.beginners[Int($0)] == member }),
                identity.birth(member) != id
            {
                former.insert(identity.birth(member))
            }
        }
        let seen = seen(members, asOf: offset)
        return ProfileSummary(
            id: id, formerIDs: former.sorted(),
            identifiers: members.map { identifier in
                ProfileSummary.Identifier(
                    type: identity.typeName(identifier), value: identity.values.text(identifier),
                    born: identity.birth(identifier),
                    linkedAt: identity.linkOffsets[Int(identifier)],
                    isSuppressed: identity.isSuppressed(identifier, asOf: offset))
            },
            traits: traits(of: members, asOf: offset),
            firstSeen: seen.first, lastSeen: seen.last, eventCount: seen.count,
            memberships: memberships(of: root, asOf: offset),
            attributes: offset == nil ? attributes(of: members) : [],
            refusals: detail == .present ? [] : refusals(members, asOf: offset),
            evidence: detail == .present ? [] : evidence(members, asOf: offset),
            mpid: MPID(id, key: key))
    }

    private func traits(of members: [UInt32], asOf offset: UInt64?) -> [ProfileSummary.Trait] {
        var newest: [UInt16: TraitTable.Value] = [:]
        for member in members {
            traits.forEach(of: member, asOf: offset ?? .max) { value in
                if let known = newest[value.key],
                    (known.time, known.offset) >= (value.time, value.offset)
                {
                    return
                }
                newest[value.key] = value
            }
        }
        return newest.values.filter { $0.token != Array("null".utf8) }
            .map {
                ProfileSummary.Trait(
                    name: traits.keys.names[Int($0.key)],
                    json: String(decoding: $0.token, as: UTF8.self), offset: $0.offset,
                    time: $0.time)
            }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private func memberships(of root: UInt32, asOf offset: UInt64?) -> [ProfileSummary.Membership] {
        var found: [ProfileSummary.Membership] = []
        for (audience, name) in memberships.audiences.names.enumerated() {
            let since: UInt64? =
                if let offset {
                    memberships.since(audience, root, asOf: offset)
                } else {
                    memberships.since(audience, root)
                }
            if let since { found.append(ProfileSummary.Membership(audience: name, since: since)) }
        }
        return found.sorted { $0.audience.utf8.lexicographicallyPrecedes($1.audience.utf8) }
    }

    private func refusals(_ members: [UInt32], asOf offset: UInt64?) -> [ProfileSummary.Refusal] {
        let refusals = identity.refusals
        return refusals.entries(of: members).compactMap { entry in
            guard refusals.offsets[entry] <= offset ?? .max else { return nil }
            let identifier = refusals.identifiers[entry]
            return ProfileSummary.Refusal(
                type: identity.typeName(identifier), value: identity.values.text(identifier),
                offset: refusals.offsets[entry], limit: limitName(refusals.limitTypes[entry]),
                reason: refusalReason(refusals.limitTypes[entry]))
        }
    }
}
