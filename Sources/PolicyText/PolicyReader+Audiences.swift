import CustomerModel

extension PolicyReader {
    private static let parts = [
        "all", "any", "not", "trait", "attribute", "count", "sum", "min", "max", "first", "last",
        "distinct", "sequence", "absence", "consent", "audience",
    ]

    /// `audiences`: a mapping from name to condition.
    mutating func readAudiences(_ node: PolicyNode) -> [Audience] {
        guard let entries = openSection(node, of: "`audiences`") else { return [] }
        if entries.members.count > 1_000 {
            note(entries.members[1_000].keyPlace, "a policy has at most 1000 audiences")
        }
        // All names first: an audience may speak of one further down.
        audiences = entries.members.map(\.name)
        let read = entries.members.compactMap { name, place, value -> Audience? in
            checkName(name, at: place, of: "an audience's name")
            var metrics: [Metric] = []
            let known = audienceReferences.count
            guard let condition = audienceCondition(value, metrics: &metrics) else { return nil }
            for index in known..<audienceReferences.count { audienceReferences[index].from = name }
            if metrics.count > 64 {
                note(
                    place,
                    "audience `\(name)` needs \(metrics.count) counts and sums; at most 64 are kept"
                )
            }
            return Audience(name: name, condition: condition, metrics: metrics)
        }
        checkCycles()
        return read
    }

    private mutating func audienceCondition(
        _ node: PolicyNode, metrics: inout [Metric]
    ) -> AudienceCondition? {
        if case .sequence = node.content { return .all(parts(node, of: "an audience", &metrics)) }
        guard let section = section(node, of: "an audience's condition", keys: Self.parts) else {
            return nil
        }
        guard section.members.count == 1, let only = section.members.first else {
            if !section.hasUnknownKeys {
                let names = Self.parts.map { "`\($0)`" }.joined(separator: ", ")
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
        case "attribute": return attributeCondition(only.value, metrics: &metrics)
        case "sequence": return sequence(only.value, metrics: &metrics)
        case "absence": return absence(only.value, metrics: &metrics)
        case "consent": return consentCondition(only.value)
        case "audience": return membership(only.value)
        case "count", "sum", "min", "max", "first", "last", "distinct":
            return metricCondition(only.name, only.value, metrics: &metrics)
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

    // MARK: Consent and other audiences

    /// `consent`: a mapping from purposes to states, all of which must hold.
    private mutating func consentCondition(_ node: PolicyNode) -> AudienceCondition? {
        guard let section = openSection(node, of: "`consent`") else { return nil }
        if section.members.isEmpty {
            note(node.place, "`consent` names no purpose", "write `consent: { PURPOSE: granted }`")
        }
        let states: [(String, ConsentState.Value)] = [
            ("granted", .granted), ("denied", .denied), ("unknown", .unknown),
            ("expired", .expired),
        ]
        var conditions: [AudienceCondition] = []
        for member in section.members {
            if !purposes.contains(member.name) {
                note(
                    member.keyPlace, "unknown purpose `\(member.name)`",
                    Suggestion.text(for: member.name, among: purposes))
            }
            guard
                let word = choice(
                    member.value, of: "`\(member.name)`", among: states.map(\.0)),
                let state = states.first(where: { $0.0 == word })
            else { continue }
            conditions.append(.consent(purpose: member.name, state.1))
        }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    private mutating func membership(_ node: PolicyNode) -> AudienceCondition? {
        guard let name = text(node, of: "`audience`") else { return nil }
        guard audiences.contains(name) else {
            note(
                node.place, "unknown audience `\(name)`",
                Suggestion.text(for: name, among: audiences))
            return nil
        }
        audienceReferences.append(("", name, node.place))
        return .member(of: name)
    }

    /// Who is in an audience cannot depend on itself.
    private mutating func checkCycles() {
        var named: Set<String> = []
        for reference in audienceReferences {
            guard let way = way(from: reference.to, to: reference.from),
                named.isDisjoint(with: way)
            else { continue }
            named.formUnion(way)
            let loop = ([reference.from] + way).map { "`\($0)`" }.joined(separator: " → ")
            note(
                reference.place, "audience `\(reference.from)` depends on itself: \(loop)",
                "take one of these conditions out")
        }
    }

    /// A way along the references from one audience to another, both ends named; nil when there is none.
    private func way(from start: String, to end: String) -> [String]? {
        var before: [String: String] = [start: start]
        var open = [start]
        while let current = open.popLast() {
            if current == end {
                var way = [end]
                while let last = way.last, last != start, let previous = before[last] {
                    way.append(previous)
                }
                return way.reversed()
            }
            for reference in audienceReferences
            where reference.from == current && before[reference.to] == nil {
                before[reference.to] = current
                open.append(reference.to)
            }
        }
        return nil
    }
}
