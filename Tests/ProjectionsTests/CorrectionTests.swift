import CustomerModel
import JSONText
import Projections
import Testing

/// What was told and should not stand is amended or retracted, and never told as something new.
@Suite struct `A correction` {
    private let narrower = Policies.shop.replacing(
        "properties: [order_id, revenue]", with: "properties: [order_id]")

    /// A warehouse that was told of two orders of somebody who agreed.
    private func told(after message: String? = nil) throws -> (history: History, orders: [UInt64]) {
        var history = try History(policy: Policies.shop)
        if let message { try history.event(message) }
        let orders = try ["1", "2"].map { id in
            try history.event(
                Message.track(
                    "Order Completed", id: id, user: "u1",
                    properties: #"{"order_id":"o\#(id)","revenue":5}"#,
                    consent: ["Analytics": true]))
        }
        history.release("warehouse")
        #expect(try history.deliver("warehouse").count == 2)
        return (history, orders)
    }

    private func json(_ outgoing: Outgoing) throws -> JSONValue {
        try JSONValue(parsing: outgoing.body)
    }

    private func deny(_ history: inout History, _ id: String = "no") throws {
        try history.event(Message.preference(id: id, user: "u1", ["Analytics": false]))
    }

    private func isAmend(_ need: CorrectionNeed?) -> Bool {
        if case .amend? = need { return true }
        return false
    }

    @Test func `E3: is of what was delivered, and not of what may have been`() throws {
        var history = try History(policy: Policies.shop)
        let order = try history.event(
            Message.track("Order Completed", id: "1", user: "u1", consent: ["Analytics": true]))
        history.release("warehouse")
        _ = try history.deliver("warehouse", outcome: .unknown)
        try deny(&history)
        #expect(try history.correctionNeeds("warehouse").isEmpty)
        history.planCorrections("p", "warehouse", retract: [order])
        #expect(history.pending("warehouse").allSatisfy { $0.plan == nil })
    }

    @Test func `E3: is needed only where the body differs or the event is withheld`() throws {
        var (history, orders) = try told()
        for need in try history.correctionNeeds("warehouse").values {
            guard case .none = need else {
                Issue.record("nothing changed, and it would be corrected: \(need)")
                continue
            }
        }
        try history.activate(narrower)
        #expect(try orders.allSatisfy { isAmend(try history.correctionNeeds("warehouse")[$0]) })
        try deny(&history)
        for need in try history.correctionNeeds("warehouse").values {
            guard case .retract(let reasons) = need else {
                Issue.record("a denied event would not be retracted: \(need)")
                continue
            }
            #expect(reasons.gates == [.consentDenied])
        }
    }

    @Test func `E3, R3 (11): an amendment names plan and effect, and is no event`() throws {
        var (history, orders) = try told()
        let first = try history.attempt(at: history.next - 2).members[0].key
        try history.activate(narrower)
        history.planCorrections("plan-1", "warehouse", amend: [orders[0]])
        let sent = try history.deliver("warehouse")
        #expect(sent.map(\.action) == [.amend])
        let body = try json(try #require(sent.first))
        #expect(body["type"]?.string == "correction")
        #expect(body["correction"]?.string == "amend")
        #expect(body["plan"]?.string == "plan-1")
        #expect(body["corrects"]?.string == first.hex)
        #expect(body["id"]?.string != first.hex)
        #expect(body["effect"]?["id"]?.string == first.hex)
        #expect(body["effect"]?["properties"] == ["order_id": "o1"])
        // It is what the destination holds now: nothing is left to amend but the other order.
        let needs = try history.correctionNeeds("warehouse")
        guard case CorrectionNeed.none? = needs[orders[0]] else {
            Issue.record("it was amended and would be again")
            return
        }
        #expect(isAmend(needs[orders[1]]))
        #expect(history.state.duePlanEnds().map(\.outcome) == [.complete])
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `E3: a retraction carries keys and ids, and nothing of the event`() throws {
        var (history, orders) = try told(
            after: Message.identify(id: "who", user: "u1", traits: #"{"email":"a@x.org"}"#))
        // Identifiers that the destination gets today and was never told: one was known at the event.
        try history.activate(
            Policies.shop.replacing(
                "identifiers: [user_id, anonymous_id]",
                with: "identifiers: [user_id, anonymous_id, email]"))
        try history.event(Message.track("x", id: "learned", user: "u1", anonymous: "a1"))
        try deny(&history)
        history.planCorrections("plan-1", "warehouse", retract: orders)
        let sent = try history.deliver("warehouse")
        #expect(sent.count == 2)
        for item in sent {
            #expect(item.action == .retract && item.fields.isEmpty && item.consent == nil)
            let body = try json(item)
            #expect(
                body.object?.map(\.key) == [
                    "id", "type", "correction", "plan", "corrects", "messageId", "identifiers",
                ])
            #expect(body["identifiers"] == ["user_id": "u1"])
        }
        #expect(try history.correctionNeeds("warehouse").isEmpty, "nothing is there any more")
        #expect(history.pending("warehouse").isEmpty)
        let why = try #require(try history.explain(orders[0], "warehouse"))
        #expect(why.status == .delivered, "what was told stays told (R2)")
        #expect(why.attempts.map(\.correction) == [nil, .retract])
    }

    @Test func `X1: nothing is retracted of somebody who is suppressed`() throws {
        var (history, orders) = try told()
        try deny(&history)
        history.planCorrections("plan-1", "warehouse", retract: orders)
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        for verdict in try history.look("warehouse").verdicts {
            guard case .cancel(let decision) = verdict else {
                Issue.record("something would be sent about a suppressed person")
                continue
            }
            #expect(decision.gates == [.suppressed])
        }
    }

    @Test func `R2: an amendment of what is denied meanwhile is not sent`() throws {
        var (history, orders) = try told()
        try history.activate(narrower)
        history.planCorrections("plan-1", "warehouse", amend: orders)
        try deny(&history)
        #expect(try history.deliver("warehouse").isEmpty)
        try history.cancel("warehouse")
        #expect(history.pending("warehouse").isEmpty)
        #expect(history.state.planStatuses()[0].counts == [.superseded: 2])
    }

    @Test func `E6: a retraction is dropped when the person agrees again first`() throws {
        var (history, orders) = try told()
        try deny(&history)
        history.planCorrections("plan-1", "warehouse", retract: orders)
        try history.event(Message.preference(id: "yes", user: "u1", ["Analytics": true]))
        #expect(try history.deliver("warehouse").isEmpty)
    }

    @Test func `R3 (6): an older plan never overwrites what a newer one told`() throws {
        var (history, orders) = try told()
        try history.activate(narrower)
        history.planCorrections("old", "warehouse", amend: [orders[0]])
        // Another version comes before it was sent: its body is not what was approved.
        try history.activate(Policies.shop)
        #expect(try history.deliver("warehouse").isEmpty)
        try history.cancel("warehouse")
        #expect(history.state.planStatuses()[0].counts == [.superseded: 1])
    }

    @Test func `R3 (6): a plan that was parked corrects nothing that a later one told`() throws {
        var (history, orders) = try told()
        try deny(&history)
        history.planCorrections("old", "warehouse", retract: [orders[0]])
        #expect(try history.deliver("warehouse", outcome: nil).count == 1)
        history.append(
            ReceiptRecord(
                attempt: history.next - 1, outcome: .retry, status: 503,
                retryAfterMilliseconds: nil, reason: "test",
                settled: Timestamp(microseconds: history.clock), exceptions: [], parked: true))
        try history.event(Message.preference(id: "yes", user: "u1", ["Analytics": true]))
        try history.activate(narrower)
        history.planCorrections("new", "warehouse", amend: [orders[0]])
        #expect(try history.deliver("warehouse").map(\.action) == [.amend])
        try deny(&history, "no again")
        history.append(OperatorRecord(act: .redrive, subject: "warehouse", by: "test"))
        #expect(history.pending("warehouse").map(\.plan) == ["old"])
        #expect(try history.deliver("warehouse").isEmpty)
    }

    @Test func `E3: each plan's correction of one event has a key of its own`() throws {
        var (history, orders) = try told()
        var keys: Set<String> = [try history.attempt(at: history.next - 2).members[0].key.hex]
        for (plan, policy) in [("plan-1", narrower), ("plan-2", Policies.shop)] {
            try history.activate(policy)
            history.planCorrections(plan, "warehouse", amend: [orders[0]])
            let sent = try history.deliver("warehouse")
            #expect(sent.map(\.action) == [.amend])
            keys.formUnion(sent.map(\.key.hex))
        }
        #expect(keys.count == 3)
    }

    @Test func `E3, R2: an event is judged at its own time, and what leaves of it today`() throws {
        var (history, _) = try told()
        // The grant has run out since: that it was shared was right.
        history.clock += 40 * 86_400_000_000
        for need in try history.correctionNeeds("warehouse").values {
            guard case .none = need else {
                Issue.record("what was rightly shared would be corrected: \(need)")
                continue
            }
        }
        try history.activate(narrower)
        for need in try history.correctionNeeds("warehouse").values {
            guard case .barred(let reasons) = need else {
                Issue.record("it would be told anew without consent: \(need)")
                continue
            }
            #expect(reasons.gates == [.consentExpired])
        }
    }

    @Test func `R3 (12): an amendment leaves only under the version that it was planned with`()
        throws
    {
        var (history, orders) = try told()
        try history.activate(narrower)
        history.planCorrections("plan-1", "warehouse", amend: [orders[0]])
        // It says the same under another number.
        try history.activate(narrower.replacing("policy: test", with: "policy: test2"))
        #expect(isAmend(try history.correctionNeeds("warehouse")[orders[1]]))
        #expect(try history.deliver("warehouse").isEmpty)
    }

    @Test func `R3 (2): what was never delivered, or is being corrected, is not taken up`() throws {
        var (history, orders) = try told()
        let never = try history.event(Message.order("3"))
        try history.activate(narrower)
        history.planCorrections("plan-1", "warehouse", amend: orders + [never])
        history.planCorrections("plan-2", "warehouse", retract: orders)
        #expect(history.pending("warehouse").map(\.plan) == ["plan-1", "plan-1"])
        #expect(history.state.planStatuses()[1].counts == [.cancelled: 2])
    }

    @Test func `R3 (13): a plan with a correction that is parked ends incomplete`() throws {
        var (history, orders) = try told()
        try deny(&history)
        history.planCorrections("plan-1", "warehouse", retract: orders)
        #expect(try history.deliver("warehouse", outcome: .unknown).count == 2)
        #expect(history.state.duePlanEnds().isEmpty, "it runs while an outcome is unknown")
        #expect(history.pending("warehouse").allSatisfy { $0.isUnknown })
        #expect(try history.deliver("warehouse", outcome: nil).count == 2)
        history.append(
            ReceiptRecord(
                attempt: history.next - 1, outcome: .retry, status: 503,
                retryAfterMilliseconds: nil, reason: "test",
                settled: Timestamp(microseconds: history.clock), exceptions: [], parked: true))
        #expect(history.state.duePlanEnds().map(\.outcome) == [.incomplete])
        // The same keys, whatever the try.
        history.append(OperatorRecord(act: .redrive, subject: "warehouse", by: "test"))
        #expect(history.pending("warehouse").count == 2)
    }

    @Test func `P2: a checkpoint keeps corrections`() throws {
        var (history, orders) = try told()
        try deny(&history)
        history.planCorrections("plan-1", "warehouse", retract: [orders[0]])
        _ = try history.deliver("warehouse", outcome: .unknown)
        let restored = try FoldState(
            canonicalBytes: history.state.canonicalBytes(), key: History.key)
        #expect(restored.digest() == history.state.digest())
        var copy = restored
        #expect(
            copy.pendingEffects(
                in: Lane(destination: "warehouse", epoch: 1), limit: 10, skipping: { _ in false }
            ) == history.pending("warehouse"))
    }
}
