import CustomerModel
import EventLog
import Foundation
import JSONText
import Platform
import Projections
import Testing

/// A platform on a log that was restored from a backup.
@Suite struct `A restored log` {
    @Test func `L3: tells nobody anything until each destination is resumed`() async throws {
        let shop = try await RestoredShop()
        try await withWorkspace(in: shop.directory) { workspace, directory in
            let status = try await workspace.ask("status", [:])
            #expect(status["log"]?["incarnation"]?.int == 2)
            #expect(status["restores"]?[0]?["at"]?.int == 1 << 44)
            #expect(status["restores"]?[0]?["incarnation"]?.int == 2)
            #expect(status["restores"]?[0]?["missingFrom"]?.int == Int64(shop.backupEnd))
            #expect(
                status["destinations"]?[0]?["state"]?.string?.contains("destination resume")
                    == true)
            #expect(status["destinations"]?[0]?["cancelled"]?.int == 1)
            #expect(status["destinations"]?[0]?["pending"]?.int == 0)
            try await workspace.collect([Shop.order("new", user: "ada", revenue: "9")])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["pending"]?.int == 1
            }
            #expect(try workspace.lines("warehouse.ndjson", in: directory).isEmpty)

            _ = try await workspace.ask("destination.resume", ["destination": "warehouse"])
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            #expect(sent[0]["messageId"]?.string == "new")
            let why = try await workspace.ask(
                "explain", ["event": "waited", "destination": "warehouse"])
            #expect(why["effect"]?["status"]?.string == "cancelled")
            #expect(why["story"]?.text.contains("only by a plan") == true)
            try await workspace.expectRebuildEqual()
        }
    }

    @Test func `L3: what was decided before goes out by a plan, and what was told does not`()
        async throws
    {
        let shop = try await RestoredShop()
        try await withWorkspace(in: shop.directory) { workspace, directory in
            _ = try await workspace.ask("destination.resume", ["destination": "warehouse"])
            let dry = try await workspace.ask(
                "replay.backfill", ["destination": "warehouse", "dryRun": true])
            #expect(dry["planned"]?.int == 1)
            #expect(dry["alreadyTold"]?.int == 1)
            let plan = try await workspace.ask("replay.backfill", ["destination": "warehouse"])
            #expect(plan["planned"]?.int == 1)
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            #expect(sent[0]["messageId"]?.string == "waited")
            try await workspace.waitUntil("replay.plans", [:]) {
                $0["plans"]?[0]?["state"]?.string == "complete"
            }
            let shared = try await workspace.ask("audit.disclosures", ["person": "user_id:ada"])
            #expect(shared["received"]?.int == 2)
            #expect(shared["mayBeIncomplete"]?.bool == true)
            #expect(shared["because"]?[0]?.string?.contains("restored") == true)
        }
        let reopened = try await Workspace.open(directory: shop.directory, options: .quiet)
        var fresh = FoldState(key: reopened.log.identity.key)
        var replayer = Replayer(log: reopened.log)
        try replayer.advance(&fresh, to: reopened.log.durableEnd)
        #expect(fresh.digest() == reopened.projection.read { $0.digest() })
        await reopened.close()
    }

    @Test func `L3: suppressions made after the backup are brought back from beside the log`()
        async throws
    {
        let shop = try await RestoredShop()
        try await withWorkspace(in: shop.directory) { workspace, directory in
            let status = try await workspace.ask("status", [:])
            #expect(status["suppressionsNotInLog"]?.int == 1)
            #expect(workspace.health()["reasons"]?.text.contains("--reapply") == true)
            // Nothing is collected about them even before.
            let outcome = try await workspace.collector.collect(
                [CollectItem(bytes: Array(Shop.order("s", user: "bob", revenue: "1").utf8))],
                CollectContext(source: "shop", received: Timestamp.now()))
            #expect(outcome.suppressed == 1)

            let text = try String(
                contentsOfFile: directory + "/suppressions.ndjson", encoding: .utf8)
            let answer = try await workspace.ask("suppress.reapply", ["text": .string(text)])
            #expect(answer["applied"]?.int == 1)
            #expect(answer["alreadyInLog"]?.int == 1)
            #expect(
                workspace.projection.read { $0.holdsSuppression(type: "user_id", value: "bob") })
            let again = try await workspace.ask("suppress.reapply", ["text": .string(text)])
            #expect(again["applied"]?.int == 0)
            #expect(try await workspace.ask("status", [:])["suppressionsNotInLog"]?.int == 0)
            let error = await #expect(throws: OperationError.self) {
                try await workspace.ask("suppress.reapply", ["text": "{\"act\":\"erase\"}\n"])
            }
            #expect(error?.status == 422)
        }
    }

    @Test func `L3, A4: cursors of the old incarnation expire, and a stream names the gap`()
        async throws
    {
        let shop = try await RestoredShop()
        try await withWorkspace(in: shop.directory) { workspace, _ in
            try await workspace.collect([Shop.order("new", user: "eve", revenue: "9")])
            let expired = try await workspace.firstLines(
                of: "events", from: shop.oldCursor, count: 1)
            #expect(expired[0]["type"]?.string == "cursor_expired")
            let lines = try await workspace.firstLines(of: "events", from: "0", count: 5)
            #expect(
                lines.map { $0["type"]?.string } == [
                    "event", "event", "event", "restored", "event",
                ])
            #expect(lines[3]["from"]?.int == Int64(shop.backupEnd))
            #expect(lines[3]["to"]?.int == 1 << 44)
            let cursor = try #require(lines[3]["cursor"]?.string)
            let next = try await workspace.firstLines(of: "events", from: cursor, count: 1)
            #expect(next[0]["record"]?["body"]?["messageId"]?.string == "new")
        }
    }

    @Test func `L3, L5: a message before the gap is a duplicate after it`() async throws {
        let shop = try await RestoredShop()
        try await withWorkspace(in: shop.directory) { workspace, _ in
            for _ in 0..<2 {
                let outcome = try await workspace.collector.collect(
                    ["told", "new"].map {
                        CollectItem(bytes: Array(Shop.order($0, user: "ada", revenue: "1").utf8))
                    }, CollectContext(source: "shop", received: Timestamp.now()))
                #expect(outcome.rejected.isEmpty)
                #expect(outcome.duplicates + outcome.accepted == 2)
                #expect(outcome.duplicates >= 1)
            }
            #expect(workspace.projection.read { $0.eventCount(in: 0..<UInt64.max) } == 4)
        }
    }
}

/// A shop with one order told and one waiting when it was backed up, and restored from that.
struct RestoredShop {
    let directory: String
    let backupEnd: UInt64
    /// A cursor that a follower of the old log held.
    let oldCursor: String

    init() async throws {
        let old = try temporaryDirectory()
        let backup = try temporaryDirectory()
        var end: UInt64 = 0
        var cursor = ""
        try await withWorkspace(in: old) { workspace, directory in
            try await workspace.apply(Shop.policy)
            _ = try await workspace.ask("suppress", ["person": "user_id:mallory"])
            try await workspace.collect([
                Shop.consent("c", user: "ada", analytics: true, ads: true),
                Shop.order("told", user: "ada", revenue: "1"),
            ])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["delivered"]?.int == 1
            }
            _ = try await workspace.ask("destination.pause", ["destination": "warehouse"])
            try await workspace.collect([Shop.order("waited", user: "ada", revenue: "2")])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["pending"]?.int == 1
            }
            end = try workspace.log.backup(to: backup + "/b").durableEnd.value
            _ = try await workspace.ask("suppress", ["person": "user_id:bob"])
            let lines = try await workspace.firstLines(of: "events", from: "0", count: 1)
            cursor = lines[0]["cursor"]?.string ?? ""
        }
        directory = try temporaryDirectory()
        _ = try EventLog.restore(from: backup + "/b", to: directory + "/log")
        try FileManager.default.copyItem(
            atPath: old + "/suppressions.ndjson", toPath: directory + "/suppressions.ndjson")
        backupEnd = end
        oldCursor = cursor
        remove(old)
        remove(backup)
    }
}
