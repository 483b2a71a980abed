import CustomerModel

/// Which signals mean a purpose, where they stand, and what a vendor of the TCF does.
extension PolicyReader {
    static let signalKeys = ["tcf", "gpp", "usPrivacy", "ccpa", "defaults"]

    mutating func readSignals(_ section: Section, into purpose: inout Purpose) {
        purpose.signals.tcf = section["tcf"].flatMap { tcfMeaning($0) }
        if let node = section["gpp"] { purpose.signals.gpp = optOuts(node, of: "`gpp`") }
        if let node = section["usPrivacy"] {
            purpose.signals.usPrivacy = optOuts(node, of: "`usPrivacy`", among: ["saleOptOut"])
        }
        if let node = section["ccpa"], let flag = flag(node, of: "`ccpa`") {
            purpose.signals.isCCPASale = flag
        }
        if let node = section["defaults"] { purpose.signals.defaultCountries = defaults(node) }
    }

    private mutating func optOuts(
        _ node: PolicyNode, of what: String,
        among known: [String] = OptOutKinds.words.map(\.word)
    ) -> OptOutKinds {
        guard let words = references(node, of: what, to: "opt-out", among: known) else { return [] }
        if case .sequence(let items) = node.content, items.isEmpty {
            note(node.place, "\(what) lists none")
        }
        return words.reduce(into: OptOutKinds()) { kinds, word in
            for (name, kind) in OptOutKinds.words where name == word { kinds.insert(kind) }
        }
    }

    /// `{ granted: [US, CA] }`.
    private mutating func defaults(_ node: PolicyNode) -> [CountryCode] {
        guard let section = section(node, of: "`defaults`", keys: ["granted"]) else { return [] }
        guard let list = section["granted"] else {
            if !section.hasUnknownKeys {
                note(section.place, "`defaults` names no country", "write `granted: [US]`")
            }
            return []
        }
        if countryFieldCount == 0 {
            note(
                section.place, "a default needs a trusted field that holds the country",
                "write `country: [{ field: PATH, sources: [NAME] }]` under `consent`")
        }
        guard let items = self.list(list, of: "`granted`") else { return [] }
        var codes: [CountryCode] = []
        for item in items {
            guard let text = text(item, of: "an entry of `granted`") else { continue }
            guard let code = CountryCode(text) else {
                note(
                    item.place, "`\(text)` is no country",
                    "write two letters, as ISO 3166 has them: `US`")
                continue
            }
            if codes.contains(code) { note(item.place, "`\(code)` stands twice in `granted`") }
            codes.append(code)
        }
        return codes
    }

    // MARK: The TCF

    private static let tcfLists = ["purposes", "legitimateInterest", "specialFeatures"]

    private mutating func tcfMeaning(_ node: PolicyNode) -> TCFMeaning? {
        guard let section = section(node, of: "`tcf`", keys: Self.tcfLists),
            let lists = tcfLists(section)
        else { return nil }
        return TCFMeaning(
            onConsent: lists.consent, onLegitimateInterest: lists.interest,
            specialFeatures: lists.features)
    }

    /// `{ vendor: 755, purposes: [1, 2], legitimateInterest: [7], specialFeatures: [1] }` (C7).
    mutating func tcfUse(_ node: PolicyNode) -> TCFUse? {
        let keys = ["vendor"] + Self.tcfLists
        guard let section = section(node, of: "`tcf`", keys: keys) else { return nil }
        guard let vendorNode = section["vendor"] else {
            if !section.hasUnknownKeys {
                note(
                    section.place, "`tcf` names no `vendor`",
                    "write the recipient's number on the Global Vendor List")
            }
            return nil
        }
        guard let vendor = whole(vendorNode, of: "`vendor`", in: 1...65_535),
            let lists = tcfLists(section)
        else { return nil }
        return TCFUse(
            vendor: UInt16(vendor), onConsent: lists.consent, onLegitimateInterest: lists.interest,
            specialFeatures: lists.features)
    }

    private mutating func tcfLists(_ section: Section) -> (
        consent: TCFPurposes, interest: TCFPurposes, features: TCFPurposes
    )? {
        let consent = tcfIDs(section, "purposes", in: 1...24)
        let interest = tcfIDs(section, "legitimateInterest", in: 1...24)
        let features = tcfIDs(section, "specialFeatures", in: 1...12)
        if let id = interest.intersection(.consentOnly).first {
            note(
                section.keyPlace("legitimateInterest"),
                "purpose \(id) of the TCF may rest on consent only",
                "list it under `purposes`")
        }
        guard !consent.union(interest).isEmpty else {
            // What was listed and is wrong has been said already.
            let isListed = section["purposes"] != nil || section["legitimateInterest"] != nil
            if !section.hasUnknownKeys, !isListed {
                note(
                    section.place, "`tcf` names no purpose",
                    "list numbers under `purposes` or `legitimateInterest`")
            }
            return nil
        }
        return (consent, interest, features)
    }

    private mutating func tcfIDs(
        _ section: Section, _ key: String, in range: ClosedRange<Int>
    ) -> TCFPurposes {
        guard let node = section[key], let items = list(node, of: "`\(key)`") else { return [] }
        if items.isEmpty { note(node.place, "`\(key)` lists none") }
        var ids: [Int] = []
        for item in items {
            guard let id = whole(item, of: "an entry of `\(key)`", in: range) else { continue }
            if ids.contains(id) { note(item.place, "\(id) stands twice in `\(key)`") }
            ids.append(id)
        }
        return TCFPurposes(ids: ids) ?? []
    }

    // MARK: Places

    mutating func consentPlaces(_ node: PolicyNode) -> ConsentPlaces {
        var places = ConsentPlaces()
        let lists: [(String, WritableKeyPath<ConsentPlaces, [FieldPath]>)] = [
            ("tcf", \.tcf), ("gpp", \.gpp), ("usPrivacy", \.usPrivacy), ("mparticle", \.mparticle),
            ("gpc", \.gpc),
        ]
        guard let section = section(node, of: "`places`", keys: lists.map(\.0)) else {
            return places
        }
        for (name, list) in lists {
            guard let node = section[name], let items = self.list(node, of: "`\(name)`") else {
                continue
            }
            if items.isEmpty { note(node.place, "`\(name)` lists no place") }
            places[keyPath: list] = items.compactMap {
                consentPath($0, of: "an entry of `\(name)`")
            }
        }
        return places
    }

    /// A path into a message, or into mParticle's own object beside it.
    private mutating func consentPath(_ node: PolicyNode, of what: String) -> FieldPath? {
        if case .scalar(let text, _) = node.content,
            text == "consent_state" || text.hasPrefix("consent_state.")
        {
            return path(node, of: what)
        }
        return messagePath(node, of: what)
    }

    /// `[{ field: context.location.country, sources: [server] }]`.
    mutating func countryFields(_ node: PolicyNode) -> [TrustedField] {
        countryFieldCount = 1
        guard let items = list(node, of: "`country`") else { return [] }
        if items.isEmpty { note(node.place, "`country` lists no field") }
        return items.compactMap { item in
            let what = "an entry of `country`"
            guard let section = section(item, of: what, keys: ["field", "sources"]) else {
                return nil
            }
            guard let field = section["field"], let sources = section["sources"] else {
                if !section.hasUnknownKeys {
                    note(
                        section.place, "\(what) needs `field` and `sources`",
                        "name the sources that clients cannot write to")
                }
                return nil
            }
            guard let path = messagePath(field, of: "`field`"),
                let names = texts(sources, of: "`sources`")
            else { return nil }
            if names.isEmpty { note(sources.place, "`sources` lists none") }
            return TrustedField(path: path, sources: names)
        }
    }
}
