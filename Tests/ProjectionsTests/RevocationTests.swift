import CustomerModel
import JSONText
import Projections
import Testing

/// Consent taken back at each stage of an event's way, in every way that it can be taken back.
@Suite struct `Consent that is revoked` {
    /// How it is revoked, and which destination then may not have the event.
    enum Way: String, CaseIterable, Sendable {
        case preference, operatorsWord, tcString, gpc, mparticle

        func revoke(_ history: inout History) throws -> UInt64 {
            switch self {
            case .preference:
                try history.event(
                    Message.preference(id: "revoked", user: "u1", ["Advertising": false]))
            case .operatorsWord:
                history.append(
                    ConsentRecord(
                        type: "user_id", value: "u1", granted: [], denied: ["advertising"],
                        by: "test"))
            case .tcString:
                try history.event(
                    #"{"type":"page","messageId":"revoked","userId":"u1","context":{"consent":{"tcf":"\#(TCText.make(purposes: [1, 4], vendors: []))"}}}"#
                )
            case .gpc:
                try history.event(
                    #"{"type":"page","messageId":"revoked","userId":"u1"}"#,
                    envelope: ",\"gpc\":true")
            case .mparticle:
                try history.event(
                    #"{"type":"page","messageId":"revoked","userId":"u1","consent_state":{"ccpa":{"data_sale_opt_out":{"consented":true}}}}"#
                )
            }
        }
    }

    private let agreed = TCText.make(purposes: [1, 4])

    private func started() throws -> History {
        var history = try History(policy: Policies.signals)
        try history.event(
            #"{"type":"page","messageId":"start","userId":"u1","context":{"consent":{"categoryPreferences":{"Advertising":true},"tcf":"\#(agreed)"}}}"#
        )
        return history
    }

    private func expectCancelled(_ history: History) throws {
        let look = try history.look("vendor")
        #expect(!look.verdicts.isEmpty)
        for verdict in look.verdicts {
            guard case .cancel(let decision) = verdict else {
                Issue.record("a denied effect would have left")
                continue
            }
            #expect(decision.gates == [.consentDenied])
        }
    }

    @Test(arguments: Way.allCases)
    func `C1, D1: before an event withholds it`(_ way: Way) throws {
        var history = try started()
        _ = try way.revoke(&history)
        let event = try history.event(Message.order("1"))
        #expect(try history.gates(event, "vendor") == ["consent denied"])
        history.release("vendor")
        #expect(history.pending("vendor").isEmpty)
    }

    @Test(arguments: Way.allCases)
    func `E6: between the decision and the look cancels it`(_ way: Way) throws {
        var history = try started()
        let event = try history.event(Message.order("1"))
        #expect(try history.gates(event, "vendor") == ["allow"])
        history.release("vendor")
        _ = try way.revoke(&history)
        try expectCancelled(history)
        // What was decided stays decided (D1).
        #expect(try history.gates(event, "vendor") == ["allow"])
        #expect(try history.explain(event, "vendor")?.agrees == true)
    }

    @Test(arguments: Way.allCases)
    func `E6: between two tries cancels the second`(_ way: Way) throws {
        var history = try started()
        try history.event(Message.order("1"))
        history.release("vendor")
        #expect(try history.deliver("vendor", outcome: .retry).count == 1)
        _ = try way.revoke(&history)
        try expectCancelled(history)
    }

    @Test(arguments: Way.allCases)
    func `R2: during a backfill cancels what has not left`(_ way: Way) throws {
        var history = try started()
        let event = try history.event(Message.order("1"))
        var planned = OffsetBitmap(from: event, to: event + 1)
        planned.set(event)
        // Never released: the plan alone names it.
        history.append(
            PlanRecord(
                id: "plan-1", act: .backfill, destination: "vendor", epoch: 1,
                slot: Lane.eventSlot, policyVersion: 1, approver: "test", ratePerSecond: nil,
                counts: .init(considered: 1, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                planned: planned))
        #expect(history.pending("vendor").count == 1)
        guard case .send = try #require(history.look("vendor").verdicts.first) else {
            Issue.record("the plan would send nothing even without a denial")
            return
        }
        _ = try way.revoke(&history)
        try expectCancelled(history)
    }

    @Test(arguments: Way.allCases)
    func `R2: after delivery rewrites nothing and withholds what comes`(_ way: Way) throws {
        var history = try started()
        let event = try history.event(Message.order("1"))
        history.release("vendor")
        #expect(try history.deliver("vendor").count == 1)
        let denial = try way.revoke(&history)
        #expect(history.pending("vendor").isEmpty)
        // It opens a finding on what was sent, which a retraction settles.
        let late = history.state.lateDenials(attempts: 0..<history.state.attemptCount)
        #expect(late.map(\.at) == [event] && late.map(\.denial) == [denial])
        let why = try #require(try history.explain(event, "vendor"))
        #expect(why.status == .delivered && why.agrees)
        #expect(why.rederived.isAllow)
        let next = try history.event(Message.order("2"))
        #expect(try history.gates(next, "vendor") == ["consent denied"])
    }

    @Test(arguments: Way.allCases)
    func `R2: after delivery is a finding until it is retracted, or granted again`(_ way: Way)
        throws
    {
        var history = try started()
        let event = try history.event(Message.order("1"))
        history.release("vendor")
        _ = try history.deliver("vendor")
        #expect(history.state.lateDenials(attempts: 0..<100).isEmpty)
        _ = try way.revoke(&history)
        #expect(history.state.lateDenials(attempts: 0..<100).count == 1)
        guard case .retract? = try history.correctionNeeds("vendor")[event] else {
            Issue.record("what is denied since would not be retracted")
            return
        }
        history.planCorrections("plan-1", "vendor", retract: [event])
        #expect(
            history.state.lateDenials(attempts: 0..<100).count == 1, "a plan alone says nothing")
        #expect(try history.deliver("vendor").map(\.action) == [.retract])
        #expect(history.state.lateDenials(attempts: 0..<100).isEmpty)
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test(arguments: Way.allCases)
    func `E6: between the look and the receipt is a finding`(_ way: Way) throws {
        var history = try started()
        try history.event(Message.order("1"))
        history.release("vendor")
        #expect(try history.deliver("vendor", outcome: nil).count == 1)
        let attempt = history.next - 1
        let denial = try way.revoke(&history)
        history.append(
            ReceiptRecord(
                attempt: attempt, outcome: .delivered, status: 200, retryAfterMilliseconds: nil,
                reason: "test", settled: Timestamp(microseconds: history.clock), exceptions: [],
                parked: false))
        #expect(history.state.allFindings().map(\.denial) == [denial])
    }
}
