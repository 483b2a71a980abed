import CustomerModel
import JSONText

extension PolicyReader {
    /// Where a path from a message's root can begin.
    static let messageRoots = [
        "properties", "traits", "context", "event", "type", "name", "category", "channel", "userId",
        "anonymousId", "previousId", "groupId", "messageId", "timestamp", "originalTimestamp",
        "sentAt", "integrations", "version", "data", "robot",
    ]

    private static let operators = [
        "is", "isOneOf", "atLeast", "atMost", "moreThan", "lessThan", "startsWith", "endsWith",
        "contains", "matches", "before", "after", "withinLast", "present",
    ]

    /// A path from a message's root.
    mutating func messagePath(_ node: PolicyNode, of what: String) -> FieldPath? {
        guard let path = path(node, of: what) else { return nil }
        let root = path.names[0]
        if root == "profile" { return profilePath(path, at: node.place) }
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

    /// `profile.traits.NAME` or `profile.audiences`, where the profile can be asked.
    private mutating func profilePath(_ path: FieldPath, at place: Place) -> FieldPath? {
        guard readsProfile else {
            note(
                place, "only a destination's `filter` can ask the profile",
                "name a field of the event itself")
            return nil
        }
        let isTrait = path.names.count >= 3 && path.names[1] == "traits"
        guard isTrait || path.names == ["profile", "audiences"] else {
            note(
                place, "a profile has no `\(path)`",
                "write `profile.traits.NAME` or `profile.audiences`")
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
        if path.names == ["profile", "audiences"] { checkAudiences(comparisons, section) }
        let conditions = comparisons.map { Condition.field(path, $0) }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    /// A list of audiences can hold one, and nothing else is meant by anybody.
    private mutating func checkAudiences(_ comparisons: [Comparison], _ section: Section) {
        for comparison in comparisons {
            if case .contains(.text(let name)) = comparison {
                if !audiences.contains(name) {
                    note(
                        section["contains"]?.place ?? section.place, "unknown audience `\(name)`",
                        Suggestion.text(for: name, among: audiences))
                }
            } else {
                note(
                    section.place, "`profile.audiences` is a list of names",
                    "write `contains: AUDIENCE`")
            }
        }
    }

    /// What other languages call the comparisons.
    private static let otherWords = [
        "equals": "it is called `is`", "eq": "it is called `is`", "in": "it is called `isOneOf`",
        "gte": "it is called `atLeast`", "lte": "it is called `atMost`",
        "gt": "it is called `moreThan`", "lt": "it is called `lessThan`",
        "exists": "it is called `present`", "regex": "it is called `matches`",
        "pattern": "it is called `matches`", "prefix": "it is called `startsWith`",
        "suffix": "it is called `endsWith`", "within": "it is called `withinLast`",
        "isNot": "write `not: { field: …, is: … }`",
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
        case "lessThan": return amount(node, of: what).map(Comparison.lessThan)
        case "startsWith": return text(node, of: what).map(Comparison.startsWith)
        case "endsWith": return text(node, of: what).map(Comparison.endsWith)
        case "contains": return scalar(node, of: what).map(Comparison.contains)
        case "matches": return pattern(node, of: what)
        case "before": return moment(node, of: what).map(Comparison.before)
        case "after": return moment(node, of: what).map(Comparison.after)
        default:
            guard readsProfile else {
                note(
                    node.place, "`withinLast` counts from the receipt of an event",
                    "it stands in a destination's `filter`; elsewhere write `after: TIME`")
                return nil
            }
            return duration(node, of: what).map(Comparison.withinLast)
        }
    }

    private mutating func pattern(_ node: PolicyNode, of what: String) -> Comparison? {
        guard let text = text(node, of: what) else { return nil }
        do {
            return .matches(try TextPattern(text))
        } catch {
            note(node.place, "\(what) is a pattern with \(error)")
            return nil
        }
    }

    private mutating func moment(_ node: PolicyNode, of what: String) -> Int64? {
        guard case .scalar(let text, _) = node.content, let time = Timestamp(parsing: text) else {
            note(node.place, "\(what) must be a time", "write it as in `2026-03-14T15:09:26Z`")
            return nil
        }
        return time.microseconds
    }

    /// Where a mapping compares with a value itself.
    func literal(in section: Section) -> Place? {
        section.members.first {
            ["is", "isOneOf", "startsWith", "endsWith", "contains", "matches"].contains($0.name)
        }?.value.place
    }

    /// Whether what stands at a path names a person, so that comparing it with a value would put that
    /// value into the policy (P3).
    func holdsIdentifier(_ path: FieldPath) -> Bool {
        if identifierPaths.contains(path) { return true }
        if path.isOfProfile,
            identifierPaths.contains(FieldPath(names: Array(path.names.dropFirst())))
        {
            return true
        }
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
