import CustomerModel
import JSONText
import Projections
import Testing

/// What is said of the past, beside a fold that stopped there.
@Suite struct `As of an offset` {
    /// Everything that is asked of one moment, in words, so that two states can be compared.
    private struct Answers: Equatable {
        var profiles: [String] = []
        var attributes: [String] = []
        var consents: [String] = []
        var members: [String] = []
        var decisions: [String] = []
        var reasons: [String] = []
    }

    private static let people: [PersonReference] =
        (0..<5).map { .identifier(type: "user_id", value: "u\($0)") }
        + (0..<6).map { .identifier(type: "anonymous_id", value: "a\($0)") }
        + (0..<5).map { .identifier(type: "email", value: "E\($0)@x.org") }
    private static let audiences = ["buyers", "movers", "agreed"]

    /// - Parameter offset: nil asks a state about its own end.
    private static func ask(
        _ state: FoldState, asOf offset: UInt64?, now: Int64, _ people: [PersonReference],
        profile: (PersonReference) -> ProfileSummary?,
        explain: (PersonReference, String) -> AudienceExplanation?
    ) -> Answers {
        var answers = Answers()
        for person in people {
            if var known = profile(person) {
                answers.attributes.append("\(person) \(known.attributes)")
                known.attributes = []
                answers.profiles.append("\(person) \(known)")
            } else {
                answers.profiles.append("\(person) nobody")
            }
            let consent = state.consent(of: person, asOf: offset, now: now)
            answers.consents.append("\(person) \(consent.map { "\($0)" } ?? "nobody")")
            let decisions = state.decisions(of: person, asOf: offset, limit: .max)
            answers.decisions.append("\(person) \(decisions.map { "\($0)" } ?? "nobody")")
            for audience in audiences {
                let why = explain(person, audience)
                answers.reasons.append("\(person) \(why.map { "\($0)" } ?? "nothing")")
            }
        }
        for audience in audiences {
            // An audience that no policy had named yet has no members.
            let members = state.members(ofAudience: audience, asOf: offset) ?? []
            answers.members.append("\(audience) \(members)")
        }
        return answers
    }

    /// How often the past differed from the present, by question: a comparison of equal things shows nothing.
    private struct Moved {
        var profiles = 0
        var attributes = 0
        var consents = 0
        var members = 0
        var decisions = 0
        var reasons = 0

        mutating func note(_ then: Answers, _ now: Answers) {
            if then.profiles != now.profiles { profiles += 1 }
            if then.attributes != now.attributes { attributes += 1 }
            if then.consents != now.consents { consents += 1 }
            if then.members != now.members { members += 1 }
            if then.decisions != now.decisions { decisions += 1 }
            if then.reasons != now.reasons { reasons += 1 }
        }
    }

    /// - Returns: the first question on which they differ, in words.
    private static func difference(_ found: Answers, _ wanted: Answers) -> String? {
        for (name, a, b) in [
            ("profile", found.profiles, wanted.profiles),
            ("attributes", found.attributes, wanted.attributes),
            ("consent", found.consents, wanted.consents),
            ("members", found.members, wanted.members),
            ("decisions", found.decisions, wanted.decisions),
            ("why in an audience", found.reasons, wanted.reasons),
        ] where a != b {
            let place = zip(a, b).first { $0 != $1 }
            return "\(name):\n\(place?.0 ?? "nothing")\nand not\n\(place?.1 ?? "nothing")"
        }
        return nil
    }

    @Test(arguments: 0..<8)
    func `A1, P2: every answer about the past is that of a fold which stopped there`(
        _ block: UInt64
    ) throws {
        var moved = Moved()
        for seed in block * 12..<block * 12 + 12 {
            var random = SplitMix(seed: seed ^ 0xA50F)
            let told = try RandomHistory(
                seed: seed, length: 60 + random.next(upTo: 120),
                restores: seed % 4 == 3 ? 1 : 0, damages: seed % 5 == 4 ? 1 : 0)
            let history = told.history
            let now = history.clock
            // Who was merged away may be asked for by their own id.
            let ids = Self.people.compactMap { history.state.profileID(of: $0) }
            let people = Self.people + Set(ids).sorted().map(PersonReference.profile)
            let present = Self.ask(history.state, asOf: nil, now: now, people) {
                history.state.profile($0)
            } explain: {
                history.state.explain(audience: $1, of: $0)
            }
            let end = history.records.count
            for place in [0, 1] + (0..<6).map({ _ in random.next(upTo: end) }) + [end - 1] {
                let offset = history.records[place].record.offset
                let then = history.rebuilt(upTo: offset + 1)
                let wanted = Self.ask(then, asOf: nil, now: now, people) {
                    then.profile($0)
                } explain: {
                    then.explain(audience: $1, of: $0)
                }
                let found = Self.ask(history.state, asOf: offset, now: now, people) {
                    history.past($0, asOf: offset)
                } explain: {
                    history.past(audience: $1, of: $0, asOf: offset)
                }
                if let difference = Self.difference(found, wanted) {
                    Issue.record("seed \(seed), as of \(offset) of \(end): \(difference)")
                    return
                }
                moved.note(wanted, present)
                let range = 0..<offset + 1
                #expect(
                    history.state.decisions(in: range, limit: .max)
                        == then.decisions(in: range, limit: .max), "seed \(seed) to \(offset)")
            }
        }
        let all = [
            moved.profiles, moved.attributes, moved.consents, moved.members, moved.decisions,
            moved.reasons,
        ]
        #expect(all.allSatisfy { $0 > 20 }, "hardly anything ever changed: \(moved)")
    }

    @Test func `a person is looked for as the policy of then normalised them`() throws {
        let plain = Policies.shop.replacing("normalise: email", with: "window: 52w")
        var history = try History(policy: plain)
        let said = try history.event(
            Message.identify(id: "1", anonymous: "a1", traits: #"{"email":"Ada@X.org"}"#))
        try history.activate(Policies.shop)
        #expect(history.profile("email:Ada@X.org", asOf: said) != nil)
        #expect(history.profile("email:ada@x.org", asOf: said) == nil)
        #expect(history.profile("email:Ada@X.org") == nil, "nobody is known by ada@x.org yet")
    }

    @Test func `L9: an attribute that rests on a lost record is not told`() throws {
        let policy = Policies.shop(
            audiences: """
                attributes:
                  spent: { sum: { event: Order Completed, of: properties.revenue } }
                  views: { count: { event: Product Viewed } }
                audiences:
                  spenders:
                    all:
                      - sum: { event: Order Completed, of: properties.revenue, atLeast: 10 }
                      - count: { event: Product Viewed, atLeast: 1 }
                """)
        var history = try History(policy: policy)
        try history.event(
            Message.track("Order Completed", id: "1", user: "u1", properties: #"{"revenue":5}"#))
        let lost = try history.event(
            Message.track("Order Completed", id: "2", user: "u1", properties: #"{"revenue":7}"#))
        let last = try history.event(Message.track("Product Viewed", id: "3", user: "u1"))
        let person = PersonReference.identifier(type: "user_id", value: "u1")
        func broken(_ offset: UInt64, _ take: (UnsafeRawBufferPointer) -> Void) {
            guard offset == lost else {
                return history.withRecord(at: offset) { take($0.line) }
            }
            Array("{\"broken".utf8).withUnsafeBytes { take($0) }
        }
        var past = try #require(history.state.past(person, asOf: last))
        past.metrics.count(broken)
        #expect(past.metrics.lineCount == 2, "a count without a condition needs no line")
        let told = past.profile().attributes
        #expect(told.map(\.name) == ["spent", "views"])
        #expect(told.map(\.json) == [nil, "1"])
        #expect(told.map(\.unreadable) == [lost, nil])
        var why = try #require(
            history.state.past(audience: "spenders", of: person, asOf: last))
        why.metrics.count(broken)
        let explained = why.explain()
        #expect(explained.isMember && explained.unreadable == [lost])
        #expect(explained.condition.parts.map(\.truth) == [.unknown, .yes])
    }

    @Test func `A1: the last value is read off the newest event that has one, and no other`() throws
    {
        let policy = Policies.shop(
            audiences: """
                attributes:
                  latest: { last: { event: Order Completed, of: properties.sku } }
                  earliest: { first: { event: Order Completed, of: properties.sku } }
                """)
        var history = try History(policy: policy)
        for number in 0..<20 {
            let sku = number == 19 || number == 0 ? "" : #""sku":"s\#(number)","#
            try history.event(
                Message.track(
                    "Order Completed", id: "\(number)", user: "u1",
                    properties: "{\(sku)\"revenue\":1}"))
        }
        let person = PersonReference.identifier(type: "user_id", value: "u1")
        for offset in [history.next - 1, history.next - 8] {
            var past = try #require(history.state.past(person, asOf: offset))
            past.metrics.count { offset, take in history.withRecord(at: offset) { take($0.line) } }
            let told = past.profile().attributes.map(\.json)
            #expect(told == [offset == history.next - 1 ? #""s18""# : #""s12""#, #""s1""#])
            // The newest has none as of now, and the oldest never had.
            #expect(past.metrics.lineCount == (offset == history.next - 1 ? 4 : 3))
        }
    }
}
