import CustomerModel
import EventLog
import Hashing
import JSONText
import Platform
import Projections
import Testing

/// What of replays is written down, and what a promotion rests on (P1, P2, R1).
@Suite struct `A record` {
    /// The durable records of one kind.
    private func records<Record: ControlRecord>(
        _ workspace: Workspace, _ type: Record.Type = Record.self
    ) throws -> [Record] {
        var reader = workspace.log.makeReader()
        var parser = JSONParser()
        var found: [Record] = []
        _ = try reader.forEach(
            from: Offset(0), to: workspace.log.durableEnd, needs: .lines,
            kinds: [Record.kind.rawValue]
        ) { view in
            try parser.parse(Array(view.line)) { line in
                if let body = line["body"] { found.append(try Record(body)) }
            }
            return .next
        }
        return found
    }

    @Test func `R1, R3 (12): of a plan names its policy, its approver and its rate`() async throws {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: true),
                Shop.view("v1", user: "ada"),
            ])
            try await workspace.apply(Shop.wider)
            let dry = try await workspace.ask(
                "replay.backfill",
                [
                    "destination": "warehouse", "approver": "dpo", "rate": 7,
                    "event": "Product Viewed", "dryRun": true,
                ])
            #expect(dry["planned"]?.int == 1)
            #expect(try records(workspace, PlanRecord.self).isEmpty)
            let answer = try await workspace.ask(
                "replay.backfill",
                [
                    "destination": "warehouse", "approver": "dpo", "rate": 7,
                    "event": "Product Viewed",
                ])
            _ = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            let plan = try #require(try records(workspace, PlanRecord.self).first)
            #expect(plan.id == answer["plan"]?.string)
            #expect(plan.act == .backfill)
            #expect(plan.policyVersion == 2)
            #expect(plan.approver == "dpo")
            #expect(plan.ratePerSecond == 7)
            #expect(plan.planned.count == 1)
            #expect(plan.narrowing?.events == ["Product Viewed"])
            #expect(plan.counts.planned == 1 && plan.counts.allowed == 1)
            #expect(dry["considered"]?.int == Int64(plan.counts.considered))
            #expect(try records(workspace, AttemptRecord.self).map(\.plan) == [plan.id])
            try await workspace.waitUntil("replay.plans", [:]) {
                $0["plans"]?[0]?["state"]?.string == "complete"
            }
            #expect(
                try records(workspace, PlanEndedRecord.self).map(\.outcome) == [.complete])
        }
    }

    @Test func `R2: of a correction amends nothing that its policy withheld at the event`()
        async throws
    {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: false),
                Shop.order("o1", user: "ada", revenue: "1"),
            ])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["delivered"]?.int == 1
            }
            // Another purpose, which the person granted after the event, and another body.
            try await workspace.apply(
                Shop.policy.replacing(
                    "analytics: { segment: [Analytics] }",
                    with: "analytics: { segment: [Analytics] }\n  ads: { segment: [Ads] }"
                ).replacing("purposes: [analytics]", with: "purposes: [analytics, ads]")
                    .replacing("properties: [revenue]", with: "properties: [revenue, secret]"))
            try await workspace.collect([
                Shop.consent("c2", user: "ada", analytics: true, ads: true)
            ])
            let plan = try await workspace.ask(
                "replay.correct", ["destination": "warehouse", "dryRun": true])
            #expect(plan["delivered"]?.int == 1)
            #expect(plan["amend"]?.int == 0)
            #expect(plan["retract"]?.int == 0)
        }
    }

    @Test func `P1: of a promotion names schedule, code version and digest`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            try await workspace.apply(Shop.wider)
            let answer = try await workspace.ask("replay.rebuild", [:])
            #expect(answer["equal"]?.bool == true)
            let record = try #require(try records(workspace, PromotedRecord.self).first)
            #expect(record.generation == 2)
            #expect(record.codeVersion == FoldState.codeVersion)
            #expect(record.digest.hex == answer["rebuiltDigest"]?.string)
            let activated = workspace.projection.read { $0.policies.map(\.activatedAt) }
            for stage in [PromotedRecord.Stage.identity, .consent, .decisions] {
                let entries = record.schedule.filter { $0.stage == stage }
                #expect(entries.map(\.version) == [1, 2])
                #expect(entries.map(\.from) == activated)
            }
            for stage in [PromotedRecord.Stage.attributes, .audiences] {
                let entries = record.schedule.filter { $0.stage == stage }
                #expect(entries.map(\.version) == [2])
                #expect(entries.map(\.from) == [0])
            }
        }
    }

    @Test func `P2: of a promotion is not made of a state that differs`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: false),
                Shop.order("o1", user: "ada", revenue: "1"),
            ])
            // The last record there is: another one would be applied to whichever state stands then.
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["delivered"]?.int == 1
            }
            let policy = try #require(workspace.projection.read { $0.policy }).policy
            // As if every event had been judged by another version.
            workspace.projection.replace(with: try Self.folded(workspace, under: policy))
            let answer = try await workspace.ask("replay.rebuild", [:])
            #expect(answer["equal"]?.bool == false)
            #expect(answer["promoted"]?.int == nil)
            let rebuilt = answer["rebuiltDigest"]?.string
            #expect(answer["liveDigest"]?.string != rebuilt)
            #expect(workspace.projection.read { $0.digest().hex } != rebuilt)
            #expect(try records(workspace, PromotedRecord.self).isEmpty)
        }
    }

    private static func folded(_ workspace: Workspace, under policy: Policy) throws -> FoldState {
        var state = FoldState(
            key: workspace.log.identity.key, schedule: .candidate(policy, from: 0))
        var replayer = Replayer(log: workspace.log)
        try replayer.advance(&state, to: workspace.log.durableEnd)
        return state
    }
}
