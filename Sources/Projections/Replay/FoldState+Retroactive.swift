import CustomerModel

/// What a plan may send although consent was unknown or expired at the event (R2).
extension FoldState {
    /// Offsets of a range that this fold allows a destination.
    ///
    /// - Parameter isRetroactive: also what only failed for a consent that was unknown or expired, and that
    ///   the policy marks as retroactive. What was denied at the event is never among them.
    public func allowed(
        _ destination: String, in range: Range<UInt64>, isRetroactive: Bool = false
    ) -> [UInt64] {
        let table = decisions.table { self.policy(version: $0)?.destinationIndex(destination) }
        var lenient = LenientJudge(destination)
        var found: [UInt64] = []
        for stretch in decisions.stretches(in: range) {
            for (place, offset) in zip(stretch.rows, stretch.offsets) {
                let moment = decisions.moments[place]
                guard moment != DecisionColumns.none else { continue }
                let bits = table[Int(decisions.row(ofMoment: moment))]
                if bits == 0 || isRetroactive && lenient.allows(moment, bits, self) {
                    found.append(offset)
                }
            }
        }
        return found
    }

    /// Judges consent again with what is retroactive left out, once a moment.
    private struct LenientJudge {
        let destination: String
        private var known: [UInt32: Bool] = [:]

        init(_ destination: String) { self.destination = destination }

        private static let lenientGates = Gate.consentUnknown.bit | Gate.consentExpired.bit

        mutating func allows(_ moment: UInt32, _ bits: UInt16, _ state: borrowing FoldState)
            -> Bool
        {
            guard bits & ~Self.lenientGates == 0 else { return false }
            if let answer = known[moment] { return answer }
            let answer = judge(moment, state)
            known[moment] = answer
            return answer
        }

        private func judge(_ moment: UInt32, _ state: borrowing FoldState) -> Bool {
            let version = state.decisions.rowVersions[Int(state.decisions.row(ofMoment: moment))]
            guard let policy = state.policy(version: Int(version)),
                let index = policy.destinationIndex(destination)
            else { return false }
            let judged = policy.policy.destinations[index]
            // A situation holds no TC string: what the TCF did not permit stays withheld.
            guard judged.tcf == nil else { return false }
            let situation = state.situations.situations[
                state.decisions.situation(ofMoment: moment)]
            let consent = state.situations.consents[situation.consent]
            let states = zip(policy.policy.purposes, policy.purposeNumbers).map {
                purpose, number in
                var value = consent[number]
                if purpose.isRetroactive, value == .unknown || value == .expired {
                    value = .granted
                }
                return ConsentState(value: value, offset: nil)
            }
            var decision = Decision.allow
            Judge.consent(
                judged, states: states, purposes: policy.policy.purposes, into: &decision)
            return decision.isAllow
        }
    }
}
