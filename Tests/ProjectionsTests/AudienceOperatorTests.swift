import CustomerModel
import JSONText
import Projections
import Testing

/// Each operator at the edges of its times. `now` is what the last tick said.
@Suite struct `An audience's condition` {
    private static let day: Int64 = 86_400_000_000
    private static let start: Int64 = 1_767_225_600_000_000

    /// A history in which times are days after the start.
    private struct Story {
        var history: History
        var count = 0

        init(_ condition: String, attributes: String = "") throws {
            history = try History(
                policy: Policies.shop(
                    purposes: "  news: { segment: [News], expires: 10d }",
                    audiences: """
                        \(attributes)
                        audiences:
                          it:
                            \(condition.split(separator: "\n").joined(separator: "\n    "))
                        """))
        }

        private func moment(_ days: Double) -> Timestamp {
            Timestamp(microseconds: start + Int64((days * 86_400).rounded()) * 1_000_000)
        }

        mutating func event(
            _ name: String, at days: Double, user: String? = "u1", anonymous: String? = nil,
            properties: String = "{}", imported: Bool = false
        ) throws {
            count += 1
            history.clock = max(history.clock, moment(days).microseconds)
            try history.event(
                Message.track(
                    name, id: "m\(count)", user: user, anonymous: anonymous, properties: properties,
                    more: ",\"timestamp\":\"\(moment(days))\""),
                envelope: imported ? ",\"import\":true" : "")
        }

        mutating func tick(_ days: Double) {
            history.clock = max(history.clock, moment(days).microseconds)
            history.append(TickRecord(time: moment(days), asIfLive: false))
        }

        var isIn: Bool { history.profile("user_id:u1")?.memberships.isEmpty == false }
        var reasons: [String] {
            history.state.membershipChanges(in: 0..<history.next).map {
                "\($0.change.rawValue) \($0.reason.name)"
            }
        }
    }

    private static let instant = 1.0 / 86_400

    @Test(arguments: [false, true])
    func `T1: counts what a client dates to the future at its receipt, now and in the past`(
        _ isLater: Bool
    ) throws {
        let audience = """
            audiences:
              it:
                count: { event: A, within: 2d, atLeast: 1 }
            """
        var history = try History(
            policy: isLater ? Policies.shop : Policies.shop(audiences: audience))
        func tick(_ days: Int64) {
            history.clock = max(history.clock, Self.start + days * Self.day)
            let time = Timestamp(microseconds: Self.start + days * Self.day)
            history.append(TickRecord(time: time, asIfLive: false))
        }
        tick(1)
        let stamp = Timestamp(microseconds: Self.start + 30 * Self.day)
        try history.event(
            Message.track("A", id: "1", user: "u1", more: ",\"timestamp\":\"\(stamp)\""))
        if isLater { try history.activate(Policies.shop(audiences: audience)) }
        #expect(history.profile("user_id:u1")?.memberships.count == 1)
        tick(4)
        #expect(history.profile("user_id:u1")?.memberships.count == 0)
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test(arguments: [
        "count: { event: A, within: 2d, atLeast: 1 }",
        "sum: { event: A, of: properties.v, within: 2d, atLeast: 3 }",
        "min: { event: A, of: properties.v, within: 2d, present: true }",
        "max: { event: A, of: properties.v, within: 2d, atLeast: 3 }",
        "first: { event: A, of: properties.k, within: 2d, is: x }",
        "last: { event: A, of: properties.k, within: 2d, is: x }",
        "last: { event: A, within: 2d, present: true }", "last: { event: A, newerThan: 2d }",
        "distinct: { event: A, of: properties.k, within: 2d, atLeast: 1 }",
        "sequence: { steps: [{ event: Z }, { event: A }], over: 2d }",
    ])
    func `T2: holds until a tick says that its window has passed, and not at its very end`(
        _ condition: String
    ) throws {
        var story = try Story(condition)
        story.tick(0)
        try story.event("Z", at: 1)
        try story.event("A", at: 1, properties: #"{"v":3,"k":"x"}"#)
        #expect(story.isIn)
        try story.event("unrelated", at: 9)
        #expect(story.isIn, "only ticks move time")
        story.tick(3 - Self.instant)
        #expect(story.isIn, "less than the window ago")
        story.tick(3)
        #expect(!story.isIn, "exactly the window ago is out")
        #expect(story.reasons == ["entered event", "exited tick"])
        #expect(story.history.rebuilt().digest() == story.history.state.digest())
    }

    @Test func `T2: an absence begins when the wait has passed, without any event`() throws {
        var story = try Story("absence: { of: { event: B }, after: { event: A }, within: 3d }")
        story.tick(0)
        try story.event("A", at: 1)
        story.tick(4 - Self.instant)
        #expect(!story.isIn)
        story.tick(4)
        #expect(story.isIn)
        #expect(story.reasons == ["entered tick"])
        // Exactly so long after is too late; a moment before is not, however late it is heard of.
        try story.event("B", at: 4)
        #expect(story.isIn)
        try story.event("B", at: 4 - Self.instant)
        #expect(!story.isIn)
        #expect(story.reasons == ["entered tick", "exited event"])
    }

    @Test func `T2: an absence ends when what began it is out of sight`() throws {
        var story = try Story(
            "absence: { of: { event: B }, after: { event: A }, within: 1d, over: 5d }")
        story.tick(0)
        try story.event("A", at: 1)
        story.tick(2)
        #expect(story.isIn)
        story.tick(6 - Self.instant)
        #expect(story.isIn)
        story.tick(6)
        #expect(!story.isIn)
    }

    @Test func `T1: a sequence goes by when things happened, not by when they were heard of`()
        throws
    {
        var story = try Story(
            "sequence: { steps: [{ event: A }, { event: B }, { event: C }], within: 2d }")
        story.tick(0)
        try story.event("C", at: 3 - Self.instant)
        try story.event("A", at: 1)
        #expect(!story.isIn)
        try story.event("B", at: 2)
        #expect(story.isIn)
        var late = try Story("sequence: { steps: [{ event: A }, { event: B }], within: 2d }")
        try late.event("A", at: 1)
        try late.event("B", at: 3)
        #expect(!late.isIn, "exactly so long is not within")
        try late.event("A", at: 1.5)
        #expect(late.isIn)
    }

    @Test func `one event is not two steps of a sequence`() throws {
        var story = try Story("sequence: { steps: [{ event: A }, { event: A }] }")
        try story.event("A", at: 1)
        #expect(!story.isIn)
        try story.event("A", at: 1)
        #expect(story.isIn)
    }

    @Test func `T1: an event that comes days late lands in its window, or is too old for it`()
        throws
    {
        var story = try Story("count: { event: A, within: 5d, atLeast: 2 }")
        story.tick(20)
        try story.event("A", at: 20)
        try story.event("A", at: 15)
        #expect(!story.isIn, "exactly a window ago")
        try story.event("A", at: 15 + Self.instant)
        #expect(story.isIn)
        story.tick(20 + Self.instant)
        #expect(!story.isIn)
    }

    @Test func `a merge joins what both did, sequences over both and different values once`()
        throws
    {
        var story = try Story(
            """
            all:
              - sequence: { steps: [{ event: A }, { event: B }] }
              - distinct: { event: A, of: properties.k, atLeast: 2 }
              - not: { distinct: { event: A, of: properties.k, atLeast: 3 } }
              - sum: { event: A, of: properties.v, atLeast: 0.3 }
              - not: { sum: { event: A, of: properties.v, moreThan: 0.3 } }
            """)
        try story.event("A", at: 1, properties: #"{"k":"x","v":0.1}"#)
        try story.event(
            "A", at: 2, user: nil, anonymous: "d1", properties: #"{"k":"\u0078","v":0.1}"#)
        try story.event("A", at: 2, user: nil, anonymous: "d1", properties: #"{"k":"y","v":0.1}"#)
        try story.event("B", at: 3, user: nil, anonymous: "d1")
        #expect(!story.isIn)
        try story.event("other", at: 4, anonymous: "d1")
        #expect(story.isIn)
        #expect(story.history.rebuilt().digest() == story.history.state.digest())
    }

    @Test func `C6, T2: consent is what it is at projection time, and expires with a tick`() throws
    {
        var story = try Story("consent: { news: granted }")
        story.tick(0)
        try story.history.event(
            Message.preference(
                id: "c", user: "u1", ["News": true],
                timestamp: Timestamp(microseconds: Self.start).description))
        #expect(story.isIn)
        story.tick(10 - Self.instant)
        #expect(story.isIn)
        story.tick(10)
        #expect(!story.isIn)
        #expect(story.reasons == ["entered event", "exited tick"])
    }

    @Test func `D4: nobody is in or out of anything on a number that does not fit`() throws {
        for condition in [
            "max: { event: A, of: properties.v, within: 2d, atLeast: 1 }",
            "not: { sum: { event: A, of: properties.v, within: 2d, lessThan: 1 } }",
        ] {
            var story = try Story(
                condition,
                attributes:
                    "attributes:\n  most: { max: { event: A, of: properties.v, within: 2d } }")
            story.tick(0)
            try story.event("A", at: 2, properties: #"{"v":5}"#)
            #expect(story.isIn)
            try story.event("A", at: 1, properties: #"{"v":1e300}"#)
            #expect(!story.isIn)
            #expect(story.history.profile("user_id:u1")?.attributes.map(\.json) == [nil])
            // Once that number no longer counts, everything is known again.
            story.tick(3)
            #expect(story.isIn)
            #expect(story.history.profile("user_id:u1")?.attributes.map(\.json) == ["5"])
        }
    }

    @Test func `tells 1000 different values apart and knows that there are more`() throws {
        var story = try Story("distinct: { event: A, of: properties.k, moreThan: 999 }")
        for index in 0..<999 { try story.event("A", at: 1, properties: "{\"k\":\(index)}") }
        try story.event("A", at: 1, properties: "{\"k\":1.0}")
        #expect(!story.isIn)
        for index in 999..<1100 { try story.event("A", at: 1, properties: "{\"k\":\(index)}") }
        #expect(story.isIn)
        #expect(story.history.rebuilt().digest() == story.history.state.digest())
    }

    @Test func `a sequence looks at the newest 10000 events of a step`() throws {
        var story = try Story("sequence: { steps: [{ event: A }, { event: B }] }")
        try story.event("A", at: 2)
        for _ in 0..<10_000 { try story.event("B", at: 1) }
        #expect(!story.isIn)
        try story.event("B", at: 3)
        #expect(story.isIn)
    }

    @Test
    func `T2: what an import changed carries that reason and is not sent, what time changed is`()
        throws
    {
        var history = try History(
            policy: Policies.shop(
                ads: "    audiences: [it]",
                audiences:
                    "audiences:\n  it:\n    absence: { of: { event: B }, after: { event: A }, within: 1d }"
            ))
        try history.event(
            Message.identify(
                id: "c", user: "u1", traits: #"{"email":"e@x.org"}"#,
                consent: ["Analytics": true, "Advertising": true]))
        try history.event(
            Message.track("A", id: "1", user: "u1"), envelope: ",\"import\":true")
        history.clock += Self.day
        history.append(TickRecord(time: Timestamp(microseconds: history.clock), asIfLive: false))
        history.release("ads")
        #expect(try history.deliver("ads").map(\.action) == [.entered])
        try history.event(
            Message.track(
                "B", id: "2", user: "u1",
                more: ",\"timestamp\":\"\(Timestamp(microseconds: history.clock - Self.day / 2))\""),
            envelope: ",\"import\":true")
        let changes = history.state.membershipChanges(in: 0..<history.next)
        #expect(changes.map(\.reason) == [.tick, .imported])
        history.release("ads")
        #expect(history.pending("ads").isEmpty)
    }

    @Test func `E2, R3(5): another definition tells only what differs from what was told`() throws {
        func policy(_ least: Int) -> String {
            Policies.shop(
                ads: "    audiences: [it]",
                audiences: "audiences:\n  it:\n    count: { event: A, atLeast: \(least) }")
        }
        var history = try History(policy: policy(1))
        for user in ["u1", "u2"] {
            try history.event(
                Message.identify(
                    id: "c" + user, user: user, traits: "{\"email\":\"\(user)@x.org\"}",
                    consent: ["Analytics": true, "Advertising": true]))
            try history.event(Message.track("A", id: "a" + user, user: user))
        }
        try history.event(Message.track("A", id: "again", user: "u1"))
        history.release("ads")
        #expect(try history.deliver("ads").map(\.action) == [.entered, .entered])
        var told: [[String]] = []
        for least in [2, 2, 1, 3, 1] {
            try history.activate(policy(least))
            history.release("ads")
            told.append(try history.deliver("ads").map { $0.action.rawValue })
        }
        #expect(
            told == [["exited"], [], ["entered"], ["exited", "exited"], ["entered", "entered"]])
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `E2, R3(5): who went and came again before anything left is told of once`() throws {
        var history = try History(
            policy: Policies.shop(
                ads: "    audiences: [it]",
                audiences: "audiences:\n  it:\n    trait: { name: plan, is: gold }"))
        for (place, plan) in ["gold", "free", "gold", "free", "gold"].enumerated() {
            try history.event(
                Message.identify(
                    id: "c\(place)", user: "u1",
                    traits: "{\"email\":\"e@x.org\",\"plan\":\"\(plan)\"}",
                    consent: ["Advertising": true]))
        }
        history.release("ads")
        #expect(try history.deliver("ads").map(\.action) == [.entered])
        #expect(try history.deliver("ads").isEmpty)
    }

    @Test func `nobody is in an audience that the policy no longer defines`() throws {
        var story = try Story("count: { event: A, atLeast: 1 }")
        try story.event("A", at: 1)
        #expect(story.isIn)
        try story.history.activate(Policies.shop)
        #expect(!story.isIn)
        #expect(story.reasons == ["entered event", "exited policy"])
    }

    @Test func `is explained part by part, with what was found and when it can change`() throws {
        var story = try Story(
            """
            all:
              - count: { event: A, within: 2d, atLeast: 2 }
              - any: [{ trait: { name: plan, is: gold } }, { not: { last: { event: A, olderThan: 1d } } }]
            """)
        story.tick(0)
        try story.event("A", at: 1)
        let person = try #require(PersonReference("user_id:u1"))
        let why = try #require(story.history.state.explain(audience: "it", of: person))
        #expect(!why.isMember && why.agrees)
        #expect(why.condition.truth == .no)
        #expect(why.condition.parts.map(\.truth) == [.no, .yes])
        #expect(why.condition.parts[0].found == "1")
        #expect(why.condition.parts[0].changesAt == Self.start + 3 * Self.day)
        #expect(
            why.condition.parts[0].text == "count of track \"A\" within 2d is at least 2")
        #expect(why.condition.parts[1].parts.map(\.truth) == [.no, .yes])
        #expect(story.history.state.explain(audience: "none", of: person) == nil)
    }
}
