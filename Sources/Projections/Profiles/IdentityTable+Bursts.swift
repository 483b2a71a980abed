import CustomerModel

/// The guard against identifiers that everybody seems to have (I4).
extension IdentityTable {
    /// Notes whom the event's identifiers come with, and stops those that came with too many.
    mutating func meet(
        _ active: [Candidate], rules: CompiledIdentity, _ burst: BurstRule, offset: UInt64,
        time: Int64
    ) {
        guard let person = knownPerson(of: active, rules: rules) else { return }
        for candidate in active
        where
            !(rules.makesKnown.indices.contains(candidate.rank)
            && rules.makesKnown[candidate.rank]) && !bursts.stops(candidate.identifier)
        {
            let met = bursts.meet(
                candidate.identifier, person, time: time, window: burst.withinMicroseconds)
            guard met.count > burst.knownProfiles else { continue }
            // Two of them may have become one person since.
            let people = Set(
                met.map { root(ofIdentifier: $0).map(UInt64.init) ?? 1 << 32 | UInt64($0) })
            if people.count > burst.knownProfiles {
                bursts.stop(candidate.identifier, at: offset)
            }
        }
    }

    /// What makes the event's person known: its strongest identifier of such a type, or the first that its
    /// people have.
    private func knownPerson(of active: [Candidate], rules: CompiledIdentity) -> UInt32? {
        for candidate in active
        where rules.makesKnown.indices.contains(candidate.rank) && rules.makesKnown[candidate.rank]
        {
            return candidate.identifier
        }
        for candidate in active {
            guard let root = root(ofIdentifier: candidate.identifier) else { continue }
            var member = firstMembers[Int(root)]
            while member != Self.none {
                if rules.knownTypes.contains(type(member)) { return member }
                member = nextMembers[Int(member)]
            }
        }
        return nil
    }
}
