import CustomerModel
import Projections
import Testing

@Suite struct `Identity` {
    @Test func `I1: two identifiers of one event are one person, e-mails compared normalised`()
        throws
    {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.identify(
                id: "1", user: "u1", anonymous: "a1", traits: #"{"email":" Ada@Example.com "}"#))
        let person = try #require(history.profile("email:ada@example.com"))
        #expect(person.identifiers.map(\.type).sorted() == ["anonymous_id", "email", "user_id"])
        #expect(history.profile("user_id:u1") == person)
        #expect(person.identifiers.allSatisfy { $0.linkedAt == 1 })
    }

    @Test func `I2: a limit that would break drops the event's weakest identifier, and says so`()
        throws
    {
        // Segment's worked example.
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.identify(id: "1", user: "abc123", traits: #"{"email":"jane@example1.com"}"#))
        let second = try history.event(
            Message.identify(id: "2", user: "abc456", traits: #"{"email":"jane@example1.com"}"#))
        let first = try #require(history.profile("user_id:abc123"))
        let other = try #require(history.profile("user_id:abc456"))
        #expect(first.id != other.id)
        #expect(history.profile("email:jane@example1.com")?.id == first.id)
        #expect(other.refusals.map(\.offset) == [second])
        #expect(other.refusals.map(\.limit) == ["user_id"])
    }

    @Test func `I2: a window counts only links inside it`() throws {
        let policy = Policies.shop.replacing(
            "{ type: anonymous_id, limit: 5 }", with: "{ type: anonymous_id, limit: 1, window: 7d }"
        )
        var history = try History(policy: policy)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "a1"))
        try history.event(Message.track("x", id: "2", user: "u1", anonymous: "a2"))
        #expect(history.profile("anonymous_id:a2") == nil)
        history.clock += 8 * 86_400_000_000
        try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a3"))
        #expect(history.profile("anonymous_id:a3")?.id == history.profile("user_id:u1")?.id)
    }

    @Test func `I2: what was seen alone before the window counts from its link`() throws {
        let policy = Policies.shop.replacing(
            "{ type: anonymous_id, limit: 5 }", with: "{ type: anonymous_id, limit: 2, window: 7d }"
        )
        var history = try History(policy: policy)
        for device in ["a1", "a2", "a3"] {
            try history.event(Message.track("x", id: device, anonymous: device))
        }
        history.clock += 10 * 86_400_000_000
        for device in ["a1", "a2", "a3"] {
            try history.event(
                Message.track("x", id: "u-" + device, user: "u1", anonymous: device))
        }
        #expect(history.areOne("user_id:u1", "anonymous_id:a2"))
        #expect(!history.areOne("user_id:u1", "anonymous_id:a3"))
        #expect(
            history.profile("user_id:u1")?.refusals.map(\.limit) == ["anonymous_id"])
        // Those two were linked now, and not when they were seen first: a week later there is room.
        history.clock += 8 * 86_400_000_000
        try history.event(Message.track("x", id: "later", user: "u1", anonymous: "a3"))
        #expect(history.areOne("user_id:u1", "anonymous_id:a3"))
        #expect(history.state.digest() == history.rebuilt().digest())
    }

    @Test func `I3: a shared device never makes two known people one`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "tablet"))
        try history.event(Message.track("x", id: "2", user: "u2", anonymous: "tablet"))
        try history.event(Message.track("x", id: "3", user: "u1", anonymous: "tablet"))
        #expect(history.profile("user_id:u1")?.id != history.profile("user_id:u2")?.id)
        #expect(history.state.personCount == 2)
    }

    @Test(arguments: ["00000000-0000-0000-0000-000000000000", "", "null", "anonymous", "-1", "0"])
    func `I4: a blocked value joins nobody`(_ value: String) throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: value))
        try history.event(Message.track("x", id: "2", user: "u2", anonymous: value))
        #expect(history.profile("anonymous_id:\(value)") == nil)
        #expect(history.state.personCount == 2)
    }

    @Test func `I6: a merge keeps the oldest birth, and every former id leads on`() throws {
        var history = try History(policy: Policies.shop)
        let first = try history.event(Message.track("x", id: "1", anonymous: "a1"))
        let second = try history.event(Message.track("x", id: "2", user: "u1"))
        let young = try #require(history.profile("user_id:u1")).id
        let before = history.next - 1
        let join = try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a1"))
        let person = try #require(history.profile("user_id:u1"))
        #expect(person.id.offset == first)
        #expect(young.offset == second)
        #expect(person.formerIDs == [young])
        #expect(history.profile(young.description)?.id == person.id)
        // As of before the merge they were two.
        #expect(history.profile("user_id:u1", asOf: before)?.id == young)
        #expect(history.profile("user_id:u1", asOf: join)?.id == person.id)
    }

    @Test func `I6: a refused identifier was born all the same`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.identify(id: "1", user: "u1", traits: #"{"email":"e@x.org"}"#))
        let refused = try history.event(
            Message.track("x", id: "2", user: "u2", anonymous: "a9", more: ""))
        #expect(history.profile("anonymous_id:a9")?.identifiers.last?.born.offset == refused)
    }

    @Test func `alias twice is harmless`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.track("x", id: "1", anonymous: "a1"))
        let alias = #"{"type":"alias","messageId":"%","userId":"u1","previousId":"a1"}"#
        try history.event(alias.replacing("%", with: "2"))
        let once = history.profile("user_id:u1")?.identifiers
        try history.event(alias.replacing("%", with: "3"))
        #expect(history.profile("user_id:u1")?.identifiers == once)
        #expect(history.state.personCount == 1)
    }

    @Test(arguments: 0..<40)
    func `order of independent events does not change the people when no limit is hit`(_ seed: Int)
        throws
    {
        var random = SplitMix(seed: UInt64(seed))
        var messages: [String] = []
        for index in 0..<12 {
            messages.append(
                Message.identify(
                    id: "m\(index)", anonymous: "a\(random.next(upTo: 4))",
                    traits: #"{"email":"e\#(random.next(upTo: 4))@x.org"}"#))
        }
        func groups(_ messages: [String]) throws -> Set<Set<String>> {
            let policy = Policies.shop.replacing(", limit: 5", with: "")
            var history = try History(policy: policy)
            for message in messages { try history.event(message) }
            var found: Set<Set<String>> = []
            history.state.forEachPerson { node in
                let names = history.state.profile(node: node)?.identifiers.map {
                    "\($0.type):\($0.value)"
                }
                found.insert(Set(names ?? []))
            }
            return found
        }
        let expected = try groups(messages)
        for _ in 0..<5 {
            messages.shuffle(using: &random)
            #expect(try groups(messages) == expected, "seed \(seed)")
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood, 2014): the same numbers everywhere, from a seed that a failure prints.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z &>> 31)
    }
    mutating func next(upTo bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
