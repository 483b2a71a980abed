import CustomerModel
import JSONText

extension FoldState {
    /// The number of an event's situation, as its decisions see it.
    mutating func situation(
        _ item: Case, _ signal: ConsentSignal, root: UInt32, policy: CompiledPolicy
    ) -> UInt32 {
        var flags: Situation.Flags = []
        if item.isSuppressed { flags.insert(.suppressed) }
        if item.isUnreadable { flags.insert(.unreadable) }
        var consent = ConsentRow()
        for (index, state) in item.purposes.enumerated() {
            consent.set(state.value, purpose: policy.purposeNumbers[index])
        }
        let source = sources.number(of: item.source)
        let name = situations.intern(name: item.name)
        let integrations = situations.intern(integrationsOf: item.body, room: &scratch.value)
        let types = identity.typeMask(ofRoot: root)
        if source == nil || name == nil || integrations == nil || types == nil {
            flags.insert(.open)
        }
        return situations.intern(
            Situation(
                source: source ?? .max, type: item.type?.rawValue ?? 0, flags: flags,
                name: name ?? .max, integrations: integrations ?? Situation.none,
                consent: situations.intern(consent: consent),
                signal: situations.intern(signal: own(signal, item, policy: policy)),
                identifierTypes: types ?? 0))
    }

    /// What an event says by itself, whatever the rules make of it (C1).
    private func own(_ signal: ConsentSignal, _ item: Case, policy: CompiledPolicy) -> OwnSignal {
        OwnSignal(
            denied: policy.numbers(signal.denials),
            missing: signal.isUnreadable ? .max : policy.numbers(signal.missing),
            country: policy.reading.trustedCountry(of: item.body, source: item.source)?.code ?? 0)
    }
}

extension IdentityTable {
    /// Bit n: the person has an identifier of type n. Nil when there is one of a type past 63.
    func typeMask(ofRoot root: UInt32) -> UInt64? {
        guard root != Self.none else { return 0 }
        var mask: UInt64 = 0
        var member = firstMembers[Int(root)]
        while member != Self.none {
            let type = self.type(member)
            guard type < 64 else { return nil }
            mask |= 1 << UInt64(type)
            member = nextMembers[Int(member)]
        }
        return mask
    }
}
