import CustomerModel

extension PolicyReader {
    private static let acts = ["drop", "rename", "hash", "mask", "truncate", "set"]

    /// `transform` of an event rule: changes in their order, paths from the message's root.
    ///
    /// - Parameter root: where the event's own fields stand.
    mutating func transformations(_ node: PolicyNode, root: String) -> [Transformation] {
        guard let items = list(node, of: "`transform`") else { return [] }
        if items.count > 200 { note(items[200].place, "a rule has at most 200 transformations") }
        return items.compactMap { transformation($0, root: root) }
    }

    private mutating func transformation(_ node: PolicyNode, root: String) -> Transformation? {
        let details = [
            "rename": "to", "hash": "normalise", "mask": "keep", "truncate": "to",
            "set": "value",
        ]
        guard let open = openSection(node, of: "a transformation") else { return nil }
        let said = open.members.filter { Self.acts.contains($0.name) }
        guard said.count == 1, let only = said.first else {
            let unknown = open.members.first { !Self.acts.contains($0.name) }
            note(
                unknown?.keyPlace ?? node.place,
                "a transformation needs exactly one of "
                    + Self.acts.map { "`\($0)`" }.joined(separator: ", "),
                unknown.flatMap { Suggestion.text(for: $0.name, among: Self.acts) })
            return nil
        }
        let keys = [only.name] + (details[only.name].map { [$0] } ?? [])
        guard let section = section(node, of: "`\(only.name)`", keys: keys),
            let path = outgoingPath(only.value, of: "`\(only.name)`", root: root)
        else { return nil }
        return act(only.name, path, section).map { Transformation(path: path, act: $0) }
    }

    private mutating func outgoingPath(_ node: PolicyNode, of what: String, root: String)
        -> FieldPath?
    {
        guard let path = path(node, of: what) else { return nil }
        guard path.names.count >= 2, [root, "context"].contains(path.names[0]) else {
            note(
                node.place, "\(what) must name a field in `\(root)` or `context`, not `\(path)`",
                "write it from the message's root: `\(root).NAME`")
            return nil
        }
        return path
    }

    private mutating func act(_ name: String, _ path: FieldPath, _ section: Section)
        -> Transformation.Act?
    {
        switch name {
        case "drop": return .drop
        case "rename":
            guard let node = needed("to", of: name, section, "the field's new name"),
                let to = self.path(node, of: "`to`")
            else { return nil }
            guard to.names.count == 1 else {
                note(
                    node.place, "`to` is one name: a field stays in its object",
                    "write `to: \(to.names.last ?? "NAME")`")
                return nil
            }
            return .rename(to: to.names[0])
        case "hash":
            guard let node = section["normalise"] else { return .hash(.none) }
            let known = Normalisation.allCases.map(\.rawValue)
            return choice(node, of: "`normalise`", among: known)
                .flatMap { Normalisation(rawValue: $0) }.map { .hash($0) }
        case "mask":
            guard let node = section["keep"] else { return .mask(keep: 0) }
            return whole(node, of: "`keep`", in: 0...8).map { .mask(keep: $0) }
        case "truncate":
            return needed("to", of: name, section, "how many characters stay").flatMap {
                whole($0, of: "`to`", in: 1...1_000_000)
            }.map { .truncate(to: $0) }
        default:
            guard let node = needed("value", of: name, section, "the constant"),
                let value = scalar(node, of: "`value`")
            else { return nil }
            if holdsIdentifier(path) {
                note(
                    node.place, "a policy cannot name a person: `\(path)` holds identifiers",
                    "drop or hash it")
            }
            return .set(value)
        }
    }

    private mutating func needed(
        _ key: String, of act: String, _ section: Section, _ what: String
    ) -> PolicyNode? {
        if let node = section[key] { return node }
        if !section.hasUnknownKeys { note(section.place, "`\(act)` needs `\(key)`: \(what)") }
        return nil
    }
}
