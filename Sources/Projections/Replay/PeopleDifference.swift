public import CustomerModel

/// Who would be in an audience under a candidate, and is not, and the other way round.
public struct AudienceDifference: Equatable, Sendable {
    public var name: String
    public var before = 0
    public var after = 0
    /// Profiles as the candidate joins them.
    public var entering: [ProfileID] = []
    /// Profiles as they are now.
    public var leaving: [ProfileID] = []
}

/// Which people a candidate's identity rules would join or split.
public struct ProfileDifference: Equatable, Sendable {
    /// One person under the candidate who is several now, or one now who would be several.
    public struct Change: Equatable, Sendable {
        public var one: ProfileID
        public var several: [ProfileID]
    }

    public var joins: [Change] = []
    public var splits: [Change] = []
}

extension FoldState {
    /// Compares audiences of this fold, under its candidate, with those of the live one. People are compared
    /// by their oldest identifier, so that a merge alone makes nobody enter or leave.
    ///
    /// - Precondition: both stand at the same offset, and this one kept audiences.
    public func audienceDifferences(from live: borrowing FoldState) -> [AudienceDifference] {
        var names = candidate?.policy.audiences.map(\.name) ?? []
        for audience in live.policies.last?.policy.audiences ?? []
        where !names.contains(audience.name) {
            names.append(audience.name)
        }
        return names.map { name in
            var difference = AudienceDifference(name: name)
            let isKept = candidate?.policy.audiences.contains { $0.name == name } == true
            let wasKept = live.policies.last?.policy.audiences.contains { $0.name == name } == true
            let before = wasKept ? live.members(ofAudience: name) ?? [] : []
            let after = isKept ? members(ofAudience: name) ?? [] : []
            difference.before = before.count
            difference.after = after.count
            difference.entering = after.filter {
                !wasKept || !live.isMember($0, ofAudience: name)
            }
            difference.leaving = before.filter { !isKept || !isMember($0, ofAudience: name) }
            return difference
        }
    }

    /// Whether whoever has the identifier of this birth now is in an audience.
    func isMember(_ born: ProfileID, ofAudience name: String) -> Bool {
        guard let number = memberships.audiences.number(of: name),
            let identifier = identity.identifier(born: born),
            let root = identity.root(ofIdentifier: identifier)
        else { return false }
        return memberships.isMember(Int(number), root)
    }

    /// Compares who is whom in this fold, under its candidate, with the live one.
    public func profileDifference(from live: borrowing FoldState) -> ProfileDifference {
        // For each person on one side, those on the other who share an identifier, in order of birth.
        var joined: [UInt32: [UInt32]] = [:]
        var split: [UInt32: [UInt32]] = [:]
        for number in 0..<UInt32(live.identity.identifierCount) {
            guard let now = live.identity.root(ofIdentifier: number),
                let identifier = identity.identifier(born: live.identity.birth(number)),
                let then = identity.root(ofIdentifier: identifier)
            else { continue }
            Self.note(now, in: &joined[then, default: []])
            Self.note(then, in: &split[now, default: []])
        }
        var difference = ProfileDifference()
        for (one, several) in joined where several.count > 1 {
            difference.joins.append(
                ProfileDifference.Change(
                    one: identity.profileID(ofRoot: one),
                    several: several.map { live.identity.profileID(ofRoot: $0) }))
        }
        for (one, several) in split where several.count > 1 {
            difference.splits.append(
                ProfileDifference.Change(
                    one: live.identity.profileID(ofRoot: one),
                    several: several.map { identity.profileID(ofRoot: $0) }))
        }
        difference.joins.sort { $0.one < $1.one }
        difference.splits.sort { $0.one < $1.one }
        return difference
    }

    private static func note(_ person: UInt32, in people: inout [UInt32]) {
        if !people.contains(person) { people.append(person) }
    }
}
