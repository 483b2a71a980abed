import CustomerModel
import JSONText
import Projections
import Testing

@Suite struct `Consent` {
    private let order = Message.track("Order Completed", id: "o1", user: "u1")

    @Test func `C1: categories on an event assert for the person and a missing one only narrows`()
        throws
    {
        var history = try History(policy: Policies.shop)
        let event = try history.event(
            Message.track("Order Completed", id: "1", user: "u1", consent: ["Analytics": true]))
        #expect(history.consent("user_id:u1", "analytics") == "granted")
        #expect(history.consent("user_id:u1", "advertising") == "unknown")
        #expect(try history.gates(event, "warehouse") == ["allow"])
        #expect(try history.gates(event, "ads") == ["consent unknown"])
    }

    @Test func `C1: an event's own signal narrows what the person granted before`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(id: "1", user: "u1", ["Analytics": true, "Advertising": true]))
        let missing = try history.event(
            Message.track("Order Completed", id: "2", user: "u1", consent: ["Advertising": true]))
        #expect(try history.gates(missing, "warehouse") == ["consent unknown"])
        #expect(history.consent("user_id:u1", "analytics") == "granted")
        let next = try history.event(Message.track("Order Completed", id: "3", user: "u1"))
        #expect(try history.gates(next, "warehouse") == ["allow"])
    }

    @Test func `C1: GPC denies the listed purposes on the device and on its own event`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(
                id: "1", anonymous: "a1", ["Analytics": true, "Advertising": true]))
        let event = try history.event(
            Message.track("Order Completed", id: "2", user: "u1", anonymous: "a1"),
            envelope: ",\"gpc\":true")
        #expect(try history.gates(event, "ads") == ["consent denied"])
        #expect(try history.gates(event, "warehouse") == ["allow"])
        #expect(history.consent("anonymous_id:a1", "advertising") == "denied")
    }

    @Test func `C2: an assertion from the future is clipped to when it was received`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.preference(
                id: "1", user: "u1", ["Analytics": true], timestamp: "2099-01-01T00:00:00Z"))
        // A grant dated 2099 must not outrank a denial of today.
        try history.event(Message.preference(id: "2", user: "u1", ["Analytics": false]))
        try history.event(Message.preference(id: "3", user: "u1", ["Analytics": true]))
        #expect(history.consent("user_id:u1", "analytics") == "granted")
    }

    @Test func `C2: an assertion hangs on the strongest identifier that identity accepted`() throws
    {
        var history = try History(policy: Policies.shop)
        try history.event(
            Message.track("x", id: "1", user: "u1", anonymous: "a1", consent: ["Analytics": true]))
        let history1 = PersonHistory(history, "user_id:u1")
        #expect(history1.identifierTypes == ["user_id"])
    }

    struct Row: Sendable, CustomStringConvertible {
        var why: String
        /// (granted, asserted seconds before the record)
        var steps: [(Bool, Int)]
        var state: String
        var description: String { why }
    }

    @Test(arguments: [
        Row(
            why: "a denial replaces a newer grant", steps: [(true, 0), (false, 100)],
            state: "denied"),
        Row(why: "a later grant replaces", steps: [(false, 0), (true, 0)], state: "granted"),
        Row(
            why: "a grant asserted before the denial does not", steps: [(false, 0), (true, 100)],
            state: "denied"),
        Row(
            why: "equal asserted time stays denied", steps: [(false, 0), (true, 1)], state: "denied"
        ),
        Row(
            why: "a grant between an old grant and a late denial",
            steps: [(true, 50), (false, 10), (true, 40)], state: "denied"),
        Row(
            why: "a denial that is repeated keeps the newest time",
            steps: [(false, 0), (false, 50), (true, 10)], state: "denied"),
    ])
    func `C3: per identifier and purpose`(_ row: Row) throws {
        var history = try History(policy: Policies.shop)
        for (index, step) in row.steps.enumerated() {
            let asserted = Timestamp(microseconds: history.clock - Int64(step.1) * 1_000_000)
            try history.event(
                Message.preference(
                    id: "\(index)", user: "u1", ["Analytics": step.0],
                    timestamp: asserted.description))
        }
        #expect(history.consent("user_id:u1", "analytics") == row.state)
    }

    @Test func `C4: strictest lets any linked identifier's denial decide`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "1", anonymous: "a1", ["Analytics": false]))
        try history.event(Message.preference(id: "2", user: "u1", ["Analytics": true]))
        try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a1"))
        #expect(history.consent("user_id:u1", "analytics") == "denied")
    }

    @Test func `C4: latest takes the newest, but never a weaker grant over a stronger denial`()
        throws
    {
        for (denier, granter, expected) in [
            ("anonymous_id", "user_id", "granted"), ("user_id", "anonymous_id", "denied"),
        ] {
            var history = try History(policy: Policies.shop(resolve: "latest"))
            func message(_ id: String, _ type: String, _ value: Bool) -> String {
                type == "user_id"
                    ? Message.preference(id: id, user: "u1", ["Analytics": value])
                    : Message.preference(id: id, anonymous: "a1", ["Analytics": value])
            }
            try history.event(message("1", denier, false))
            try history.event(message("2", granter, true))
            try history.event(Message.track("x", id: "3", user: "u1", anonymous: "a1"))
            #expect(
                history.consent("user_id:u1", "analytics") == expected,
                "denied on \(denier), granted on \(granter)")
        }
    }

    @Test func `C5: a merge applies from its offset and leaves what was decided before`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "1", anonymous: "a1", ["Analytics": false]))
        try history.event(Message.preference(id: "2", user: "u1", ["Analytics": true]))
        let before = try history.event(Message.track("Order Completed", id: "3", user: "u1"))
        let join = try history.event(
            Message.track("Order Completed", id: "4", user: "u1", anonymous: "a1"))
        #expect(try history.gates(before, "warehouse") == ["allow"])
        #expect(try history.gates(join, "warehouse") == ["consent denied"])
        #expect(history.consent("user_id:u1", "analytics", asOf: before) == "granted")
        #expect(history.consent("user_id:u1", "analytics", asOf: join) == "denied")
    }

    @Test func `C5: within one event identity comes first, then its assertions, then its decision`()
        throws
    {
        var history = try History(policy: Policies.shop)
        let event = try history.event(
            Message.track(
                "Order Completed", id: "1", user: "u1", anonymous: "a1",
                consent: ["Analytics": true]))
        #expect(try history.gates(event, "warehouse") == ["allow"])
    }

    @Test func `C6: unknown is not granted`() throws {
        var history = try History(policy: Policies.shop)
        let event = try history.event(order)
        #expect(try history.gates(event, "warehouse") == ["consent unknown"])
    }

    @Test(arguments: [
        #""consent":7"#, #""consent":{"categoryPreferences":[]}"#,
        #""consent":{"categoryPreferences":{"Analytics":"yes"}}"#,
    ])
    func `C6: unreadable is not granted`(_ context: String) throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "1", user: "u1", ["Analytics": true]))
        let event = try history.event(
            #"{"type":"track","messageId":"2","userId":"u1","event":"Order Completed","properties":{},"context":{\#(context)}}"#
        )
        #expect(try history.gates(event, "warehouse") == ["consent unknown", "unreadable"])
    }

    @Test func `C6: expired is not granted`() throws {
        var history = try History(policy: Policies.shop)
        try history.event(Message.preference(id: "1", user: "u1", ["Analytics": true]))
        history.clock += 31 * 86_400_000_000
        let event = try history.event(order)
        #expect(try history.gates(event, "warehouse") == ["consent expired"])
    }

    @Test func `a purpose that does not rest on consent is granted unless denied`() throws {
        let policy = Policies.shop.replacing(
            "analytics: { segment: [Analytics], expires: 30d }",
            with: "analytics: { segment: [Analytics], basis: contract }")
        var history = try History(policy: policy)
        let unknown = try history.event(order)
        #expect(try history.gates(unknown, "warehouse") == ["allow"])
        try history.event(Message.preference(id: "2", user: "u1", ["Analytics": false]))
        let denied = try history.event(Message.track("Order Completed", id: "3", user: "u1"))
        #expect(try history.gates(denied, "warehouse") == ["consent denied"])
    }
}

/// The assertions behind a person's consent.
private struct PersonHistory {
    var identifierTypes: [String]

    init(_ history: History, _ person: String) {
        let summary = PersonReference(person).flatMap {
            history.state.consent(of: $0, asOf: nil, now: history.clock)
        }
        identifierTypes = summary?.history.map(\.identifierType) ?? []
    }
}
