import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections
import Testing

/// What the second look and the attempt's record hold on to, case by case (E5, E6).
@Suite struct `A second look` {
    private static let grant = Message.preference(
        id: "c", user: "u1", ["Analytics": true, "Advertising": true])

    private func order(_ id: String = "o", user: String = "u1") -> String {
        Message.track(
            "Order Completed", id: id, user: user, properties: #"{"order_id":"x","revenue":5}"#)
    }

    private func gates(_ history: History, _ destination: String = "warehouse") throws -> [String] {
        switch try #require(history.look(destination).verdicts.first) {
        case .send: ["allow"]
        case .superseded: ["superseded"]
        case .cancel(let decision): decision.gates.map(\.name)
        }
    }

    @Test func `E5: an attempt names the newest assertion that was relied on`() throws {
        var history = try History(
            policy: Policies.shop.replacing(
                "purposes: [analytics]", with: "purposes: [analytics, advertising]"))
        try history.event(Message.preference(id: "1", user: "u1", ["Analytics": true]))
        let newest = try history.event(
            Message.preference(id: "2", user: "u1", ["Advertising": true]))
        try history.event(order())
        history.release("warehouse")
        let sent = try history.deliver("warehouse")
        #expect(sent.map { $0.consent?.value } == [newest])
        let attempt = try history.attempt(at: history.next - 2)
        #expect(attempt.members.map(\.consent) == [newest])
    }

    @Test func `E5: a membership is told with no identifier that its release did not allow`() throws
    {
        func policy(_ identifiers: String) -> String {
            Policies.shop(
                ads: "    audiences: [buyers]",
                audiences: """
                    audiences:
                      buyers: { count: { event: Order Completed, atLeast: 1 } }
                    """
            ).replacing("identifiers: [email]", with: "identifiers: \(identifiers)")
        }
        var history = try History(policy: policy("[email]"))
        try history.event(
            Message.identify(
                id: "c", user: "u1", traits: #"{"email":"a@x.org"}"#,
                consent: ["Advertising": true]))
        try history.event(order())
        history.release("ads")
        try history.activate(policy("[email, user_id]"))
        let entered = try history.deliver("ads").filter { $0.action == .entered }
        #expect(entered.map(\.identifiers) == [["email"]])
        #expect(
            try entered.map { try JSONValue(parsing: $0.body)["identifiers"] }
                == [["email": "a@x.org"]])
    }

    @Test func `E6, L9: an effect whose own policy is lost is withheld`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.grant)
        let event = try history.event(Message.track("Cart Viewed", id: "1", user: "u1"))
        // The version that a plan was made under cannot be read any more.
        history.losePolicy()
        let lost = history.lose(1, keys: [], kinds: [2])
        var planned = OffsetBitmap(from: 0, to: event + 1)
        planned.set(event)
        history.append(
            PlanRecord(
                id: "p", act: .backfill, destination: "warehouse", epoch: 1, slot: Lane.eventSlot,
                policyVersion: 2, approver: "test", ratePerSecond: nil,
                counts: .init(
                    considered: 1, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                planned: planned))
        try history.activate(
            Policies.shop.replacing("track: Product Viewed", with: "track: Cart Viewed"))
        history.append(
            OperatorRecord(
                act: .acceptLoss, subject: "log", by: "test", note: "test", from: lost.lowerBound,
                to: lost.upperBound))
        #expect(history.pending("warehouse").map(\.offset) == [event])
        #expect(try gates(history) == ["unreadable"])
    }

    @Test func `E6: reads the event's own signal by the policy in force`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.grant)
        // It names categories, and not the one that the next policy asks for.
        try history.event(
            Message.track("Order Completed", id: "1", user: "u1", consent: ["Analytics": true]))
        history.release("warehouse")
        try history.activate(
            Policies.shop.replacing(
                "purposes: [analytics]", with: "purposes: [analytics, advertising]"))
        #expect(try gates(history) == ["consent unknown"])
    }

    @Test func `E6: a membership is cancelled where the identifier that is needed may not leave`()
        throws
    {
        func policy(_ identifiers: String, _ more: String = "") -> String {
            Policies.shop(
                ads: "    audiences: [buyers]" + more,
                audiences: """
                    audiences:
                      buyers: { count: { event: Order Completed, atLeast: 1 } }
                    """
            ).replacing("identifiers: [email]", with: "identifiers: \(identifiers)")
                .replacing(
                    "track: Order Completed\n        properties: [revenue]", with: "page: \"*\"")
        }
        var history = try History(policy: policy("[email]"))
        try history.event(
            Message.identify(
                id: "c", user: "u1", traits: #"{"email":"a@x.org"}"#,
                consent: ["Advertising": true]))
        try history.event(order())
        history.release("ads")
        try history.activate(policy("[email, user_id]", "\n    requires: [user_id]"))
        #expect(history.pending("ads").count == 1)
        #expect(try gates(history, "ads") == ["missing identifier"])
    }

    @Test func `E6, R2: a denial at the very offset of the look was not read by it`() throws {
        for (isBefore, found, outcome) in [
            (false, 1, .delivered), (false, 1, .unknown), (true, 0, .delivered),
        ] as [(Bool, Int, ReceiptOutcome)] {
            var history = try History(policy: Policies.shop)
            try history.event(Self.grant)
            let event = try history.event(order())
            history.release("warehouse")
            let effects = history.pending("warehouse")
            let look = try history.look(effects, "warehouse").offset.value
            #expect(look == history.next)
            let denial = try history.event(
                Message.preference(id: "d", user: "u1", ["Analytics": false]))
            let attempt = history.append(
                AttemptRecord(
                    destination: "warehouse", epoch: 1, recipient: "Warehouse Ltd",
                    slot: Lane.eventSlot, plan: nil, look: isBefore ? look + 1 : look,
                    generation: 1, try: 1, request: "r", bodyDigest: SHA256.of([]), bodyBytes: 0,
                    started: Timestamp(microseconds: history.clock), position: nil,
                    members: [
                        .init(
                            key: EffectKey(high: 1, low: 2), action: .deliver, at: event,
                            digest: SHA256.of([]), policy: 1, consent: nil, fieldSet: 1,
                            identifiers: [])
                    ]))
            history.append(
                ReceiptRecord(
                    attempt: attempt, outcome: outcome, status: 200,
                    retryAfterMilliseconds: nil, reason: "test",
                    settled: Timestamp(microseconds: history.clock), exceptions: [], parked: false))
            #expect(history.state.allFindings().map(\.denial) == (found == 1 ? [denial] : []))
            #expect(history.state.lateDenials(attempts: 0..<1).count == found)
        }
    }
}
