/// What differs between two policies, in sentences that a privacy engineer can sign.
///
/// Things are matched by name: a renamed purpose is one removed and one added. The order is fixed:
/// identity, consent, purposes, attributes, audiences, tracking plans, destinations, each in the new policy's order,
/// what was removed last.
public struct PolicyDiff {
    var changes: [PolicyChange] = []

    /// Every difference; empty for policies that mean the same.
    public static func describe(old: Policy, new: Policy) -> [PolicyChange] {
        var diff = PolicyDiff()
        if old.name != new.name {
            diff.note([], "the policy is called \(new.name) instead of \(old.name)")
        }
        diff.compareIdentity(old.identity, new.identity)
        diff.compareConsent(old.consent, new.consent)
        diff.compareNamed(old.purposes, new.purposes, \.name, "purpose", .consent) {
            $0.comparePurpose($1, $2)
        }
        diff.compareNamed(old.attributes, new.attributes, \.name, "attribute", .attributes) {
            $0.compareAttribute($1, $2)
        }
        diff.compareNamed(old.audiences, new.audiences, \.name, "audience", .audiences) {
            $0.compareAudience($1, $2)
        }
        diff.comparePlans(old.plans, new.plans)
        diff.compareDestinations(old: old, new: new)
        return diff.changes
    }

    /// The stages that must run again, with all that depends on them.
    public static func stages(of changes: [PolicyChange]) -> PolicyStages {
        changes.reduce(into: PolicyStages()) { $0.formUnion($1.stages.withDependents) }
    }

    /// E4: every destination that became another recipient under an old epoch, or whose epoch went back.
    public static func epochErrors(old: Policy, new: Policy) -> [EpochError] {
        new.destinations.compactMap { destination in
            guard let before = old.destination(named: destination.name) else { return nil }
            let what = "destination \(destination.name)"
            guard destination.epoch >= before.epoch else {
                return EpochError(
                    destination: destination.name,
                    description: "\(what): the epoch cannot go back from \(before.epoch) to"
                        + " \(destination.epoch)")
            }
            guard destination.epoch == before.epoch else { return nil }
            var reasons: [String] = []
            if destination.recipient != before.recipient {
                reasons.append(
                    "the recipient changes from \(before.recipient) to \(destination.recipient)")
            }
            if destination.connector.hostName != before.connector.hostName {
                reasons.append(
                    "the host changes from \(before.connector.hostName ?? "a file") to"
                        + " \(destination.connector.hostName ?? "a file")")
            }
            guard !reasons.isEmpty else { return nil }
            return EpochError(
                destination: destination.name,
                description: "\(what): \(reasons.joined(separator: " and ")), so what it was told"
                    + " before was told to somebody else: set `epoch: \(before.epoch + 1)`")
        }
    }

    mutating func note(_ stages: PolicyStages, _ sentence: String) {
        changes.append(PolicyChange(stages: stages, sentence: sentence))
    }

    /// Compares what both hold under one name, then says what came and what went.
    mutating func compareNamed<Thing>(
        _ old: [Thing], _ new: [Thing], _ name: (Thing) -> String, _ what: String,
        _ stages: PolicyStages, _ compare: (inout PolicyDiff, Thing, Thing) -> Void
    ) {
        for thing in new {
            if let before = old.first(where: { name($0) == name(thing) }) {
                compare(&self, before, thing)
            } else {
                note(stages, "\(what) \(name(thing)) is new")
            }
        }
        for thing in old where !new.contains(where: { name($0) == name(thing) }) {
            note(stages, "\(what) \(name(thing)) is gone")
        }
    }
}

extension PolicyDiff {
    fileprivate mutating func compareIdentity(_ old: IdentityRules, _ new: IdentityRules) {
        let names = new.types.map(\.name)
        for type in new.types {
            guard let before = old.types.first(where: { $0.name == type.name }) else {
                note(.identity, "identifier type \(type.name) is new")
                continue
            }
            compareType(before, type)
        }
        for type in old.types where !names.contains(type.name) {
            note(.identity, "identifier type \(type.name) is gone")
        }
        let before = old.types.map(\.name).filter(names.contains)
        let after = names.filter(before.contains)
        if before != after {
            note(
                .identity,
                "the order of strength is \(after.joined(separator: ", ")) instead of"
                    + " \(before.joined(separator: ", "))")
        }
        let added = new.blocked.filter { !old.blocked.contains($0) }
        let removed = old.blocked.filter { !new.blocked.contains($0) }
        for value in added { note(.identity, "\(value.text) is no identifier any more") }
        for value in removed { note(.identity, "\(value.text) counts as an identifier again") }
        if old.reviewAbove != new.reviewAbove {
            note(
                .identity,
                "a profile of more than \(new.reviewAbove) identifiers waits for a review, instead"
                    + " of \(old.reviewAbove)")
        }
        compareBurst(old.burst, new.burst)
    }

    private mutating func compareBurst(_ old: BurstRule?, _ new: BurstRule?) {
        guard old != new else { return }
        guard let new else {
            return note(.identity, "no number of known people keeps an identifier from linking")
        }
        note(
            .identity,
            "an identifier \(new.text) links no more"
                + (old.map { ", instead of one \($0.text)" } ?? ""))
    }

    private mutating func compareType(_ old: IdentifierType, _ new: IdentifierType) {
        let what = "identifier type \(new.name)"
        if old.limit != new.limit || old.windowMicroseconds != new.windowMicroseconds {
            note(
                .identity,
                "\(what): a profile may have \(new.limitText) instead of \(old.limitText)")
        }
        if old.normalisationText != new.normalisationText {
            note(
                .identity,
                "\(what): normalised as \(new.normalisationText) instead of"
                    + " \(old.normalisationText)")
        }
        if old.paths != new.paths {
            note(
                .identity, "\(what): also read from \(new.paths.text) instead of \(old.paths.text)")
        }
    }

    fileprivate mutating func compareConsent(_ old: ConsentRules, _ new: ConsentRules) {
        if old.resolution != new.resolution {
            note(
                .consent,
                "consent is resolved by \(new.resolution.rawValue) instead of"
                    + " \(old.resolution.rawValue)")
        }
        if old.supersedesWeaker != new.supersedesWeaker {
            note(
                .consent,
                new.supersedesWeaker
                    ? "a grant on a stronger identifier now retires older denials on weaker ones"
                    : "a grant on a stronger identifier no longer retires denials on weaker ones")
        }
        comparePlaces(old, new)
    }

    fileprivate mutating func comparePurpose(_ old: Purpose, _ new: Purpose) {
        let what = "purpose \(new.name)"
        if old.segmentCategories != new.segmentCategories {
            note(
                .consent,
                "\(what): Segment's categories are \(new.segmentCategories.text) instead of"
                    + " \(old.segmentCategories.text)")
        }
        if old.mparticlePurposes != new.mparticlePurposes {
            note(
                .consent,
                "\(what): mParticle's purposes are \(new.mparticlePurposes.text) instead of"
                    + " \(old.mparticlePurposes.text)")
        }
        if old.expiresAfterMicroseconds != new.expiresAfterMicroseconds {
            note(
                .consent,
                "\(what): a grant expires \(PolicyWords.after(new.expiresAfterMicroseconds)) instead of"
                    + " \(PolicyWords.after(old.expiresAfterMicroseconds))")
        }
        if old.deniedByGPC != new.deniedByGPC {
            note(
                .consent,
                "\(what): a GPC signal \(new.deniedByGPC ? "now denies it" : "no longer denies it")"
            )
        }
        compareSignals(what, old.signals, new.signals)
        if old.basis != new.basis {
            note(
                .consent, "\(what): rests on \(new.basis.text) instead of \(old.basis.text)")
        }
        if old.isRetroactive != new.isRetroactive {
            note(
                .decisions,
                "\(what): a plan may \(new.isRetroactive ? "now" : "no longer") release what was unknown"
                    + " or expired at the event")
        }
    }

    fileprivate mutating func compareAttribute(_ old: Attribute, _ new: Attribute) {
        guard old != new else { return }
        note(
            .attributes,
            "attribute \(new.name) is defined differently: \(new.metric.text) instead of"
                + " \(old.metric.text)")
    }

    fileprivate mutating func compareAudience(_ old: Audience, _ new: Audience) {
        if old != new { note(.audiences, "audience \(new.name) is defined differently") }
    }
}
