extension PolicyDiff {
    mutating func compareDestinations(old: Policy, new: Policy) {
        for destination in new.destinations {
            guard let before = old.destination(named: destination.name) else {
                note(destination, .decisions, "is new, for \(destination.recipient)")
                continue
            }
            compareRecipient(before, destination)
            comparePurposes(before, in: old, destination, in: new)
            compareEvents(before, destination)
            compareGates(before, destination)
            compareTold(before, in: old, destination, in: new)
            compareDispatch(before, destination)
        }
        for destination in old.destinations where new.destination(named: destination.name) == nil {
            note(destination, .decisions, "is gone")
        }
    }

    private mutating func note(
        _ destination: Destination, _ stages: PolicyStages, _ sentence: String
    ) {
        changes.append(
            PolicyChange(
                stages: stages, destination: destination.name,
                sentence: "destination \(destination.name): \(sentence)"))
    }

    private mutating func compareRecipient(_ old: Destination, _ new: Destination) {
        if old.recipient != new.recipient {
            note(new, [], "the recipient is \(new.recipient) instead of \(old.recipient)")
        }
        if old.connector != new.connector {
            note(new, [], "reached through \(new.connector.text) instead of \(old.connector.text)")
        }
        if old.epoch != new.epoch {
            note(
                new, .decisions,
                "the epoch is \(new.epoch) instead of \(old.epoch), so nothing counts as sent before"
            )
        }
        if old.isEnabled != new.isEnabled {
            note(new, .decisions, new.isEnabled ? "is enabled" : "is disabled")
        }
    }

    private mutating func comparePurposes(
        _ old: Destination, in oldPolicy: Policy, _ new: Destination, in newPolicy: Policy
    ) {
        let before = old.purposes.map { oldPolicy.purposes[$0].name }
        let after = new.purposes.map { newPolicy.purposes[$0].name }
        for name in after where !before.contains(name) {
            note(new, .decisions, "now requires purpose \(name) in addition")
        }
        for name in before where !after.contains(name) {
            note(new, .decisions, "no longer requires purpose \(name)")
        }
        let anyBefore = old.anyPurposes.map { oldPolicy.purposes[$0].name }
        let anyAfter = new.anyPurposes.map { newPolicy.purposes[$0].name }
        if anyBefore != anyAfter {
            note(
                new, .decisions,
                "requires one of the purposes \(anyAfter.text) instead of \(anyBefore.text)")
        }
        if old.tcf != new.tcf {
            note(
                new, .decisions,
                "the TC string must permit \(TCFUse.text(new.tcf)) instead of \(TCFUse.text(old.tcf))"
            )
        }
    }

    private mutating func compareEvents(_ old: Destination, _ new: Destination) {
        for rule in new.events {
            guard let before = old.events.first(where: { $0.selector == rule.selector }) else {
                note(new, .decisions, "now gets \(rule.selector.text)")
                continue
            }
            compareFields(before.fields, rule.fields, root: rule.selector.type.fieldsKey, rule, new)
            compareFields(before.context, rule.context, root: "context", rule, new)
            if before.transformations != rule.transformations {
                note(
                    new, [],
                    "what it gets of \(rule.selector.text) is changed by: \(rule.transformations.text);"
                        + " before: \(before.transformations.text)")
            }
        }
        for rule in old.events where !new.events.contains(where: { $0.selector == rule.selector }) {
            note(new, .decisions, "no longer gets \(rule.selector.text)")
        }
        let selectors = new.events.map(\.selector)
        let before = old.events.map(\.selector).filter(selectors.contains)
        if before != selectors.filter(before.contains) {
            note(
                new, .decisions,
                "its event rules stand in another order, and the first match counts")
        }
    }

    /// The fields change what is sent, not whether: no stage decides again.
    private mutating func compareFields(
        _ old: FieldList, _ new: FieldList, root: String, _ rule: EventRule,
        _ destination: Destination
    ) {
        guard old != new else { return }
        let what = "of \(rule.selector.text)"
        if case .listed(let before) = old, case .listed(let after) = new {
            let added = after.filter { !before.contains($0) }
            let removed = before.filter { !after.contains($0) }
            if !added.isEmpty {
                note(destination, [], "now gets \(added.text(under: root)) \(what)")
            }
            if !removed.isEmpty {
                note(destination, [], "no longer gets \(removed.text(under: root)) \(what)")
            }
        } else {
            note(
                destination, [],
                "gets \(new.text(under: root)) \(what) instead of \(old.text(under: root))")
        }
    }

    private mutating func compareGates(_ old: Destination, _ new: Destination) {
        if old.sources != new.sources {
            note(
                new, .decisions,
                "connected to \(new.sources?.text ?? "every source") instead of"
                    + " \(old.sources?.text ?? "every source")")
        }
        if old.filter != new.filter {
            switch (old.filter, new.filter) {
            case (nil, _): note(new, .decisions, "now has a filter")
            case (_, nil): note(new, .decisions, "no longer has a filter")
            default: note(new, .decisions, "has another filter")
            }
        }
        if old.followsPlans != new.followsPlans {
            note(
                new, .decisions,
                new.followsPlans
                    ? "now gets only what keeps to the tracking plans"
                    : "now gets what breaks a tracking plan, too, but for what is in quarantine")
        }
        if old.requiredIdentifiers != new.requiredIdentifiers {
            note(
                new, .decisions,
                "needs one of \(new.requiredIdentifiers.text) instead of"
                    + " \(old.requiredIdentifiers.text)")
        }
        if old.integrationName != new.integrationName {
            note(
                new, .decisions,
                "clients switch it by \(new.integrationName) instead of \(old.integrationName)")
        }
        if old.maximumAgeMicroseconds != new.maximumAgeMicroseconds {
            note(
                new, .decisions,
                "an event is too old \(PolicyWords.after(new.maximumAgeMicroseconds)) instead of"
                    + " \(PolicyWords.after(old.maximumAgeMicroseconds))")
        }
        if old.samplePerMillion != new.samplePerMillion {
            note(
                new, .decisions,
                "gets \(PolicyWords.share(new.samplePerMillion)) of profiles instead of"
                    + " \(PolicyWords.share(old.samplePerMillion))")
        }
    }

    private mutating func compareTold(
        _ old: Destination, in oldPolicy: Policy, _ new: Destination, in newPolicy: Policy
    ) {
        if old.identifiers != new.identifiers {
            note(
                new, [],
                "gets identifiers of type \(new.identifiers.text) instead of \(old.identifiers.text)"
            )
        }
        let before = old.audiences.map { oldPolicy.audiences[$0].name }
        let after = new.audiences.map { newPolicy.audiences[$0].name }
        for name in after where !before.contains(name) {
            note(new, .audiences, "now is told who enters and leaves audience \(name)")
        }
        for name in before where !after.contains(name) {
            note(new, .audiences, "no longer is told of audience \(name)")
        }
    }

    private mutating func compareDispatch(_ old: Destination, _ new: Destination) {
        if old.batchSize != new.batchSize {
            note(new, [], "requests hold \(new.batchSize) effects instead of \(old.batchSize)")
        }
        if old.maximumAttempts != new.maximumAttempts {
            note(new, [], "\(new.maximumAttempts) tries instead of \(old.maximumAttempts)")
        }
        if old.timeoutMilliseconds != new.timeoutMilliseconds {
            note(
                new, [],
                "an answer is waited for \(new.timeoutMilliseconds) ms instead of"
                    + " \(old.timeoutMilliseconds) ms")
        }
    }
}
