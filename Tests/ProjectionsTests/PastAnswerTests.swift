import CustomerModel
import JSONText
import Projections
import Testing

/// What the fold answers about the past, and about itself (A1, A2, A4).
@Suite struct `An answer about the past` {
    private func granted(_ policy: String = Policies.shop) throws -> History {
        var history = try History(policy: policy)
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        return history
    }

    @Test func `A1, P2: is given under the policy of then`() throws {
        var history = try granted()
        let then = history.next - 1
        let activation = try history.activate(
            Policies.shop.replacing("expires: 30d", with: "expires: 1s"))
        history.clock += 3_600_000_000
        let person = try #require(PersonReference("user_id:u1"))
        for (offset, version, value) in [
            (then, 1, ConsentState.Value.granted), (activation, 2, .expired),
        ] {
            let past = try #require(
                history.state.consent(of: person, asOf: offset, now: history.clock))
            #expect(past.policyVersion == version)
            #expect(past.purposes.first?.state.value == value)
        }
    }

    @Test func `A2: that its record does not bear out is a disagreement`() throws {
        var history = try granted()
        let event = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        let (header, line) = try #require(history.records.first { $0.record.offset == event })
        for (name, agrees) in [("Order Completed", true), ("Cart Viewed", false)] {
            let text = String(decoding: line, as: UTF8.self)
                .replacing("Order Completed", with: name)
            var parser = JSONParser()
            let why = try parser.parse(Array(text.utf8)) {
                history.state.explain(
                    at: event, line: $0, source: header.source, occurred: header.occurred,
                    keys: header.keys, destination: "warehouse")
            }
            #expect(why?.recorded?.isAllow == true)
            #expect(why?.agrees == agrees)
        }
    }

    @Test func `A4, T2: tells of people whom time alone has moved`() throws {
        let audience = """
            audiences:
              big:
                sum: { event: Order Completed, of: properties.revenue, within: 2d, atLeast: 100 }
            """
        var history = try granted(Policies.shop(audiences: audience))
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1", properties: #"{"revenue":150}"#))
        history.clock += 5 * 86_400_000_000
        let tick = history.append(
            TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        let moved = history.state.changedProfiles(in: tick..<tick + 1)
        #expect(moved.map(\.id) == [history.profile("user_id:u1")?.id])
        #expect(moved.first?.memberships.isEmpty == true)
    }

    @Test func `X1: withholds what names a suppressed subject, whoever else it is about`() throws {
        var history = try granted()
        try history.event(Message.track("x", id: "1", user: "u2", anonymous: "tablet"))
        history.append(SuppressionRecord(type: "anonymous_id", value: "tablet", by: "test"))
        // The tablet is another person's, so this event is of u1 alone.
        let event = try history.event(
            Message.track("Order Completed", id: "2", user: "u1", anonymous: "tablet"))
        let next = try history.event(Message.track("Order Completed", id: "3", user: "u1"))
        #expect(!history.areOne("user_id:u1", "anonymous_id:tablet"))
        #expect(try history.gates(event, "warehouse") == ["suppressed"])
        #expect(try history.gates(next, "warehouse") == ["allow"])
    }

    @Test func `X1: a suppressed value is meant as the policy normalises it`() throws {
        var history = try granted()
        history.append(
            SuppressionRecord(type: "email", value: " Ada@Example.org", by: "test"))
        try history.event(
            Message.identify(id: "1", user: "u1", traits: #"{"email":"ada@example.org"}"#))
        let event = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        #expect(try history.gates(event, "warehouse") == ["suppressed"])
    }

    @Test func `T2: a tick never takes time back`() throws {
        var history = try granted()
        let now = history.clock
        history.append(TickRecord(time: Timestamp(microseconds: now), asIfLive: false))
        history.append(TickRecord(time: Timestamp(microseconds: now - 1), asIfLive: false))
        #expect(history.state.projectionTime == now)
    }
}
