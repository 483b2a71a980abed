import CustomerModel
import Projections
import Testing

@Suite struct `Identity over random histories` {
    /// A history and the plain model of it, step by step.
    private struct Run {
        var history: History
        var model = PlainIdentity(reviewAbove: 5)
        var random: SplitMix

        init(seed: Int) throws {
            history = try History(
                policy: """
                    policy: test
                    identity:
                      types:
                        - { type: user_id, limit: 1 }
                        - { type: email, normalise: email }
                        - { type: anonymous_id }
                      reviewAbove: 5
                    purposes: { analytics: {} }
                    destinations: {}
                    """)
            random = SplitMix(seed: UInt64(seed))
        }

        mutating func anybody() -> String {
            switch random.next(upTo: 3) {
            case 0: "user_id:u\(random.next(upTo: 3))"
            case 1: "email:e\(random.next(upTo: 4))@x.org"
            default: "anonymous_id:a\(random.next(upTo: 5))"
            }
        }

        mutating func step(_ index: Int) throws {
            switch random.next(upTo: 12) {
            case 0, 1:
                let (one, other) = (anybody(), anybody())
                guard one != other else { return }
                history.decide(.retract, one, other)
                model.retract(one, other)
            case 2:
                guard let bar = model.bars.first?.sorted() else { return }
                history.decide(.lift, bar[1], bar[0])
                model.lift(bar[0], bar[1])
            case 3:
                guard let review = history.state.linkReviews(all: false).first else { return }
                let (one, other) = (review.first.text, review.second.text)
                if random.next(upTo: 3) > 0 {
                    history.decide(.approve, one, other)
                    model.approve(one, other)
                } else {
                    history.decide(.reject, one, other)
                    model.reject(one, other)
                }
            default:
                try event(index)
            }
        }

        private mutating func event(_ index: Int) throws {
            let user = random.next(upTo: 3) == 0 ? "u\(random.next(upTo: 3))" : nil
            let device = random.next(upTo: 3) > 0 ? "a\(random.next(upTo: 5))" : nil
            let email = random.next(upTo: 2) == 0 ? "e\(random.next(upTo: 4))@x.org" : nil
            try history.event(
                Message.identify(
                    id: "m\(index)", user: user, anonymous: device,
                    traits: email.map { #"{"email":"\#($0)"}"# } ?? "{}"))
            let ids = (
                user.map { "user_id:\($0)" }, email.map { "email:\($0)" },
                device.map { "anonymous_id:\($0)" }
            )
            for born in [ids.0, ids.2, ids.1].compactMap(\.self) { model.bear(born) }
            model.event([ids.0, ids.1, ids.2].compactMap(\.self))
        }
    }

    private static func people(_ state: FoldState) -> [Set<String>: ProfileID] {
        var found: [Set<String>: ProfileID] = [:]
        state.forEachPerson { node in
            guard let person = state.profile(node: node) else { return }
            found[Set(person.identifiers.map { "\($0.type):\($0.value)" })] = person.id
        }
        return found
    }

    @Test(arguments: 0..<60)
    func `I1–I6: people are the components of accepted links without retracted pairs`(_ seed: Int)
        throws
    {
        var run = try Run(seed: seed)
        for index in 0..<120 {
            try run.step(index)
            let people = Self.people(run.history.state)
            try #require(
                Set(people.keys) == run.model.people(), "seed \(seed), step \(index)")
            for (person, id) in people {
                let oldest = try #require(run.model.oldest(of: person))
                let named = try #require(run.history.profile(oldest))
                #expect(named.identifiers.map(\.born).min() == id, "seed \(seed), step \(index)")
                #expect(
                    named.identifiers.first { "\($0.type):\($0.value)" == oldest }?.born == id,
                    "seed \(seed), step \(index)")
            }
            let waiting = run.history.state.linkReviews(all: false)
                .map { Set([$0.first.text, $0.second.text]) }
            #expect(Set(waiting) == Set(run.model.waiting), "seed \(seed), step \(index)")
        }
    }

    @Test(arguments: 0..<30)
    func `P2, R3(4): live is rebuilt, from the start and from a checkpoint`(_ seed: Int) throws {
        var run = try Run(seed: seed + 1000)
        for index in 0..<60 { try run.step(index) }
        let bytes = run.history.state.canonicalBytes()
        var restored = try FoldState(canonicalBytes: bytes, key: History.key)
        #expect(restored.canonicalBytes() == bytes, "seed \(seed)")
        for index in 60..<120 { try run.step(index) }
        run.history.advance(&restored)
        let live = run.history.state.digest()
        #expect(restored.digest() == live, "seed \(seed)")
        #expect(run.history.rebuilt().digest() == live, "seed \(seed)")
    }

    @Test(arguments: 0..<20)
    func `A1, I6: who was whom at every offset is what a fold up to there says`(_ seed: Int) throws
    {
        var run = try Run(seed: seed + 2000)
        for index in 0..<80 { try run.step(index) }
        let history = run.history
        for end in stride(from: UInt64(2), to: history.next, by: 3) {
            let then = history.rebuilt(upTo: end)
            for (person, id) in Self.people(then) {
                for name in person {
                    let known = history.profile(name, asOf: end - 1)
                    #expect(known?.id == id, "seed \(seed), before \(end)")
                    #expect(
                        known.map { Set($0.identifiers.map { "\($0.type):\($0.value)" }) }
                            == person, "seed \(seed), before \(end)")
                }
            }
        }
    }
}
