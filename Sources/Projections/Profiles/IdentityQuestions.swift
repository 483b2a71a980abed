public import CustomerModel

/// One identifier in an answer.
public struct NamedIdentifier: Equatable, Sendable {
    public var type: String
    public var value: String

    /// As it is typed: `email:ada@example.com`.
    public var text: String { "\(type):\(value)" }
}

/// Why two identifiers are one person's (I1).
public struct LinkEvidence: Equatable, Sendable {
    public var first: NamedIdentifier
    public var second: NamedIdentifier
    /// The event, or the approval, that linked them first.
    public var offset: UInt64
    /// `event`, `alias` or `review`.
    public var rule: String
    public var policyVersion: Int
    /// Where it was retracted; nil while it stands.
    public var retractedAt: UInt64?
}

/// A link that was not made, and why.
public struct RefusedLink: Equatable, Sendable {
    public var identifier: NamedIdentifier
    /// The strongest identifier of the event, which kept it.
    public var anchor: NamedIdentifier?
    public var offset: UInt64
    /// The limit's name, as ``ProfileSummary/Refusal/limit``.
    public var limit: String
    public var reason: String
}

/// A link that waits, or waited, for a person's look (I4).
public struct LinkReview: Equatable, Sendable {
    public enum State: String, Sendable {
        case waiting, approved, rejected
    }
    /// From 1, in the order in which pairs first waited.
    public var number: Int
    public var first: NamedIdentifier
    public var second: NamedIdentifier
    /// The event that would have linked them.
    public var offset: UInt64
    public var state: State
    public var decidedAt: UInt64?
    /// The two people as they are now; nil for an identifier that belongs to nobody.
    public var firstProfile: ProfileID?
    public var secondProfile: ProfileID?
    /// How many identifiers the link would bring together.
    public var size: Int
}

/// A pair that somebody retracted (I5).
public struct BarredPair: Equatable, Sendable {
    public var first: NamedIdentifier
    public var second: NamedIdentifier
    public var offset: UInt64
    /// nil while it stands.
    public var liftedAt: UInt64?
}

/// An identifier that met too many people and links no more (I4).
public struct StoppedIdentifier: Equatable, Sendable {
    public var identifier: NamedIdentifier
    /// The event that was one too many.
    public var offset: UInt64
    /// Who has it; nil when nobody does.
    public var profile: ProfileID?
}

/// A merge or a split, as tails tell it (A4).
public struct LineageEvent: Equatable, Sendable {
    public enum Kind: String, Sendable { case merged, split }
    public var kind: Kind
    /// The id that went on, and the one that went under it or came back.
    public var profile: ProfileID
    public var other: ProfileID
    public var offset: UInt64
}

extension FoldState {
    func named(_ identifier: UInt32) -> NamedIdentifier {
        NamedIdentifier(
            type: identity.typeName(identifier), value: identity.values.text(identifier))
    }

    /// The text that stands for a type and a value, as the policy in force normalises it.
    func normalised(type: String, value text: String) -> [UInt8] {
        Self.normalised(type: type, value: text, by: policies.last)
    }

    /// The text that stands for a type and a value, as a policy normalises it.
    static func normalised(type: String, value text: String, by policy: CompiledPolicy?) -> [UInt8]
    {
        let rule = policy?.policy.identity.types.first { $0.name == type }
        let raw = Array(text.utf8)
        var value = raw
        // A value that the rule would refuse is kept as it stands.
        return raw.withUnsafeBytes {
            IdentifierValue.normalise(
                $0, rule?.normalisation ?? .none, country: rule?.phoneCountry, into: &value)
        } ? value : raw
    }

    /// An identifier's value as the policy in force normalises it.
    public func normalisedText(type: String, value: String) -> String {
        String(decoding: normalised(type: type, value: value), as: UTF8.self)
    }

    /// The id of a person now; nil for nobody.
    public func profileID(of person: PersonReference) -> ProfileID? {
        root(of: person, asOf: nil).map { identity.profileID(ofRoot: $0) }
    }

    // MARK: Links

    /// Every link between a person's identifiers, oldest first, retracted ones too.
    ///
    /// - Parameter members: the person's identifiers.
    func evidence(_ members: [UInt32], asOf offset: UInt64?) -> [LinkEvidence] {
        let mine = Set(members)
        var links: Set<UInt32> = []
        for member in members {
            identity.links.forEach(of: member) { link, other in
                guard identity.links.offsets[Int(link)] <= offset ?? .max else { return }
                if mine.contains(other) || identity.links.cutOffset(link) != nil {
                    links.insert(link)
                }
            }
        }
        return links.sorted().map { evidence(of: $0, asOf: offset ?? .max) }
    }

    private func evidence(of link: UInt32, asOf offset: UInt64) -> LinkEvidence {
        let at = identity.links.offsets[Int(link)]
        let rule = LinkTable.Rule(rawValue: identity.links.rules[Int(link)])
        let cut = identity.links.cutOffset(link)
        return LinkEvidence(
            first: named(identity.links.anchors[Int(link)]),
            second: named(identity.links.others[Int(link)]), offset: at,
            rule: rule.map { "\($0)" } ?? "event",
            policyVersion: decisions.version(at: at)
                ?? policies.last { $0.activatedAt <= at }?.version ?? 0,
            retractedAt: cut.flatMap { $0 <= offset ? $0 : nil })
    }

    /// What still holds two identifiers together, from one to the other; nil when nothing does.
    public func linkPath(_ first: PersonReference, _ second: PersonReference) -> [LinkEvidence]? {
        guard let one = identifier(of: first), let other = identifier(of: second) else {
            return nil
        }
        return identity.links.path(from: one, to: other)?.map { evidence(of: $0, asOf: .max) }
    }

    /// Whether a pair is barred now.
    public func isBarred(_ first: PersonReference, _ second: PersonReference) -> Bool {
        guard let one = identifier(of: first), let other = identifier(of: second) else {
            return false
        }
        return identity.retractions.isBarred(one, other)
    }

    /// Every pair that was ever barred, oldest first.
    public func barredPairs() -> [BarredPair] {
        let table = identity.retractions
        return table.firsts.indices.map { entry in
            BarredPair(
                first: named(table.firsts[entry]), second: named(table.seconds[entry]),
                offset: table.offsets[entry],
                liftedAt: table.lifted[entry] == .max ? nil : table.lifted[entry])
        }
    }

    // MARK: What was not linked

    /// The newest refused links, newest first; of one person where one is named.
    public func refusedLinks(of person: PersonReference?, limit: Int) -> [RefusedLink] {
        let refusals = identity.refusals
        var entries = Array(max(0, refusals.count - limit)..<refusals.count)[...]
        if let person {
            var members: [UInt32] = []
            if let root = root(of: person, asOf: nil) {
                identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
            } else if let alone = identifier(of: person) {
                members = [alone]
            }
            entries = refusals.entries(of: members).suffix(limit)
        }
        return entries.reversed().map { entry in
            let offset = refusals.offsets[entry]
            let anchor = decisions.anchor(at: offset)
            let limit = refusals.limitTypes[entry]
            return RefusedLink(
                identifier: named(refusals.identifiers[entry]),
                anchor: anchor == DecisionColumns.none ? nil : named(anchor), offset: offset,
                limit: limitName(limit), reason: refusalReason(limit))
        }
    }

    func limitName(_ type: UInt16) -> String {
        switch type {
        case IdentityTable.sizeLimit: "profile size"
        case IdentityTable.barredPair: "retracted pair"
        case IdentityTable.burstLimit: "too many people"
        default: identity.types.names[Int(type)]
        }
    }

    func refusalReason(_ type: UInt16) -> String {
        switch type {
        case IdentityTable.sizeLimit:
            "the profile would have more identifiers than go without a review"
        case IdentityTable.barredPair: "it would bring a retracted pair together"
        case IdentityTable.burstLimit: "it was met with too many known people"
        default: "the profile would have too many values of \(limitName(type))"
        }
    }

    /// Links that wait for a person's look, or all that ever did.
    public func linkReviews(all: Bool) -> [LinkReview] {
        identity.reviews.anchors.indices.compactMap { entry in
            guard let state = identity.reviews.state(entry), all || state == .waiting else {
                return nil
            }
            let first = identity.reviews.anchors[entry]
            let second = identity.reviews.others[entry]
            let roots = [first, second].map { identity.root(ofIdentifier: $0) }
            let sizes = roots.map { $0.map { Int(identity.memberCounts[Int($0)]) } ?? 1 }
            let isOne = roots[0] != nil && roots[0] == roots[1]
            let shown: LinkReview.State =
                switch state {
                case .waiting: .waiting
                case .approved: .approved
                case .rejected: .rejected
                }
            return LinkReview(
                number: entry + 1, first: named(first), second: named(second),
                offset: identity.reviews.offsets[entry], state: shown,
                decidedAt: state == .waiting ? nil : identity.reviews.decided[entry],
                firstProfile: roots[0].map { identity.profileID(ofRoot: $0) },
                secondProfile: roots[1].map { identity.profileID(ofRoot: $0) },
                size: isOne ? sizes[0] : sizes[0] + sizes[1])
        }
    }

    /// Identifiers that met too many known people, in the order in which they did.
    public func stoppedIdentifiers() -> [StoppedIdentifier] {
        zip(identity.bursts.stopped, identity.bursts.stoppedAt).map { identifier, offset in
            StoppedIdentifier(
                identifier: named(identifier), offset: offset,
                profile: identity.root(ofIdentifier: identifier).map {
                    identity.profileID(ofRoot: $0)
                })
        }
    }

    // MARK: Lineage

    /// Merges and splits in a range of offsets, in order.
    public func lineage(in range: Range<UInt64>) -> [LineageEvent] {
        identity.lineage.entries(in: range).compactMap { entry in
            guard let kind = LineageColumns.Kind(rawValue: identity.lineage.kinds[entry]) else {
                return nil
            }
            return LineageEvent(
                kind: kind == .merged ? .merged : .split,
                profile: identity.birth(identity.lineage.kept[entry]),
                other: identity.birth(identity.lineage.others[entry]),
                offset: identity.lineage.offsets[entry])
        }
    }
}
