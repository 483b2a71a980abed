import CustomerModel
import Hashing
import JSONText
import Platform
import Projections
import Testing

/// Tracking plans and transformations through the whole of the platform, with the real dispatcher and the
/// file connector.
@Suite struct `A tracking plan in force` {
    private static func policy(_ maximum: Int, violation: String = "quarantine") -> String {
        Shop.policy.replacing(
            "    properties: [revenue]",
            with: """
                    properties: [revenue, coupon, note]
                        transform:
                          - { hash: properties.coupon, normalise: lowercase }
                          - { rename: properties.revenue, to: value }
                """
        ) + """

            plans:
              shop:
                sources: all
                unplanned: allow
                violation: \(violation)
                events:
                  - track: Order Completed
                    properties:
                      properties:
                        revenue: { type: number, maximum: \(maximum) }
                        note: { type: string }
            """
    }

    private static func order(_ id: String, _ properties: String) -> String {
        #"{"type":"track","messageId":"\#(id)","userId":"ada","event":"Order Completed","properties":\#(properties)}"#
    }

    @Test func `R3.2: what is in quarantine is released once, under a later plan`() async throws {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Self.policy(10))
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: true),
                Self.order("small", #"{"revenue":5,"coupon":" SPRING "}"#),
                Self.order("large", #"{"revenue":50}"#), Self.order("huge", #"{"revenue":500}"#),
            ])
            let first = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            #expect(
                first[0]["properties"]?.text
                    == #"{"coupon":"\#(SHA256.of("spring").hex)","value":5}"#)

            let held = try await workspace.ask("policy.quarantine", [:])
            #expect(
                held["events"]?.array?.map { $0["messageId"]?.string } == ["large", "huge"])
            #expect(held["events"]?[0]?["state"]?.string == "held")
            #expect(
                held["events"]?[0]?["reasons"]?.array == [
                    "/revenue is too large (/properties/revenue/maximum)"
                ])
            let violations = try await workspace.ask("policy.violations", [:])
            #expect(violations["violations"]?[0]?["count"]?.int == 2)
            #expect(violations["quarantined"]?.int == 2)
            let status = try await workspace.ask("status", [:])
            #expect(status["tracking"]?["quarantined"]?.int == 2)
            let why = try await workspace.ask(
                "explain", ["event": "large", "destination": "warehouse"])
            #expect(why["reasons"]?.array == ["tracking plan violation"])
            #expect(why["trackingPlan"]?["outcome"]?.string == "quarantined")
            // Under the same plan nothing can be released.
            let early = try await workspace.ask("policy.release", [:])
            #expect(early["destinations"]?[0]?["planned"]?.int == 0)

            try await workspace.apply(Self.policy(100))
            let ready = try await workspace.ask("policy.quarantine", [:])
            #expect(
                ready["events"]?.array?.map { $0["state"]?.string } == [
                    "ready: see sluice policy release", "held",
                ])
            let dry = try await workspace.ask("policy.release", ["dryRun": true])
            #expect(dry["destinations"]?[0]?["planned"]?.int == 1)
            #expect(try workspace.lines("warehouse.ndjson", in: directory).count == 1)

            let release = try await workspace.ask(
                "policy.release", ["destination": "warehouse"])
            #expect(release["destinations"]?[0]?["planned"]?.int == 1)
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 2, in: directory)
            #expect(sent.map { $0["messageId"]?.string } == ["small", "large"])
            try await workspace.waitUntil("replay.plans", [:]) {
                $0["plans"]?[0]?["state"]?.string == "complete"
            }
            // Neither another release nor a backfill sends it again.
            let again = try await workspace.ask("policy.release", [:])
            #expect(again["destinations"]?[0]?["planned"]?.int == 0)
            let backfill = try await workspace.ask(
                "replay.backfill", ["destination": "warehouse"])
            #expect(backfill["planned"]?.int == 0)
            let after = try await workspace.ask("policy.quarantine", [:])
            #expect(after["events"]?[0]?["state"]?.string == "released")
            #expect(after["events"]?[0]?["releasedTo"]?.array == ["warehouse: delivered"])
            #expect(try workspace.lines("warehouse.ndjson", in: directory).count == 2)
            try await workspace.expectRebuildEqual()
        }
    }

    @Test func `strips what is at fault on its way out, and says which fields left`() async throws {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Self.policy(100, violation: "strip"))
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: true),
                Self.order("o1", #"{"revenue":5,"note":{"secret":"x"},"coupon":"y"}"#),
            ])
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            #expect(
                sent[0]["properties"]?.text == #"{"coupon":"\#(SHA256.of("y").hex)","value":5}"#)
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["delivered"]?.int == 1
            }
            let shared = try await workspace.ask(
                "audit.disclosures", ["person": "user_id:ada"])
            #expect(
                shared["disclosures"]?[0]?["fields"]?.array == [
                    "properties.coupon", "properties.value",
                ])
            let violations = try await workspace.ask("policy.violations", [:])
            #expect(violations["violations"]?[0]?["outcome"]?.string == "stripped")
            try await workspace.expectRebuildEqual()
        }
    }

    @Test func `E6: a plan that came into force meanwhile cancels what waits`() async throws {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Self.policy(1_000))
            _ = try await workspace.ask("destination.pause", ["destination": "warehouse"])
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: true),
                Self.order("o1", #"{"revenue":500}"#),
            ])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["pending"]?.int == 1
            }
            try await workspace.apply(Self.policy(10))
            _ = try await workspace.ask("destination.resume", ["destination": "warehouse"])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["cancelled"]?.int == 1
            }
            #expect(try workspace.lines("warehouse.ndjson", in: directory).isEmpty)
        }
    }

    @Test func `prints an old version's text, and says when there is none`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Self.policy(1))
            try await workspace.apply(Self.policy(2))
            let first = try await workspace.ask("policy.history", ["version": 1])
            #expect(first["text"]?.string == Self.policy(1))
            #expect(first["sha256"]?.string == SHA256.of(Self.policy(1)).hex)
            let all = try await workspace.ask("policy.history", [:])
            #expect(all["versions"]?.array?.map { $0["version"]?.int } == [1, 2])
            await #expect(throws: OperationError.self) {
                _ = try await workspace.ask("policy.history", ["version": 3])
            }
        }
    }
}
