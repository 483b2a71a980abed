import CustomerModel
import JSONText
import Projections
import Testing

@Suite struct `A tracking plan` {
    private static func policy(_ violation: String, schema: String? = nil) -> String {
        Policies.shop(
            audiences: """
                plans:
                  web:
                    sources: [web]
                    unplanned: allow
                    violation: \(violation)
                    events:
                      - track: Order Completed
                        properties: \(schema ?? "{ required: [order_id], properties: { order_id: { type: string }, revenue: { type: number } } }")
                """)
    }

    private static func order(_ id: String, _ properties: String) -> String {
        Message.track("Order Completed", id: id, user: "u1", properties: properties)
    }

    private func history(_ policy: String) throws -> History {
        var history = try History(policy: policy)
        try history.event(
            Message.preference(id: "c", user: "u1", ["Analytics": true, "Advertising": true]))
        return history
    }

    @Test func `strips what breaks it, and withholds what that does not mend`() throws {
        var history = try history(Self.policy("strip"))
        let mended = try history.event(Self.order("1", #"{"order_id":"a","revenue":"much"}"#))
        let missing = try history.event(Self.order("2", #"{"revenue":"much"}"#))
        let needed = try history.event(Self.order("3", #"{"order_id":7}"#))
        let none = try history.event(
            #"{"type":"track","messageId":"4","userId":"u1","event":"Order Completed"}"#)
        #expect(try history.gates(mended, "warehouse") == ["allow"])
        for offset in [missing, needed, none] {
            #expect(try history.gates(offset, "warehouse") == ["tracking plan violation"])
        }
        let verdict = try #require(try history.explain(mended, "warehouse")?.tracking)
        #expect(verdict.stripped.map(\.description) == ["properties.revenue"])
        #expect(
            verdict.violations.map(\.description) == [
                "/revenue is not of type number (/properties/revenue/type)"
            ])
    }

    @Test func `strips what nothing allows, and a list whole`() throws {
        var history = try history(
            Self.policy(
                "strip",
                schema:
                    "{ additionalProperties: false, properties: { products: { items: { type: string } }, order_id: {} } }"
            ))
        let event = try history.event(
            Self.order("1", #"{"order_id":"a","x/y":{"deep":1},"products":["a",5,"b",6]}"#))
        let verdict = try #require(try history.explain(event, "warehouse")?.tracking)
        #expect(verdict.outcome == .stripped)
        #expect(
            Set(verdict.stripped.map(\.names)) == [
                ["properties", "x/y"], ["properties", "products"],
            ])
        #expect(try history.gates(event, "warehouse") == ["allow"])
    }

    @Test func `counts violations by event name and rule, with samples`() throws {
        var history = try history(Self.policy("withhold"))
        var offsets: [UInt64] = []
        for number in 0..<7 {
            offsets.append(try history.event(Self.order("\(number)", #"{"revenue":"x"}"#)))
        }
        try history.event(Self.order("fine", #"{"order_id":"a"}"#))
        let rows = history.state.planViolations()
        #expect(rows.map(\.rule) == ["/properties/revenue/type", "/required"])
        #expect(rows.map(\.reason) == ["is not of type number", "lacks order_id"])
        #expect(rows.map(\.count) == [7, 7])
        #expect(rows.map(\.event) == ["Order Completed", "Order Completed"])
        #expect(rows.map(\.outcome) == [.withheld, .withheld])
        #expect(rows[0].samples == Array(offsets.prefix(5)))
        #expect(rows[0].last == offsets[6])
    }

    @Test func `has room for what clients invent, and for no more`() throws {
        var history = try history(
            Self.policy("withhold").replacing("unplanned: allow", with: "unplanned: withhold"))
        for number in 0..<10_100 {
            try history.event(Message.track("Invented \(number)", id: "\(number)", user: "u1"))
        }
        let rows = history.state.planViolations()
        #expect(rows.count == 10_000)
        #expect(rows.last?.reason == "other violations")
        // The preference event is not planned either.
        #expect(rows.reduce(0) { $0 + $1.count } == 10_101)
    }

    @Test func `holds what is in quarantine for everybody, and shows it`() throws {
        var history = try history(
            Self.policy("quarantine").replacing(
                "    file: warehouse.ndjson\n",
                with: "    file: warehouse.ndjson\n    plans: ignore\n"
            ))
        let held = try history.event(Self.order("1", #"{"revenue":1}"#))
        let fine = try history.event(Self.order("2", #"{"order_id":"a"}"#))
        #expect(try history.gates(held, "warehouse") == ["tracking plan violation"])
        #expect(try history.gates(held, "ads") == ["tracking plan violation"])
        #expect(try history.gates(fine, "warehouse") == ["allow"])
        #expect(history.state.quarantinedOffsets(in: 0..<history.next) == [held])
        let shown = history.state.quarantine(in: 0..<history.next, limit: 10)
        #expect(shown.map(\.offset) == [held])
        #expect(shown[0].policyVersion == 1)
        #expect(shown[0].effects.isEmpty)
        #expect(history.rebuilt().digest() == history.state.digest())
    }

    @Test func `P1: judges from its own activation on`() throws {
        var history = try history(Self.policy("withhold"))
        let before = try history.event(Self.order("1", "{}"))
        try history.activate(Self.policy("withhold", schema: "{}"))
        let after = try history.event(Self.order("2", "{}"))
        #expect(try history.gates(before, "warehouse") == ["tracking plan violation"])
        #expect(try history.gates(after, "warehouse") == ["allow"])
        for offset in [before, after] {
            #expect(try #require(try history.explain(offset, "warehouse")).agrees)
        }
    }

    @Test func `keeps its counts through a checkpoint`() throws {
        var violations = 0
        for seed in 0..<20 {
            let history = try RandomHistory(seed: UInt64(900 + seed), length: 150).history
            let again = try FoldState(
                canonicalBytes: history.state.canonicalBytes(), key: History.key)
            #expect(again.digest() == history.state.digest(), "seed \(seed)")
            #expect(again.planViolations() == history.state.planViolations(), "seed \(seed)")
            #expect(history.rebuilt().digest() == history.state.digest(), "seed \(seed)")
            violations += history.state.planViolations().count
        }
        #expect(violations > 20)
    }
}
