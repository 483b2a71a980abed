import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections
import Testing

/// What a release says of who entered an audience: the gates of an event that do not speak of an event.
@Suite struct `A membership's release` {
    private static let audience = """
        audiences:
          buyers: { count: { event: Order Completed, atLeast: 1 } }
        """

    private static func policy(_ ads: String = "", asks: Bool = true, epoch: Int = 1) -> String {
        Policies.shop(
            ads: (asks ? "    audiences: [buyers]\n" : "") + ads, audiences: audience,
            adsEpoch: epoch)
    }

    private static func consent(_ user: String, _ advertising: Bool) -> String {
        Message.preference(id: "c" + user, user: user, ["Advertising": advertising])
    }

    private static func order(_ user: String, id: String = "o") -> String {
        Message.track("Order Completed", id: id + user, user: user)
    }

    private func release(_ history: inout History) throws -> ReleasedRecord {
        let due = history.release("ads")
        return try #require(due)
    }

    private func released(_ history: inout History) -> Int {
        history.release("ads")?.memberships.count ?? 0
    }

    @Test(arguments: [
        ("", true, 1), ("", false, 0), ("    enabled: false", true, 0),
        ("    requires: [email]", true, 0), ("    requires: [user_id]", true, 1),
    ])
    func `D1: names only whom the destination's gates let through`(
        _ ads: String, _ consents: Bool, _ count: Int
    ) throws {
        var history = try History(policy: Self.policy(ads))
        try history.event(Self.consent("u1", consents))
        try history.event(Self.order("u1"))
        #expect(history.profile("user_id:u1")?.memberships.count == 1)
        #expect(released(&history) == count)
    }

    @Test func `D1, R2: is judged as of the change: a later grant releases nothing`() throws {
        var history = try History(policy: Self.policy())
        try history.event(Self.order("u1"))
        try history.event(Self.consent("u1", true))
        try history.event(Self.consent("u2", true))
        try history.event(Self.order("u2"))
        try history.event(Self.consent("u2", false))
        let release = try self.release(&history)
        let second = try #require(history.profile("user_id:u2")).id
        #expect(release.memberships.map(\.profile) == [second])
        // The second look cancels it, since it is denied by now.
        let verdicts = try history.look("ads").verdicts
        #expect(verdicts.allSatisfy { if case .send = $0 { false } else { true } })
    }

    @Test func `X1: names nobody who is suppressed`() throws {
        var history = try History(policy: Self.policy())
        try history.event(Self.consent("u1", true))
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        try history.event(Self.order("u1"))
        #expect(released(&history) == 0)
    }

    @Test func `L9: names nobody of whom something cannot be read`() throws {
        var history = try History(policy: Self.policy())
        try history.event(Self.consent("u1", true))
        try history.event(Self.consent("u2", true))
        history.lose(1, keys: try history.keys(of: Self.order("u1")), kinds: [1])
        for user in ["u1", "u2"] { try history.event(Self.order(user)) }
        let release = try self.release(&history)
        let second = try #require(history.profile("user_id:u2")).id
        #expect(release.memberships.map(\.profile) == [second])
    }

    @Test func `D4: keeps or leaves a person for good, as events do`() throws {
        var history = try History(policy: Self.policy("    sample: 50%"))
        for user in 0..<100 {
            try history.event(Self.consent("u\(user)", true))
            try history.event(Self.order("u\(user)"))
        }
        let release = try self.release(&history)
        #expect((25...75).contains(release.memberships.count))
        let sampled = Set(release.allowed.members.map { history.state.personOf($0) })
        #expect(sampled == Set(release.memberships.map(\.profile)))
    }

    @Test func `D3: a destination that is new is told of nobody from before it came`() throws {
        var history = try History(policy: Self.policy())
        try history.event(Self.consent("u1", true))
        try history.event(Self.order("u1"))
        try history.activate(Self.policy(epoch: 2))
        try history.event(Self.consent("u2", true))
        try history.event(Self.order("u2"))
        let release = history.release("ads", epoch: 2)
        let second = try #require(history.profile("user_id:u2")).id
        #expect(release?.memberships.map(\.profile) == [second])
    }

    @Test func `D3: a policy opens no range again that was closed`() throws {
        var history = try History(policy: Self.policy(asks: false))
        try history.event(Self.consent("u1", true))
        try history.event(Self.order("u1"))
        let closed = try self.release(&history)
        #expect(closed.allowed.count == 1)
        try history.activate(Self.policy())
        let after = try history.event(Self.order("u1", id: "p"))
        let release = try self.release(&history)
        #expect(release.memberships.isEmpty)
        #expect(release.from >= closed.to)
        #expect(release.allowed.members == [after])
    }

    @Test func `D2: what is released is what the record says`() throws {
        var history = try History(policy: Policies.shop)
        let withheld = try history.event(Self.order("u1"))
        try history.event(Self.consent("u1", true))
        let allowed = try history.event(Self.order("u1", id: "p"))
        var release = try #require(
            history.state.dueRelease(of: Lane(destination: "ads", epoch: 1), from: nil))
        #expect(release.allowed.members == [allowed])
        release.allowed.set(withheld)
        history.append(release)
        #expect(history.pending("ads").map(\.offset) == [withheld, allowed])
    }
}

/// What a destination was told of a membership while something else happened (E2).
@Suite struct `A membership that was told` {
    private static func policy(asks: Bool = true) -> String {
        Policies.shop(
            ads: asks ? "    audiences: [buyers]" : "",
            audiences: """
                audiences:
                  buyers: { count: { event: Order Completed, atLeast: 1, within: 2d } }
                """
        ).replacing("identifiers: [email]", with: "identifiers: [user_id, anonymous_id]")
            .replacing(
                "track: Order Completed\n        properties: [revenue]", with: "page: \"*\"")
    }

    /// Two names of one person, who agreed under each of them and entered.
    private func entered() throws -> History {
        var history = try History(policy: Self.policy())
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        try history.event(Message.preference(id: "1", user: "u1", ["Advertising": true]))
        try history.event(Message.preference(id: "2", anonymous: "a1", ["Advertising": true]))
        try history.event(
            Message.track("Order Completed", id: "3", user: "u1", anonymous: "a1"))
        history.release("ads")
        #expect(history.pending("ads").count == 1)
        return history
    }

    private func receipt(
        _ history: History, _ outcome: ReceiptOutcome, parked: Bool = false
    ) -> ReceiptRecord {
        ReceiptRecord(
            attempt: history.next - 1, outcome: outcome, status: nil, retryAfterMilliseconds: nil,
            reason: "test", settled: Timestamp(microseconds: history.clock), exceptions: [],
            parked: parked)
    }

    private func sent(_ history: History) throws -> [EffectAction] {
        try history.look("ads").verdicts.compactMap {
            if case .send(let item) = $0 { item.action } else { nil }
        }
    }

    @Test
    func `E2: was told of everybody whom the body named, though they parted before the answer`()
        throws
    {
        var history = try entered()
        #expect(try history.deliver("ads", outcome: nil).count == 1)
        let answer = receipt(history, .delivered)
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        history.append(answer)
        history.release("ads")
        #expect(try sent(history) == [.exited])
    }

    @Test func `R3 (5): no exit is told of whose entry was refused`() throws {
        var history = try entered()
        #expect(try history.deliver("ads", outcome: .rejected).count == 1)
        history.clock += 5 * 86_400_000_000
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        history.release("ads")
        #expect(history.pending("ads").count == 1)
        #expect(try sent(history).isEmpty)
    }

    @Test func `E2: may have been told when it was given up, so its exit is`() throws {
        var history = try entered()
        #expect(try history.deliver("ads", outcome: nil).count == 1)
        history.append(receipt(history, .unknown, parked: true))
        history.clock += 5 * 86_400_000_000
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        history.release("ads")
        #expect(try sent(history) == [.exited])
    }

    @Test func `E2, E6: is not told where the destination asks for the audience no more`() throws {
        var history = try entered()
        try history.activate(Self.policy(asks: false))
        #expect(history.pending("ads").count == 1)
        #expect(try sent(history).isEmpty)
    }
}

/// Whom a sample keeps (D4).
@Suite struct `A sample` {
    private static let policy = Policies.shop(warehouse: "    sample: 50%")

    @Test func `D4: keeps nobody of whom it cannot tell who they are`() throws {
        var history = try History(
            policy: Policies.shop(warehouse: "    sample: 99%"))
        let event = try history.event(
            Message.track("Order Completed", id: "1", anonymous: "anonymous"))
        #expect(try history.gates(event, "warehouse") == ["consent unknown", "sampled out"])
    }

    @Test func `D4: is drawn by the log's key, and by the oldest birth`() throws {
        var history = try History(policy: Self.policy)
        for user in 0..<40 {
            try history.event(Message.track("x", id: "a\(user)", anonymous: "a\(user)"))
            try history.event(
                Message.preference(
                    id: "c\(user)", user: "u\(user)", anonymous: "a\(user)", ["Analytics": true]))
            // Both names of one person fall on the same side.
            let events = [
                try history.event(
                    Message.track("Order Completed", id: "1-\(user)", anonymous: "a\(user)")),
                try history.event(
                    Message.track("Order Completed", id: "2-\(user)", user: "u\(user)")),
            ]
            let gates = try events.map { try history.gates($0, "warehouse") }
            #expect(gates[0] == gates[1])
        }
        var other = FoldState(key: SipKey(low: 1, high: 2))
        history.advance(&other)
        #expect(kept(history.state, history.next) != kept(other, history.next))
    }

    private func kept(_ state: FoldState, _ end: UInt64) -> [UInt64] {
        state.decisions(in: 0..<end, limit: 1000).filter { row in
            row.judgements.contains { $0.destination == "warehouse" && $0.decision.isAllow }
        }.map(\.offset)
    }

    @Test(arguments: ["", ", within: 2d"])
    func `D4: a sum that leaves its range is told of nobody`(_ window: String) throws {
        let audience = """
            audiences:
              big: { sum: { event: Order Completed, of: properties.revenue\(window), atLeast: 100 } }
              small: { sum: { event: Order Completed, of: properties.revenue\(window), atMost: 100 } }
            """
        var history = try History(policy: Policies.shop(audiences: audience))
        for (id, audiences) in [("1", ["big"]), ("2", [])] {
            try history.event(
                Message.track(
                    "Order Completed", id: id, user: "u1", properties: #"{"revenue":9e28}"#))
            #expect(
                history.profile("user_id:u1")?.memberships.map(\.audience) == audiences)
        }
    }
}

extension FoldState {
    /// The person that an event was of.
    fileprivate func personOf(_ offset: UInt64) -> ProfileID? {
        decisions(in: offset..<offset + 1, limit: 1).first?.profile
    }
}
