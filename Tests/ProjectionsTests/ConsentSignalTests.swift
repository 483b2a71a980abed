import CustomerModel
import JSONText
import Projections
import Testing

/// Every kind of signal on its way through the fold.
@Suite struct `A consent signal` {
    private static let agreed = TCText.make(purposes: [1, 4])
    private static let refused = TCText.make(purposes: [1])

    private func summary(_ history: History, _ person: String = "user_id:u1") throws
        -> ConsentSummary
    {
        let reference = try #require(PersonReference(person))
        return try #require(
            history.state.consent(of: reference, asOf: nil, now: history.clock))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var message: String
        var state: String
        var reader: ConsentReader
    }

    static let rows = [
        Row(
            testDescription: "a TC string agrees",
            message: Message.order("1", consent: #""tcf":"\#(agreed)""#), state: "granted",
            reader: .tcf),
        Row(
            testDescription: "a TC string refuses",
            message: Message.order("1", consent: #""tcf":"\#(refused)""#), state: "denied",
            reader: .tcf),
        Row(
            testDescription: "a US Privacy string, not opted out after notice",
            message: Message.order("1", consent: #""usPrivacy":"1YNN""#), state: "granted",
            reader: .usPrivacy),
        Row(
            testDescription: "a US Privacy string, opted out",
            message: Message.order("1", consent: #""usPrivacy":"1YYN""#), state: "denied",
            reader: .usPrivacy),
        Row(
            testDescription: "a GPP string, opted out",
            message: Message.order("1", consent: #""gpp":"DBABTA~1YYN""#), state: "denied",
            reader: .gpp),
        Row(
            testDescription: "mParticle's opt-out taken",
            message: Message.order(
                "1",
                more:
                    #","consent_state":{"ccpa":{"data_sale_opt_out":{"consented":true,"timestamp_unixtime_ms":1767225500000}}}"#
            ), state: "denied", reader: .ccpa),
        Row(
            testDescription: "mParticle's opt-out not taken",
            message: Message.order(
                "1",
                more:
                    #","consent_state":{"ccpa":{"data_sale_opt_out":{"consented":false,"timestamp_unixtime_ms":1767225500000}}}"#
            ), state: "granted", reader: .ccpa),
    ]

    @Test(arguments: rows)
    func `C1: asserts for the person and keeps its reader and offset`(_ row: Row) throws {
        var history = try History(policy: Policies.signals)
        let event = try history.event(row.message)
        let summary = try summary(history)
        let purpose = try #require(summary.purposes.first { $0.name == "advertising" })
        #expect(purpose.state.value.name == row.state)
        #expect(purpose.state.offset == event)
        #expect(purpose.state.ground == .assertion(row.reader))
        #expect(summary.history.map(\.reader) == [row.reader])
        #expect(
            try history.gates(event, "ads")
                == [row.state == "granted" ? "allow" : "consent denied"])
    }

    @Test func `C1: mParticle's purposes assert, with the time that they state`() throws {
        var history = try History(policy: Policies.signals)
        try history.event(
            Message.order(
                "1",
                more:
                    #","consent_state":{"gdpr":{"Analytics":{"consented":true,"timestamp_unixtime_ms":1767225500000,"document":"v2"}}}"#
            ))
        let summary = try summary(history)
        #expect(summary.history.map(\.time) == [1_767_225_500_000_000])
        #expect(summary.history.map(\.granted) == [["analytics"]])
        #expect(summary.history.map(\.reader) == [.mparticle])
    }

    @Test func `C2: a stated time in the future is clipped to when it was received`() throws {
        var history = try History(policy: Policies.signals)
        let received = history.clock
        try history.event(
            Message.order(
                "1",
                more:
                    #","consent_state":{"gdpr":{"analytics":{"consented":true,"timestamp_unixtime_ms":4070908800000}}}"#
            ))
        #expect(try summary(history).history.map(\.time) == [received])
    }

    @Test func `C1: a Segment preference and categories on an event are two readers`() throws {
        var history = try History(policy: Policies.signals)
        try history.event(Message.preference(id: "1", user: "u1", ["Analytics": true]))
        try history.event(
            Message.track("x", id: "2", user: "u1", consent: ["Analytics": false]))
        #expect(try summary(history).history.map(\.reader) == [.preference, .categories])
    }

    @Test func `C1: an unreadable string narrows all and asserts nothing`() throws {
        var history = try History(policy: Policies.signals)
        try history.event(Message.preference(id: "1", user: "u1", ["Analytics": true]))
        let event = try history.event(Message.order("2", consent: #""tcf":"C?""#))
        #expect(try history.gates(event, "warehouse") == ["consent unknown", "unreadable"])
        #expect(try summary(history).history.count == 1)
        #expect(history.consent("user_id:u1", "analytics") == "granted")
    }

    @Test func `C3: of two readers of one event that disagree the denial holds`() throws {
        for consent in [
            #""categoryPreferences":{"Advertising":true},"tcf":"\#(Self.refused)""#,
            #""categoryPreferences":{"Advertising":false},"tcf":"\#(Self.agreed)""#,
        ] {
            var history = try History(policy: Policies.signals)
            let event = try history.event(Message.order("1", consent: consent))
            #expect(history.consent("user_id:u1", "advertising") == "denied")
            #expect(history.consent("user_id:u1", "advertising", asOf: event) == "denied")
        }
    }

    // MARK: C6

    @Test func `C6: a default holds where nobody said anything, and is no assertion`() throws {
        var history = try History(policy: Policies.signals)
        let context = #""country":"us""#
        let event = try history.event(Message.order("1", context: context), source: "server")
        #expect(try history.gates(event, "warehouse") == ["allow"])
        let why = try #require(try history.explain(event, "warehouse"))
        #expect(why.purposes.map(\.state.ground.name) == ["default"])
        #expect(why.purposes.map(\.state.offset) == [nil])
        #expect(try summary(history).history.isEmpty)
        #expect(history.consent("user_id:u1", "analytics") == "unknown")
    }

    @Test func `C6: a default needs a trusted source, a country on the list, and no denial`() throws
    {
        let us = #""country":"US""#
        var history = try History(policy: Policies.signals)
        let untrusted = try history.event(Message.order("1", context: us), source: "web")
        let elsewhere = try history.event(
            Message.order("2", context: #""country":"DE""#), source: "server")
        let nowhere = try history.event(Message.order("3"), source: "server")
        for event in [untrusted, elsewhere, nowhere] {
            #expect(try history.gates(event, "warehouse") == ["consent unknown"])
        }
        let missing = try history.event(
            Message.order("4", consent: #""categoryPreferences":{}"#, context: us),
            source: "server")
        #expect(try history.gates(missing, "warehouse") == ["consent unknown"])
        try history.event(Message.preference(id: "5", user: "u1", ["Analytics": false]))
        let denied = try history.event(Message.order("6", context: us), source: "server")
        #expect(try history.gates(denied, "warehouse") == ["consent denied"])
    }

    @Test func `C6: a default does not stand in for a grant that expired`() throws {
        let policy = Policies.signals.replacing(
            "segment: [Analytics],", with: "segment: [Analytics], expires: 1d,")
        var history = try History(policy: policy)
        try history.event(Message.preference(id: "1", user: "u1", ["Analytics": true]))
        history.clock += 2 * 86_400_000_000
        let event = try history.event(
            Message.order("2", context: #""country":"US""#), source: "server")
        #expect(try history.gates(event, "warehouse") == ["consent expired"])
    }

    // MARK: C7

    private func granted() throws -> History {
        var history = try History(policy: Policies.signals)
        try history.event(Message.preference(id: "0", user: "u1", ["Advertising": true]))
        return history
    }

    @Test func `C7: a vendor's destination is judged by the person's most recent TC string`() throws
    {
        var history = try granted()
        let none = try history.event(Message.order("1"))
        #expect(try history.gates(none, "vendor") == ["consent unknown"])
        #expect(try history.gates(none, "ads") == ["allow"])

        try history.event(Message.order("2", consent: #""tcf":"\#(Self.agreed)""#))
        let first = try history.event(Message.order("3"))
        #expect(try history.gates(first, "vendor") == ["allow"])

        // Another device's string comes later, with another vendor's consent.
        let other = TCText.make(purposes: [1, 4], vendors: [7])
        try history.event(
            Message.order("4", user: nil, anonymous: "a1", consent: #""tcf":"\#(other)""#))
        let apart = try history.event(Message.order("5"))
        #expect(try history.gates(apart, "vendor") == ["allow"])
        let merged = try history.event(Message.order("6", anonymous: "a1"))
        #expect(try history.gates(merged, "vendor") == ["consent denied"])
        #expect(try history.gates(first, "vendor") == ["allow"])
        let why = try #require(try history.explain(merged, "vendor"))
        #expect(why.tcf?.refusal == "the vendor has no consent")
        #expect(why.agrees)
    }

    @Test(arguments: [
        (TCText.make(purposes: [1, 4]), true),
        (TCText.make(purposes: [1, 4], vendors: []), false),
        (TCText.make(purposes: [1, 4], disclosed: []), false),
        (TCText.make(purposes: [1, 4], disclosed: nil), false),
    ])
    func `C7: the vendor must be permitted and disclosed`(_ text: String, _ allowed: Bool) throws {
        var history = try granted()
        let event = try history.event(Message.order("1", consent: #""tcf":"\#(text)""#))
        let gates = try history.gates(event, "vendor")
        #expect(allowed ? gates == ["allow"] : gates.contains("consent denied"))
    }

    @Test func `C7: legitimate interest is a basis of its own`() throws {
        let policy = Policies.signals.replacing(
            "tcf: { vendor: 755, purposes: [1, 4] }",
            with: "tcf: { vendor: 755, purposes: [1], legitimateInterest: [7] }")
        for (interests, vendors, expected) in [
            (Set([7]), Set([755]), "allow"), ([7], [], "consent denied"),
            ([], [755], "consent denied"),
        ] {
            var history = try History(policy: policy)
            let text = TCText.make(
                purposes: [1, 4], interests: interests, vendorInterests: vendors)
            let event = try history.event(Message.order("1", consent: #""tcf":"\#(text)""#))
            #expect(try history.gates(event, "vendor") == [expected])
        }
    }

    @Test func `C7: of two TC strings of one day the later record's counts`() throws {
        var history = try History(policy: Policies.signals)
        // Past the day that the strings were made on.
        history.clock += 300 * 86_400_000_000
        for (id, purposes, state) in [
            ("1", [1], "denied"), ("2", [1, 4], "granted"), ("3", [], "denied"),
        ] as [(String, Set<Int>, String)] {
            let text = TCText.make(purposes: purposes)
            try history.event(Message.order(id, consent: #""tcf":"\#(text)""#))
            #expect(history.consent("user_id:u1", "advertising") == state, "event \(id)")
        }
    }

    @Test func `C7: the order of TC strings is that of their offsets`() throws {
        var history = try granted()
        // Received later, although its event happened a day earlier.
        try history.event(Message.order("1", consent: #""tcf":"\#(Self.agreed)""#))
        let early = Timestamp(microseconds: history.clock - 86_400_000_000)
        let other = TCText.make(purposes: [1, 4], vendors: [])
        try history.event(
            Message.order(
                "2", consent: #""tcf":"\#(other)""#, more: #","timestamp":"\#(early)""#))
        let event = try history.event(Message.order("3"))
        #expect(try history.gates(event, "vendor") == ["consent denied"])
    }

    // MARK: An operator

    private func word(
        granted: [String] = [], denied: [String] = [], asserted: Int64? = nil,
        of type: String = "user_id", _ value: String = "u1"
    ) -> ConsentRecord {
        ConsentRecord(
            type: type, value: value, granted: granted, denied: denied,
            asserted: asserted.map { Timestamp(microseconds: $0) }, document: "letter 7",
            method: "letter", by: "test")
    }

    @Test func `C1: an operator's word asserts, and C3 holds for it`() throws {
        var history = try History(policy: Policies.signals)
        let grant = history.append(word(granted: ["analytics"]))
        let allowed = try history.event(Message.order("1"))
        #expect(try history.gates(allowed, "warehouse") == ["allow"])
        #expect(
            try history.explain(allowed, "warehouse")?.purposes.map(\.state.ground)
                == [.assertion(.operator)])
        #expect(
            try history.explain(allowed, "warehouse")?.purposes.map(\.state.offset) == [grant])
        history.append(word(denied: ["analytics"]))
        let before = history.clock - 3_600_000_000
        // Asserted before the denial: it stays denied.
        history.append(word(granted: ["analytics"], asserted: before))
        #expect(history.consent("user_id:u1", "analytics") == "denied")
        history.append(word(granted: ["analytics"]))
        #expect(history.consent("user_id:u1", "analytics") == "granted")
    }

    @Test func `C1: an operator's word waits for an identifier that no event has brought`() throws {
        var history = try History(policy: Policies.signals)
        history.append(word(denied: ["analytics"], of: "email", "Ada@Example.org"))
        #expect(history.consent("email:ada@example.org", "analytics") == "denied")
        let event = try history.event(
            #"{"type":"identify","messageId":"1","userId":"u1","traits":{"email":"ada@example.org"},"context":{"consent":{"categoryPreferences":{"Analytics":true}}}}"#
        )
        #expect(history.consent("user_id:u1", "analytics") == "denied")
        #expect(history.consent("user_id:u1", "analytics", asOf: event) == "denied")
    }

    @Test func `C1: an operator's word for a purpose that no policy names means nothing`() throws {
        var history = try History(policy: Policies.signals)
        history.append(word(granted: ["other"]))
        #expect(try summary(history).history.isEmpty)
        #expect(history.state.digest() == history.rebuilt().digest())
    }
}
