import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections
import Testing

@Suite struct `An outbox` {
    private func started() throws -> History {
        var history = try History(policy: Policies.shop(audiences: ""))
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        return history
    }

    @Test func `D2: nothing waits before a release names it`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        #expect(history.pending("warehouse").isEmpty)
        let due = history.release("warehouse")
        let release = try #require(due)
        #expect(release.considered == 2)
        #expect(release.allowed.count == 1)
        #expect(history.pending("warehouse").map(\.offset) == [2])
    }

    @Test func `D2: a release is what its record says, and a fold that disagrees sends nothing`()
        throws
    {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        var release = try #require(
            history.state.dueRelease(of: Lane(destination: "warehouse", epoch: 1), from: nil))
        release.digest = Digest256(bytes: [UInt8](repeating: 7, count: 32))
        history.append(release)
        #expect(history.pending("warehouse").isEmpty)
        let lane = history.state.laneStatuses().first { $0.lane.destination == "warehouse" }
        #expect(lane?.disagreements.count == 1)
    }

    @Test func `D3: a policy that allows more of the past sends none of it by itself`() throws {
        var history = try started()
        try history.event(Message.track("Cart Viewed", id: "1", user: "u1"))
        history.release("warehouse")
        try history.activate(
            Policies.shop.replacing("track: Product Viewed", with: "track: Cart Viewed"))
        history.release("warehouse")
        #expect(history.pending("warehouse").isEmpty)
    }

    @Test func `D3: a new destination gets nothing from before it came`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        try history.activate(Policies.shop(adsEpoch: 2))
        let after = try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        history.release("ads", epoch: 2)
        #expect(history.pending("ads", epoch: 2).map(\.offset) == [after])
    }

    @Test func `E1: the key of an event effect does not hold the policy version`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        let before = try history.deliver("warehouse", outcome: .retry)
        try history.activate(Policies.shop.replacing("policy: test", with: "policy: test2"))
        let after = try history.deliver("warehouse", outcome: .retry)
        #expect(before.map(\.key) == after.map(\.key))
        #expect(before.map(\.policyVersion) != after.map(\.policyVersion))
    }

    @Test func `E5: a retry sends the same bytes whatever was learned meanwhile`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        let first = try history.deliver("warehouse", outcome: .retry)
        try history.event(Message.track("x", id: "2", user: "u1", anonymous: "learned-later"))
        let second = try history.deliver("warehouse", outcome: .delivered)
        #expect(first.map(\.body) == second.map(\.body))
        #expect(first.count == 1)
    }

    @Test(arguments: [
        (ReceiptOutcome.delivered, [UInt64]()), (.rejected, []), (.retry, [2]), (.unknown, [2]),
    ])
    func `E7: what waits after each outcome`(_ outcome: ReceiptOutcome, _ waiting: [UInt64]) throws
    {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        _ = try history.deliver("warehouse", outcome: outcome)
        #expect(history.pending("warehouse").map(\.offset) == waiting)
        #expect(history.pending("warehouse").allSatisfy { $0.isUnknown == (outcome == .unknown) })
    }

    @Test func `E7: while no receipt is there nothing is tried again`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        _ = try history.deliver("warehouse", outcome: nil)
        #expect(history.pending("warehouse").isEmpty)
        let lane = Lane(destination: "warehouse", epoch: 1)
        #expect(history.state.openAttempts(in: lane).count == 1)
    }

    @Test func `E7: only the last attempt's receipt settles, and a delivery is for ever`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        _ = try history.deliver("warehouse", outcome: nil)
        let first = history.next - 1
        func receipt(_ outcome: ReceiptOutcome) -> ReceiptRecord {
            ReceiptRecord(
                attempt: first, outcome: outcome, status: nil, retryAfterMilliseconds: nil,
                reason: "test", settled: Timestamp(microseconds: history.clock), exceptions: [],
                parked: false)
        }
        history.append(receipt(.unknown))
        _ = try history.deliver("warehouse", outcome: .delivered)
        history.append(receipt(.retry))
        #expect(history.pending("warehouse").isEmpty)
        let lane = history.state.laneStatuses().first { $0.lane.destination == "warehouse" }
        #expect(lane?.counts[.delivered] == 1)
    }

    @Test func `E7: an earlier attempt's receipt settles nothing while a later one is under way`()
        throws
    {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        func receipt(_ attempt: UInt64, _ outcome: ReceiptOutcome) -> ReceiptRecord {
            ReceiptRecord(
                attempt: attempt, outcome: outcome, status: nil, retryAfterMilliseconds: nil,
                reason: "test", settled: Timestamp(microseconds: history.clock), exceptions: [],
                parked: false)
        }
        _ = try history.deliver("warehouse", outcome: nil)
        let first = history.next - 1
        history.append(receipt(first, .unknown))
        #expect(try history.deliver("warehouse", outcome: nil).count == 1)
        let second = history.next - 1
        history.append(receipt(first, .retry))
        #expect(history.pending("warehouse").isEmpty)
        history.append(receipt(second, .delivered))
        let lane = history.state.laneStatuses().first { $0.lane.destination == "warehouse" }
        #expect(lane?.counts[.delivered] == 1)
    }

    @Test func `R3 (2), R3 (13), L3: a plan that names what nobody knows ends incomplete`() throws {
        var history = try started()
        let event = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        #expect(try history.deliver("warehouse", outcome: .unknown).count == 1)
        history.restore(incarnation: 2)
        history.append(OperatorRecord(act: .resume, subject: "warehouse", by: "test"))
        var planned = OffsetBitmap(from: 0, to: event + 1)
        planned.set(event)
        history.append(
            PlanRecord(
                id: "p", act: .backfill, destination: "warehouse", epoch: 1, slot: Lane.eventSlot,
                policyVersion: 1, approver: "test", ratePerSecond: nil,
                counts: PlanRecord.Counts(
                    considered: 1, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                planned: planned))
        #expect(history.pending("warehouse").isEmpty)
        // Nobody guesses: a planner counts it as told.
        let lane = Lane(destination: "warehouse", epoch: 1)
        #expect(history.state.isTold(event, lane: lane))
        #expect(history.state.duePlanEnds().map(\.outcome) == [.incomplete])
        #expect(history.state.duePlanEnds().map(\.counts.unknown) == [1])
    }

    @Test func `R1: what nothing released is no repair, whatever was tried`() throws {
        var history = try started()
        let event = try history.event(Message.track("Cart Viewed", id: "1", user: "u1"))
        let attempt = history.append(
            AttemptRecord(
                destination: "warehouse", epoch: 1, recipient: "Warehouse Ltd",
                slot: Lane.eventSlot, plan: nil, look: history.next, generation: 1, try: 1,
                request: "r", bodyDigest: SHA256.of([]), bodyBytes: 0,
                started: Timestamp(microseconds: history.clock), position: nil,
                members: [
                    .init(
                        key: EffectKey(high: 1, low: 2), action: .deliver, at: event,
                        digest: SHA256.of([]), policy: 1, consent: nil, fieldSet: 1,
                        identifiers: [])
                ]))
        history.append(
            ReceiptRecord(
                attempt: attempt, outcome: .rejected, status: 400, retryAfterMilliseconds: nil,
                reason: "test", settled: Timestamp(microseconds: history.clock), exceptions: [],
                parked: false))
        #expect(try history.explain(event, "warehouse")?.status == .rejected)
        let lane = Lane(destination: "warehouse", epoch: 1)
        #expect(history.state.repairCandidates(in: 0..<history.next, lane: lane).isEmpty)
    }

    @Test(arguments: [SettledRecord.Outcome.pending, .rejected])
    func `E7, R3 (2): nobody's word makes a delivered effect anything else`(
        _ outcome: SettledRecord.Outcome
    ) throws {
        var history = try started()
        let event = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        _ = try history.deliver("warehouse")
        history.append(
            SettledRecord(
                destination: "warehouse", epoch: 1, slot: Lane.eventSlot, at: event,
                outcome: outcome, by: "test"))
        #expect(history.pending("warehouse").isEmpty)
        #expect(try history.explain(event, "warehouse")?.status == .delivered)
    }

    @Test func `E6: the look reads consent as it is now, whatever it was at the event`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        let denial = try history.event(
            Message.preference(id: "d", user: "u1", ["Analytics": false, "Advertising": false]))
        let look = try history.look("warehouse")
        #expect(look.offset.value > denial)
        guard case .cancel(let decision) = try #require(look.verdicts.first) else {
            Issue.record("a denied effect would have left")
            return
        }
        #expect(decision.gates == [.consentDenied])
    }

    @Test func `E6: the wall clock expires a grant while an effect waits`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        history.clock += 40 * 86_400_000_000
        guard case .cancel(let decision) = try #require(history.look("warehouse").verdicts.first)
        else {
            Issue.record("an expired grant let an effect leave")
            return
        }
        #expect(decision.gates == [.consentExpired])
    }

    @Test func `R2: a late grant releases nothing by itself`() throws {
        var history = try History(policy: Policies.shop)
        let event = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        try history.event(Message.preference(id: "c", user: "u1", ["Analytics": true]))
        history.release("warehouse")
        #expect(history.pending("warehouse").isEmpty)
        #expect(try history.gates(event, "warehouse") == ["consent unknown"])
    }

    @Test func `R3 (2): a plan leaves alone what was told or is on its way`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        try history.event(Message.track("Order Completed", id: "2", user: "u1"))
        try history.event(Message.track("Cart Viewed", id: "3", user: "u1"))
        history.release("warehouse")
        _ = try history.deliver("warehouse", outcome: .delivered)
        var planned = OffsetBitmap(from: 0, to: 5)
        for offset in [2, 3, 4] as [UInt64] { planned.set(offset) }
        history.append(
            PlanRecord(
                id: "p", act: .backfill, destination: "warehouse", epoch: 1, slot: Lane.eventSlot,
                policyVersion: 1, approver: "test", ratePerSecond: nil,
                counts: PlanRecord.Counts(
                    considered: 3, allowed: 3, alreadyTold: 2, deniedNow: 0, planned: 3),
                planned: planned))
        #expect(history.pending("warehouse").map(\.offset) == [4])
        #expect(history.pending("warehouse").map(\.plan) == ["p"])
    }

    @Test func `R3 (13): a plan ends only when everything planned is settled`() throws {
        var history = try started()
        let event = try history.event(Message.track("Product Viewed", id: "1", user: "u1"))
        var planned = OffsetBitmap(from: 0, to: event + 1)
        planned.set(event)
        history.append(
            PlanRecord(
                id: "p", act: .backfill, destination: "warehouse", epoch: 1, slot: Lane.eventSlot,
                policyVersion: 1, approver: "test", ratePerSecond: nil,
                counts: PlanRecord.Counts(
                    considered: 1, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                planned: planned))
        #expect(history.state.duePlanEnds().isEmpty)
        _ = try history.deliver("warehouse", outcome: .unknown)
        #expect(history.state.duePlanEnds().isEmpty)
        _ = try history.deliver("warehouse", outcome: .delivered)
        #expect(history.state.duePlanEnds().map(\.outcome) == [.complete])
    }

    @Test func `E6, X1, R3 (4): what was planned for a suppressed subject does not leave`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        guard case .cancel(let decision) = try #require(history.look("warehouse").verdicts.first)
        else {
            Issue.record("a suppressed subject's effect would have left")
            return
        }
        #expect(decision.gates == [.suppressed])
    }

    @Test func `a paused destination is handed nothing`() throws {
        var history = try started()
        try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        history.append(OperatorRecord(act: .pause, subject: "warehouse", by: "test"))
        #expect(history.pending("warehouse").isEmpty)
        history.append(OperatorRecord(act: .resume, subject: "warehouse", by: "test"))
        #expect(history.pending("warehouse").count == 1)
    }

    @Test func `A3: disclosures follow the present person through a merge`() throws {
        var history = try started()
        try history.event(Message.preference(id: "c2", anonymous: "a1", ["Analytics": true]))
        try history.event(Message.track("Order Completed", id: "1", anonymous: "a1"))
        history.release("warehouse")
        _ = try history.deliver("warehouse")
        try history.event(Message.track("x", id: "2", user: "u1", anonymous: "a1"))
        let person = try #require(PersonReference("user_id:u1"))
        #expect(history.state.disclosures(of: person)?.count == 1)
    }
}

@Suite struct `An audience` {
    private static let big = """
        audiences:
          big:
            sum: { event: Order Completed, of: properties.revenue, within: 2d, atLeast: 100 }
        """
    private static let policy = Policies.shop(ads: "    audiences: [big]", audiences: big)

    private func spend(_ history: inout History, _ amount: String, id: String) throws {
        try history.event(
            Message.track(
                "Order Completed", id: id, user: "u1",
                properties: "{\"revenue\":\(amount),\"order_id\":\"x\"}"))
    }

    private func consenting() throws -> History {
        var history = try History(policy: Self.policy)
        try history.event(
            Message.identify(
                id: "c", user: "u1", traits: #"{"email":"e@x.org"}"#,
                consent: ["Analytics": true, "Advertising": true]))
        return history
    }

    @Test func `D4: sums are exact`() throws {
        var history = try consenting()
        for index in 0..<10 { try spend(&history, "9.99", id: "o\(index)") }
        #expect(history.profile("user_id:u1")?.memberships.isEmpty == true)
        try spend(&history, "0.1", id: "last")
        #expect(history.profile("user_id:u1")?.memberships.map(\.audience) == ["big"])
    }

    @Test func `D4: a sum that does not fit keeps its person out`() throws {
        var history = try consenting()
        try spend(&history, "1e300", id: "o1")
        try spend(&history, "500", id: "o2")
        #expect(history.profile("user_id:u1")?.memberships.isEmpty == true)
    }

    @Test func `T2: only a tick lets a window pass`() throws {
        var history = try consenting()
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        try spend(&history, "150", id: "o1")
        history.clock += 5 * 86_400_000_000
        try history.event(Message.track("x", id: "later", user: "u1"))
        #expect(history.profile("user_id:u1")?.memberships.count == 1)
        let tick = history.append(
            TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        #expect(history.profile("user_id:u1")?.memberships.isEmpty == true)
        let changes = history.state.membershipChanges(in: 0..<history.next)
        #expect(changes.map(\.change) == [.entered, .exited])
        #expect(changes.last?.at == tick)
        #expect(changes.last?.reason == .tick)
    }

    @Test func `L3, E2: an entry that a restore left behind may have been told, so its exit is`()
        throws
    {
        var history = try consenting()
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        try spend(&history, "150", id: "o1")
        history.release("ads")
        #expect(history.pending("ads").count == 2)
        history.restore(incarnation: 2)
        history.append(OperatorRecord(act: .resume, subject: "ads", by: "test"))
        #expect(history.pending("ads").isEmpty)
        history.clock += 5 * 86_400_000_000
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        history.release("ads")
        guard case .send(let outgoing) = try #require(history.look("ads").verdicts.first) else {
            Issue.record("the destination would keep somebody who left")
            return
        }
        #expect(outgoing.action == .exited || outgoing.audience == "big")
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `T2: what an import changed is not sent`() throws {
        var history = try consenting()
        try history.event(
            Message.track(
                "Order Completed", id: "o1", user: "u1", properties: #"{"revenue":500}"#),
            envelope: ",\"import\":true")
        let changes = history.state.membershipChanges(in: 0..<history.next)
        #expect(changes.map(\.reason) == [.imported])
        #expect(history.release("ads")?.memberships.isEmpty == true)
    }

    @Test func `P1: a new audience counts all of history at once`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        try spend(&history, "150", id: "o1")
        try history.activate(Self.policy)
        #expect(history.profile("user_id:u1")?.memberships.map(\.audience) == ["big"])
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `E2: a destination is told of an entry once, and of an exit only after an entry`()
        throws
    {
        var history = try consenting()
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        try spend(&history, "150", id: "o1")
        history.release("ads")
        let told = try history.deliver("ads")
        #expect(told.filter { $0.action == .entered }.count == 1)
        history.clock += 5 * 86_400_000_000
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        history.release("ads")
        let left = try history.deliver("ads")
        #expect(left.map(\.action) == [.exited])
        // Nothing differs from what was told any more.
        #expect(history.pending("ads").isEmpty)
    }

    @Test func `E2: an entry that was undone before it left is superseded`() throws {
        var history = try consenting()
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        try spend(&history, "150", id: "o1")
        history.release("ads")
        history.clock += 5 * 86_400_000_000
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        history.release("ads")
        let verdicts = try history.look("ads").verdicts
        let superseded = verdicts.filter { if case .superseded = $0 { true } else { false } }
        #expect(superseded.count == 2)
    }
}

@Suite struct `A finding` {
    @Test func `E6: a denial between the look and the receipt is found, and one before it cancels`()
        throws
    {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "c", user: "u1", ["Analytics": true]))
        let event = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        history.release("warehouse")
        _ = try history.deliver("warehouse", outcome: nil)
        let attempt = history.next - 1
        let denial = try history.event(
            Message.preference(id: "d", user: "u1", ["Analytics": false]))
        #expect(history.state.allFindings().isEmpty)
        history.append(
            ReceiptRecord(
                attempt: attempt, outcome: .delivered, status: 200, retryAfterMilliseconds: nil,
                reason: "test", settled: Timestamp(microseconds: history.clock), exceptions: [],
                parked: false))
        let findings = history.state.allFindings()
        #expect(findings.map(\.event) == [event])
        #expect(findings.map(\.denial) == [denial])
        #expect(findings.map(\.kind) == [.raceWindow])
    }
}
