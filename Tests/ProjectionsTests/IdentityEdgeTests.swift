import CustomerModel
import JSONText
import Projections
import Testing

/// Where one rule of identity ends and another begins.
@Suite struct `Identity at its edges` {
    private static let day: Int64 = 86_400_000_000

    @Test func `I1: a link names the event that made it, and the rule`() throws {
        var history = try History(policy: Policies.shop)
        let seen = try history.event(Message.track("x", id: "1", user: "u1", anonymous: "a1"))
        let alias = try history.event(
            #"{"type":"alias","messageId":"2","userId":"u1","previousId":"a2"}"#)
        let evidence = try #require(history.profile("user_id:u1")).evidence
        #expect(evidence.map(\.second.text) == ["anonymous_id:a1", "anonymous_id:a2"])
        #expect(evidence.map(\.rule) == ["event", "alias"])
        #expect(evidence.map(\.offset) == [seen, alias])
        #expect(evidence.map(\.policyVersion) == [1, 1])
    }

    @Test func `I2: of three identifiers the weakest goes, and the others stay together`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "tablet"))
        let event = try history.event(
            Message.identify(
                id: "2", user: "u2", anonymous: "tablet", traits: #"{"email":"e@x.org"}"#))
        #expect(history.areOne("user_id:u2", "email:e@x.org"))
        #expect(history.areOne("user_id:u1", "anonymous_id:tablet"))
        let refused = history.state.refusedLinks(of: nil, limit: 10)
        #expect(refused.map(\.identifier.text) == ["anonymous_id:tablet"])
        #expect(refused.map(\.offset) == [event])
    }

    @Test func `I6: a merge keeps the older id though it comes from the smaller side`() throws {
        var history = try History(policy: Policies.shop)
        let older = try history.event(Message.track("x", id: "1", anonymous: "a1"))
        let younger = try history.event(
            Message.identify(
                id: "2", user: "u1", anonymous: "a2", traits: #"{"email":"e@x.org"}"#))
        let merge = try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a1"))
        let person = try #require(history.profile("user_id:u1"))
        #expect(person.id == ProfileID(offset: older, ordinal: 0))
        #expect(person.formerIDs == [ProfileID(offset: younger, ordinal: 0)])
        let lineage = history.state.lineage(in: 0..<history.next)
        #expect(lineage.map(\.kind) == [.merged] && lineage.map(\.offset) == [merge])
        #expect(lineage.map(\.profile) == [person.id])
        #expect(lineage.map(\.other) == person.formerIDs)
        #expect(history.profile("p\(younger).0")?.id == person.id)
    }

    @Test func `I6: identifiers of one event have births of their own`() throws {
        var history = try History(policy: Policies.shop)
        let event = try history.event(Message.track("x", id: "1", user: "u1", anonymous: "a1"))
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        #expect(history.profile("user_id:u1")?.id == ProfileID(offset: event, ordinal: 0))
        #expect(history.profile("anonymous_id:a1")?.id == ProfileID(offset: event, ordinal: 1))
        #expect(history.profile("p\(event).1")?.identifiers.map(\.value) == ["a1"])
    }

    private static let oneDeviceAWeek = Policies.shop.replacing(
        "{ type: anonymous_id, limit: 5 }", with: "{ type: anonymous_id, limit: 1, window: 7d }")

    @Test(arguments: [(-1, false), (0, true)] as [(Int64, Bool)])
    func `I2: a link counts for less than its window, and no longer`(
        _ after: Int64, _ isRoom: Bool
    ) throws {
        var history = try History(policy: Self.oneDeviceAWeek)
        let start = history.clock
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "a1"))
        history.clock = start + 7 * Self.day + after
        try history.event(Message.track("x", id: "2", user: "u1", anonymous: "a2"))
        #expect(history.areOne("user_id:u1", "anonymous_id:a2") == isRoom)
    }

    @Test func `I2: a link that a client dates to the future is as old as its receipt`() throws {
        var history = try History(policy: Self.oneDeviceAWeek)
        let start = history.clock
        let stamp = Timestamp(microseconds: start + 30 * Self.day)
        try history.event(
            Message.track(
                "x", id: "1", user: "u1", anonymous: "a1", more: ",\"timestamp\":\"\(stamp)\"")
        )
        history.clock = start + 8 * Self.day
        try history.event(Message.track("x", id: "2", user: "u1", anonymous: "a2"))
        #expect(history.areOne("user_id:u1", "anonymous_id:a2"))
    }

    @Test func `I2: what is left of an event is matched again, until its limits hold`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.identify(
                id: "1", user: "u1", anonymous: "tablet", traits: #"{"email":"e@x.org"}"#))
        let event = try history.event(
            Message.identify(
                id: "2", user: "u2", anonymous: "tablet", traits: #"{"email":"e@x.org"}"#))
        #expect(!history.areOne("user_id:u2", "email:e@x.org"))
        #expect(history.areOne("user_id:u1", "email:e@x.org"))
        let refused = history.state.refusedLinks(of: nil, limit: 10)
        #expect(
            Set(refused.map(\.identifier.text)) == ["anonymous_id:tablet", "email:e@x.org"])
        #expect(refused.map(\.offset) == [event, event])
    }

    @Test func `I2: a link that a late event says again is no older for it`() throws {
        var history = try History(policy: Self.oneDeviceAWeek)
        let start = history.clock
        try history.event(
            Message.identify(id: "1", anonymous: "a1", traits: #"{"email":"e@x.org"}"#))
        // It happened six days before, and brings the two to somebody else.
        let stamp = Timestamp(microseconds: start - 6 * Self.day)
        try history.event(
            Message.track(
                "x", id: "2", user: "u1", anonymous: "a1", more: ",\"timestamp\":\"\(stamp)\"")
        )
        #expect(history.areOne("user_id:u1", "anonymous_id:a1"))
        history.clock = start + 2 * Self.day
        try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a2"))
        #expect(!history.areOne("user_id:u1", "anonymous_id:a2"))
    }

    private static let burst = Policies.shop.replacing(
        "  block:", with: "  burst: { knownProfiles: 2, within: 1d }\n  block:")

    @Test func `I4: an identifier that links no more links nothing weaker either`() throws {
        var history = try History(policy: Self.burst)
        for user in 1...3 {
            try history.event(
                Message.identify(
                    id: "\(user)", user: "u\(user)", traits: #"{"email":"info@x.org"}"#))
        }
        #expect(history.state.stoppedIdentifiers().map(\.identifier.text) == ["email:info@x.org"])
        try history.event(
            Message.identify(id: "4", anonymous: "a9", traits: #"{"email":"info@x.org"}"#))
        #expect(!history.areOne("email:info@x.org", "anonymous_id:a9"))
        #expect(history.state.refusedLinks(of: nil, limit: 1).map(\.limit) == ["too many people"])
    }

    @Test func `I4: people who have become one since are one`() throws {
        var history = try History(
            policy: Self.burst.replacing(
                "- { type: email",
                with:
                    "- { type: customer_id, limit: 1 }\n    - { type: account_id, limit: 1 }\n    - { type: email"
            ))
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "tablet"))
        for (id, type) in [("2", "customer_id"), ("3", "account_id")] {
            try history.event(
                #"{"type":"track","messageId":"\#(id)","anonymousId":"tablet","event":"x","context":{"externalIds":[{"id":"7","type":"\#(type)","collection":"users","encoding":"none"}]}}"#
            )
        }
        #expect(history.areOne("user_id:u1", "account_id:7"))
        #expect(history.areOne("customer_id:7", "account_id:7"))
        #expect(history.state.stoppedIdentifiers() == [])
    }

    @Test(arguments: [(-1, true), (0, false)] as [(Int64, Bool)])
    func `I4: who was met a whole window ago is met no more`(
        _ after: Int64, _ isStopped: Bool
    ) throws {
        var history = try History(policy: Self.burst)
        let start = history.clock
        for user in 1...2 {
            try history.event(
                Message.track("x", id: "\(user)", user: "u\(user)", anonymous: "kiosk"))
        }
        history.clock = start + Self.day + after
        try history.event(Message.track("x", id: "3", user: "u3", anonymous: "kiosk"))
        #expect(history.state.stoppedIdentifiers().isEmpty != isStopped)
    }

    @Test func `I4, I5: an identifier that links no more is held by its earlier links alone`()
        throws
    {
        var history = try History(policy: Self.burst)
        try history.event(
            Message.identify(id: "0", user: "u1", traits: #"{"email":"e@x.org"}"#))
        for user in 1...3 {
            try history.event(
                Message.track("x", id: "\(user)", user: "u\(user)", anonymous: "kiosk"))
        }
        #expect(history.areOne("email:e@x.org", "anonymous_id:kiosk"))
        try history.event(
            Message.identify(id: "4", anonymous: "kiosk", traits: #"{"email":"e@x.org"}"#))
        history.decide(.retract, "user_id:u1", "anonymous_id:kiosk")
        #expect(!history.areOne("email:e@x.org", "anonymous_id:kiosk"))
    }
}
