import CustomerModel
import JSONText

/// A person's most recent TC string, as of some offset.
struct PersonTCString {
    /// The event that carried it.
    var offset: UInt64
    var string: TCString
}

/// Destinations that are vendors of the TCF (C7).
extension FoldState {
    /// The string that the person carried last; nil when none of its identifiers ever did, or nobody asks.
    func tcString(of root: UInt32, policy: CompiledPolicy, asOf offset: UInt64? = nil)
        -> PersonTCString?
    {
        guard let newest = newestTCString(of: root, policy: policy, asOf: offset),
            let string = consent.strings.string(newest.number)
        else { return nil }
        return PersonTCString(offset: newest.offset, string: string)
    }

    /// The same, from what was read before where it can be.
    mutating func keptTCString(of root: UInt32, policy: CompiledPolicy) -> PersonTCString? {
        guard let newest = newestTCString(of: root, policy: policy, asOf: nil) else { return nil }
        if let known = scratch.tcStrings[newest.number] {
            return PersonTCString(offset: newest.offset, string: known)
        }
        guard let string = consent.strings.string(newest.number) else { return nil }
        if scratch.tcStrings.count >= 256 { scratch.tcStrings.removeAll(keepingCapacity: true) }
        scratch.tcStrings[newest.number] = string
        return PersonTCString(offset: newest.offset, string: string)
    }

    private func newestTCString(of root: UInt32, policy: CompiledPolicy, asOf offset: UInt64?)
        -> (offset: UInt64, number: UInt32)?
    {
        guard policy.reading.readsTCF, root != IdentityTable.none else { return nil }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: offset, to: &members)
        var newest: (offset: UInt64, number: UInt32)?
        for member in members {
            guard let own = consent.strings.newest(on: member, asOf: offset),
                newest.map({ own.offset > $0.offset }) ?? true
            else { continue }
            newest = own
        }
        return newest
    }

    /// Adds what the TCF holds against a destination that is one of its vendors. An event's own string
    /// narrows besides, and never gives (C1).
    static func judgeTCF(
        _ destination: Destination, person: PersonTCString?, own: CarriedTCString? = nil,
        into decision: inout Decision
    ) {
        guard let use = destination.tcf else { return }
        if let own, own.string.refusal(of: use) != nil { decision.fail(.consentDenied) }
        guard let person else {
            decision.fail(.consentUnknown)
            return
        }
        if person.string.refusal(of: use) != nil { decision.fail(.consentDenied) }
    }
}
