import CustomerModel

extension PolicyReader {
    /// Where a path from a message's root can begin.
    static let messageRoots = [
        "properties", "traits", "context", "event", "type", "name", "category", "channel", "userId",
        "anonymousId", "previousId", "groupId", "messageId", "timestamp", "originalTimestamp",
        "sentAt", "integrations", "version", "data",
    ]

    private static let operators = [
        "is", "isOneOf", "atLeast", "atMost", "moreThan", "lessThan", "present",
    ]

    /// A path from a message's root.
    mutating func messagePath(_ node: PolicyNode, of what: String) -> FieldPath? {
        guard let path = path(node, of: what) else { return nil }
        let root = path.names[0]
        guard Self.messageRoots.contains(root) else {
            let nearest = Suggestion.nearest(to: root, among: Self.messageRoots)
            note(
                node.place, "a message has no field `\(root)`",
                nearest.map { "did you mean `\($0)`?" }
                    ?? "begin with `properties.`, `traits.` or `context.`")
            return nil
        }
        return path
    }

    /// A condition on one event: a mapping, or a list of which all must hold.
    mutating func condition(_ node: PolicyNode, of what: String) -> Condition? {
        if case .sequence = node.content { return .all(parts(node, of: what)) }
        guard let section = openSection(node, of: what) else { return nil }
        guard let first = section.members.first else {
            note(node.place, "\(what) says nothing", "write `field: PATH` and a comparison")
            return nil
        }
        let joins = section.members.filter { ["all", "any", "not"].contains($0.name) }
        guard let join = joins.first else { return fieldCondition(node, of: what) }
        guard section.members.count == 1 else {
            note(first.keyPlace, "`\(join.name)` must stand alone in its mapping")
            return nil
        }
        switch join.name {
        case "all": return .all(parts(join.value, of: "`all`"))
        case "any": return .any(parts(join.value, of: "`any`"))
        default: return condition(join.value, of: "`not`").map(Condition.not)
        }
    }

    private mutating func parts(_ node: PolicyNode, of what: String) -> [Condition] {
        guard let items = list(node, of: what) else { return [] }
        if items.isEmpty { note(node.place, "\(what) lists no condition") }
        return items.compactMap { condition($0, of: "a condition") }
    }

    private mutating func fieldCondition(_ node: PolicyNode, of what: String) -> Condition? {
        let keys = ["field"] + Self.operators
        guard
            let section = section(
                node, of: "a condition", keys: keys + ["all", "any", "not"],
                elsewhere: Self.otherWords)
        else { return nil }
        guard let fieldNode = section["field"] else {
            if !section.hasUnknownKeys {
                note(section.place, "a condition has no `field`", "write `field: properties.NAME`")
            }
            return nil
        }
        let path = messagePath(fieldNode, of: "`field`")
        let comparisons = comparisons(section, of: "a condition")
        guard let path else { return nil }
        if let place = literal(in: section), holdsIdentifier(path) {
            note(
                place, "a policy cannot name a person: `\(path)` holds identifiers",
                "test `present: true`, or a property that says what kind of person it is")
        }
        let conditions = comparisons.map { Condition.field(path, $0) }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    /// What other languages call the comparisons.
    private static let otherWords = [
        "equals": "it is called `is`", "eq": "it is called `is`", "in": "it is called `isOneOf`",
        "gte": "it is called `atLeast`", "lte": "it is called `atMost`",
        "gt": "it is called `moreThan`", "lt": "it is called `lessThan`",
        "exists": "it is called `present`", "isNot": "write `not: { field: …, is: … }`",
    ]

    /// Every comparison in a mapping; all must hold. Notes when there is none.
    mutating func comparisons(_ section: Section, of what: String) -> [Comparison] {
        var comparisons: [Comparison] = []
        var sawOne = false
        for member in section.members where Self.operators.contains(member.name) {
            sawOne = true
            if let comparison = comparison(member.name, member.value) {
                comparisons.append(comparison)
            }
        }
        if !sawOne, !section.hasUnknownKeys {
            note(
                section.place, "\(what) compares with nothing",
                "add one of \(Self.operators.map { "`\($0)`" }.joined(separator: ", "))")
        }
        return comparisons
    }

    private mutating func comparison(_ name: String, _ node: PolicyNode) -> Comparison? {
        let what = "`\(name)`"
        switch name {
        case "is":
            return scalar(node, of: what).map(Comparison.equals)
        case "isOneOf":
            guard let items = list(node, of: what) else { return nil }
            if items.isEmpty { note(node.place, "`isOneOf` lists nothing, so nothing matches") }
            return .isOneOf(items.compactMap { scalar($0, of: "an entry of `isOneOf`") })
        case "present":
            return flag(node, of: what).map { $0 ? .isPresent : .isAbsent }
        case "atLeast": return amount(node, of: what).map(Comparison.atLeast)
        case "atMost": return amount(node, of: what).map(Comparison.atMost)
        case "moreThan": return amount(node, of: what).map(Comparison.moreThan)
        default: return amount(node, of: what).map(Comparison.lessThan)
        }
    }

    /// Where a mapping compares with a value itself.
    func literal(in section: Section) -> Place? {
        section.members.first { $0.name == "is" || $0.name == "isOneOf" }?.value.place
    }

    /// Whether what stands at a path names a person, so that comparing it with a value would put that
    /// value into the policy (P3).
    func holdsIdentifier(_ path: FieldPath) -> Bool {
        if identifierPaths.contains(path) { return true }
        if path.names == ["groupId"] { return identifierTypes.contains("group_id") }
        if path.names.starts(with: ["context", "externalIds"]) { return true }
        if path.names.count == 3, path.names.starts(with: ["context", "device"]) {
            return ["id", "advertisingId", "token"].contains(path.names[2])
        }
        let last = (path.names.last ?? "").lowercased().filter { $0 != "_" && $0 != "-" }
        return [
            "userid", "anonymousid", "previousid", "email", "phone", "advertisingid", "idfa", "ip",
        ].contains(last)
    }
}
