import CustomerModel

extension PolicyReader {
    private static let destinationKeys = [
        "recipient", "file", "webhook", "purposes", "identifiers", "requires", "sources", "events",
        "filter", "maximumAge", "sample", "integration", "epoch", "enabled", "batch", "attempts",
        "timeout", "audiences", "plans", "tcf",
    ]

    /// `destinations`: a mapping from name to recipient and rules.
    mutating func readDestinations(_ node: PolicyNode) -> [Destination] {
        guard let entries = openSection(node, of: "`destinations`") else { return [] }
        if entries.members.count > 256 {
            note(entries.members[256].keyPlace, "a policy has at most 256 destinations")
        }
        var destinations: [Destination] = []
        for (name, place, value) in entries.members {
            checkName(name, at: place, of: "a destination's name")
            guard let destination = destination(name, at: place, value) else { continue }
            if case .file(let path) = destination.connector,
                let other = destinations.first(where: { $0.connector == destination.connector })
            {
                note(place, "`\(name)` writes to the same file as `\(other.name)`: \(path)")
            }
            destinations.append(destination)
        }
        return destinations
    }

    private mutating func destination(
        _ name: String, at place: Place, _ node: PolicyNode
    ) -> Destination? {
        let what = "destination `\(name)`"
        let elsewhere = ["url": "it stands in `webhook: { url: …, secret: … }`"]
        guard
            let section = section(
                node, of: what, keys: Self.destinationKeys, elsewhere: elsewhere)
        else { return nil }
        var recipient: String?
        if let node = section["recipient"] {
            recipient = text(node, of: "`recipient`")
        } else {
            note(
                place, "\(what) has no `recipient`",
                "write the recipient's legal name: auditors read it")
        }
        let connector = connector(section, at: place, of: what)
        let purposes = destinationPurposes(section, at: place, of: what)
        var destination = Destination(
            name: name, recipient: recipient ?? "", connector: connector ?? .file(path: ""),
            purposes: purposes.all,
            events: section["events"].map { eventRules($0) } ?? [],
            identifiers: references(section, "identifiers", to: "identifier type", identifierTypes),
            requiredIdentifiers: references(
                section, "requires", to: "identifier type", identifierTypes))
        destination.anyPurposes = purposes.any
        destination.tcf = section["tcf"].flatMap { tcfUse($0) }
        readAudiences(section, at: place, into: &destination)
        readLimits(section, into: &destination)
        guard recipient != nil, connector != nil else { return nil }
        return destination
    }

    private mutating func references(
        _ section: Section, _ key: String, to kind: String, _ known: [String]
    ) -> [String] {
        guard let node = section[key] else { return [] }
        return references(node, of: "`\(key)`", to: kind, among: known) ?? []
    }

    /// P4: without a purpose a destination would get everything or nothing, and both are wrong.
    private mutating func destinationPurposes(
        _ section: Section, at place: Place, of what: String
    ) -> (all: [Int], any: [Int]) {
        guard let node = section["purposes"] else {
            note(
                place, "\(what) has no `purposes`",
                "name what its data is used for; all must be granted")
            return ([], [])
        }
        guard case .mapping = node.content else {
            return (purposeList(node, of: "`purposes`", what), [])
        }
        guard let both = self.section(node, of: "`purposes`", keys: ["all", "any"]) else {
            return ([], [])
        }
        if both.members.isEmpty, !both.hasUnknownKeys {
            note(node.place, "\(what) lists no purpose", "name at least one")
        }
        let all = both["all"].map { purposeList($0, of: "`all`", what) } ?? []
        let any = both["any"].map { purposeList($0, of: "`any`", what) } ?? []
        return (all, any)
    }

    private mutating func purposeList(_ node: PolicyNode, of key: String, _ what: String) -> [Int] {
        guard let names = references(node, of: key, to: "purpose", among: purposes) else {
            return []
        }
        if case .sequence(let items) = node.content, items.isEmpty {
            note(node.place, "\(what) lists no purpose", "name at least one")
        }
        return names.compactMap { purposes.firstIndex(of: $0) }
    }

    private mutating func readAudiences(
        _ section: Section, at place: Place, into destination: inout Destination
    ) {
        let names = references(section, "audiences", to: "audience", audiences)
        destination.audiences = names.compactMap { audiences.firstIndex(of: $0) }
        let what = "destination `\(destination.name)`"
        if section["audiences"] != nil, section["identifiers"] == nil {
            note(
                section.keyPlace("audiences"),
                "\(what) is told of audiences but gets no `identifiers`",
                "list the types by which it knows people")
        }
        let hasNoEvents: Bool
        if case .sequence(let items)? = section["events"]?.content {
            hasNoEvents = items.isEmpty
        } else {
            hasNoEvents = section["events"] == nil
        }
        if hasNoEvents, section["audiences"] == nil {
            note(
                section["events"]?.place ?? place,
                "\(what) lists no `events`, so it would get nothing",
                "list at least one, as in `- track: Order Completed`")
        }
    }

    private mutating func readLimits(_ section: Section, into destination: inout Destination) {
        if let node = section["enabled"], let flag = flag(node, of: "`enabled`") {
            destination.isEnabled = flag
        }
        if let node = section["epoch"], let epoch = whole(node, of: "`epoch`", in: 1...1_000_000) {
            destination.epoch = epoch
        }
        if let node = section["sources"] { destination.sources = sources(node) }
        if let node = section["filter"] {
            readsProfile = true
            destination.filter = condition(node, of: "`filter`")
            readsProfile = false
        }
        if let node = section["plans"],
            let word = choice(node, of: "`plans`", among: ["follow", "ignore"])
        {
            destination.followsPlans = word == "follow"
        }
        if let node = section["integration"], let name = text(node, of: "`integration`") {
            destination.integrationName = name
        }
        destination.maximumAgeMicroseconds = section["maximumAge"].flatMap {
            duration($0, of: "`maximumAge`")
        }
        destination.samplePerMillion = section["sample"].flatMap { sample($0) }
        if let node = section["batch"], let size = whole(node, of: "`batch`", in: 1...1_000) {
            destination.batchSize = size
        } else if case .file = destination.connector {
            // A file has no receiver that would have to take a batch apart.
            destination.batchSize = 500
        }
        if let node = section["attempts"], let tries = whole(node, of: "`attempts`", in: 1...100) {
            destination.maximumAttempts = tries
        }
        if let node = section["timeout"], let length = duration(node, of: "`timeout`") {
            if length > 120_000_000 {
                note(node.place, "`timeout` must be at most 120s")
            }
            destination.timeoutMilliseconds = Int(length / 1_000)
        }
    }

    mutating func sources(_ node: PolicyNode) -> [String]? {
        if case .scalar("all", _) = node.content { return nil }
        guard let names = texts(node, of: "`sources`") else { return nil }
        if names.isEmpty {
            note(node.place, "`sources` lists none", "write `all`, or disable the destination")
        }
        return names
    }

    /// `10%`, exactly, in millionths (D4).
    private mutating func sample(_ node: PolicyNode) -> Int? {
        if case .scalar(let text, _) = node.content, text.hasSuffix("%"),
            PolicyScalar.isNumber(String(text.dropLast())),
            let share = Amount(token: Array(text.dropLast().utf8)), share > .zero,
            share <= Amount(100), share.billionths % 100_000 == 0
        {
            return Int(share.billionths / 100_000)
        }
        note(
            node.place,
            "`sample` must be more than 0% and at most 100%, with at most four decimals",
            "write it as in `10%`")
        return nil
    }
}
