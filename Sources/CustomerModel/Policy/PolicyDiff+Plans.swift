extension PolicyDiff {
    /// Which events a plan lets through decides what leaves.
    mutating func comparePlans(_ old: [TrackingPlan], _ new: [TrackingPlan]) {
        compareNamed(old, new, \.name, "tracking plan", .decisions) { $0.comparePlan($1, $2) }
    }

    private mutating func comparePlan(_ old: TrackingPlan, _ new: TrackingPlan) {
        let what = "tracking plan \(new.name)"
        if old.sources != new.sources {
            note(
                .decisions,
                "\(what): about \(new.sources?.text ?? "every source") instead of"
                    + " \(old.sources?.text ?? "every source")")
        }
        if old.unplanned != new.unplanned {
            note(
                .decisions,
                "\(what): what is not planned is \(new.unplanned.text) instead of"
                    + " \(old.unplanned.text)")
        }
        for rule in new.rules {
            guard let before = old.rules.first(where: { $0.selector == rule.selector }) else {
                note(.decisions, "\(what): \(rule.selector.text) is planned")
                continue
            }
            if before.schema != rule.schema {
                note(.decisions, "\(what): \(rule.selector.text) has another schema")
            }
            if before.violation != rule.violation {
                note(
                    .decisions,
                    "\(what): what breaks \(rule.selector.text) is \(rule.violation.text) instead of"
                        + " \(before.violation.text)")
            }
        }
        for rule in old.rules where !new.rules.contains(where: { $0.selector == rule.selector }) {
            note(.decisions, "\(what): \(rule.selector.text) is no longer planned")
        }
    }
}

extension TrackingPlan.Unplanned {
    var text: String {
        switch self {
        case .allow: "allowed"
        case .withhold: "withheld"
        case .quarantine: "put in quarantine"
        }
    }
}

extension PlanRule.Violation {
    var text: String {
        switch self {
        case .withhold: "withheld"
        case .strip: "stripped of the fields at fault"
        case .quarantine: "put in quarantine"
        }
    }
}
