import CustomerModel
import JSONText
import Projections
import Testing

/// What a destination was told of who is in an audience, and should not hold any more.
@Suite struct `A membership that is taken back` {
    private static let gold = "audiences:\n  gold:\n    trait: { name: plan, is: gold }"

    private static let narrow = Policies.shop(ads: "    audiences: [gold]", audiences: gold)
        .replacing("identifiers: [email]", with: "identifiers: [user_id]")

    private static let policy = narrow.replacing(
        "identifiers: [user_id]\n    events:\n      - track: Order Completed\n        properties: [revenue]",
        with:
            "identifiers: [user_id, anonymous_id]\n    events:\n      - track: Order Completed\n        properties: [revenue]"
    )

    private static let unasked = policy.replacing("    audiences: [gold]", with: "")

    private let lane = Lane(destination: "ads", epoch: 1)
    private var history: History
    private var count = 0

    init() throws {
        history = try History(policy: Self.policy)
    }

    private mutating func says(
        _ plan: String? = nil, user: String? = nil, anonymous: String? = nil,
        advertising: Bool? = nil, envelope: String = ""
    ) throws {
        count += 1
        try history.event(
            Message.identify(
                id: "i\(count)", user: user, anonymous: anonymous,
                traits: plan.map { "{\"plan\":\"\($0)\"}" } ?? "{}",
                consent: advertising.map { ["Advertising": $0] }), envelope: envelope)
    }

    private mutating func deny(_ user: String) {
        history.append(
            ConsentRecord(
                type: "user_id", value: user, granted: [], denied: ["advertising"], by: "test"))
    }

    /// What leaves until nothing waits: `entered u1 a1`.
    private mutating func tell(_ outcome: ReceiptOutcome = .delivered) throws -> [String] {
        var told: [String] = []
        for _ in 0..<4 {
            history.release("ads")
            #expect(history.rebuilt().digest() == history.state.digest())
            let sent = try history.deliver("ads", outcome: outcome)
            if sent.isEmpty { try history.cancel("ads") }
            told += sent.map { item in
                let body = String(decoding: item.body, as: UTF8.self)
                let named = ["u1", "u2", "a1", "a2"].filter { body.contains("\"\($0)\"") }
                return "\(item.action.rawValue) \(named.joined(separator: " "))"
            }
            if outcome != .delivered { break }
        }
        return told
    }

    private var lateDenials: [LateDenial] {
        history.state.lateDenials(attempts: 0..<history.state.attemptCount)
    }

    private func owed(_ person: String? = nil) -> [FoldState.OwedExit] {
        history.state.owedExits(
            of: lane, person: person.flatMap(PersonReference.init), now: history.clock)
    }

    @Test mutating func `E2, R2: a denial takes it back by itself, once, and settles its finding`()
        throws
    {
        try says("gold", user: "u1", advertising: true)
        try says("gold", user: "u2", advertising: true)
        #expect(try tell() == ["entered u1", "entered u2"])
        try says(user: "u1", advertising: false)
        #expect(lateDenials.count == 1, "it was told, and is denied")
        #expect(owed().isEmpty, "what goes out by itself is no matter for a plan")
        #expect(try tell() == ["exited u1"])
        #expect(lateDenials.isEmpty)
        // Still a member, for the platform itself.
        #expect(history.profile("user_id:u1")?.memberships.isEmpty == false)
        try says("gold", user: "u1", advertising: false)
        try says("free", user: "u1")
        #expect(try tell() == [], "it was told already (R3 (5))")
        // A late grant releases nothing by itself (R2); who comes anew does enter.
        try says(user: "u1", advertising: true)
        #expect(try tell() == [])
        try says("gold", user: "u1")
        #expect(try tell() == ["entered u1"])
    }

    @Test mutating func `E2: an exit names nothing that was not told`() throws {
        history = try History(policy: Self.narrow)
        try says("gold", user: "u1", anonymous: "a1", advertising: true)
        #expect(try tell() == ["entered u1"])
        // A type that the policy sends since, and a device learnt since.
        try history.activate(Self.policy)
        try says(user: "u1", anonymous: "a2")
        deny("u1")
        #expect(try tell() == ["exited u1"])
    }

    @Test mutating func `E2, C5: a merge with somebody who denied takes it back`() throws {
        try says("gold", anonymous: "a1", advertising: true)
        #expect(try tell() == ["entered a1"])
        deny("u1")
        #expect(try tell() == [])
        try says(user: "u1", anonymous: "a1")
        #expect(try tell() == ["exited a1"])
    }

    @Test mutating func `E6: what is granted again before the look stays as it was told`() throws {
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        try says(user: "u1", advertising: false)
        history.release("ads")
        #expect(history.pending("ads").count == 1)
        try says(user: "u1", advertising: true)
        #expect(try tell() == [])
        #expect(history.pending("ads").isEmpty)
    }

    @Test(arguments: [ReceiptOutcome.delivered, .unknown])
    mutating func `E6: what is denied while the entry is on its way is taken back`(
        _ outcome: ReceiptOutcome
    ) throws {
        try says("gold", user: "u1", advertising: true)
        history.release("ads")
        #expect(try history.deliver("ads", outcome: nil).count == 1)
        let attempt = history.next - 1
        deny("u1")
        history.release("ads")
        #expect(history.pending("ads").isEmpty)
        history.append(
            ReceiptRecord(
                attempt: attempt, outcome: outcome, status: 200, retryAfterMilliseconds: nil,
                reason: "test", settled: Timestamp(microseconds: history.clock), exceptions: [],
                parked: false))
        let race = try #require(history.state.allFindings().first)
        #expect(!history.state.isTakenBack(race))
        #expect(try tell() == ["exited u1"])
        #expect(history.state.isTakenBack(race))
        #expect(history.state.allFindings().count == 1, "an exit is no finding")
    }

    @Test mutating func `E2: a destination that asks no more is told that all have left`() throws {
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        try says("gold", user: "u2", advertising: true)
        history.release("ads")
        try history.activate(Self.unasked)
        // Who had not been told of is not told of now.
        #expect(try tell() == ["exited u1"])
        try history.activate(Self.policy)
        #expect(try tell() == [], "asking again tells only of changes from there on")
        try says("free", user: "u1")
        try says("gold", user: "u1")
        #expect(try tell() == ["entered u1"])
    }

    @Test mutating func `E2: so is one whose policy needs more than what was granted`() throws {
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        try history.activate(
            Self.policy.replacing(
                "purposes: [advertising]", with: "purposes: [advertising, analytics]"))
        #expect(try tell() == ["exited u1"])
    }

    @Test mutating func `C6, T2, E2: what expires is taken back with the tick that says so`() throws
    {
        history = try History(
            policy: Self.policy.replacing("advertising: { ", with: "advertising: { expires: 1d, "))
        func tick(_ history: inout History) {
            history.append(
                TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        }
        tick(&history)
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        history.clock += 80_000_000_000
        tick(&history)
        #expect(try tell() == [])
        history.clock += 10_000_000_000
        tick(&history)
        #expect(try tell() == ["exited u1"])
    }

    @Test mutating func `X1: nothing leaves about who is suppressed, not even that`() throws {
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        history.append(SuppressionRecord(type: "user_id", value: "u1", by: "test"))
        deny("u1")
        #expect(try tell() == [])
        let exit = try #require(owed().first)
        #expect(exit.barred.gates == [.suppressed])
    }

    @Test mutating func `E2: a withdrawal that waits is part of a checkpoint`() throws {
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        deny("u1")
        let bytes = history.state.canonicalBytes()
        let copy = try FoldState(canonicalBytes: bytes, key: History.key)
        #expect(copy.canonicalBytes() == bytes)
        #expect(copy.dueRelease(of: lane, from: nil)?.memberships.map(\.change) == [.exited])
    }

    // MARK: By a plan

    private mutating func plan(_ id: String, _ exits: [FoldState.OwedExit]) {
        let at = history.next - 1
        history.append(
            PlanRecord(
                id: id, act: .correct, destination: "ads", epoch: 1, slot: Lane.eventSlot,
                policyVersion: 1, approver: "test", ratePerSecond: nil,
                counts: .init(
                    considered: 0, allowed: exits.count, alreadyTold: 0, deniedNow: 0,
                    planned: exits.count), planned: OffsetBitmap(from: 0, to: 1),
                exits: exits.map {
                    .init(audience: $0.audience, profile: $0.profile, change: .exited, at: at)
                }))
    }

    @Test
    mutating func `E2, E3, L3: what a restore left behind goes out by a plan, named, and once`()
        throws
    {
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        deny("u1")
        history.restore(incarnation: 2)
        history.append(OperatorRecord(act: .resume, subject: "ads", by: "test"))
        #expect(try tell() == [], "nothing from before a restore leaves by itself")
        let found = owed()
        #expect(found.map(\.decision.gates) == [[.consentDenied]])
        #expect(found.map(\.barred.isAllow) == [true])
        #expect(owed("user_id:u1") == found)
        plan("plan-1", found)
        #expect(owed().isEmpty, "it is planned already")
        history.release("ads")
        let sent = try history.deliver("ads")
        #expect(sent.map(\.action) == [.exited])
        let body = try JSONValue(parsing: try #require(sent.first).body)
        #expect(body["plan"]?.string == "plan-1")
        #expect(body["identifiers"] == ["user_id": "u1"])
        #expect(history.state.planStatuses().first?.counts == [.delivered: 1])
        #expect(history.state.duePlanEnds().map(\.outcome) == [.complete])
        #expect(lateDenials.isEmpty && owed().isEmpty)
        plan("plan-2", found)
        #expect(try tell() == [], "a second plan tells it again")
        #expect(history.state.planStatuses().last?.counts == [.cancelled: 1])
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test mutating func `T2, E2: whom an import took out is told to have left by a plan alone`()
        throws
    {
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        try says("free", user: "u1", envelope: ",\"import\":true")
        #expect(try tell() == [])
        let found = owed()
        #expect(found.map(\.decision.isAllow) == [true])
        plan("plan-1", found)
        // Back in before it left: nothing has changed for the destination.
        try says("gold", user: "u1")
        #expect(try tell() == [])
        #expect(history.state.planStatuses().first?.counts == [.superseded: 1])
        #expect(history.state.duePlanEnds().map(\.outcome) == [.complete])
    }

    @Test mutating func `E2: a refused exit is planned anew`() throws {
        try says("gold", user: "u1", advertising: true)
        #expect(try tell() == ["entered u1"])
        deny("u1")
        #expect(try tell(.rejected) == ["exited u1"])
        #expect(try tell() == [])
        #expect(lateDenials.count == 1)
        plan("plan-1", owed())
        #expect(try tell() == ["exited u1"])
        #expect(lateDenials.isEmpty)
    }

    /// Whatever happens, a destination ends up holding nobody whom it should not hold.
    @Test(arguments: 0..<60)
    func `E2, R2, R3 (5): a destination holds only who is in, is asked for and agrees`(
        _ seed: UInt64
    ) throws {
        var random = SplitMix(seed: 7_000 + seed)
        var copy = self
        var held: Set<String> = []
        var isAsked = true
        for _ in 0..<30 {
            let user = ["u1", "u2"][random.next(upTo: 2)]
            let device = ["a1", "a2"][random.next(upTo: 2)]
            let plan = ["gold", "free"][random.next(upTo: 2)]
            switch random.next(upTo: 9) {
            case 0: try copy.says(plan, user: user, anonymous: device)
            case 1: copy.history.decide(.retract, "user_id:\(user)", "anonymous_id:\(device)")
            case 2: copy.history.decide(.lift, "user_id:\(user)", "anonymous_id:\(device)")
            case 3: try copy.says(user: user, advertising: false)
            case 4, 5: try copy.says(plan, user: user, advertising: true)
            case 6: try copy.says("gold", anonymous: device, advertising: true)
            case 7: copy.deny(user)
            default:
                isAsked.toggle()
                try copy.history.activate(isAsked ? Self.policy : Self.unasked)
            }
            for line in try copy.tell(random.next(upTo: 8) == 0 ? .unknown : .delivered) {
                let words = line.split(separator: " ").map(String.init)
                for name in words.dropFirst() {
                    if words[0] == "entered" {
                        held.insert(name)
                    } else {
                        held.remove(name)
                    }
                }
            }
        }
        _ = try copy.tell()
        for line in try copy.tell() { Issue.record("seed \(seed): \(line) came late") }
        for name in held.sorted() {
            let type = name.hasPrefix("u") ? "user_id" : "anonymous_id"
            let profile = try #require(copy.history.profile("\(type):\(name)"))
            #expect(isAsked && !profile.memberships.isEmpty, "seed \(seed): \(name) is held")
            #expect(
                copy.history.consent("\(type):\(name)", "advertising") == "granted",
                "seed \(seed): \(name) is held")
        }
        #expect(copy.owed().isEmpty, "seed \(seed)")
    }
}
