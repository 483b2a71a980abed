import CustomerModel
import JSONText
import Projections
import Testing

/// Where one rule of consent ends and another begins.
@Suite struct `Consent at its edges` {
    private static let grant = Message.preference(
        id: "c", user: "u1", ["Analytics": true, "Advertising": true])

    /// Analytics, then advertising, as the decision on an event keeps them.
    private func kept(_ history: History, _ event: UInt64) -> [ConsentState.Value] {
        history.state.decisions(in: event..<event + 1, limit: 1).first?.purposes.map(\.value) ?? []
    }

    @Test func `C1, D1: a decision keeps the state as its event narrowed it`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.grant)
        let silent = try history.event(Message.track("Order Completed", id: "1", user: "u1"))
        let missing = try history.event(
            Message.track("Order Completed", id: "2", user: "u1", consent: ["Advertising": true]))
        let unreadable = try history.event(
            #"{"type":"track","messageId":"3","userId":"u1","event":"Order Completed","context":{"consent":7}}"#
        )
        let nobody = try history.event(
            Message.track(
                "Order Completed", id: "4", anonymous: "anonymous", consent: ["Analytics": false]))
        #expect(kept(history, silent) == [.granted, .granted])
        #expect(kept(history, missing) == [.unknown, .granted])
        #expect(kept(history, unreadable) == [.unknown, .unknown])
        #expect(kept(history, nobody) == [.denied, .unknown])
    }

    @Test func `C5: a merge counts for its own event, and a split for the next one`() throws {
        var history = try History(policy: Policies.shop)
        func order(_ id: String, anonymous: String? = nil) throws -> [String] {
            let event = try history.event(
                Message.track("Order Completed", id: id, user: "u1", anonymous: anonymous))
            return try history.gates(event, "warehouse")
        }
        try history.event(Self.grant)
        #expect(try order("1") == ["allow"])
        try history.event(Message.preference(id: "no", anonymous: "a1", ["Analytics": false]))
        #expect(try order("2") == ["allow"])
        #expect(try order("3", anonymous: "a1") == ["consent denied"])
        #expect(try order("4") == ["consent denied"])
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        #expect(try order("5") == ["allow"])
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    /// A denial that is dated to the future, by an event or by an operator, and a grant a little later.
    @Test(arguments: [false, true])
    func `C2: what is said of the future counts from when it was received`(
        _ isOperator: Bool
    ) throws {
        var history = try History(policy: Policies.shop)
        let future = Timestamp(microseconds: history.clock + 30 * 86_400_000_000)
        let received = history.clock
        if isOperator {
            history.append(
                ConsentRecord(
                    type: "user_id", value: "u1", granted: [], denied: ["analytics"],
                    asserted: future, by: "test"))
        } else {
            try history.event(
                Message.preference(
                    id: "no", user: "u1", ["Analytics": false], timestamp: future.description))
        }
        try history.event(Message.preference(id: "yes", user: "u1", ["Analytics": true]))
        #expect(history.consent("user_id:u1", "analytics") == "granted")
        let person = try #require(PersonReference("user_id:u1"))
        let said = try #require(
            history.state.consent(of: person, asOf: nil, now: history.clock)
        ).history
        #expect(said.map(\.time).first == received)
    }

    @Test func `C2: an assertion names its event and who read it`() throws {
        var history = try History(policy: Policies.shop)
        let preference = try history.event(
            Message.preference(id: "1", user: "u1", ["Analytics": true]))
        let word = history.append(
            ConsentRecord(
                type: "user_id", value: "u1", granted: [], denied: ["advertising"], by: "test"))
        let categories = try history.event(
            Message.track("x", id: "2", user: "u1", consent: ["Analytics": false]))
        let person = try #require(PersonReference("user_id:u1"))
        let consent = try #require(
            history.state.consent(of: person, asOf: nil, now: history.clock))
        #expect(consent.history.map(\.offset) == [preference, word, categories])
        #expect(consent.history.map(\.reader) == [.preference, .operator, .categories])
        #expect(consent.purposes.map(\.state.offset) == [categories, word])
    }

    @Test func `C6, D1: a decision keeps a default only where nobody said anything`() throws {
        let policy = Policies.signals.replacing(
            "segment: [Analytics],", with: "segment: [Analytics], expires: 1d,")
        var history = try History(policy: policy)
        let us = #""country":"US""#
        let first = try history.event(Message.order("1", context: us), source: "server")
        try history.event(Message.preference(id: "2", user: "u1", ["Analytics": true]))
        history.clock += 2 * 86_400_000_000
        let expired = try history.event(Message.order("3", context: us), source: "server")
        try history.event(Message.preference(id: "4", user: "u1", ["Analytics": false]))
        let denied = try history.event(Message.order("5", context: us), source: "server")
        #expect(kept(history, first).first == .granted)
        #expect(kept(history, expired).first == .expired)
        #expect(kept(history, denied).first == .denied)
    }

    @Test func `C1: an event of nobody is withheld by what it denies itself`() throws {
        var history = try History(policy: Policies.shop)
        let order = Message.track("Order Completed", id: "1", anonymous: "anonymous")
        let silent = try history.event(order)
        let denied = try history.event(
            Message.track(
                "Order Completed", id: "2", anonymous: "anonymous", consent: ["Analytics": false]))
        let signalled = try history.event(order, envelope: ",\"gpc\":true")
        #expect(try history.gates(silent, "warehouse") == ["consent unknown"])
        #expect(try history.gates(denied, "warehouse") == ["consent denied"])
        #expect(try history.gates(signalled, "ads") == ["consent denied"])
        #expect(try history.gates(signalled, "warehouse") == ["consent unknown"])
    }

    @Test func `C1: GPC speaks for the device, and not for whoever else uses it`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Self.grant)
        try history.event(
            Message.track("x", id: "2", user: "u1", anonymous: "a1"), envelope: ",\"gpc\":true")
        #expect(history.consent("user_id:u1", "advertising") == "denied")
        let person = try #require(PersonReference("user_id:u1"))
        let summary = try #require(
            history.state.consent(of: person, asOf: nil, now: history.clock))
        let denials = summary.standings.filter { !$0.standing.isGrant }
        #expect(denials.map(\.identifierType) == ["anonymous_id"])
        history.decide(.retract, "user_id:u1", "anonymous_id:a1")
        #expect(history.consent("user_id:u1", "advertising") == "granted")
    }

    @Test func `C3: a reader's grant of a later time lifts no denial of its own event`() throws {
        var history = try History(policy: Policies.signals)
        let event = try history.event(
            Message.order(
                "1", consent: #""categoryPreferences":{"Analytics":false}"#,
                more:
                    #","timestamp":"2025-12-31T23:00:00Z","consent_state":{"gdpr":{"analytics":{"consented":true,"timestamp_unixtime_ms":1767225500000}}}"#
            ))
        #expect(history.consent("user_id:u1", "analytics") == "denied")
        #expect(history.consent("user_id:u1", "analytics", asOf: event) == "denied")
    }

    @Test func `C3: a word that grants and denies one purpose denies it`() throws {
        var history = try History(policy: Policies.shop)
        let word = history.append(
            ConsentRecord(
                type: "user_id", value: "u1", granted: ["analytics", "advertising"],
                denied: ["analytics"], by: "test"))
        for offset in [nil, word] {
            #expect(history.consent("user_id:u1", "analytics", asOf: offset) == "denied")
            #expect(history.consent("user_id:u1", "advertising", asOf: offset) == "granted")
        }
    }

    @Test func `C4: any denial decides also where no grant expires`() throws {
        var history = try History(policy: Policies.shop.replacing(", expires: 30d", with: ""))
        try history.event(Self.grant)
        try history.event(Message.preference(id: "2", anonymous: "a1", ["Analytics": false]))
        let event = try history.event(
            Message.track("Order Completed", id: "3", user: "u1", anonymous: "a1"))
        #expect(try history.gates(event, "warehouse") == ["consent denied"])
        #expect(kept(history, event) == [.denied, .granted])
    }

    @Test func `C7: an event's own TC string narrows also where nobody is known`() throws {
        var history = try History(policy: Policies.signals)
        let refusing = TCText.make(purposes: [1, 4], vendors: [])
        let event = try history.event(
            Message.order(
                "1", user: nil, anonymous: "anonymous", consent: #""tcf":"\#(refusing)""#))
        #expect(try history.gates(event, "vendor") == ["consent unknown", "consent denied"])
        #expect(try history.gates(event, "ads") == ["consent unknown"])
    }

    @Test func `C7, R2: a membership is released by the TC string of its own offset`() throws {
        let policy =
            Policies.signals.replacing(
                "recipient: Vendor Inc",
                with: "recipient: Vendor Inc\n    audiences: [buyers]\n    identifiers: [user_id]")
            + "\naudiences:\n  buyers: { count: { event: Order Completed, atLeast: 1 } }"
        for (first, second, released) in [([], [755], 0), ([755], [], 1)]
            as [(Set<Int>, Set<Int>, Int)]
        {
            var history = try History(policy: policy)
            try history.event(Self.grant)
            for (id, vendors) in [("1", first), ("2", second)] {
                let text = TCText.make(purposes: [1, 4], vendors: vendors)
                try history.event(Message.order(id, consent: #""tcf":"\#(text)""#))
            }
            #expect(history.release("vendor")?.memberships.count ?? 0 == released)
        }
    }
}
