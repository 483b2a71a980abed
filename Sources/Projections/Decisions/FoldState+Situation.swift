import CustomerModel
import JSONText

extension FoldState {
    /// The number of an event's situation, as its decisions see it.
    ///
    /// - Parameter integrations: the number of what it says about them, which is nil when that did not fit;
    ///   nil when it says nothing.
    mutating func situation(
        _ event: FoldedEvent, source sourceName: String, _ standing: PersonStandings.Entry,
        _ reading: EventReading, _ integrations: UInt16??, policy: CompiledPolicy,
        isSuppressed: Bool, isUnreadable: Bool
    ) -> UInt32 {
        var flags: Situation.Flags = []
        if isSuppressed { flags.insert(.suppressed) }
        if isUnreadable { flags.insert(.unreadable) }
        let source = sources.intern(sourceName)
        let name = situations.intern(name: event.name)
        let integrations = integrations ?? Situation.none
        if source == nil || name == nil || integrations == nil || standing.hasOtherTypes {
            flags.insert(.open)
        }
        let consent = consentNumber(
            standing, reading.narrowing, country: reading.country, policy: policy)
        return situations.intern(
            Situation(
                source: source ?? .max, type: event.type.rawValue, flags: flags,
                name: name ?? .max, integrations: integrations ?? Situation.none,
                consent: consent,
                signal: signalNumber(
                    reading.narrowing, country: reading.country, policy: policy),
                identifierTypes: standing.types))
    }

    /// What an event says by itself, whatever the rules make of it (C1), by its number.
    private mutating func signalNumber(
        _ own: ConsentSignal.Narrowing, country: CountryCode?, policy: CompiledPolicy
    ) -> UInt32 {
        let country = country?.code ?? 0
        guard country != 0 || own.denials | own.missing != 0 || own.isUnreadable else {
            return situations.intern(signal: OwnSignal())
        }
        return situations.intern(
            signal: OwnSignal(
                denied: policy.numbers(own.denials),
                missing: own.isUnreadable ? .max : policy.numbers(own.missing), country: country))
    }

    /// The person's state, narrowed as ``narrow(_:by:policy:body:source:offset:)`` has it, by its number.
    private mutating func consentNumber(
        _ standing: PersonStandings.Entry, _ own: ConsentSignal.Narrowing, country: CountryCode?,
        policy: CompiledPolicy
    ) -> UInt32 {
        let country = policy.reading.readsCountry ? country : nil
        guard country != nil || own.denials | own.missing != 0 || own.isUnreadable else {
            return personStandings.number(of: standing.row, in: &situations)
        }
        var row = personStandings[standing.row]
        if let country {
            let known = row.granted | row.denied | row.expired
            row.granted |= policy.numbers(policy.grantedByDefault(in: country)) & ~known
        }
        let denied = policy.numbers(own.denials)
        row.granted &= ~denied
        row.expired &= ~denied
        row.denied |= denied
        row.granted &= own.isUnreadable ? 0 : ~policy.numbers(own.missing)
        return situations.intern(consent: row)
    }
}

extension CompiledPolicy {
    /// Purposes that count as granted in a country where nobody said anything (C6), as a mask over this
    /// version's.
    func grantedByDefault(in country: CountryCode) -> UInt64 {
        var mask: UInt64 = 0
        for (index, purpose) in policy.purposes.enumerated()
        where purpose.signals.defaultCountries.contains(country) {
            mask |= 1 << UInt64(index)
        }
        return mask
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
