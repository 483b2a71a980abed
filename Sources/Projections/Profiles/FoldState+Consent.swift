public import CustomerModel
import JSONText

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
        public var identifierValue: String
        public var reader: ConsentReader
        public var granted: [String]
        public var denied: [String]
        /// The policy that read it; 0 before any.
        public var policyVersion: Int
    }
    /// One identifier's own standing on one purpose (C3).
    public struct Standing: Sendable {
        public var identifierType: String
        public var identifierValue: String
        public var purpose: String
        public var standing: ConsentStanding
    }
    /// The TC string that counts for the person's destinations (C7).
    public struct TCF: Sendable {
        public var offset: UInt64
        public var text: String
        public var string: TCString
    }
    /// Nil while no event has made anybody of the identifier.
    public var profile: ProfileID?
    public var policyVersion: Int
    public var purposes: [Purpose]
    /// Identifiers in the order in which they became the person's, each with the policy's purposes.
    public var standings: [Standing]
    public var tcf: TCF?
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
        guard let policy = policy(asOf: offset) ?? initial else { return nil }
        let root = root(of: person, asOf: offset)
        var members: [UInt32] = []
        if let root {
            identity.appendMembers(ofRoot: root, upTo: offset, to: &members)
            // In the order of their births: that of their merging is nobody's business.
            members.sort()
        } else if let alone = identifier(of: person, asOf: offset),
            identity.birthOffsets[Int(alone)] <= offset ?? .max
        {
            // Somebody may have answered for an identifier that no event has brought yet.
            members = [alone]
        } else {
            return nil
        }
        var states: [ConsentState] = []
        purposeStates(of: members, policy: policy, now: now, asOf: offset, into: &states)
        return ConsentSummary(
            profile: root.flatMap { root in
                offset.flatMap { identity.profileID(ofRoot: root, asOf: $0) }
                    ?? identity.profileID(ofRoot: root)
            },
            policyVersion: policy.version,
            purposes: zip(policy.policy.purposes, states).map {
                ConsentSummary.Purpose(name: $0.name, state: $1)
            },
            standings: standings(of: members, policy: policy, asOf: offset),
            tcf: root.flatMap { newestTCString(of: $0, asOf: offset) },
            history: history(of: members, asOf: offset))
    }

    private func standings(of members: [UInt32], policy: CompiledPolicy, asOf offset: UInt64?)
        -> [ConsentSummary.Standing]
    {
        var found: [ConsentSummary.Standing] = []
        for member in members {
            for (purpose, number) in zip(policy.policy.purposes, policy.purposeNumbers) {
                guard
                    let standing = consent.standing(
                        of: member, purpose: Int(number), asOf: offset ?? .max)
                else { continue }
                found.append(
                    ConsentSummary.Standing(
                        identifierType: identity.typeName(member),
                        identifierValue: identity.values.text(member), purpose: purpose.name,
                        standing: standing))
            }
        }
        return found
    }

    private func history(of members: [UInt32], asOf offset: UInt64?)
        -> [ConsentSummary.Assertion]
    {
        var rows: [ConsentSummary.Assertion] = []
        for member in members {
            for row in consent.history(of: member) where row.offset <= offset ?? .max {
                rows.append(
                    ConsentSummary.Assertion(
                        offset: row.offset, time: row.time,
                        identifierType: identity.typeName(member),
                        identifierValue: identity.values.text(member), reader: row.reader,
                        granted: names(row.granted), denied: names(row.denied),
                        policyVersion: decisions.version(at: row.offset)
                            ?? policies.last { $0.activatedAt <= row.offset }?.version ?? 0))
            }
        }
        return rows.sorted {
            ($0.offset, $0.reader.rawValue, $0.time) < ($1.offset, $1.reader.rawValue, $1.time)
        }
    }

    private func newestTCString(of root: UInt32, asOf offset: UInt64?) -> ConsentSummary.TCF? {
        var newest: (offset: UInt64, number: UInt32)?
        identity.forEachMember(ofRoot: root, upTo: offset) { member in
            guard let own = consent.strings.newest(on: member, asOf: offset),
                newest.map({ own.offset > $0.offset }) ?? true
            else { return }
            newest = own
        }
        guard let newest, let string = consent.strings.string(newest.number) else { return nil }
        return ConsentSummary.TCF(
            offset: newest.offset, text: consent.strings.text(newest.number), string: string)
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

extension FoldState {
    /// What an operator answers for, on the identifier that the record names (C1, C2).
    mutating func apply(_ record: ConsentRecord, received: JSONView?, at offset: UInt64) throws {
        guard let received = EventClock.time(received) else { throw FoldProblem.noTime }
        guard let type = identity.types.intern(record.type) else { return }
        let value = normalised(type: record.type, value: record.value)
        let identifier = value.withUnsafeBytes {
            identity.identifier(type: type, $0, offset: offset, ordinal: 0)
        }
        _ = consent.assert(
            on: identifier, granted: mask(record.granted), denied: mask(record.denied),
            time: min(record.asserted ?? received, received).microseconds, offset: offset,
            reader: .operator)
        if let root = identity.root(ofIdentifier: identifier) {
            personStandings.forget(root)
            journal?.append(.profile(node: root))
            evaluateAudiences(of: root, offset: offset, reason: .event)
            withdrawMemberships(of: root, at: offset)
        }
    }

    /// Purposes that no policy ever named mean nothing.
    private func mask(_ names: [String]) -> UInt64 {
        names.reduce(0) { mask, name in
            consent.purposes.number(of: name).map { mask | 1 << UInt64($0) } ?? mask
        }
    }
}
