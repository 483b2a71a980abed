import CustomerModel
import JSONText

/// What filters ask of profiles (D1): read once at the event, kept as columns, read from there ever after.
extension FoldState {
    /// Reads the policy's profile fields of one person for the event that is being folded, and keeps them.
    ///
    /// Called after the event's own traits were taken in: a decision reads up to its own event.
    mutating func readProfile(_ policy: CompiledPolicy, root: UInt32) -> ProfileValues? {
        guard !policy.profileFields.isEmpty else { return nil }
        var members: [UInt32] = []
        if root != IdentityTable.none {
            identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
        }
        let place = UInt64(decisions.count)
        var tokens: [[UInt8]?] = []
        for (field, number) in zip(policy.profileFields, policy.profileNumbers) {
            let token = profileToken(field, root: root, members: members, asOf: nil)
            profileColumns.note(number, at: place, token)
            tokens.append(token)
        }
        return ProfileValues(paths: policy.profileFields, tokens: tokens)
    }

    /// The policy's profile fields as of an event that was folded: from the columns where it was judged by
    /// them, else worked out as of its offset.
    func profile(_ policy: CompiledPolicy, of root: UInt32?, asOf offset: UInt64) -> ProfileValues?
    {
        guard !policy.profileFields.isEmpty else { return nil }
        let tokens = policy.profileFields.map { field -> [UInt8]? in
            if let place = decisions.space.row(offset),
                case .read(let token) = profileColumns.reading(field, at: place)
            {
                return token
            }
            return pastProfile(field, root: root, asOf: offset)
        }
        return ProfileValues(paths: policy.profileFields, tokens: tokens)
    }

    /// A profile field as of an offset, from the history of traits and memberships.
    func pastProfile(_ field: FieldPath, root: UInt32?, asOf offset: UInt64) -> [UInt8]? {
        guard let root, root != IdentityTable.none else { return nil }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: offset, to: &members)
        return profileToken(field, root: root, members: members, asOf: offset)
    }

    private func profileToken(
        _ field: FieldPath, root: UInt32, members: [UInt32], asOf offset: UInt64?
    ) -> [UInt8]? {
        guard root != IdentityTable.none else { return nil }
        guard field.names[1] == "traits" else { return audienceNames(of: root, asOf: offset) }
        guard let key = traits.keys.number(of: field.names[2]) else { return nil }
        guard let token = traits.newest(key, of: members, asOf: offset ?? .max) else { return nil }
        guard field.names.count > 3 else { return token }
        var parser = JSONParser()
        do {
            return try parser.parse(token) { view in
                view.value(at: Array(field.names.dropFirst(3))).map { Array($0.rawBytes) }
            }
        } catch {
            // A trait that cannot be read is no trait.
            return nil
        }
    }

    /// The audiences that a person is in, as a JSON list in the order of their first definition.
    private func audienceNames(of root: UInt32, asOf offset: UInt64?) -> [UInt8] {
        var names: [JSONValue] = []
        for (number, name) in memberships.audiences.names.enumerated() {
            let isMember =
                offset.map { memberships.since(number, root, asOf: $0) != nil }
                ?? memberships.isMember(number, root)
            if isMember { names.append(.string(name)) }
        }
        var out: [UInt8] = []
        JSONValue.array(names).write(into: &out)
        return out
    }
}

extension FoldState {
    /// What filters read of a profile at an event, as kept and as the history says it: one value a field of
    /// the policy that judged it, nil where the profile had nothing there. Empty where no filter asked.
    package func profileReadings(at offset: UInt64) -> (kept: [[UInt8]?], again: [[UInt8]?]) {
        guard let version = decisions.version(at: offset), let policy = policy(version: version),
            let place = decisions.space.row(offset)
        else { return ([], []) }
        let anchor = decisions.anchor(at: offset)
        let root =
            anchor == DecisionColumns.none
            ? nil : identity.root(ofIdentifier: anchor, asOf: offset)
        var kept: [[UInt8]?] = []
        var again: [[UInt8]?] = []
        for field in policy.profileFields {
            guard case .read(let token) = profileColumns.reading(field, at: place) else { continue }
            kept.append(token)
            again.append(pastProfile(field, root: root, asOf: offset))
        }
        return (kept, again)
    }
}
