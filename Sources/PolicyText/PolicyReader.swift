import CustomerModel
import JSONText

/// Turns the tree into a policy and collects what is wrong with it on the way.
///
/// Reading goes on after a problem, so that one run shows them all; a policy is handed out only if there
/// was none. Every method returns nil after it has noted a problem, never a default in its place.
struct PolicyReader {
    private(set) var problems: [PolicyProblem] = []
    /// Names of the identifier types, once they are read.
    var identifierTypes: [String] = []
    /// Places that the policy itself says hold identifiers.
    var identifierPaths: Set<FieldPath> = []
    var purposes: [String] = []
    var audiences: [String] = []
    /// Whether a condition may ask the profile, and the moment of receipt: in a destination's filter.
    var readsProfile = false
    /// Whether a trusted field for the country was named; broken ones count, so that one mistake is said once.
    var countryFieldCount = 0
    var attributes: [Attribute] = []
    /// Which audience's condition speaks of which other, and where.
    var audienceReferences: [(from: String, to: String, place: Place)] = []

    /// The keys of one mapping, after unknown ones have been noted.
    struct Section {
        var place: Place
        var members: [(name: String, keyPlace: Place, value: PolicyNode)]
        /// Then a key that is missing may be there under a wrong name, and saying so twice helps nobody.
        var hasUnknownKeys = false

        subscript(_ name: String) -> PolicyNode? { members.first { $0.name == name }?.value }

        func keyPlace(_ name: String) -> Place {
            members.first { $0.name == name }?.keyPlace ?? place
        }
    }

    mutating func note(_ place: Place, _ message: String, _ suggestion: String? = nil) {
        problems.append(
            PolicyProblem(
                line: place.line, column: place.column, message: message, suggestion: suggestion))
    }

    /// A mapping with no other keys than `keys`; nil when it is no mapping. An absent value is an empty one.
    mutating func section(
        _ node: PolicyNode, of what: String, keys: [String], elsewhere: [String: String] = [:]
    ) -> Section? {
        guard var section = openSection(node, of: what) else { return nil }
        for member in section.members where !keys.contains(member.name) {
            section.hasUnknownKeys = true
            note(
                member.keyPlace, "unknown key `\(member.name)` in \(what)",
                elsewhere[member.name] ?? Suggestion.text(for: member.name, among: keys))
        }
        return section
    }

    /// A mapping whose keys are names that the policy gives.
    mutating func openSection(_ node: PolicyNode, of what: String) -> Section? {
        if node.isNull { return Section(place: node.place, members: []) }
        guard case .mapping(let members) = node.content else {
            note(node.place, "\(what) must be a mapping (`key: value`), not \(node.kindName)")
            return nil
        }
        var section = Section(place: node.place, members: [])
        for (key, value) in members {
            guard case .scalar(let name, _) = key.content, !name.isEmpty else {
                note(key.place, "a key in \(what) must be a name")
                continue
            }
            section.members.append((name, key.place, value))
        }
        return section
    }

    mutating func list(_ node: PolicyNode, of what: String) -> [PolicyNode]? {
        guard case .sequence(let items) = node.content else {
            note(
                node.place, "\(what) must be a list, not \(node.kindName)",
                "write `[…]` or lines with `- `")
            return nil
        }
        return items
    }

    /// Text that is not empty.
    mutating func text(_ node: PolicyNode, of what: String, atMost limit: Int = 512) -> String? {
        guard case .scalar(let text, _) = node.content, !node.isNull else {
            note(node.place, "\(what) must be text, not \(node.kindName)")
            return nil
        }
        let isPrintable = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        guard !text.isEmpty, text.utf8.count <= limit, isPrintable else {
            note(node.place, "\(what) must be 1 to \(limit) bytes of text on one line")
            return nil
        }
        return text
    }

    /// A list of texts, none twice.
    mutating func texts(_ node: PolicyNode, of what: String) -> [String]? {
        guard let items = list(node, of: what) else { return nil }
        var texts: [String] = []
        for item in items {
            guard let text = text(item, of: "an entry of \(what)") else { continue }
            if texts.contains(text) { note(item.place, "`\(text)` stands twice in \(what)") }
            texts.append(text)
        }
        return texts
    }

    /// A list of names out of `known`.
    mutating func references(
        _ node: PolicyNode, of what: String, to kind: String, among known: [String]
    ) -> [String]? {
        guard let items = list(node, of: what) else { return nil }
        var names: [String] = []
        for item in items {
            guard let name = text(item, of: "an entry of \(what)") else { continue }
            if !known.contains(name) {
                note(
                    item.place, "unknown \(kind) `\(name)`",
                    Suggestion.text(for: name, among: known))
            } else if names.contains(name) {
                note(item.place, "`\(name)` stands twice in \(what)")
            } else {
                names.append(name)
            }
        }
        return names
    }

    mutating func choice(_ node: PolicyNode, of what: String, among known: [String]) -> String? {
        guard let word = text(node, of: what) else { return nil }
        guard known.contains(word) else {
            note(
                node.place, "\(what) cannot be `\(word)`", Suggestion.text(for: word, among: known))
            return nil
        }
        return word
    }

    mutating func flag(_ node: PolicyNode, of what: String) -> Bool? {
        if case .scalar(let text, isPlain: true) = node.content {
            if text == "true" { return true }
            if text == "false" { return false }
        }
        note(node.place, "\(what) must be `true` or `false`")
        return nil
    }

    mutating func whole(_ node: PolicyNode, of what: String, in range: ClosedRange<Int>) -> Int? {
        if case .scalar(let text, isPlain: true) = node.content, PolicyScalar.isNumber(text),
            let value = Int(text), range.contains(value)
        {
            return value
        }
        note(
            node.place,
            "\(what) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    /// A length of time of at least a second and at most a hundred years.
    mutating func duration(_ node: PolicyNode, of what: String) -> Int64? {
        let longest: Int64 = 36_525 * 86_400_000_000
        if case .scalar(let text, _) = node.content, let length = DurationText.parse(text),
            length >= 1_000_000, length <= longest
        {
            return length
        }
        note(
            node.place, "\(what) must be a length of time from 1s to 36525d",
            "write a whole number and a unit: `90s`, `15m`, `24h`, `30d`, `52w`")
        return nil
    }

    /// A name that the policy gives to something: it stands in keys, paths and commands.
    mutating func checkName(_ name: String, at place: Place, of what: String) {
        let isWord = name.utf8.allSatisfy {
            ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x5F
                || $0 == 0x2D || $0 == 0x2E
        }
        let startsWell = name.utf8.first.map { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A } ?? false
        guard isWord, startsWell, name.utf8.count <= 64 else {
            note(
                place, "\(what) must be a letter and then up to 63 letters, digits, `_`, `-` or `.`"
            )
            return
        }
    }

    /// A dotted path.
    mutating func path(_ node: PolicyNode, of what: String) -> FieldPath? {
        guard let text = text(node, of: what) else { return nil }
        let names = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard names.count <= 16, !names.contains("") else {
            note(node.place, "\(what) must be 1 to 16 names with dots between, not `\(text)`")
            return nil
        }
        guard !text.contains("["), !text.contains("*") else {
            note(
                node.place, "\(what) cannot reach into a list or stand for many names: `\(text)`",
                "name the whole list, or each field")
            return nil
        }
        return FieldPath(names: names)
    }
}
