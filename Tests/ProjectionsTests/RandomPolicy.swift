/// A random policy from a seed that uses every kind of rule there is, on few purposes and destinations, so
/// that short histories meet them all.
struct RandomPolicy {
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    private mutating func isTrue(oneIn count: Int) -> Bool { random.next(upTo: count) == 0 }
    private mutating func pick(_ choices: [String]) -> String {
        choices[random.next(upTo: choices.count)]
    }

    mutating func text() -> String {
        """
        policy: wide
        identity:
          types:
        \(types())
          block:
            - { only: "0-" }
            - { value: "null" }
            - { prefix: test-, type: anonymous_id }
            - { suffix: "@blocked.org", type: email }
        \(isTrue(oneIn: 3) ? "  reviewAbove: \(3 + random.next(upTo: 3))" : "")
        \(isTrue(oneIn: 3) ? "  burst: { knownProfiles: \(1 + random.next(upTo: 2)), within: \(1 + random.next(upTo: 4))d }" : "")
        consent:
          resolve: \(pick(["strictest", "latest"]))
        \(isTrue(oneIn: 2) ? "  supersedes: weaker" : "")
          country: [{ field: context.country, sources: [server] }, { field: traits.country, sources: [web, server] }]
          places: { gpc: [context.gpc] }
        purposes:
        \(purposes())
        audiences:
        \(audiences())
        destinations:
        \((0..<3).map { destination("d\($0)") }.joined(separator: "\n"))
        """
    }

    private mutating func types() -> String {
        func window(_ days: Int) -> String { days == 0 ? "" : ", window: \(days)d" }
        var types = ["    - { type: user_id, limit: 1 }"]
        let email =
            isTrue(oneIn: 4)
            ? "" : ", limit: \(1 + random.next(upTo: 3))\(window(1 + random.next(upTo: 4)))"
        types.append("    - { type: email, normalise: email\(email) }")
        let crm = isTrue(oneIn: 3) ? ", limit: 2" : ""
        types.append("    - { type: crm_id, paths: [traits.crm]\(crm) }")
        let device =
            isTrue(oneIn: 4)
            ? "" : ", limit: \(2 + random.next(upTo: 2))\(window(random.next(upTo: 4)))"
        types.append("    - { type: anonymous_id\(device) }")
        if isTrue(oneIn: 4) { types.swapAt(1, types.count - 1) }
        return types.joined(separator: "\n")
    }

    private mutating func purposes() -> String {
        func expiry() -> String {
            isTrue(oneIn: 2) ? "" : ", expires: \(1 + random.next(upTo: 5))d"
        }
        let analytics = "segment: [Analytics], mparticle: [analytics]\(expiry())"
        let defaults = isTrue(oneIn: 3) ? ", defaults: { granted: [US] }" : ""
        let segment = isTrue(oneIn: 4) ? "[Advertising, Analytics]" : "[Advertising]"
        let tcf = isTrue(oneIn: 3) ? ", tcf: { purposes: [1, 4] }" : ""
        let sale = isTrue(oneIn: 2) ? ", usPrivacy: [saleOptOut], ccpa: true" : ""
        return """
              analytics: { \(analytics)\(defaults) }
              advertising: { segment: \(segment), deniedByGPC: \(isTrue(oneIn: 4) ? "false" : "true")\(expiry())\(sale)\(tcf) }
              service: { segment: [Service], basis: \(pick(["contract", "consent", "legitimateInterest"])) }
            """
    }

    private mutating func audiences() -> String {
        func days() -> String { "\(1 + random.next(upTo: 4))d" }
        return """
              buyers: { sum: { event: Buy, of: properties.v, within: \(days()), atLeast: \(5 + random.next(upTo: 15)) } }
              viewers: { count: { event: View, within: \(days()), moreThan: \(random.next(upTo: 3)) } }
              loyal:
                all:
                  - count: { event: Buy, atLeast: 2 }
                  - not: { audience: viewers }
              left: { absence: { of: { event: Buy }, after: { event: View }, within: \(days()), over: 9d } }
              quick: { sequence: { steps: [{ event: View }, { event: Buy }], within: \(days()), over: 8d } }
              gold: [{ trait: { name: plan, is: gold } }, { consent: { analytics: \(pick(["granted", "unknown", "denied"])) } }]
              varied: { any: [{ distinct: { event: Buy, of: properties.v, within: \(days()), moreThan: 1 } }, { last: { event: View, olderThan: \(days()) } }] }
            """
    }

    private mutating func destination(_ name: String) -> String {
        let purposes = pick([
            "[analytics]", "[advertising]", "[service]", "[analytics, advertising]",
            "{ all: [service], any: [analytics, advertising] }",
            "{ any: [advertising, analytics] }",
        ])
        var lines = [
            "recipient: Company \(name)", "file: \(name).ndjson", "purposes: \(purposes)",
            "identifiers: [user_id]",
        ]
        // Rules for one name stand above those for all.
        let events = [
            "- track: Buy\n        properties: [v, w.x]", "- track: View\n        properties: all",
            "- track: \"*\"", "- identify: {}\n        traits: [plan]", "- page: Home",
            "- page: \"*\"", "- group: {}",
        ].filter { _ in isTrue(oneIn: 2) }
        lines.append(
            "events:\n"
                + (events.isEmpty ? ["- track: Buy"] : events).map { "      " + $0 }
                .joined(separator: "\n"))
        if isTrue(oneIn: 3) { lines.append("sources: [\(pick(["web", "server", "web, server"]))]") }
        if isTrue(oneIn: 3) {
            lines.append("requires: [\(pick(["email", "user_id", "email, crm_id"]))]")
        }
        if isTrue(oneIn: 8) { lines.append("enabled: false") }
        if isTrue(oneIn: 3) {
            lines.append("tcf: { vendor: 755, purposes: [\(pick(["1", "1, 4"]))] }")
        }
        if isTrue(oneIn: 3) { lines.append("maximumAge: \(2 + random.next(upTo: 40))h") }
        if isTrue(oneIn: 3) { lines.append("integration: Example") }
        if isTrue(oneIn: 2) {
            lines.append(
                "filter: "
                    + pick([
                        "{ field: properties.v, atLeast: 3.5 }",
                        "{ not: { field: properties.v, lessThan: 2 } }",
                        "{ any: [{ field: event, isOneOf: [View, Buy] }, { field: type, is: page }] }",
                        "[{ field: context.country, present: true }, { field: type, startsWith: t }]",
                        "{ field: profile.traits.plan, is: gold }",
                        "{ not: { field: profile.traits.plan, is: gold } }",
                        "{ field: profile.audiences, contains: viewers }",
                        "{ not: { field: profile.audiences, contains: left } }",
                    ]))
        }
        return "  \(name):\n" + lines.map { "    " + $0 }.joined(separator: "\n")
    }
}
