import CustomerModel
import Projections
import Testing

/// What a destination was told of people who are joined and divided afterwards.
@Suite struct `Who was told to be in an audience` {
    private static let audienced = Policies.shop(
        ads: "    audiences: [gold]",
        audiences: "audiences:\n  gold:\n    trait: { name: plan, is: gold }"
    ).replacing("identifiers: [email]", with: "identifiers: [user_id, anonymous_id]")

    private var history: History

    init() throws {
        history = try History(policy: Self.audienced)
    }

    private var count = 0

    private mutating func says(_ plan: String, user: String? = nil, anonymous: String? = nil) throws
    {
        count += 1
        try history.event(
            Message.identify(
                id: "i\(count)", user: user, anonymous: anonymous,
                traits: "{\"plan\":\"\(plan)\"}", consent: ["Advertising": true]))
    }

    /// What leaves: `entered u1 a1`.
    private mutating func tell(_ outcome: ReceiptOutcome = .delivered) throws -> [String] {
        history.release("ads")
        let sent = try history.deliver("ads", outcome: outcome)
        #expect(history.rebuilt().digest() == history.state.digest())
        return sent.map { item in
            let body = String(decoding: item.body, as: UTF8.self)
            let named = ["u1", "a1", "a2"].filter { body.contains("\"\($0)\"") }
            return "\(item.action.rawValue) \(named.joined(separator: " "))"
        }
    }

    @Test mutating func `E2: two who were told of and became one leave once, and can come again`()
        throws
    {
        try says("gold", user: "u1")
        try says("gold", anonymous: "a1")
        #expect(try tell() == ["entered u1", "entered a1"])
        try says("gold", user: "u1", anonymous: "a1")
        #expect(try tell() == [])
        try says("free", user: "u1")
        #expect(try tell() == ["exited u1 a1"])
        try says("gold", user: "u1")
        #expect(try tell() == ["entered u1 a1"])
    }

    @Test mutating func `E2: who goes into somebody that is not in it is told to have left`() throws
    {
        try says("gold", anonymous: "a1")
        #expect(try tell() == ["entered a1"])
        history.clock += 60_000_000
        try says("free", user: "u1")
        try says("free", user: "u1", anonymous: "a2")
        // u1's person is the larger one and not a member.
        try says("free", user: "u1", anonymous: "a1")
        #expect(history.profile("user_id:u1")?.memberships == [])
        #expect(try tell() == ["exited u1 a1 a2"])
    }

    @Test
    mutating func `E2: an exit that waits while people are joined says it of its own part only`()
        throws
    {
        try says("gold", user: "u1")
        try says("gold", anonymous: "a1")
        #expect(try tell() == ["entered u1", "entered a1"])
        try says("free", user: "u1")
        try says("free", user: "u1", anonymous: "a1")
        #expect(try tell() == ["exited u1", "exited u1 a1"])
        #expect(try tell() == [])
    }

    @Test
    mutating func `E2: who is divided off and was never told of enters, who was is not again`()
        throws
    {
        try says("gold", user: "u1")
        #expect(try tell() == ["entered u1"])
        try says("gold", anonymous: "a1")
        // Joined before the device was told of: the person is in already.
        try says("gold", user: "u1", anonymous: "a1")
        #expect(try tell() == [])
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        #expect(try tell() == ["entered a1"])
        try says("free", user: "u1")
        #expect(try tell() == ["exited u1"])
        try says("free", anonymous: "a1")
        #expect(try tell() == ["exited a1"])
    }

    @Test mutating func `E2: an entry that may have been told counts for whom it named`() throws {
        try says("gold", user: "u1")
        #expect(try tell(.unknown) == ["entered u1"])
        try says("gold", user: "u1", anonymous: "a1")
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        try says("free", user: "u1")
        try says("free", anonymous: "a1")
        #expect(try tell() == ["exited u1"])
    }

    @Test mutating func `E2: an audience that the policy drops is left by all who were told of`()
        throws
    {
        try says("gold", user: "u1")
        #expect(try tell() == ["entered u1"])
        try says("gold", anonymous: "a1")
        history.release("ads")
        try history.activate(
            Policies.shop.replacing(
                "identifiers: [email]", with: "identifiers: [user_id, anonymous_id]"))
        // Who had not been told of is not told of now.
        #expect(try tell() == ["exited u1"])
    }

    @Test mutating func `E6: a wider list of identifiers is not told of what waits`() throws {
        history = try History(
            policy: Self.audienced.replacing(
                "identifiers: [user_id, anonymous_id]\n    events:\n      - track: Order Completed\n        properties: [revenue]",
                with:
                    "identifiers: [user_id]\n    events:\n      - track: Order Completed\n        properties: [revenue]"
            ))
        try says("gold", user: "u1", anonymous: "a1")
        history.release("ads")
        try history.activate(Self.audienced)
        #expect(try tell() == ["entered u1"])
    }

    /// Each identifier alone, as the destination hears of it.
    @Test(arguments: 0..<60)
    func `E2, R3 (5): whatever is joined and divided, the destination ends with what is so`(
        _ seed: UInt64
    ) throws {
        var random = SplitMix(seed: 9_000 + seed)
        var copy = self
        var held: Set<String> = []
        func hear(_ told: [String]) {
            for line in told {
                let words = line.split(separator: " ").map(String.init)
                for name in words.dropFirst() {
                    if words[0] == "entered" { held.insert(name) } else { held.remove(name) }
                }
            }
        }
        for _ in 0..<30 {
            let plan = random.next(upTo: 2) == 0 ? "gold" : "free"
            let device = ["a1", "a2"][random.next(upTo: 2)]
            switch random.next(upTo: 6) {
            case 0: try copy.says(plan, user: "u1", anonymous: device)
            case 1: copy.history.decide(.retract, "user_id:u1", "anonymous_id:\(device)")
            case 2: copy.history.decide(.lift, "user_id:u1", "anonymous_id:\(device)")
            case 3: try copy.says(plan, user: "u1")
            default: try copy.says(plan, anonymous: device)
            }
            hear(try copy.tell())
        }
        for _ in 0..<3 { hear(try copy.tell()) }
        for (type, name) in [("user_id", "u1"), ("anonymous_id", "a1"), ("anonymous_id", "a2")] {
            guard let profile = copy.history.profile("\(type):\(name)") else { continue }
            let isMember = !profile.memberships.isEmpty
            let own = profile.identifiers.map(\.value)
            // A person is held while one of their identifiers is.
            #expect(
                own.contains(where: held.contains) == isMember,
                "seed \(seed): \(name) is \(isMember ? "in" : "out"), \(held.sorted()) are held")
        }
    }
}
