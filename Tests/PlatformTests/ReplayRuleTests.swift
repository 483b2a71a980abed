import CustomerModel
import EventLog
import Hashing
import JSONText
import Platform
import Projections
import Testing

/// Lines of R3 that need a log, a plan and a destination.
@Suite struct `A backfill never` {
    @Test func `R3 (3): sends what was denied or unknown at the event, or is denied now`()
        async throws
    {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.consent("c1", user: "granted", analytics: true, ads: true),
                Shop.consent("c2", user: "denied", analytics: false, ads: true),
                Shop.consent("c3", user: "late", analytics: true, ads: true),
                Shop.view("v1", user: "granted"), Shop.view("v2", user: "denied"),
                Shop.view("v3", user: "unknown"), Shop.view("v4", user: "late"),
            ])
            // Late grants, and a late denial.
            try await workspace.collect([
                Shop.consent("c4", user: "denied", analytics: true, ads: true),
                Shop.consent("c5", user: "unknown", analytics: true, ads: true),
                Shop.consent("c6", user: "late", analytics: false, ads: true),
            ])
            try await workspace.apply(Shop.wider)
            let dry = try await workspace.ask(
                "replay.backfill", ["destination": "warehouse", "dryRun": true])
            #expect(dry["allowedAtEvent"]?.int == 2)
            #expect(dry["withheldNow"]?.int == 1)
            #expect(dry["planned"]?.int == 1)
            _ = try await workspace.ask("replay.backfill", ["destination": "warehouse"])
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            #expect(sent.map { $0["messageId"]?.string } == ["v1"])
            try await workspace.waitUntil("replay.plans", [:]) {
                $0["plans"]?[0]?["state"]?.string == "complete"
            }
            #expect(try workspace.lines("warehouse.ndjson", in: directory).count == 1)
        }
    }

    @Test func `E3, R3 (2): sends a delivered effect again because its body would differ now`()
        async throws
    {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: true),
                Shop.order("o1", user: "ada", revenue: "1"),
            ])
            _ = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["delivered"]?.int == 1
            }
            let fuller = Shop.policy.replacing(
                "properties: [revenue]", with: "properties: [revenue, secret]")
            try await workspace.apply(fuller)
            let plan = try await workspace.ask("replay.backfill", ["destination": "warehouse"])
            #expect(plan["alreadyTold"]?.int == 1)
            #expect(plan["planned"]?.int == 0)
            // What comes now has the new body, under a key of its own.
            try await workspace.collect([Shop.order("o2", user: "ada", revenue: "2")])
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 2, in: directory)
            #expect(sent.map { $0["messageId"]?.string } == ["o1", "o2"])
            #expect(sent.map { $0["properties"]?["secret"]?.string } == [nil, "x"])
            #expect(sent[0]["id"]?.string != sent[1]["id"]?.string)
        }
    }
}

/// What a repair does about what may have arrived before a backup was made.
@Suite struct `A repair of an unknown outcome` {
    private static let asked = "file: warehouse.ndjson"
    private static let silent =
        "webhook: { url: \"http://127.0.0.1:9/\", secret: s, unknown: none }"

    @Test(arguments: [(asked, 1), (silent, 0)] as [(String, Int64)])
    func `R3 (2), E7, A3: is planned only where the destination can be asked`(
        _ connector: String, _ planned: Int64
    ) async throws {
        let old = try temporaryDirectory()
        let new = try temporaryDirectory()
        defer { [old, new].forEach(remove) }
        try await withWorkspace(in: old) { workspace, _ in
            try await workspace.apply(Shop.policy.replacing(Self.asked, with: connector))
            _ = try await workspace.ask("destination.pause", ["destination": "warehouse"])
            try await workspace.collect([
                Shop.consent("c", user: "ada", analytics: true, ads: true),
                Shop.order("o", user: "ada", revenue: "1"),
            ])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["pending"]?.int == 1
            }
            try await self.attempt(in: workspace)
            _ = try workspace.log.backup(to: old + "/backup")
        }
        _ = try EventLog.restore(from: old + "/backup", to: new + "/log")
        try await withWorkspace(in: new) { workspace, _ in
            let repair = try await workspace.ask(
                "replay.repair", ["destination": "warehouse", "dryRun": true])
            #expect(repair["unknown"]?.int == 1)
            #expect(repair["planned"]?.int == planned)
            let backfill = try await workspace.ask(
                "replay.backfill", ["destination": "warehouse", "dryRun": true])
            #expect(backfill["alreadyTold"]?.int == 1)
            #expect(backfill["planned"]?.int == 0)
            let told = try await workspace.ask("audit.disclosures", ["person": "user_id:ada"])
            #expect(told["received"]?.int == 0)
            #expect(told["mayHaveReceived"]?.int == 1)
        }
    }

    /// Records that a request with the order left, and no answer.
    private func attempt(in workspace: Workspace) async throws {
        let next = workspace.projection.applied.value
        let why = try await workspace.ask("explain", ["event": "o", "destination": "warehouse"])
        let event = UInt64(try #require(why["event"]?["offset"]?.int))
        let fields = try workspace.log.append([
            ControlDraft.make(
                FieldSetRecord(destination: "warehouse", epoch: 1, fields: [], identifiers: []),
                at: .now())
        ])
        let record = AttemptRecord(
            destination: "warehouse", epoch: 1, recipient: "Warehouse Ltd", slot: Lane.eventSlot,
            plan: nil, look: next, generation: 1, try: 1, request: "r",
            bodyDigest: SHA256.of(""), bodyBytes: 0, started: .now(), position: nil,
            members: [
                AttemptRecord.Member(
                    key: EffectKey(high: 1, low: 2), action: .deliver, at: event, audience: nil,
                    profile: nil, digest: SHA256.of(""), policy: 1, consent: nil,
                    fieldSet: fields.first.value,
                    identifiers: [])
            ])
        let ticket = try workspace.log.append([ControlDraft.make(record, at: .now())])
        try await workspace.log.waitDurable(ticket)
        try await workspace.projection.waitApplied(through: ticket.end)
    }
}
