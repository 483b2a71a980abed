import CustomerModel
import JSONText
import Projections
import Testing

/// Where one rule of what waits ends and another begins.
@Suite struct `An outbox at its edges` {
    private func started() throws -> History {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        return history
    }

    @Test func `D3: what was decided of each destination stays its own under another order`() throws
    {
        var history = try started()
        try history.event(
            Message.track("Product Viewed", id: "1", user: "u1"))
        // Allowed to the warehouse, not listed for the ads network, which stands first from now on.
        let shop = Policies.shop
        let warehouse = try #require(shop.firstRange(of: "  warehouse:"))
        let ads = try #require(shop.firstRange(of: "  ads:"))
        try history.activate(
            String(shop[..<warehouse.lowerBound] + shop[ads.lowerBound...]))
        history.release("ads")
        #expect(history.pending("ads").isEmpty)
    }

    @Test func `D3: what a stricter policy withholds by now is cancelled`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "c", user: "u1", ["Analytics": true]))
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        try history.activate(
            Policies.shop.replacing(
                "purposes: [analytics]", with: "purposes: [analytics, advertising]"))
        #expect(try history.deliver("warehouse").isEmpty)
        try history.cancel("warehouse")
        #expect(history.pending("warehouse").isEmpty)
        let lane = history.state.laneStatuses().first { $0.lane.destination == "warehouse" }
        #expect(lane?.counts[.cancelled] == 1)
    }

    @Test func `E7: an unknown outcome is that of every member, and no word changes another`()
        throws
    {
        var history = try started()
        for id in ["1", "2", "3"] {
            try history.event(Message.track("Order Completed", id: id, user: "u1"))
        }
        history.release("warehouse")
        #expect(try history.deliver("warehouse", outcome: .unknown).count == 3)
        #expect(history.pending("warehouse").map(\.isUnknown) == [true, true, true])
        #expect(try history.deliver("warehouse", outcome: .rejected).count == 3)
        // Only what is unknown is an operator's to settle.
        history.append(
            SettledRecord(
                destination: "warehouse", epoch: 1, slot: Lane.eventSlot, at: 2, audience: nil,
                profile: nil, plan: nil, outcome: .pending, by: "test"))
        #expect(history.pending("warehouse").isEmpty)
    }

    @Test func `R2: what an event denied itself holds whatever the person grants later`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1",
                consent: ["Analytics": true, "Advertising": false]))
        history.release("warehouse")
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        try history.activate(
            Policies.shop.replacing(
                "purposes: [analytics]", with: "purposes: [analytics, advertising]"))
        guard case .cancel(let decision) = try #require(history.look("warehouse").verdicts.first)
        else {
            Issue.record("an event left for a purpose that it denied")
            return
        }
        #expect(decision.gates == [.consentDenied])
    }

    @Test func `R3 (7): each plan has its own rate`() throws {
        var history = try started()
        let order = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        for (id, rate) in [("slow", 1), ("fast", 100)] {
            history.append(
                PlanRecord(
                    id: id, act: .backfill, destination: "warehouse", epoch: 1,
                    slot: Lane.eventSlot, policyVersion: 1, approver: "test",
                    ratePerSecond: rate,
                    counts: .init(
                        considered: 0, allowed: 0, alreadyTold: 0, deniedNow: 0, planned: 0),
                    planned: OffsetBitmap(from: order, to: order + 1)))
        }
        #expect(history.state.planRate("slow") == 1 && history.state.planRate("fast") == 100)
        #expect(history.state.planRate("other") == nil)
    }

    @Test func `A3: what was told of both is told to each after a split`() throws {
        var history = try History(policy: Policies.shop)
        let order = try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1", anonymous: "a1",
                consent: ["Analytics": true]))
        history.release("warehouse")
        _ = try history.deliver("warehouse")
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        for (person, isFormer) in [("user_id:u1", false), ("anonymous_id:a1", true)] {
            let known = try #require(PersonReference(person))
            let told = try #require(history.state.disclosures(of: known))
            #expect(told.map(\.at) == [order], "\(person)")
            #expect(told.map(\.isOfFormerPerson) == [isFormer], "\(person)")
        }
    }
}
