import CustomerModel
import PolicyText
import Projections
import Testing

/// Who would enter or leave an audience, and who would be joined or split.
@Suite struct `People under a candidate` {
    private func audience(_ count: Int) -> String {
        "audiences:\n  buyers: { count: { event: Order Completed, atLeast: \(count) } }\n"
    }

    private func candidate(_ text: String, _ history: History) throws -> FoldState {
        history.rebuilt(
            schedule: .candidate(try PolicyFile.read(text, name: "candidate"), from: 0),
            audiences: .kept)
    }

    @Test func `nobody moves under the rules in force`() throws {
        for seed in 1..<20 {
            let history = try RandomHistory(seed: UInt64(seed), length: 150, policies: 1).history
            let text = try #require(history.state.policy?.text)
            let state = try candidate(text, history)
            for difference in state.audienceDifferences(from: history.state) {
                #expect(difference.entering.isEmpty, "seed \(seed): \(difference)")
                #expect(difference.leaving.isEmpty, "seed \(seed): \(difference)")
            }
            let profiles = state.profileDifference(from: history.state)
            #expect(profiles.joins.isEmpty && profiles.splits.isEmpty, "seed \(seed)")
        }
    }

    @Test func `a higher bar lets people leave, a new audience lets them enter`() throws {
        var history = try History(policy: Policies.shop(audiences: audience(1)))
        for (id, user) in [("1", "u1"), ("2", "u1"), ("3", "u2")] {
            try history.event(Message.track("Order Completed", id: id, user: user))
        }
        let second = try #require(history.profile("user_id:u2")?.id)
        let higher = try candidate(Policies.shop(audiences: audience(2)), history)
            .audienceDifferences(from: history.state)
        #expect(higher.map(\.before) == [2] && higher.map(\.after) == [1])
        #expect(higher[0].leaving == [second] && higher[0].entering.isEmpty)
        let none = try candidate(Policies.shop, history).audienceDifferences(from: history.state)
        #expect(none[0].leaving.count == 2 && none[0].after == 0)
        var bare = try History(policy: Policies.shop)
        try bare.event(Message.track("Order Completed", id: "1", user: "u1"))
        let new = try candidate(Policies.shop(audiences: audience(1)), bare)
            .audienceDifferences(from: bare.state)
        #expect(new[0].entering == [try #require(bare.profile("user_id:u1")?.id)])
    }

    @Test func `I2: a stricter limit splits, a looser one joins`() throws {
        var history = try History(policy: Policies.shop)
        // One person's two addresses, as long as five are allowed.
        for (id, address) in [("1", "a@x.org"), ("2", "b@x.org")] {
            try history.event(
                Message.identify(id: id, anonymous: "d1", traits: #"{"email":"\#(address)"}"#))
        }
        let strict = Policies.shop.replacing(
            "{ type: email, limit: 5, normalise: email }",
            with: "{ type: email, limit: 1, normalise: email }")
        let split = try candidate(strict, history).profileDifference(from: history.state)
        #expect(split.joins.isEmpty && split.splits.count == 1)
        #expect(split.splits[0].several.count == 2)

        var apart = try History(policy: strict)
        for (id, address) in [("1", "a@x.org"), ("2", "b@x.org")] {
            try apart.event(
                Message.identify(id: id, anonymous: "d1", traits: #"{"email":"\#(address)"}"#))
        }
        let joined = try candidate(Policies.shop, apart).profileDifference(from: apart.state)
        #expect(joined.splits.isEmpty && joined.joins.count == 1)
        #expect(joined.joins[0].several.count == 2)
    }
}
