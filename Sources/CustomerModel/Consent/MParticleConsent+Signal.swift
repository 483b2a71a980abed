public import JSONText

extension MParticleConsent {
    /// What the object asserts over a policy's purposes, and when (C1).
    ///
    /// A purpose is granted when all its mParticle names are stated and agreed, and denied when one is
    /// not agreed. With some missing and none refused it is neither, and the event's own use of it is
    /// withheld, as soon as there is a `gdpr` object at all. Names are compared without regard to ASCII
    /// case, since some SDKs lower it: two that differ only so must both agree.
    ///
    /// - Returns: the signal, and for each purpose the time that its assertion has: of grants the oldest,
    ///   of denials the newest; nil stands for the event's own time, or no assertion.
    public func signal(for policy: [Purpose]) -> (signal: ConsentSignal, times: [Timestamp?]) {
        var signal = ConsentSignal()
        var times = [Timestamp?](repeating: nil, count: policy.count)
        guard let purposes else { return (signal, times) }
        let stated = purposes.map { (name: Self.folded($0.name), statement: $0.statement) }
        for (index, purpose) in policy.enumerated() where !purpose.mparticlePurposes.isEmpty {
            let bit = UInt64(1) << UInt64(index)
            var isAnyMissing = false
            var grants: [Statement] = []
            var denials: [Statement] = []
            for name in purpose.mparticlePurposes {
                let wanted = Self.folded(name)
                let matching = stated.filter { $0.name == wanted }.map(\.statement)
                if matching.isEmpty { isAnyMissing = true }
                grants += matching.filter(\.isConsented)
                denials += matching.filter { !$0.isConsented }
            }
            if !denials.isEmpty {
                signal.denied |= bit
                // A denial without a time has its event's, which is no older than any that it states.
                times[index] =
                    denials.contains { $0.time == nil } ? nil : denials.compactMap(\.time).max()
            } else if isAnyMissing {
                signal.missing |= bit
            } else {
                signal.granted |= bit
                times[index] = grants.compactMap(\.time).min()
            }
        }
        return (signal, times)
    }

    /// The sale under the CCPA: `consented: true` opted out.
    public var optOuts: OptOuts {
        guard let saleOptOut else { return OptOuts() }
        return OptOuts(sale: saleOptOut.isConsented ? .optedOut : .notOptedOut)
    }

    private static func folded(_ name: String) -> [UInt8] {
        name.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
    }
}
