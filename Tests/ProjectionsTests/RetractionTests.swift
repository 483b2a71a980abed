import CustomerModel
import PolicyText
import Projections
import Testing

@Suite struct `A retracted link` {
    @Test func `I5, I6: splits its person from there on, and gives the other its own id back`()
        throws
    {
        var history = try History(policy: Policies.shop)
        let first = try history.event(Message.track("x", id: "1", user: "u1"))
        let second = try history.event(Message.track("x", id: "2", anonymous: "a1"))
        try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a1"))
        #expect(history.areOne("user_id:u1", "anonymous_id:a1"))
        let split = history.decide(.retract, "anonymous_id:a1", "user_id:u1")
        #expect(history.profile("user_id:u1")?.id.offset == first)
        #expect(history.profile("anonymous_id:a1")?.id.offset == second)
        // Old ids lead to who has them now, and the past stays what it was.
        #expect(history.profile("p\(second).0")?.identifiers.map(\.value) == ["a1"])
        #expect(history.profile("p\(first).0")?.formerIDs == [])
        #expect(history.areOne("user_id:u1", "anonymous_id:a1", asOf: split - 1))
        #expect(!history.areOne("user_id:u1", "anonymous_id:a1", asOf: split))
        #expect(!history.areOne("user_id:u1", "anonymous_id:a1", asOf: second))
        #expect(
            history.state.lineage(in: 0..<history.next).map(\.kind) == [.merged, .split])
        #expect(history.state.digest() == history.rebuilt().digest())
    }

    @Test func `I5: is not made again by an event that says the same, nor by way of others`()
        throws
    {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.identify(id: "1", user: "u1", traits: #"{"email":"e@x.org"}"#))
        history.decide(.retract, "user_id:u1", "email:E@x.org ")
        let again = try history.event(
            Message.identify(
                id: "2", user: "u1", anonymous: "a1", traits: #"{"email":"e@x.org"}"#))
        #expect(!history.areOne("user_id:u1", "email:e@x.org"))
        // The device stays with the stronger side.
        #expect(history.areOne("user_id:u1", "anonymous_id:a1"))
        #expect(history.profile("user_id:u1")?.refusals.map(\.offset) == [again])
        #expect(history.profile("user_id:u1")?.refusals.map(\.limit) == ["retracted pair"])
        try history.event(
            Message.identify(id: "3", anonymous: "a1", traits: #"{"email":"e@x.org"}"#))
        #expect(!history.areOne("user_id:u1", "email:e@x.org"))
        #expect(history.areOne("user_id:u1", "anonymous_id:a1"))
    }

    @Test func `I5: may be made again once it was lifted, by events from there on`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "a1"))
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        history.decide(.lift, "anonymous_id:a1", "user_id:u1")
        #expect(!history.areOne("user_id:u1", "anonymous_id:a1"))
        let event = try history.event(
            Message.track("x", id: "2", user: "u1", anonymous: "a1"))
        #expect(history.areOne("user_id:u1", "anonymous_id:a1"))
        let evidence = try #require(history.profile("user_id:u1")).evidence
        #expect(evidence.map(\.offset) == [1, event])
        #expect(evidence.map(\.retractedAt) == [2, nil])
        #expect(history.state.barredPairs().map(\.liftedAt) == [3])
        #expect(history.state.digest() == history.rebuilt().digest())
    }

    @Test func `I5: whose person other links hold together stays one, and they are named`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.identify(id: "1", user: "u1", traits: #"{"email":"e@x.org"}"#))
        try history.event(Message.identify(id: "2", user: "u1", anonymous: "a1"))
        let other = try history.event(
            Message.identify(id: "3", anonymous: "a1", traits: #"{"email":"e@x.org"}"#))
        history.decide(.retract, "user_id:u1", "email:e@x.org")
        #expect(history.areOne("user_id:u1", "email:e@x.org"))
        let user = try #require(PersonReference("user_id:u1"))
        let email = try #require(PersonReference("email:e@x.org"))
        #expect(history.state.linkPath(user, email)?.map(\.offset) == [2, other])
        history.decide(.retract, "email:e@x.org", "anonymous_id:a1")
        #expect(!history.areOne("user_id:u1", "email:e@x.org"))
        #expect(history.areOne("user_id:u1", "anonymous_id:a1"))
        #expect(history.state.linkPath(user, email) == nil)
    }

    @Test func `I5: is not put back by an event about the one person that others make of it`()
        throws
    {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.identify(id: "1", user: "u1", traits: #"{"email":"e@x.org"}"#))
        try history.event(Message.track("x", id: "2", user: "u1", anonymous: "a1"))
        try history.event(
            Message.identify(id: "3", anonymous: "a1", traits: #"{"email":"e@x.org"}"#))
        history.decide(.retract, "user_id:u1", "email:e@x.org")
        #expect(history.areOne("user_id:u1", "email:e@x.org"))
        try history.event(
            Message.identify(id: "4", user: "u1", traits: #"{"email":"e@x.org"}"#))
        // Nothing but the device joins the two, whatever the event said of them.
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        #expect(!history.areOne("user_id:u1", "email:e@x.org"))
        #expect(history.state.digest() == history.rebuilt().digest())
    }

    @Test func `I5, R3 (4): tells no more of an event that came before than is still so`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1", anonymous: "a1",
                consent: ["Analytics": true]))
        history.release("warehouse")
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        let sent = try history.deliver("warehouse")
        #expect(sent.map(\.identifiers) == [["user_id"]])
    }

    @Test func `R3(4): does not come back by a rebuild, nor under a candidate`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "a1"))
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        try history.event(Message.track("x", id: "2", user: "u1", anonymous: "a1"))
        let loose = try PolicyFile.read(
            Policies.shop.replacing("{ type: user_id, limit: 1 }", with: "{ type: user_id }"),
            name: "loose")
        for state in [
            history.rebuilt(), history.rebuilt(schedule: .candidate(loose, from: 0)),
        ] {
            let user = try #require(PersonReference("user_id:u1"))
            let device = try #require(PersonReference("anonymous_id:a1"))
            #expect(state.profileID(of: user) != state.profileID(of: device))
            #expect(state.personCount == 2)
        }
    }

    @Test func `C5: gives each side its own consent back`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "1", user: "u1", ["Analytics": true, "Advertising": true]))
        try history.event(Message.preference(id: "2", anonymous: "a1", ["Analytics": false]))
        let joined = try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a1"))
        #expect(history.consent("user_id:u1", "analytics") == "denied")
        #expect(history.consent("anonymous_id:a1", "advertising") == "granted")
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        #expect(history.consent("user_id:u1", "analytics") == "granted")
        #expect(history.consent("anonymous_id:a1", "analytics") == "denied")
        #expect(history.consent("anonymous_id:a1", "advertising") == "unknown")
        #expect(history.consent("user_id:u1", "analytics", asOf: joined) == "denied")
        let order = Message.track("Order Completed", id: "4", user: "u1")
        let alone = try history.event(order)
        #expect(try history.gates(alone, "warehouse") == ["allow"])
    }

    @Test func `I5: divides traits, sums and first sight by what each identifier said`() throws {
        var history = try History(policy: Self.audienced)
        try history.event(Message.identify(id: "1", user: "u1", traits: #"{"plan":"gold"}"#))
        try history.event(Message.identify(id: "2", anonymous: "a1", traits: #"{"plan":"grey"}"#))
        try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a1"))
        #expect(history.profile("user_id:u1")?.traits.map(\.json) == [#""grey""#])
        #expect(history.profile("user_id:u1")?.eventCount == 3)
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        #expect(history.profile("user_id:u1")?.traits.map(\.json) == [#""gold""#])
        #expect(history.profile("anonymous_id:a1")?.traits.map(\.json) == [#""grey""#])
        // The third event was anchored to the user.
        #expect(history.profile("user_id:u1")?.eventCount == 2)
        #expect(history.profile("anonymous_id:a1")?.eventCount == 1)
    }

    private static let audienced = Policies.shop(
        ads: "    audiences: [buyers]",
        audiences: """
            audiences:
              buyers:
                sum: { event: Order Completed, of: properties.revenue, atLeast: 100 }
            """)

    private func order(_ id: String, user: String? = nil, anonymous: String? = nil) -> String {
        Message.track(
            "Order Completed", id: id, user: user, anonymous: anonymous,
            properties: #"{"revenue":60}"#, consent: ["Advertising": true])
    }

    @Test
    func
        `E2, R3(5): takes out of an audience whom it no longer holds, and announces no second entry`()
        throws
    {
        var history = try History(policy: Self.audienced)
        try history.event(
            Message.preference(id: "0", user: "u1", anonymous: "a1", ["Advertising": true]))
        try history.event(Message.preference(id: "00", anonymous: "a1", ["Advertising": true]))
        try history.event(order("1", user: "u1"))
        try history.event(order("2", anonymous: "a1"))
        history.release("ads")
        let told = try history.deliver("ads").compactMap(\.profile)
        #expect(told.count == 1)
        #expect(history.profile("user_id:u1")?.memberships.map(\.audience) == ["buyers"])
        let before = history.next - 1
        let split = history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        // Sixty each: neither buys enough alone.
        let changes = history.state.membershipChanges(in: split..<split + 1)
        #expect(changes.map(\.change) == [.exited, .exited])
        #expect(changes.map(\.reason) == [.identity, .identity])
        #expect(Set(changes.map(\.profile)).count == 2)
        #expect(history.profile("user_id:u1", asOf: before)?.memberships.count == 1)
        #expect(history.profile("user_id:u1", asOf: split)?.memberships == [])
        history.release("ads")
        let exit = MembershipChange.exited.action
        #expect(try history.deliver("ads").map(\.action) == [exit, exit])
        #expect(history.state.digest() == history.rebuilt().digest())
    }

    @Test func `R3(5): who stays in an audience keeps the membership, and who came back enters`()
        throws
    {
        var history = try History(policy: Self.audienced)
        try history.event(
            Message.preference(id: "0", user: "u1", anonymous: "a1", ["Advertising": true]))
        try history.event(Message.preference(id: "00", anonymous: "a1", ["Advertising": true]))
        for id in ["1", "2"] { try history.event(order(id, user: "u1")) }
        for id in ["3", "4"] { try history.event(order(id, anonymous: "a1")) }
        history.release("ads")
        _ = try history.deliver("ads")
        let since = history.profile("user_id:u1")?.memberships.map(\.since)
        let split = history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        let changes = history.state.membershipChanges(in: split..<split + 1)
        #expect(changes.map(\.change) == [.entered])
        #expect(changes.map(\.profile) == [history.profile("anonymous_id:a1")?.id])
        #expect(history.profile("user_id:u1")?.memberships.map(\.since) == since)
        #expect(history.profile("user_id:u1", asOf: split)?.memberships.map(\.since) == since)
        // The destination has both already: it got the identifiers of both.
        history.release("ads")
        #expect(try history.deliver("ads").isEmpty)
    }

    @Test func `I5: sends nobody the identifiers of somebody else, and unsays nothing`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "0", user: "u1", ["Advertising": true, "Analytics": true]))
        let early = Message.track("Order Completed", id: "1", user: "u1", anonymous: "a1")
        try history.event(early)
        history.release("warehouse")
        let sent = try history.deliver("warehouse")
        #expect(sent.map(\.identifiers) == [["user_id", "anonymous_id"]])
        try history.event(
            Message.track("Order Completed", id: "2", user: "u1", anonymous: "a1"))
        history.release("warehouse")
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        #expect(try history.deliver("warehouse").map(\.identifiers) == [["user_id"]])
        // A3: the first was about both of them then.
        let device = try #require(PersonReference("anonymous_id:a1"))
        let user = try #require(PersonReference("user_id:u1"))
        #expect(history.state.disclosures(of: user)?.map(\.isOfFormerPerson) == [false, false])
        #expect(history.state.disclosures(of: device)?.first?.isOfFormerPerson == true)
    }

    @Test func `D1, A2: what was decided before is explained as it was then`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "0", user: "u1", ["Analytics": true]))
        try history.event(Message.preference(id: "1", anonymous: "a1", ["Analytics": false]))
        let event = try history.event(
            Message.track("Order Completed", id: "2", user: "u1", anonymous: "a1"))
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        let explanation = try #require(try history.explain(event, "warehouse"))
        #expect(explanation.agrees)
        #expect(explanation.recorded?.gates == [.consentDenied])
        #expect(explanation.presentProfile == history.profile("user_id:u1")?.id)
    }
}
