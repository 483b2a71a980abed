import CustomerModel

extension PolicyReader {
    /// The events that a rule or a metric is about: a name, or `"*"` for every name. Types without names
    /// take nothing, `{}` or `"*"`.
    mutating func selector(_ typeName: String, _ node: PolicyNode) -> EventSelector? {
        guard let type = EventType(name: typeName) else { return nil }
        let isEmpty: Bool
        switch node.content {
        case .mapping(let members): isEmpty = members.isEmpty
        case .scalar(let text, _): isEmpty = node.isNull || text == "*"
        case .sequence: isEmpty = false
        }
        switch type {
        case .identify, .group, .alias:
            guard isEmpty else {
                note(
                    node.place, "`\(typeName)` has no names to choose from",
                    "write `\(typeName): {}`, with what may leave beside it")
                return nil
            }
            return EventSelector(type: type, name: nil)
        case .track, .page, .screen:
            if case .scalar("*", isPlain: false) = node.content {
                return EventSelector(type: type, name: nil)
            }
            guard !node.isNull else {
                note(
                    node.place, "`\(typeName)` names no event",
                    "write `\"*\"` if every one is meant")
                return nil
            }
            guard let name = text(node, of: "`\(typeName)`") else { return nil }
            return EventSelector(type: type, name: name)
        }
    }

    /// `events` of a destination: the closed list of what it gets (P4).
    mutating func eventRules(_ node: PolicyNode) -> [EventRule] {
        guard let items = list(node, of: "`events`") else { return [] }
        if items.count > 2_000 {
            note(items[2_000].place, "a destination has at most 2000 event rules")
        }
        var rules: [EventRule] = []
        for item in items {
            guard let rule = eventRule(item) else { continue }
            let selector = rule.selector
            let isHidden = rules.contains {
                $0.selector.type == selector.type
                    && ($0.selector.name == nil || $0.selector.name == selector.name)
            }
            if isHidden {
                note(
                    item.place,
                    "this rule is never reached: one above it already matches these events",
                    "the first match counts; put rules for one name above `\"*\"`")
            }
            rules.append(rule)
        }
        return rules
    }

    /// A mapping about the events of one type: `track: NAME` or another type's key, what `keys` names, and
    /// that type's own fields.
    mutating func eventSection(
        _ node: PolicyNode, of what: String, keys: [String], elsewhere: [String: String] = [:]
    ) -> (section: Section, selector: EventSelector)? {
        let types = EventType.allCases.map(\.name)
        guard
            let section = section(
                node, of: what, keys: types + ["properties", "traits"] + keys,
                elsewhere: elsewhere.merging(["event": "it is called `track`"]) { own, _ in own })
        else { return nil }
        let said = section.members.filter { types.contains($0.name) }
        guard said.count == 1, let only = said.first else {
            if !section.hasUnknownKeys {
                let names = types.map { "`\($0)`" }.joined(separator: ", ")
                note(section.place, "\(what) needs exactly one of \(names)")
            }
            return nil
        }
        guard let selector = selector(only.name, only.value) else { return nil }
        let own = selector.type.fieldsKey
        let other = own == "traits" ? "properties" : "traits"
        if section[other] != nil {
            note(
                section.keyPlace(other), "`\(only.name)` has no `\(other)`",
                "its own fields are `\(own)`")
        }
        return (section, selector)
    }

    private mutating func eventRule(_ node: PolicyNode) -> EventRule? {
        guard
            let (section, selector) = eventSection(
                node, of: "an event rule", keys: ["context", "transform"])
        else { return nil }
        let own = selector.type.fieldsKey
        var rule = EventRule(selector: selector, fields: .none, context: .none)
        if let node = section[own] { rule.fields = fieldList(node, of: own) }
        if let node = section["context"] { rule.context = fieldList(node, of: "context") }
        if let node = section["transform"] {
            rule.transformations = transformations(node, root: own)
        }
        return rule
    }

    /// `all`, or a list of paths inside `root`.
    private mutating func fieldList(_ node: PolicyNode, of root: String) -> FieldList {
        if case .scalar("all", _) = node.content { return .all }
        guard case .sequence(let items) = node.content else {
            note(
                node.place, "`\(root)` must be a list of fields, or `all`",
                "an event's other fields stay here either way")
            return .none
        }
        if items.count > 1_000 { note(items[1_000].place, "a rule lists at most 1000 fields") }
        var paths: [FieldPath] = []
        for item in items {
            guard let path = path(item, of: "a field") else { continue }
            if path.names[0] == root, path.names.count > 1 {
                note(
                    item.place, "a field under `\(root)` begins inside it",
                    "leave `\(root).` out: `\(path.names.dropFirst().joined(separator: "."))`")
            } else if paths.contains(path) {
                note(item.place, "`\(path)` stands twice in `\(root)`")
            }
            paths.append(path)
        }
        return paths.isEmpty ? .none : .listed(paths)
    }
}
