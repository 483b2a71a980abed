import CustomerModel
import JSONText
import Projections
import Testing

/// Every gate of D1, alone: an event that passes all but one, and the one that it does not pass.
@Suite struct `D1: a gate` {
    private static let user = "u1"
    private static let order = Message.track(
        "Order Completed", id: "o", user: user, properties: #"{"revenue":50}"#)

    /// What the warehouse's gates say of the last of `events`.
    private func gates(
        _ settings: String = "", plans: String = "", source: String = "web",
        after: [String] = [], envelope: String = "", of event: String = order
    ) throws -> [String] {
        var history = try History(
            policy: Policies.shop(
                warehouse: settings.split(separator: "\n").map { "    \($0)" }
                    .joined(separator: "\n"), audiences: plans))
        try history.event(
            Message.preference(id: "c", user: Self.user, ["Analytics": true, "Advertising": true]))
        for message in after { try history.event(message) }
        let offset = try history.event(event, source: source, envelope: envelope)
        return try history.gates(offset, "warehouse")
    }

    @Test func `lets through what passes them all`() throws {
        #expect(try gates() == ["allow"])
    }

    @Test func `destination disabled`() throws {
        #expect(try gates("enabled: false") == ["destination disabled"])
    }

    @Test func `source not connected`() throws {
        #expect(try gates("sources: [web]") == ["allow"])
        #expect(try gates("sources: [web]", source: "app") == ["source not connected"])
        #expect(try gates("sources: all", source: "app") == ["allow"])
    }

    @Test func `suppressed`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        let event = try history.event(Self.order)
        #expect(try history.gates(event, "warehouse") == ["suppressed"])
    }

    private static let plan = """
        plans:
          web:
            sources: [web]
            events:
              - track: Order Completed
                properties: { properties: { revenue: { type: number, maximum: 10 } } }
        """

    @Test func `tracking plan violation`() throws {
        #expect(try gates(plans: Self.plan) == ["tracking plan violation"])
        #expect(try gates(plans: Self.plan, source: "app") == ["allow"])
        #expect(try gates("plans: ignore", plans: Self.plan) == ["allow"])
        let small = Message.track(
            "Order Completed", id: "o", user: "u1", properties: #"{"revenue":10.0}"#)
        #expect(try gates(plans: Self.plan, of: small) == ["allow"])
    }

    @Test func `P4: what a plan does not name is withheld unless it says otherwise`() throws {
        let view = Message.track("Product Viewed", id: "v", user: "u1")
        #expect(try gates(plans: Self.plan, of: view) == ["tracking plan violation"])
        let allowing = Self.plan.replacing("[web]", with: "[web]\n    unplanned: allow")
        #expect(try gates(plans: allowing, of: view) == ["allow"])
        let holding = Self.plan.replacing("[web]", with: "[web]\n    unplanned: quarantine")
        #expect(try gates("plans: ignore", plans: holding, of: view) == ["tracking plan violation"])
    }

    @Test func `event not listed`() throws {
        #expect(
            try gates(of: Message.track("Other", id: "o", user: "u1")) == ["event not listed"])
    }

    @Test func `filter, over the event, its traits and the profile as of the event`() throws {
        #expect(try gates("filter: { field: properties.revenue, moreThan: 50 }") == ["filter"])
        #expect(try gates("filter: { field: event, startsWith: Order }") == ["allow"])
        let gold = "filter: { field: profile.traits.plan, is: gold }"
        let identify = Message.identify(id: "i", user: "u1", traits: #"{"plan":"gold"}"#)
        #expect(try gates(gold) == ["filter"])
        #expect(try gates(gold, after: [identify]) == ["allow"])
        #expect(
            try gates(
                "filter: { field: profile.traits.plan.tier, atLeast: 2 }",
                after: [Message.identify(id: "i", user: "u1", traits: #"{"plan":{"tier":3}}"#)])
                == ["allow"])
    }

    @Test func `filter, over how long ago a time was`() throws {
        let filter = "filter: { field: properties.since, withinLast: 1d }"
        func order(_ since: String) -> String {
            Message.track(
                "Order Completed", id: "o", user: "u1", properties: "{\"since\":\"\(since)\"}")
        }
        #expect(try gates(filter, of: order("2025-12-31T12:00:00Z")) == ["allow"])
        #expect(try gates(filter, of: order("2025-12-30T12:00:00Z")) == ["filter"])
        #expect(try gates(filter, of: order("2026-02-01T12:00:00Z")) == ["filter"])
    }

    @Test func `consent unknown, denied and expired, each by its own name`() throws {
        var history = try History(policy: Policies.shop)
        let unknown = try history.event(Self.order)
        try history.event(Message.preference(id: "1", user: "u1", ["Analytics": true]))
        history.clock += 31 * 86_400_000_000
        let expired = try history.event(Self.order)
        try history.event(Message.preference(id: "2", user: "u1", ["Analytics": false]))
        let denied = try history.event(Self.order)
        #expect(try history.gates(unknown, "warehouse") == ["consent unknown"])
        #expect(try history.gates(expired, "warehouse") == ["consent expired"])
        #expect(try history.gates(denied, "warehouse") == ["consent denied"])
    }

    @Test func `consent of purposes any of which is enough`() throws {
        func decide(_ consent: [String: Bool]) throws -> [String] {
            let policy = Policies.shop.replacing(
                "purposes: [analytics]", with: "purposes: { any: [analytics, advertising] }")
            var history = try History(policy: policy)
            try history.event(Message.preference(id: "c", user: "u1", consent))
            let event = try history.event(Self.order)
            return try history.gates(event, "warehouse")
        }
        #expect(try decide(["Analytics": true]) == ["allow"])
        #expect(try decide(["Analytics": false, "Advertising": true]) == ["allow"])
        #expect(try decide(["Analytics": false]) == ["consent unknown", "consent denied"])
        #expect(try decide([:]) == ["consent unknown"])
    }

    @Test func `integrations switch`() throws {
        let off = Message.track(
            "Order Completed", id: "o", user: "u1", more: #","integrations":{"warehouse":false}"#)
        #expect(try gates(of: off) == ["integrations switch"])
        let only = Message.track(
            "Order Completed", id: "o", user: "u1",
            more: #","integrations":{"All":false,"warehouse":true}"#)
        #expect(try gates(of: only) == ["allow"])
    }

    @Test func `missing identifier`() throws {
        #expect(try gates("requires: [email]") == ["missing identifier"])
    }

    @Test func `too old, and T2: an import no less`() throws {
        let old = Message.track(
            "Order Completed", id: "o", user: "u1", more: #","timestamp":"2025-12-30T23:00:00Z""#)
        #expect(try gates("maximumAge: 1d", of: old) == ["too old"])
        #expect(try gates("maximumAge: 2d", of: old) == ["allow"])
        for envelope in [#","import":true"#, #","import":true,"asIfLive":true"#] {
            #expect(
                try gates(
                    "maximumAge: 1d", envelope: envelope, of: old)
                    == ["too old"])
        }
    }

    @Test func `sampled out, D4: by person and for good`() throws {
        var history = try History(policy: Policies.shop(warehouse: "    sample: 50%"))
        var kept: Set<String> = []
        var out: Set<String> = []
        for round in 0..<3 {
            for number in 0..<200 {
                let user = "s\(number)"
                if round == 0 {
                    try history.event(
                        Message.preference(id: "c\(number)", user: user, ["Analytics": true]))
                }
                let event = try history.event(
                    Message.track("Order Completed", id: "\(round)-\(number)", user: user))
                let gates = try history.gates(event, "warehouse")
                if gates == ["allow"] { kept.insert(user) } else { out.insert(user) }
                #expect(gates == ["allow"] || gates == ["sampled out"])
            }
        }
        #expect(kept.isDisjoint(with: out))
        #expect((70...130).contains(kept.count))
    }

    @Test func `unreadable`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        try history.unreadable(like: Self.order)
        let event = try history.event(Self.order)
        #expect(try history.gates(event, "warehouse") == ["unreadable"])
    }

    @Test func `fails beside every other, in order`() throws {
        let settings = """
            enabled: false
            sources: [app]
            requires: [email]
            maximumAge: 1d
            sample: 0.0001%
            filter: { field: profile.traits.plan, is: gold }
            """
        let event =
            #"{"type":"track","messageId":"1","userId":"u1","event":"Other","properties":{},"timestamp":"2020-01-01T00:00:00Z","integrations":{"All":false},"context":{"consent":{"categoryPreferences":{"Analytics":false}}}}"#
        #expect(
            try gates(settings, plans: Self.plan, of: event)
                == [
                    "destination disabled", "source not connected", "tracking plan violation",
                    "event not listed", "filter", "consent denied", "integrations switch",
                    "missing identifier", "too old", "sampled out",
                ])
    }
}

@Suite struct `A profile field` {
    private static let policy = Policies.shop(
        ads: "    filter: { field: profile.traits.plan, is: gold }")

    @Test func `D1, A2: is read as of the event, whatever is learned later`() throws {
        var history = try History(policy: Self.policy)
        try history.event(Message.preference(id: "c", user: "u1", ["Advertising": true]))
        try history.event(Message.identify(id: "i", user: "u1", traits: #"{"plan":"free"}"#))
        let free = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        try history.event(Message.identify(id: "j", user: "u1", traits: #"{"plan":"gold"}"#))
        let gold = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        try history.event(Message.identify(id: "k", user: "u1", traits: #"{"plan":"free"}"#))
        #expect(try history.gates(free, "ads") == ["filter"])
        #expect(try history.gates(gold, "ads") == ["allow"])
        for offset in [free, gold] {
            #expect(try #require(try history.explain(offset, "ads")).agrees)
        }
        let read = try #require(try history.explain(gold, "ads")).fields
        #expect(read?.tokens == [Array(#""gold""#.utf8)])
    }

    @Test func `D1: counts the event's own trait`() throws {
        var history = try History(
            policy: Policies.shop(ads: "    filter: { field: profile.traits.plan, is: gold }")
                .replacing(
                    "      - track: Order Completed\n        properties: [revenue]\n",
                    with: "      - identify: {}\n"))
        try history.event(Message.preference(id: "c", user: "u1", ["Advertising": true]))
        let event = try history.event(
            Message.identify(id: "i", user: "u1", traits: #"{"plan":"gold"}"#))
        #expect(try history.gates(event, "ads") == ["allow"])
    }

    @Test func `A2: is the same from the columns and from the history, over random histories`()
        throws
    {
        var seen = 0
        for seed in 0..<40 {
            let history = try RandomHistory(seed: UInt64(seed), length: 200).history
            for (record, _) in history.records where record.kind == 1 {
                let (kept, again) = history.state.profileReadings(at: record.offset)
                #expect(kept == again, "seed \(seed), offset \(record.offset)")
                if kept.contains(where: { $0 != nil }) { seen += 1 }
                let explanation = try history.explain(record.offset, "ads")
                #expect(explanation?.agrees != false, "seed \(seed), offset \(record.offset)")
            }
        }
        #expect(seen > 500)
    }

    @Test func `P1: is kept from its first use on, and simulated from the start`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "c", user: "u1", ["Advertising": true]))
        try history.event(Message.identify(id: "i", user: "u1", traits: #"{"plan":"gold"}"#))
        let before = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        #expect(history.state.profileReadings(at: before).kept == [])
        try history.activate(Self.policy)
        let after = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        #expect(history.state.profileReadings(at: after).kept == [Array(#""gold""#.utf8)])
        #expect(history.rebuilt().digest() == history.state.digest())
        let candidate = history.rebuilt(
            schedule: .candidate(try #require(history.state.policy).policy, from: 0))
        #expect(candidate.allowed("ads", in: 0..<history.next) == [before, after])
    }

    @Test func `an audience is asked live and in a simulation alike`() throws {
        let buyers = """
            audiences:
              buyers:
                count: { event: Product Viewed, atLeast: 2 }
            """
        var history = try History(
            policy: Policies.shop(
                ads: "    filter: { field: profile.audiences, contains: buyers }",
                audiences: buyers))
        try history.event(Message.preference(id: "c", user: "u1", ["Advertising": true]))
        try history.event(Message.track("Product Viewed", id: "v1", user: "u1"))
        let early = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        try history.event(Message.track("Product Viewed", id: "v2", user: "u1"))
        let late = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        #expect(try history.gates(early, "ads") == ["filter"])
        #expect(try history.gates(late, "ads") == ["allow"])
        let candidate = history.rebuilt(
            schedule: .candidate(try #require(history.state.policy).policy, from: 0))
        #expect(candidate.allowed("ads", in: 0..<history.next) == [late])
    }
}
