import CustomerModel

extension PolicyReader {
    /// The whole policy; nil when some part of it is missing.
    mutating func policy(_ root: PolicyNode) -> Policy? {
        let keys = [
            "policy", "identity", "consent", "purposes", "attributes", "audiences", "plans",
            "destinations",
        ]
        guard let top = section(root, of: "the policy", keys: keys) else { return nil }
        var name: String?
        if let node = top["policy"] {
            name = text(node, of: "`policy`", atMost: 64)
            if let name { checkName(name, at: node.place, of: "the policy's name") }
        } else {
            note(top.place, "the policy has no name", "begin with `policy: NAME`")
        }
        // In the order in which they refer to each other.
        var identity: IdentityRules?
        if let node = top["identity"] {
            identity = identityRules(node)
        } else {
            note(
                top.place, "`identity` is missing",
                "list at least one type under `identity: types:`")
        }
        let consent =
            top["consent"].map { consentRules($0) } ?? ConsentRules(resolution: .strictest)
        let purposes = top["purposes"].map { readPurposes($0) } ?? []
        let attributes = top["attributes"].map { readAttributes($0) } ?? []
        let audiences = top["audiences"].map { readAudiences($0) } ?? []
        let plans = top["plans"].map { readPlans($0) } ?? []
        let destinations = top["destinations"].map { readDestinations($0) } ?? []
        guard let name, let identity, let consent else { return nil }
        return Policy(
            name: name, identity: identity, purposes: purposes, consent: consent,
            destinations: destinations, audiences: audiences, attributes: attributes,
            plans: plans)
    }

    /// `purposes`: a mapping from name to what means it. The names are known even of broken ones, so that
    /// one mistake is not reported by everything that refers to it.
    private mutating func readPurposes(_ node: PolicyNode) -> [Purpose] {
        guard let entries = openSection(node, of: "`purposes`") else { return [] }
        if entries.members.count > 64 {
            note(entries.members[64].keyPlace, "a policy has at most 64 purposes")
        }
        return entries.members.map { name, place, value in
            checkName(name, at: place, of: "a purpose's name")
            purposes.append(name)
            return purpose(name, value)
        }
    }

    private mutating func purpose(_ name: String, _ node: PolicyNode) -> Purpose {
        var purpose = Purpose(name: name, segmentCategories: [])
        let what = "purpose `\(name)`"
        let keys =
            ["segment", "mparticle", "expires", "deniedByGPC", "basis", "retroactive"]
            + Self.signalKeys
        let elsewhere = ["gpc": "it is called `deniedByGPC`"]
        guard let section = section(node, of: what, keys: keys, elsewhere: elsewhere) else {
            return purpose
        }
        readSignals(section, into: &purpose)
        if let node = section["segment"], let ids = texts(node, of: "`segment`") {
            purpose.segmentCategories = ids
        }
        if let node = section["mparticle"], let names = texts(node, of: "`mparticle`") {
            purpose.mparticlePurposes = names
        }
        purpose.expiresAfterMicroseconds = section["expires"].flatMap {
            duration($0, of: "`expires`")
        }
        if let node = section["deniedByGPC"], let flag = flag(node, of: "`deniedByGPC`") {
            purpose.deniedByGPC = flag
        }
        if let node = section["retroactive"], let flag = flag(node, of: "`retroactive`") {
            purpose.isRetroactive = flag
        }
        if let node = section["basis"],
            let word = choice(
                node, of: "`basis`", among: Purpose.Basis.allCases.map(\.rawValue)),
            let basis = Purpose.Basis(rawValue: word)
        {
            purpose.basis = basis
        }
        return purpose
    }

    private mutating func consentRules(_ node: PolicyNode) -> ConsentRules? {
        let keys = ["resolve", "supersedes", "places", "country"]
        guard let section = section(node, of: "`consent`", keys: keys) else { return nil }
        var rules = ConsentRules(resolution: .strictest)
        if let node = section["places"] { rules.places = consentPlaces(node) }
        if let node = section["country"] { rules.countryFields = countryFields(node) }
        if let node = section["resolve"] {
            let known = ConsentRules.Resolution.allCases.map(\.rawValue)
            guard let word = choice(node, of: "`resolve`", among: known),
                let resolution = ConsentRules.Resolution(rawValue: word)
            else { return nil }
            rules.resolution = resolution
        }
        if let node = section["supersedes"] {
            guard choice(node, of: "`supersedes`", among: ["weaker"]) != nil else { return nil }
            rules.supersedesWeaker = true
        }
        return rules
    }
}
