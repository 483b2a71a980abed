import JSONText

/// A rule of another policy version that a body keeps inside: that which released the effect, or under which
/// it was tried before (E5, E6).
public struct RenderingBound: Equatable, Sendable {
    public var rule: EventRule
    /// What a tracking plan takes out under that version, as paths from the message's root.
    public var stripped: [FieldPath]

    public init(rule: EventRule, stripped: [FieldPath]) {
        self.rule = rule
        self.stripped = stripped
    }
}

/// One of the two objects of a body, and the account of its fields.
///
/// Under several rules it holds what all of them send: a value that one sends in clear and the others hide
/// is hidden, and one that they hide in different ways, or that stands elsewhere under another, is left out.
/// So nothing is in it that one of them would not have sent.
struct RenderedPart {
    /// Nil when nothing of it leaves.
    var object: [UInt8]?
    var fields: [String] = []

    struct Rule {
        var list: FieldList
        var reshaping: Reshaping
    }

    /// - Parameters:
    ///   - rules: not empty, oldest first. Where what is common is what one of them sends, it is that text.
    ///   - sources: objects; of two members of one name the earlier source's stands alone.
    static func common(to rules: [Rule], of sources: [JSONView], key: String) -> RenderedPart {
        if rules.count == 1 { return RenderedPart(under: rules[0], of: sources, key: key) }
        guard rules.contains(where: \.reshaping.isNeeded) else {
            let list = rules.dropFirst().reduce(rules[0].list) { $0.intersection($1.list) }
            return RenderedPart(selecting: list, of: sources, key: key)
        }
        let forms = rules.map { Form(under: $0, of: sources, key: key) }
        return forms.dropFirst().reduce(forms[0]) { $0.common(with: $1) }.part
    }

    private init(object: [UInt8]? = nil, fields: [String] = []) {
        self.object = object
        self.fields = fields
    }

    private init(selecting list: FieldList, of sources: [JSONView], key: String) {
        guard let tree = FieldTree(list) else { return }
        var selection = FieldSelection()
        for (place, source) in sources.enumerated() {
            selection.append(source, tree: tree, path: key, except: sources[..<place])
        }
        object = selection.object
        fields = selection.fields
    }

    private init(under rule: Rule, of sources: [JSONView], key: String) {
        self.init(selecting: rule.list, of: sources, key: key)
        if rule.reshaping.isNeeded { object = rule.reshaping.apply(to: object, fields: &fields) }
    }

    /// What one rule sends, beside what the message says.
    private struct Form {
        var part: RenderedPart
        /// The part's object.
        var value: JSONValue
        /// What the message says in the same places; nil where the rule renames or sets, since then a place
        /// does not tell whose value stands in it.
        var said: JSONValue?

        init(part: RenderedPart, value: JSONValue, said: JSONValue?) {
            self.part = part
            self.value = value
            self.said = said
        }

        init(under rule: Rule, of sources: [JSONView], key: String) {
            part = RenderedPart(under: rule, of: sources, key: key)
            value = Self.value(of: part)
            guard !rule.reshaping.movesValues else {
                said = nil
                return
            }
            said = Self.value(of: RenderedPart(selecting: rule.list, of: sources, key: key))
        }

        /// What was written from a checked text; what cannot be read all the same does not leave.
        private static func value(of part: RenderedPart) -> JSONValue {
            do {
                return try part.object.map { try JSONValue(parsing: $0) } ?? .object(JSONObject())
            } catch {
                return .object(JSONObject())
            }
        }

        func common(with other: Form) -> Form {
            let both = Self.common(value, said, other.value, other.said) ?? .object(JSONObject())
            let saidByBoth = said.flatMap { mine in
                other.said.map { Self.common(mine, nil, $0, nil) ?? .object(JSONObject()) }
            }
            return Form(
                part: RenderedPart(
                    object: text(of: both, other), fields: fields(of: both, other)),
                value: both, said: saidByBoth)
        }

        private func text(of both: JSONValue, _ other: Form) -> [UInt8]? {
            if both == value { return part.object }
            if both == other.value { return other.part.object }
            guard let members = both.object, !members.isEmpty else { return nil }
            var out: [UInt8] = []
            both.write(into: &out)
            return out
        }

        /// Nil for nothing.
        private static func common(
            _ a: JSONValue, _ saidA: JSONValue?, _ b: JSONValue, _ saidB: JSONValue?
        ) -> JSONValue? {
            if a == b { return a }
            if let members = a.object, b.object != nil {
                let kept = members.compactMap { member in
                    b[member.key].flatMap {
                        common(member.value, saidA?[member.key], $0, saidB?[member.key])
                    }.map { (key: member.key, value: $0) }
                }
                guard !kept.isEmpty else { return nil }
                return .object(JSONObject(kept))
            }
            guard let saidA, saidA == saidB else { return nil }
            // One sends it as it is, so that what the other makes of it says no more.
            if a == saidA { return b }
            guard b == saidA else { return nil }
            return a
        }

        /// Of both accounts what stands in both, the longer of two paths of which one is under the other.
        private func fields(of both: JSONValue, _ other: Form) -> [String] {
            var found: [String] = []
            for field in part.fields + other.part.fields
            where !found.contains(field) && Self.holds(part.fields, field)
                && Self.holds(other.part.fields, field)
            {
                // A name with a dot in it is not found by its path; it is told rather than forgotten.
                let isFound = [value, other.value].contains { Reshaping.finds(field, in: $0) }
                if !isFound || Reshaping.finds(field, in: both) { found.append(field) }
            }
            return found
        }

        private static func holds(_ list: [String], _ field: String) -> Bool {
            list.contains { $0 == field || field.hasPrefix($0 + ".") }
        }
    }
}

extension Reshaping {
    /// Whether it puts a value where another one, or none, stood.
    fileprivate var movesValues: Bool {
        transformations.contains { item in
            guard item.path.names.first == root else { return false }
            switch item.act {
            case .rename, .set: return true
            case .drop, .hash, .mask, .truncate: return false
            }
        }
    }
}
