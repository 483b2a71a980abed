import CustomerModel

extension PolicyReader {
    /// `audiences`: a mapping from name to condition.
    mutating func readAudiences(_ node: PolicyNode) -> [Audience] {
        guard let entries = openSection(node, of: "`audiences`") else { return [] }
        if entries.members.count > 1_000 {
            note(entries.members[1_000].keyPlace, "a policy has at most 1000 audiences")
        }
        return entries.members.compactMap { name, place, value in
            checkName(name, at: place, of: "an audience's name")
            audiences.append(name)
            var metrics: [Metric] = []
            guard let condition = audienceCondition(value, metrics: &metrics) else { return nil }
            if metrics.count > 64 {
                note(
                    place,
                    "audience `\(name)` needs \(metrics.count) counts and sums; at most 64 are kept"
                )
            }
            return Audience(name: name, condition: condition, metrics: metrics)
        }
    }

    private mutating func audienceCondition(
        _ node: PolicyNode, metrics: inout [Metric]
    ) -> AudienceCondition? {
        let keys = ["all", "any", "not", "count", "sum", "trait"]
        if case .sequence = node.content { return .all(parts(node, of: "an audience", &metrics)) }
        guard let section = section(node, of: "an audience's condition", keys: keys) else {
            return nil
        }
        guard section.members.count == 1, let only = section.members.first else {
            if !section.hasUnknownKeys {
                let names = keys.map { "`\($0)`" }.joined(separator: ", ")
                note(
                    node.place, "an audience's condition must say exactly one thing",
                    "use one of \(names); join several with `all`")
            }
            return nil
        }
        switch only.name {
        case "all": return .all(parts(only.value, of: "`all`", &metrics))
        case "any": return .any(parts(only.value, of: "`any`", &metrics))
        case "not": return audienceCondition(only.value, metrics: &metrics).map { .not($0) }
        case "trait": return trait(only.value)
        case "count", "sum": return metric(only.name, only.value, metrics: &metrics)
        default: return nil
        }
    }

    private mutating func parts(
        _ node: PolicyNode, of what: String, _ metrics: inout [Metric]
    ) -> [AudienceCondition] {
        guard let items = list(node, of: what) else { return [] }
        if items.isEmpty { note(node.place, "\(what) lists no condition") }
        var parts: [AudienceCondition] = []
        for item in items {
            if let part = audienceCondition(item, metrics: &metrics) { parts.append(part) }
        }
        return parts
    }

    private mutating func trait(_ node: PolicyNode) -> AudienceCondition? {
        let keys = [
            "name", "is", "isOneOf", "atLeast", "atMost", "moreThan", "lessThan", "present",
        ]
        guard let section = section(node, of: "`trait`", keys: keys) else { return nil }
        guard let nameNode = section["name"] else {
            note(section.place, "`trait` has no `name`")
            return nil
        }
        guard let path = path(nameNode, of: "`name`") else { return nil }
        if path.names[0] == "traits" {
            note(
                nameNode.place, "a trait's name begins inside the traits",
                "leave `traits.` out")
        }
        let comparisons = comparisons(section, of: "`trait`")
        if let place = literal(in: section),
            holdsIdentifier(path) || holdsIdentifier(FieldPath(names: ["traits"] + path.names))
        {
            note(
                place, "a policy cannot name a person: trait `\(path)` holds identifiers",
                "test `present: true`")
        }
        let conditions = comparisons.map { AudienceCondition.trait(path, $0) }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    private mutating func metric(
        _ kind: String, _ node: PolicyNode, metrics: inout [Metric]
    ) -> AudienceCondition? {
        let bounds = ["atLeast", "atMost", "moreThan", "lessThan"]
        let selectors = ["event", "page", "screen", "identify", "group"]
        let keys = selectors + ["of", "where", "within"] + bounds
        let elsewhere = ["is": "a count or sum is compared with \(bounds.joined(separator: ", "))"]
        guard
            let section = section(
                node, of: "`\(kind)`", keys: keys, elsewhere: elsewhere)
        else { return nil }
        var measure = Metric.Measure.count
        if kind == "sum" {
            guard let node = section["of"] else {
                note(section.place, "`sum` does not say of what", "add `of: properties.NAME`")
                return nil
            }
            guard let path = messagePath(node, of: "`of`") else { return nil }
            measure = .sum(path)
        } else if section["of"] != nil {
            note(
                section.keyPlace("of"), "`count` counts events and has no `of`",
                "did you mean `sum`?")
        }
        guard let selector = metricSelector(section, kind: kind, among: selectors) else {
            return nil
        }
        var metric = Metric(selector: selector, measure: measure)
        if let node = section["where"] { metric.filter = condition(node, of: "`where`") }
        if let node = section["within"] {
            metric.windowMicroseconds = duration(node, of: "`within`")
        }
        var compared = section
        compared.members.removeAll { !bounds.contains($0.name) }
        if compared.members.isEmpty {
            if !section.hasUnknownKeys {
                let names = bounds.map { "`\($0)`" }.joined(separator: ", ")
                note(section.place, "`\(kind)` compares with nothing", "add one of \(names)")
            }
            return nil
        }
        let comparisons = comparisons(compared, of: "`\(kind)`")
        let index: Int
        if let known = metrics.firstIndex(of: metric) {
            index = known
        } else {
            index = metrics.count
            metrics.append(metric)
        }
        let conditions = comparisons.map { AudienceCondition.metric(index, $0) }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    private mutating func metricSelector(
        _ section: Section, kind: String, among selectors: [String]
    ) -> EventSelector? {
        let said = section.members.filter { selectors.contains($0.name) }
        guard said.count == 1, let only = said.first else {
            if !section.hasUnknownKeys {
                let names = selectors.map { "`\($0)`" }.joined(separator: ", ")
                note(section.place, "`\(kind)` needs exactly one of \(names)")
            }
            return nil
        }
        return selector(only.name == "event" ? "track" : only.name, only.value)
    }
}
