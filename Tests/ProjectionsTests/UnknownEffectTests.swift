import CustomerModel
import Projections
import Testing

/// What may have arrived, at a destination that declares whether it may be sent again.
@Suite struct `An effect that may have arrived` {
    private static let asking = Policies.shop(
        warehouse: "    audiences: [gold]",
        audiences: "audiences:\n  gold:\n    trait: { name: plan, is: gold }")
    private static let silent = asking.replacing(
        "file: warehouse.ndjson",
        with: "webhook: { url: \"https://w.example.com/in\", secret: w, unknown: none }")

    private let lane = Lane(destination: "warehouse", epoch: 1)

    private func planned(_ policy: String) throws -> (history: History, event: UInt64) {
        var history = try History(policy: policy)
        let event = try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1", properties: #"{"revenue":5}"#,
                consent: ["Analytics": true]))
        var planned = OffsetBitmap(from: event, to: event + 1)
        planned.set(event)
        history.append(
            PlanRecord(
                id: "plan-1", act: .backfill, destination: "warehouse", epoch: 1,
                slot: Lane.eventSlot, policyVersion: 1, approver: "test", ratePerSecond: nil,
                counts: .init(considered: 1, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                planned: planned))
        #expect(try history.deliver("warehouse", outcome: .unknown).count == 1)
        return (history, event)
    }

    private func settle(
        _ history: inout History, _ effect: UnknownEffect, _ outcome: SettledRecord.Outcome
    ) {
        history.append(
            SettledRecord(
                destination: effect.lane.destination, epoch: effect.lane.epoch,
                slot: effect.lane.slot, at: effect.at, audience: effect.audience,
                profile: effect.profile, plan: effect.isCorrection ? effect.plan : nil,
                outcome: outcome, by: "test"))
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `R1, E7: ends its plan incomplete where nothing takes it up, and is a finding`()
        throws
    {
        var (history, event) = try planned(Self.silent)
        let end = try #require(history.state.duePlanEnds().first)
        #expect(end.outcome == .incomplete && end.counts.unknown == 1)
        let found = try #require(history.state.unknownEffects().first)
        #expect(found.at == event && found.plan == "plan-1" && found.lane == lane)
        history.append(end)
        #expect(history.state.planStatuses().first?.outcome == .incomplete)
        settle(&history, found, .delivered)
        #expect(history.state.unknownEffects().isEmpty)
        #expect(try history.explain(event, "warehouse")?.status == .delivered)
        // What has an end keeps it.
        settle(&history, found, .pending)
        #expect(history.pending("warehouse").isEmpty)
    }

    @Test func `R1, E7: keeps its plan running where it is asked for or sent again`() throws {
        for policy in [
            Self.asking, Self.silent.replacing("unknown: none", with: "unknown: idempotent"),
        ] {
            let history = try planned(policy).history
            #expect(history.state.duePlanEnds().isEmpty)
            #expect(history.state.unknownEffects().isEmpty)
            #expect(history.pending("warehouse").map(\.isUnknown) == [true])
        }
    }

    @Test(arguments: SettledRecord.Outcome.allCases)
    func `E7, E2: a membership is settled, and counts as told only where it arrived`(
        _ outcome: SettledRecord.Outcome
    ) throws {
        var history = try History(policy: Self.silent)
        func says(_ plan: String, _ id: String) throws {
            try history.event(
                Message.identify(
                    id: id, user: "u1", traits: "{\"plan\":\"\(plan)\"}",
                    consent: ["Analytics": true]))
        }
        try says("gold", "1")
        history.release("warehouse")
        #expect(try history.deliver("warehouse", outcome: .unknown).map(\.action) == [.entered])
        let found = try #require(history.state.unknownEffects().first)
        #expect(found.audience == "gold" && found.profile != nil)
        settle(&history, found, outcome)
        #expect(history.state.unknownEffects().isEmpty)
        #expect(history.pending("warehouse").count == (outcome == .pending ? 1 : 0))
        try says("free", "2")
        history.release("warehouse")
        let sent = try history.deliver("warehouse").map(\.action)
        #expect(sent == (outcome == .delivered ? [.exited] : []))
    }

    @Test func `E7, E3: a retraction is settled by its plan`() throws {
        var history = try History(policy: Self.silent)
        let event = try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1", properties: #"{"revenue":5}"#,
                consent: ["Analytics": true]))
        history.release("warehouse")
        _ = try history.deliver("warehouse")
        try history.event(Message.preference(id: "no", user: "u1", ["Analytics": false]))
        history.planCorrections("plan-1", "warehouse", retract: [event])
        #expect(try history.deliver("warehouse", outcome: .unknown).map(\.action) == [.retract])
        #expect(history.state.duePlanEnds().map(\.outcome) == [.incomplete])
        let found = try #require(history.state.unknownEffects().first)
        #expect(found.isCorrection && found.plan == "plan-1")
        settle(&history, found, .delivered)
        #expect(history.state.unknownEffects().isEmpty)
        #expect(history.state.lateDenials(attempts: 0..<100).isEmpty)
    }
}
