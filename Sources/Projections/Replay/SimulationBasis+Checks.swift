import CustomerModel
import EventLog

/// What columns can tell of a candidate, and what they cannot.
extension SimulationBasis {
    /// The versions that judged something in a range, or decided what people are or said.
    func governing(_ range: Range<UInt64>) -> [CompiledPolicy] {
        let versions = Set(columns.rowVersions)
        return policies.indices.filter { index in
            let end = index + 1 < policies.count ? policies[index + 1].activatedAt : .max
            let start = policies[index].version == 0 ? 0 : policies[index].activatedAt
            guard start < range.upperBound && end > range.lowerBound else { return false }
            return versions.contains(UInt32(policies[index].version))
                || holdsPeople(max(start, range.lowerBound)..<min(end, range.upperBound))
        }.map { policies[$0] }
    }

    /// Whether somebody was met, joined, divided or heard within a range of offsets.
    private func holdsPeople(_ range: Range<UInt64>) -> Bool {
        func holds(_ offsets: [UInt64]) -> Bool {
            let place = offsets.partitioningIndex { $0 >= range.lowerBound }
            return place < offsets.count && offsets[place] < range.upperBound
        }
        return holds(births.offsets) || holds(consent.assertions.offsets)
            || holds(consent.lineage.offsets)
            || consent.people.linkOffsets.contains { range.contains($0) }
    }

    /// The fold's number of each of a policy's purposes.
    func numbers(of candidate: Policy) throws(NeedsFold) -> [UInt8] {
        var numbers: [UInt8] = []
        for purpose in candidate.purposes {
            guard let number = purposes.firstIndex(of: purpose.name) else {
                throw NeedsFold(reason: "the purpose \(purpose.name) is new")
            }
            numbers.append(UInt8(number))
        }
        return numbers
    }

    /// Refuses a candidate that needs something read that `governing` did not read, or resolves people
    /// otherwise.
    func check(_ candidate: Policy, against governing: CompiledPolicy) throws(NeedsFold) {
        let policy = governing.policy
        guard candidate.identity == policy.identity else {
            throw NeedsFold(reason: "the identity rules are others")
        }
        guard candidate.plans == policy.plans else {
            throw NeedsFold(reason: "the tracking plans are others")
        }
        guard !candidate.asksAudiences || candidate.audiences == policy.audiences else {
            throw NeedsFold(reason: "the audiences that a filter asks are others")
        }
        for purpose in candidate.purposes {
            guard let known = policy.purpose(named: purpose.name), purpose.isRead(like: known)
            else {
                throw NeedsFold(
                    reason: "the purpose \(purpose.name) is new or means something else")
            }
        }
        guard ConsentReading(candidate).looks(like: governing.reading) else {
            throw NeedsFold(reason: "other signals are read, or in other places")
        }
    }

    /// Whether what people said comes to something else under the candidate than under a version that
    /// governed.
    func resolvesAnew(_ candidate: Policy, _ governing: [CompiledPolicy]) throws(NeedsFold) -> Bool
    {
        var isOther = false
        for policy in governing.map(\.policy) {
            let (new, old) = (candidate.consent, policy.consent)
            if new.resolution != old.resolution || new.supersedesWeaker != old.supersedesWeaker {
                isOther = true
            }
            for purpose in candidate.purposes {
                let known = policy.purpose(named: purpose.name)
                let defaults = purpose.signals.defaultCountries
                if known?.expiresAfterMicroseconds != purpose.expiresAfterMicroseconds
                    || known?.signals.defaultCountries != defaults
                    || !defaults.isEmpty && new.countryFields != old.countryFields
                {
                    isOther = true
                }
                guard defaults.isEmpty || new.countryFields == old.countryFields else {
                    throw NeedsFold(reason: "a country must be read from other fields")
                }
            }
        }
        return isOther
    }

    /// Walks through everything that was said under the candidate's rules.
    func rerun(_ judge: ConsentJudge, _ candidate: Policy, _ range: Range<UInt64>)
        throws(NeedsFold) -> ConsentRerun
    {
        guard !candidate.asksAudiences else {
            throw NeedsFold(
                reason: "the consent rules are others, and with them audiences that a filter asks")
        }
        if let vendor = candidate.destinations.first(where: { $0.tcf != nil }) {
            throw NeedsFold(reason: "what the TCF permits \(vendor.name) must be read again")
        }
        let ranks = identifierTypes.map { name in
            candidate.identity.types.firstIndex { $0.name == name } ?? Int.max - 1
        }
        return ConsentRerun(
            ConsentFrame(consent, columns.space, by: judge, ranks: ranks, partBits: cut.partBits),
            columns, range: range, windowSize: cut.window)
    }
}
