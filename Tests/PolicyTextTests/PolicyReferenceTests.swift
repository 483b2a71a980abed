import CustomerModel
import Foundation
import PolicyText
import Testing

@Suite struct `The reference's example` {
    /// The policy in the doc comment of ``PolicyFile``, so that it cannot go stale.
    private func example() throws -> Policy {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let source = try String(
            contentsOf: root.appending(path: "Sources/PolicyText/PolicyFile.swift"), encoding: .utf8
        )
        let parts = source.components(separatedBy: "/// ```")
        let body = try #require(parts.count == 3 ? parts[1] : nil)
        let lines = body.split(separator: "\n").dropFirst().map { $0.dropFirst(4) }
        return try PolicyFile.read(lines.joined(separator: "\n"), name: "reference")
    }

    private func path(_ text: String) -> FieldPath {
        FieldPath(names: text.split(separator: ".").map(String.init))
    }

    @Test func `gives these identity rules`() throws {
        let identity = try example().identity
        #expect(identity.types.map(\.name) == ["user_id", "email", "crm_id", "anonymous_id"])
        #expect(identity.types.map(\.limit) == [1, 5, nil, 5])
        #expect(
            identity.types.map(\.windowMicroseconds) == [
                nil, 31_449_600_000_000, nil, 604_800_000_000,
            ])
        #expect(identity.types.map(\.normalisation) == [.none, .email, .none, .none])
        #expect(identity.types[2].paths == [path("traits.crmId"), path("properties.crm_id")])
        #expect(
            identity.blocked == [
                BlockedValue(type: nil, match: .allOf("0-")),
                BlockedValue(type: nil, match: .exactly("null")),
                BlockedValue(type: "user_id", match: .prefix("test-")),
                BlockedValue(type: "email", match: .suffix("@example.invalid")),
                BlockedValue(
                    type: "crm_id", match: .pattern(try BlockedPattern("^(test|demo)[0-9]*$"))),
            ])
        #expect(identity.reviewAbove == 100)
        #expect(
            identity.burst == BurstRule(knownProfiles: 3, withinMicroseconds: 86_400_000_000))
    }

    @Test func `gives these purposes and rules of consent`() throws {
        let policy = try example()
        #expect(policy.name == "shop")
        var rules = ConsentRules(resolution: .strictest, supersedesWeaker: true)
        rules.countryFields = [
            TrustedField(path: path("context.location.country"), sources: ["server"])
        ]
        rules.places.tcf = [path("context.consent.tcf"), path("properties.gdpr_consent")]
        rules.places.gpc = [path("context.gpc")]
        #expect(policy.consent == rules)
        var sale = Purpose(name: "sale", segmentCategories: [])
        sale.signals.tcf = TCFMeaning(
            onConsent: try #require(TCFPurposes(ids: [1, 4])),
            onLegitimateInterest: try #require(TCFPurposes(ids: [7])),
            specialFeatures: try #require(TCFPurposes(ids: [1])))
        sale.signals.gpp = [.sale, .sharing, .targetedAdvertising]
        sale.signals.usPrivacy = .sale
        sale.signals.isCCPASale = true
        sale.signals.defaultCountries = try [#require(CountryCode("us"))]
        #expect(
            policy.purposes == [
                Purpose(
                    name: "analytics", segmentCategories: ["Analytics"],
                    expiresAfterMicroseconds: 33_696_000_000_000, mparticlePurposes: ["analytics"]),
                Purpose(name: "advertising", segmentCategories: ["Advertising"], deniedByGPC: true),
                Purpose(name: "service", segmentCategories: [], basis: .contract), sale,
            ])
        #expect(policy.purposes.map(\.needsConsent) == [true, true, false, true])
    }

    @Test func `gives this destination`() throws {
        let policy = try example()
        #expect(policy.destinations.count == 1)
        var destination = policy.destinations[0]
        #expect(
            destination.tcf
                == TCFUse(
                    vendor: 755, onConsent: try #require(TCFPurposes(ids: [1, 2])),
                    onLegitimateInterest: try #require(TCFPurposes(ids: [7])),
                    specialFeatures: try #require(TCFPurposes(ids: [2]))))
        destination.tcf = nil
        #expect(
            [destination] == [
                Destination(
                    name: "ads", recipient: "Example Ads Inc",
                    connector: .webhook(url: "https://ads.example.com/in", secret: "ads_webhook"),
                    sources: ["web", "shop"], purposes: [1],
                    events: [
                        EventRule(
                            selector: EventSelector(type: .track, name: "Order Completed"),
                            fields: .listed([path("revenue"), path("products")]),
                            context: .listed([path("page.url")]),
                            transformations: [
                                Transformation(
                                    path: path("context.page.url"), act: .truncate(to: 200)),
                                Transformation(
                                    path: path("properties.revenue"), act: .rename(to: "value")),
                                Transformation(
                                    path: path("properties.channel"), act: .set(.text("web"))),
                            ]),
                        EventRule(
                            selector: EventSelector(type: .identify, name: nil),
                            fields: .listed(
                                [path("plan"), path("email"), path("name"), path("phone")]),
                            context: .none,
                            transformations: [
                                Transformation(path: path("traits.email"), act: .hash(.email)),
                                Transformation(path: path("traits.phone"), act: .mask(keep: 2)),
                                Transformation(path: path("traits.name"), act: .drop),
                            ]),
                        EventRule(
                            selector: EventSelector(type: .page, name: nil), fields: .all,
                            context: .none),
                    ],
                    identifiers: ["email"], requiredIdentifiers: ["email"],
                    integrationName: "Example Ads", maximumAgeMicroseconds: 604_800_000_000,
                    samplePerMillion: 100_000,
                    filter: .all([
                        .any([
                            .field(path("type"), .equals(.text("identify"))),
                            .field(path("properties.revenue"), .atLeast(Amount(10))),
                        ]),
                        .not(
                            .field(path("profile.traits.plan"), .equals(.text("internal")))),
                    ]),
                    audiences: [0],
                    batchSize: 100, maximumAttempts: 10, timeoutMilliseconds: 15_000)
            ])
        let ads = try #require(policy.destination(named: "ads"))
        #expect(ads.rule(type: .page, name: "Anything")?.fields == .all)
        #expect(ads.rule(type: .track, name: "Other") == nil)
    }

    @Test func `gives this tracking plan`() throws {
        let plan = try #require(try example().plans.first)
        #expect(plan.name == "web_orders")
        #expect(plan.sources == ["web", "shop"])
        #expect(plan.unplanned == .allow)
        #expect(
            plan.rules.map(\.selector) == [
                EventSelector(type: .track, name: "Order Completed"),
                EventSelector(type: .identify, name: nil),
            ])
        #expect(plan.rules.map(\.violation) == [.withhold, .strip])
        #expect(
            plan.rules[0].schema?.text
                == #"{"type":"object","required":["order_id","revenue"],"properties":{"order_id":{"type":"string","pattern":"^[A-Z0-9-]+$"},"revenue":{"type":"number","minimum":0}}}"#
        )
    }

    @Test func `gives this audience`() throws {
        let audience = try #require(try example().audience(named: "big_spenders"))
        #expect(
            audience.metrics == [
                Metric(
                    selector: EventSelector(type: .track, name: "Order Completed"),
                    measure: .sum(path("properties.revenue")), windowMicroseconds: 2_592_000_000_000
                ),
                Metric(
                    selector: EventSelector(type: .track, name: "Product Viewed"), measure: .count),
            ])
        #expect(
            audience.condition
                == .all([
                    .metric(0, .atLeast(Amount(500))), .metric(1, .moreThan(Amount(3))),
                    .not(.trait(path("plan"), .equals(.text("free")))),
                ]))
    }

    @Test func `has shorthands that mean the same`() throws {
        func filter(_ text: String) throws -> Condition? {
            let policy = PolicySamples.small(
                replacing: "    file:", with: "    filter: \(text)\n    file:")
            return try PolicyFile.read(policy, name: "p").destinations[0].filter
        }
        let field = path("properties.a")
        #expect(
            try filter("{ field: properties.a, atLeast: 1.50, lessThan: 2 }")
                == .all([
                    .field(field, .atLeast(Amount(billionths: 1_500_000_000))),
                    .field(field, .lessThan(Amount(2))),
                ]))
        #expect(
            try filter("[{ field: properties.a, isOneOf: [x, \"1\", 1, true] }]")
                == .all([
                    .field(
                        field, .isOneOf([.text("x"), .text("1"), .number(Amount(1)), .bool(true)]))
                ]))
        #expect(
            try filter("{ any: [{ field: properties.a, present: false }] }")
                == .any([.field(field, .isAbsent)]))
    }

    @Test func `keeps each metric of an audience once`() throws {
        let text = PolicySamples.small(
            replacing: "count: { event: Order Completed, atLeast: 1 }",
            with: "any: [{ count: { event: E, atLeast: 1 } }, { count: { event: E, atLeast: 5 } }]")
        let audience = try PolicyFile.read(text, name: "p").audiences[0]
        #expect(audience.metrics.count == 1)
        #expect(
            audience.condition
                == .any([.metric(0, .atLeast(Amount(1))), .metric(0, .atLeast(Amount(5)))]))
    }
}
