import CustomerModel
import JSONText
import Projections
import Testing

@Suite struct `A link past the size of a profile` {
    private static let policy = Policies.shop.replacing(
        "  block:", with: "  reviewAbove: 2\n  block:")

    /// A person of two, and an address that would be the third.
    private func waiting() throws -> History {
        var history = try History(policy: Self.policy)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "a1"))
        try history.event(
            Message.identify(id: "2", user: "u1", traits: #"{"email":"e@x.org"}"#))
        return history
    }

    @Test func `I4: waits for a review, once however often it is said`() throws {
        var history = try waiting()
        try history.event(
            Message.identify(id: "3", user: "u1", traits: #"{"email":"e@x.org"}"#))
        #expect(history.profile("email:e@x.org") == nil)
        let reviews = history.state.linkReviews(all: false)
        #expect(reviews.map(\.first.text) == ["user_id:u1"])
        #expect(reviews.map(\.second.text) == ["email:e@x.org"])
        #expect(reviews.map(\.offset) == [2])
        #expect(reviews.map(\.size) == [3])
        let person = try #require(PersonReference("user_id:u1"))
        let refused = history.state.refusedLinks(of: person, limit: 10)
        #expect(refused.map(\.offset) == [3, 2])
        #expect(refused.map(\.limit) == ["profile size", "profile size"])
        #expect(refused.map(\.anchor?.text) == ["user_id:u1", "user_id:u1"])
    }

    @Test func `I4: counts from the approval's offset`() throws {
        var history = try waiting()
        let approved = history.decide(.approve, "user_id:u1", "email:e@x.org")
        #expect(history.areOne("user_id:u1", "email:e@x.org"))
        #expect(!history.areOne("user_id:u1", "email:e@x.org", asOf: approved - 1))
        #expect(history.state.linkReviews(all: false) == [])
        #expect(history.state.linkReviews(all: true).map(\.state) == [.approved])
        let evidence = try #require(history.profile("user_id:u1")).evidence
        #expect(evidence.map(\.rule) == ["event", "review"])
        #expect(evidence.map(\.offset) == [1, approved])
        #expect(evidence.map(\.policyVersion) == [1, 1])
        #expect(history.state.digest() == history.rebuilt().digest())
    }

    @Test func `I3, I4: an approval makes no two known people one`() throws {
        var history = try History(policy: Self.policy)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "a1"))
        try history.event(
            Message.identify(id: "2", user: "u1", traits: #"{"email":"e@x.org"}"#))
        try history.event(
            Message.identify(id: "3", user: "u2", traits: #"{"email":"e@x.org"}"#))
        let approval = history.decide(.approve, "user_id:u1", "email:e@x.org")
        #expect(!history.areOne("user_id:u1", "user_id:u2"))
        #expect(history.areOne("user_id:u2", "email:e@x.org"))
        #expect(history.state.linkReviews(all: true).map(\.state) == [.waiting])
        #expect(
            history.state.refusedLinks(of: nil, limit: 1).map(\.limit) == ["user_id"])
        #expect(history.state.refusedLinks(of: nil, limit: 1).map(\.offset) == [approval])
    }

    @Test func `I4: a rejected link stays barred until it is lifted, and then waits again`() throws
    {
        var history = try waiting()
        history.decide(.reject, "email:e@x.org", "user_id:u1")
        let message = Message.identify(id: "3", user: "u1", traits: #"{"email":"e@x.org"}"#)
        try history.event(message)
        #expect(history.state.linkReviews(all: true).map(\.state) == [.rejected])
        #expect(history.state.refusedLinks(of: nil, limit: 1).map(\.limit) == ["retracted pair"])
        history.decide(.approve, "user_id:u1", "email:e@x.org")
        #expect(!history.areOne("user_id:u1", "email:e@x.org"))
        history.decide(.lift, "user_id:u1", "email:e@x.org")
        let again = try history.event(message)
        #expect(history.state.linkReviews(all: false).map(\.offset) == [again])
        #expect(history.state.digest() == history.rebuilt().digest())
    }
}

@Suite struct `The burst guard` {
    private static let policy = Policies.shop.replacing(
        "  block:", with: "  burst: { knownProfiles: 2, within: 1d }\n  block:")

    @Test func `I4: an identifier that meets too many known people links no more, and says so`()
        throws
    {
        var history = try History(policy: Self.policy)
        try history.event(Message.track("x", id: "1", user: "u1", anonymous: "kiosk"))
        try history.event(Message.track("x", id: "2", user: "u2", anonymous: "kiosk"))
        #expect(history.state.stoppedIdentifiers() == [])
        let third = try history.event(Message.track("x", id: "3", user: "u3", anonymous: "kiosk"))
        #expect(history.state.stoppedIdentifiers().map(\.identifier.text) == ["anonymous_id:kiosk"])
        #expect(history.state.stoppedIdentifiers().map(\.offset) == [third])
        // The earlier link stays.
        #expect(history.areOne("user_id:u1", "anonymous_id:kiosk"))
        // Nothing else links with it, however weak and whenever.
        history.clock += 90 * 86_400_000_000
        let late = try history.event(
            Message.identify(id: "4", anonymous: "kiosk", traits: #"{"email":"e@x.org"}"#))
        #expect(!history.areOne("email:e@x.org", "anonymous_id:kiosk"))
        #expect(history.state.refusedLinks(of: nil, limit: 1).map(\.offset) == [late])
        #expect(history.state.refusedLinks(of: nil, limit: 1).map(\.limit) == ["too many people"])
        #expect(history.state.digest() == history.rebuilt().digest())
    }

    @Test func `I4: people met further apart than the window are no burst`() throws {
        var history = try History(policy: Self.policy)
        for user in 1...9 {
            try history.event(
                Message.track("x", id: "\(user)", user: "u\(user)", anonymous: "tablet"))
            history.clock += 13 * 3_600_000_000
        }
        #expect(history.state.stoppedIdentifiers() == [])
    }

    @Test
    func `I4: whom an identifier met a window before its last meeting, a late event does not add`()
        throws
    {
        var history = try History(policy: Self.policy)
        let start = history.clock
        for user in 1...2 {
            try history.event(Message.track("x", id: "\(user)", user: "u\(user)", anonymous: "a"))
        }
        history.clock += 8 * 86_400_000_000
        try history.event(Message.track("x", id: "3", user: "u3", anonymous: "a"))
        let stamp = Timestamp(microseconds: start + 3_600_000_000)
        try history.event(
            Message.track(
                "x", id: "4", user: "u4", anonymous: "a", more: ",\"timestamp\":\"\(stamp)\""))
        #expect(history.state.stoppedIdentifiers() == [])
        #expect(history.state.digest() == history.rebuilt().digest())
    }

    @Test func `I4: the same person over and over is one`() throws {
        var history = try History(policy: Self.policy)
        for index in 1...9 {
            try history.event(
                Message.identify(
                    id: "\(index)", user: "u1", anonymous: "a\(index % 3)",
                    traits: #"{"email":"e@x.org"}"#))
        }
        #expect(history.state.stoppedIdentifiers() == [])
    }
}
