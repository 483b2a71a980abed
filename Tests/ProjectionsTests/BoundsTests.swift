import CustomerModel
import JSONText
import Projections
import Testing

/// What waits, or was tried, when a policy comes that would let out more or other things.
@Suite struct `What waits when a wider policy comes` {
    private static let narrow = policy()

    private static func policy(
        properties: String = "[order_id]", identifiers: String = "[user_id]", more: String = ""
    ) -> String {
        Policies.shop
            .replacing(
                "properties: [order_id, revenue]", with: "properties: \(properties)\(more)"
            )
            .replacing("identifiers: [user_id, anonymous_id]", with: "identifiers: \(identifiers)")
    }

    private static let wide = policy(
        properties: "all", identifiers: "[anonymous_id, user_id]")

    /// One order that a first policy released and that has not left.
    private func waiting(_ policy: String = narrow) throws -> (history: History, order: UInt64) {
        var history = try History(policy: policy)
        let order = try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1", anonymous: "a1",
                properties: #"{"order_id":"o1","mail":"ada@x.org","revenue":5.50}"#,
                consent: ["Analytics": true]))
        history.release("warehouse")
        return (history, order)
    }

    private func properties(_ outgoing: Outgoing?) throws -> String? {
        try JSONValue(parsing: try #require(outgoing).body)["properties"]?.text
    }

    @Test func `E6: it leaves with what both policies send, and says so`() throws {
        var (history, _) = try waiting()
        try history.activate(Self.wide)
        let sent = try history.deliver("warehouse").first
        #expect(try properties(sent) == #"{"order_id":"o1"}"#)
        #expect(sent?.fields == ["properties.order_id"])
        #expect(sent?.identifiers == ["user_id"])
        #expect(sent?.identifierHashes.count == 1)
        #expect(sent?.policyVersion == 2)
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `E6: what comes after the policy leaves by it alone`() throws {
        var (history, _) = try waiting()
        try history.activate(Self.wide)
        _ = try history.deliver("warehouse")
        try history.event(
            Message.track(
                "Order Completed", id: "2", user: "u1", properties: #"{"order_id":"o2","x":1}"#))
        history.release("warehouse")
        #expect(try properties(history.deliver("warehouse").first) == #"{"order_id":"o2","x":1}"#)
    }

    @Test(arguments: [ReceiptOutcome.retry, .unknown])
    func `E5: a retry holds the recorded body, or less of it`(_ outcome: ReceiptOutcome) throws {
        var (history, _) = try waiting(Self.policy(properties: "[order_id, revenue, mail]"))
        try history.activate(Self.policy(properties: "[revenue, order_id]"))
        let first = try history.deliver("warehouse", outcome: outcome)
        #expect(try properties(first.first) == #"{"order_id":"o1","revenue":5.50}"#)
        // Under the same policy, and under one that lets out everything, it is the same bytes.
        #expect(try history.deliver("warehouse", outcome: outcome).map(\.body) == first.map(\.body))
        try history.activate(Self.wide)
        #expect(try history.deliver("warehouse", outcome: outcome).map(\.body) == first.map(\.body))
        // What one policy in between took away does not come back.
        try history.activate(Self.policy(properties: "[revenue]"))
        #expect(
            try properties(history.deliver("warehouse", outcome: outcome).first)
                == #"{"revenue":5.50}"#)
        try history.activate(Self.wide)
        #expect(try properties(history.deliver("warehouse").first) == #"{"revenue":5.50}"#)
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `E6: what one policy hides stays hidden, whichever came first`() throws {
        let masked = Self.policy(
            properties: "[order_id, mail]",
            more: "\n        transform: [{ mask: properties.mail, keep: 5 }]")
        let clear = Self.policy(properties: "[mail, order_id]")
        let hashed = Self.policy(
            properties: "[order_id, mail]",
            more: "\n        transform: [{ hash: properties.mail, normalise: email }]")
        let renamed = Self.policy(
            properties: "[order_id, mail]",
            more: "\n        transform: [{ rename: properties.mail, to: order_id }]")
        for (before, after, expected) in [
            (masked, clear, #"{"order_id":"o1","mail":"***x.org"}"#),
            (clear, masked, #"{"order_id":"o1","mail":"***x.org"}"#),
            (masked, masked, #"{"order_id":"o1","mail":"***x.org"}"#),
            (masked, hashed, #"{"order_id":"o1"}"#),
            // Under one of them the order's id is no order's id.
            (clear, renamed, nil), (renamed, clear, nil), (renamed, masked, nil),
        ] as [(String, String, String?)] {
            var (history, _) = try waiting(before)
            try history.activate(after)
            let sent = try history.deliver("warehouse").first
            #expect(try properties(sent) == expected)
            let fields = expected?.contains("mail") == true ? ["mail", "order_id"] : ["order_id"]
            #expect(sent?.fields == (expected == nil ? [] : fields.map { "properties.\($0)" }))
        }
    }

    @Test func `E6: nothing is set that the older policy did not set`() throws {
        let set = Self.policy(
            properties: "[order_id]",
            more: "\n        transform: [{ set: properties.channel, value: web }]")
        var (history, _) = try waiting()
        try history.activate(set)
        #expect(try properties(history.deliver("warehouse").first) == #"{"order_id":"o1"}"#)
    }

    @Test func `E6: it is cancelled where no identifier is left that the destination needs`() throws
    {
        var (history, _) = try waiting(Self.policy(identifiers: "[anonymous_id]"))
        try history.activate(Self.policy(identifiers: "[user_id]\n    requires: [user_id]"))
        guard case .cancel(let decision)? = try history.look("warehouse").verdicts.first else {
            Issue.record("it would be told of nobody")
            return
        }
        #expect(decision.gates == [.missingIdentifier])
    }

    @Test func `R1, R3 (12): what a plan names keeps to the plan's version`() throws {
        var (history, order) = try waiting(Self.policy(properties: "[revenue]"))
        _ = try history.deliver("warehouse", outcome: .rejected)
        try history.activate(Self.policy(properties: "[order_id, revenue]"))
        var planned = OffsetBitmap(from: 0, to: history.next)
        planned.set(order)
        history.append(
            PlanRecord(
                id: "p", act: .repair, destination: "warehouse", epoch: 1, slot: Lane.eventSlot,
                policyVersion: 2, approver: "test", ratePerSecond: nil,
                counts: PlanRecord.Counts(
                    considered: 1, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                planned: planned))
        // Refused under the first version, so that nobody holds that body; planned under the second.
        try history.activate(Self.wide)
        let sent = try history.deliver("warehouse").first
        #expect(try properties(sent) == #"{"order_id":"o1","revenue":5.50}"#)
        #expect(sent?.identifiers == ["user_id"])
    }

    @Test func `E3, R2: a correction may tell more, where the rules in force allow the event`()
        throws
    {
        var (history, order) = try waiting()
        try history.activate(Self.wide)
        _ = try history.deliver("warehouse")
        guard case .amend? = try history.correctionNeeds("warehouse")[order] else {
            Issue.record("it was told less than the rules in force say")
            return
        }
        history.planCorrections("p", "warehouse", amend: [order])
        let sent = try history.deliver("warehouse").first
        #expect(sent?.action == .amend)
        #expect(sent?.fields == ["properties.mail", "properties.order_id", "properties.revenue"])
    }
}
