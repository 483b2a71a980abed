import CustomerModel
import Delivery
import EventLog
import JSONText
import Projections
import Testing

@Suite struct `The wait after a failure` {
    @Test(arguments: [
        (1, 1_000), (2, 2_000), (3, 4_000), (8, 128_000), (9, 256_000), (10, 300_000),
        (11, 300_000),
        (1_000_000, 300_000),
    ])
    func `doubles from one second to five minutes`(_ failures: Int, _ milliseconds: Int) {
        let backoff = Backoff.standard
        func delay(_ random: Double) -> Int {
            backoff.delay(failures: failures, retryAfterMilliseconds: nil, random: random)
        }
        #expect(delay(0) == milliseconds)
        #expect(delay(1) == milliseconds / 2)
        #expect(delay(0.5) == milliseconds * 3 / 4)
    }

    @Test func `never waits less than the destination asked for`() {
        let backoff = Backoff.standard
        func delay(_ asked: Int) -> Int {
            backoff.delay(failures: 3, retryAfterMilliseconds: asked, random: 1)
        }
        #expect(delay(0) == 2_000)
        #expect(delay(1_999) == 2_000)
        #expect(delay(60_000) == 60_000)
        #expect(delay(3_600_000) == 3_600_000)
    }
}

@Suite struct `A lane` {
    private let start = Timestamp(microseconds: 1_000_000_000)

    private func later(_ milliseconds: Int) -> Timestamp {
        Timestamp(microseconds: start.microseconds + Int64(milliseconds) * 1_000)
    }

    private func effect(
        _ at: UInt64, plan: String? = nil, tries: Int = 0, unknown: Bool = false,
        last: UInt64? = nil
    ) -> PendingEffect {
        PendingEffect(
            subject: .event(Offset(at)), plan: plan, tries: tries, isUnknown: unknown,
            lastAttempt: last.map { Offset($0) })
    }

    // MARK: Results

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var result: SendResult
        var tries: Int
        var uncertainty = Uncertainty.idempotent
        var parked = false
        var pauses = false
        /// Milliseconds the lane waits, without jitter; 0 for none.
        var wait = 0
    }

    @Test(arguments: [
        Row(testDescription: "delivered", result: SendResult(.delivered, reason: ""), tries: 1),
        Row(
            testDescription: "rejected: nothing is gained by waiting",
            result: SendResult(.rejected, reason: ""), tries: 1),
        Row(
            testDescription: "gone: the destination is paused",
            result: SendResult(.rejected, reason: "", isGone: true), tries: 1, pauses: true),
        Row(
            testDescription: "retry", result: SendResult(.retry, reason: ""), tries: 1, wait: 1_000),
        Row(
            testDescription: "retry with a wish",
            result: SendResult(.retry, reason: "", retryAfterMilliseconds: 7_000), tries: 1,
            wait: 7_000),
        Row(
            testDescription: "the last try but one", result: SendResult(.retry, reason: ""),
            tries: 4,
            wait: 1_000),
        Row(
            testDescription: "the last try: parked", result: SendResult(.retry, reason: ""),
            tries: 5, parked: true, wait: 1_000),
        Row(
            testDescription: "unknown: asked again later", result: SendResult(.unknown, reason: ""),
            tries: 1, wait: 1_000),
        Row(
            testDescription: "unknown at the last try: parked",
            result: SendResult(.unknown, reason: ""), tries: 5, parked: true, wait: 1_000),
        Row(
            testDescription: "unknown at the last try where it is looked up: a redrive would guess",
            result: SendResult(.unknown, reason: ""), tries: 5, uncertainty: .lookup, wait: 1_000),
        Row(
            testDescription: "unknown at the last try where an operator settles it",
            result: SendResult(.unknown, reason: ""), tries: 5, uncertainty: .none, wait: 1_000),
        Row(
            testDescription: "certainly not taken, and where it is looked up: parked",
            result: SendResult(.retry, reason: ""), tries: 5, uncertainty: .lookup, parked: true,
            wait: 1_000),
    ])
    func `E7: takes a result`(_ row: Row) {
        var lane = LaneMachine()
        let verdict = lane.settle(
            row.result, tries: row.tries, maximumAttempts: 5, uncertainty: row.uncertainty,
            at: start, random: 0)
        #expect(verdict == LaneMachine.Verdict(parked: row.parked, pauses: row.pauses))
        #expect(lane.wait(at: start) == row.wait)
        #expect((lane.blockedSince != nil) == (row.wait > 0))
    }

    @Test func `waits longer after each failure and not at all after a success`() {
        var lane = LaneMachine()
        let again = SendResult(.retry, reason: "")
        for wait in [1_000, 2_000, 4_000] {
            _ = lane.settle(
                again, tries: 1, maximumAttempts: 99, uncertainty: .idempotent, at: start, random: 0
            )
            #expect(lane.wait(at: start) == wait)
            #expect(lane.wait(at: later(wait - 1)) == 1)
            #expect(lane.wait(at: later(wait)) == 0)
            #expect(lane.blockedSince == start)
        }
        let done = SendResult(.delivered, reason: "")
        _ = lane.settle(
            done, tries: 1, maximumAttempts: 99, uncertainty: .idempotent, at: later(9), random: 0)
        #expect(lane.wait(at: start) == 0)
        #expect(lane.blockedSince == nil)
        _ = lane.settle(
            again, tries: 1, maximumAttempts: 99, uncertainty: .idempotent, at: start, random: 0)
        #expect(lane.wait(at: start) == 1_000)
    }

    @Test func `stops waiting when nudged`() {
        var lane = LaneMachine()
        lane.hold(LaneHold("the secret is missing"), at: start)
        #expect(lane.wait(at: start) == 5_000)
        lane.nudge()
        #expect(lane.wait(at: start) == 0)
        #expect(lane.hold == LaneHold("the secret is missing"))
        let done = SendResult(.delivered, reason: "")
        _ = lane.settle(
            done, tries: 1, maximumAttempts: 9, uncertainty: .idempotent, at: start, random: 0)
        #expect(lane.hold == nil)
    }

    // MARK: Choices

    @Test
    func `R3 (11): asks for corrections of one kind at a time, and for nothing live with them`() {
        func correction(_ kind: Correction, _ at: UInt64) -> PendingEffect {
            PendingEffect(
                subject: .correction(kind, at: Offset(at), corrects: Offset(at + 1)), plan: "p",
                tries: 0, isUnknown: false, lastAttempt: nil)
        }
        let effects = [
            correction(.amend, 1), correction(.amend, 2), correction(.retract, 3),
            effect(4, plan: "p"),
        ]
        var lane = LaneMachine()
        #expect(lane.choose(from: effects, at: start) == .fresh(Array(effects[..<2])))
        var other = LaneMachine()
        #expect(
            other.choose(from: Array(effects[2...]), at: start) == .fresh(Array(effects[2..<3])))
    }

    @Test func `takes what was never tried together, in order, up to the first that was`() {
        var lane = LaneMachine()
        let effects = [effect(1), effect(2), effect(3, tries: 1, last: 9), effect(4)]
        #expect(lane.choose(from: [], at: start) == .nothing)
        #expect(lane.choose(from: effects, at: start) == .fresh(Array(effects[..<2])))
    }

    @Test func `E5: takes an earlier attempt up again as a whole`() {
        var lane = LaneMachine()
        let effects = [effect(1, tries: 1, last: 9), effect(2), effect(3, tries: 1, last: 9)]
        #expect(lane.choose(from: effects, at: start) == .again(attempt: Offset(9)))
    }

    @Test func `never mixes a plan's effects with others in one request`() {
        var lane = LaneMachine()
        let plan = [effect(1, plan: "p"), effect(2, plan: "p"), effect(3), effect(4, plan: "q")]
        #expect(lane.choose(from: plan, at: start) == .fresh(Array(plan[..<2])))
        var other = LaneMachine()
        let live = [effect(1), effect(2, plan: "p")]
        #expect(other.choose(from: live, at: start) == .fresh([live[0]]))
    }

    @Test func `R3 (9): gives live traffic its turn between a plan's requests`() {
        var lane = LaneMachine()
        let plan = [effect(1, plan: "p")]
        #expect(lane.choose(from: plan, at: start) == .fresh(plan))
        #expect(lane.choose(from: plan, at: start) == .liveFirst)
        #expect(lane.choose(from: [effect(7)], at: start) == .fresh([effect(7)]))
        #expect(lane.choose(from: plan, at: start) == .fresh(plan))
    }

    @Test func `R3 (7): keeps to a plan's rate`() {
        var lane = LaneMachine()
        let plan = (1...5).map { effect($0, plan: "p") }
        #expect(
            lane.choose(from: plan, planRatePerSecond: 2, at: start) == .fresh(Array(plan[..<2])))
        lane.pacePlan(count: 2, ratePerSecond: 2, at: start)
        #expect(lane.planWait(at: start) == 1_000)
        #expect(lane.choose(from: plan, planRatePerSecond: 2, at: later(500)) == .liveFirst)
        #expect(
            lane.choose(from: plan, planRatePerSecond: 2, at: later(1_000))
                == .fresh(Array(plan[..<2])))
    }

    @Test func `E7: looks an unknown outcome up only where the destination can be asked`() {
        let unknown = [effect(1, tries: 1, unknown: true, last: 9)]
        #expect(LaneMachine.mustLookUp(unknown, .lookup))
        #expect(!LaneMachine.mustLookUp(unknown, .idempotent))
        #expect(!LaneMachine.mustLookUp([effect(1, tries: 1, last: 9)], .lookup))
    }

    @Test func `E7: records a lookup as what the destination holds and what it does not`() {
        let keys = (1...3).map { EffectKey(high: 0, low: $0) }
        func receipt(_ found: Set<EffectKey>) -> ReceiptRecord {
            .ofLookup(keys, found: found, attempt: Offset(9), settled: start)
        }
        #expect(receipt(Set(keys)).outcome == .delivered)
        #expect(receipt(Set(keys)).exceptions.isEmpty)
        #expect(receipt([]).outcome == .retry)
        let mixed = receipt([keys[0], keys[2]])
        #expect((0..<3).map(mixed.outcome(ofMember:)) == [.delivered, .retry, .delivered])
    }
}

@Suite struct `A fault point` {
    @Test func `kills at the passage it counts to, at its own place only`() async {
        await confirmation(expectedCount: 1) { killed in
            let faults = FaultPoints(setting: "bytes-sent:2") { killed() }
            faults.pass(.attemptRecorded)
            faults.pass(.bytesSent)
            faults.pass(.receiptPending)
            faults.pass(.bytesSent)
            faults.pass(.bytesSent)
        }
    }

    @Test(arguments: [nil, "", "bytes-sent", "bytes-sent:0", "bytes-sent:x", "other:1"])
    func `does nothing without a setting of its own`(_ setting: String?) async {
        await confirmation(expectedCount: 0) { killed in
            let faults = FaultPoints(setting: setting) { killed() }
            for _ in 0..<3 { for place in FaultPoints.Place.allCases { faults.pass(place) } }
        }
    }
}
