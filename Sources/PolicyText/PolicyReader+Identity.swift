import CustomerModel

extension PolicyReader {
    /// `identity`: types by strength, what is blocked, and when a person must look.
    mutating func identityRules(_ node: PolicyNode) -> IdentityRules? {
        let keys = ["types", "block", "reviewAbove", "burst"]
        guard let section = section(node, of: "`identity`", keys: keys) else { return nil }
        var types: [IdentifierType] = []
        if let node = section["types"], let items = list(node, of: "`types`") {
            if items.isEmpty { note(node.place, "`types` lists no identifier type") }
            if items.count > 64 {
                note(items[64].place, "a policy has at most 64 identifier types")
            }
            types = items.compactMap { identifierType($0) }
        } else if section["types"] == nil {
            note(section.place, "`identity` has no `types`", "list the strongest first")
        }
        var rules = IdentityRules(types: types, blocked: [])
        if let node = section["block"], let items = list(node, of: "`block`") {
            rules.blocked = items.compactMap { blockedValue($0) }
        }
        if let node = section["reviewAbove"],
            let count = whole(node, of: "`reviewAbove`", in: 2...1_000_000)
        {
            rules.reviewAbove = count
        }
        rules.burst = section["burst"].flatMap { burstRule($0) }
        return rules
    }

    private mutating func identifierType(_ node: PolicyNode) -> IdentifierType? {
        let keys = ["type", "limit", "window", "normalise", "paths"]
        let elsewhere = ["name": "it is called `type`", "normalize": "did you mean `normalise`?"]
        guard
            let section = section(
                node, of: "an identifier type", keys: keys, elsewhere: elsewhere)
        else { return nil }
        guard let nameNode = section["type"] else {
            if !section.hasUnknownKeys {
                note(
                    section.place, "an identifier type has no `type`",
                    "name it, as in `type: user_id`")
            }
            return nil
        }
        guard let name = text(nameNode, of: "`type`", atMost: 64) else { return nil }
        checkName(name, at: nameNode.place, of: "an identifier type's name")
        if identifierTypes.contains(name) {
            note(
                nameNode.place, "identifier type `\(name)` is listed twice",
                "its place is its strength")
        }
        identifierTypes.append(name)
        var type = IdentifierType(
            name: name, limit: nil, windowMicroseconds: nil, normalisation: .none)
        type.limit = section["limit"].flatMap { whole($0, of: "`limit`", in: 1...100_000) }
        if let node = section["window"] {
            type.windowMicroseconds = duration(node, of: "`window`")
            if section["limit"] == nil {
                note(section.keyPlace("window"), "`window` of `\(name)` has no `limit` to go with")
            }
        }
        if let node = section["normalise"] { normalisation(node, of: &type) }
        if let node = section["paths"], let items = list(node, of: "`paths`") {
            for item in items {
                guard let path = messagePath(item, of: "an entry of `paths`") else { continue }
                type.paths.append(path)
                identifierPaths.insert(path)
            }
        }
        return type
    }

    private mutating func blockedValue(_ node: PolicyNode) -> BlockedValue? {
        let matches = ["value", "only", "prefix", "suffix", "pattern"]
        guard let section = section(node, of: "an entry of `block`", keys: matches + ["type"])
        else {
            return nil
        }
        let said = section.members.filter { matches.contains($0.name) }
        guard said.count == 1, let match = said.first else {
            if !section.hasUnknownKeys {
                note(
                    section.place,
                    "an entry of `block` needs exactly one of `value`, `only`, `prefix`, `suffix`,"
                        + " `pattern`")
            }
            return nil
        }
        guard let text = blockedText(match.value, of: "`\(match.name)`") else { return nil }
        var pattern: BlockedPattern?
        if match.name == "pattern" {
            pattern = blockedPattern(text, at: match.value.place)
            if pattern == nil { return nil }
        }
        var type: String?
        if let node = section["type"], let name = self.text(node, of: "`type`") {
            if !identifierTypes.contains(name) {
                note(
                    node.place, "unknown identifier type `\(name)`",
                    Suggestion.text(for: name, among: identifierTypes))
            }
            type = name
        }
        if let pattern { return BlockedValue(type: type, match: .pattern(pattern)) }
        switch match.name {
        case "value": return BlockedValue(type: type, match: .exactly(text))
        case "only": return BlockedValue(type: type, match: .allOf(text))
        case "prefix": return BlockedValue(type: type, match: .prefix(text))
        default: return BlockedValue(type: type, match: .suffix(text))
        }
    }

    /// Any scalar, as it is written: `null`, `-1` and `none` are just what is to be blocked.
    private mutating func blockedText(_ node: PolicyNode, of what: String) -> String? {
        guard case .scalar(let text, _) = node.content, !text.isEmpty else {
            return text(node, of: what)
        }
        return text
    }

    private mutating func blockedPattern(_ text: String, at place: Place) -> BlockedPattern? {
        do throws(PatternError) {
            return try BlockedPattern(text)
        } catch {
            note(place, "`pattern` cannot be read: \(error)")
            return nil
        }
    }

    /// One word, or `{ phone: "49" }`: phone numbers of which national ones belong to that country.
    private mutating func normalisation(_ node: PolicyNode, of type: inout IdentifierType) {
        if case .mapping = node.content {
            guard let section = section(node, of: "`normalise`", keys: ["phone"]) else { return }
            guard let code = section["phone"] else {
                if !section.hasUnknownKeys { note(section.place, "`normalise` says nothing") }
                return
            }
            guard case .scalar(let country, _) = code.content, PhoneNumber.isCountry(country)
            else {
                note(
                    code.place, "`phone` must be a calling code of one to three digits",
                    "write it without `+`, as in `phone: \"49\"`")
                return
            }
            type.normalisation = .phone
            type.phoneCountry = country
            return
        }
        let words = Normalisation.allCases.map(\.rawValue)
        guard let word = choice(node, of: "`normalise`", among: words),
            let normalisation = Normalisation(rawValue: word)
        else { return }
        type.normalisation = normalisation
    }

    private mutating func burstRule(_ node: PolicyNode) -> BurstRule? {
        guard
            let section = section(node, of: "`burst`", keys: ["knownProfiles", "within"])
        else { return nil }
        guard let count = section["knownProfiles"], let within = section["within"] else {
            if !section.hasUnknownKeys {
                note(
                    section.place, "`burst` needs `knownProfiles` and `within`",
                    "as in `burst: { knownProfiles: 3, within: 1d }`")
            }
            return nil
        }
        guard let known = whole(count, of: "`knownProfiles`", in: 1...10_000),
            let length = duration(within, of: "`within`")
        else { return nil }
        return BurstRule(knownProfiles: known, withinMicroseconds: length)
    }
}
