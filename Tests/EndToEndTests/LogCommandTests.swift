import Foundation
import JSONText
import TestSupport
import Testing

/// A log's own commands on the built program: found again, copied, brought back, copied out.
@Suite(.serialized) struct `The log on the command line` {
    /// Runs `sluice …` on any place; what it printed and how it ended.
    private func ask(_ shop: LiveShop, _ arguments: String...) async throws -> (JSONValue, Int32) {
        let words = try TemporaryDirectory()
        let command = try ChildProcess(
            Programs.sluice, arguments + ["--json"], outputPath: words("out"),
            errorPath: words("err"))
        let exit = try await command.ended()
        let text = try String(contentsOfFile: words("out"), encoding: .utf8)
        let value = text.isEmpty ? JSONValue.null : try JSONValue(parsing: Array(text.utf8))
        guard case .code(let code) = exit else { return (value, -1) }
        return (value, code)
    }

    @Test func `cat finds lines by identifier, kind and name`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send(
            (0..<20).map { track(id: "m\($0)", user: $0 % 4 == 0 ? "ada" : "ben") })
        try await shop.server.settled()
        for round in 0..<2 {
            if round == 1 { try await shop.server.run("log", "seal") }
            let ada = try await shop.server.ask(
                "log", "cat", "--key", "user_id:ada", "--kind", "event")
            let ids = try (ada["lines"]?.array ?? []).map {
                try JSONValue(parsing: Array(($0.string ?? "").utf8))["body"]?["messageId"]?.string
            }
            #expect(ids == ["m0", "m4", "m8", "m12", "m16"])
            let policies = try await shop.server.ask("log", "cat", "--kind", "policy")
            #expect(policies["lines"]?.array?.count == 1)
            let orders = try await shop.server.ask(
                "log", "cat", "--name", "Order Completed", "--limit", "1000")
            #expect(orders["lines"]?.array?.count == 20)
            let none = try await shop.server.ask("log", "cat", "--key", "user_id:nobody")
            #expect(none["lines"]?.array?.isEmpty == true)
        }
    }

    @Test func `L3: a backup of a running server is verified, restored and goes on held`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send([track(id: "before", user: "ada")])
        try await shop.server.settled()
        try await shop.server.run("log", "seal")
        let backup = shop.directory("backup")
        try await shop.server.run("log", "backup", backup)
        _ = try await shop.send([track(id: "later", user: "ada")])
        try await shop.server.settled()
        let second = try await shop.server.ask("log", "backup", backup)
        #expect(second["keptFiles"]?.int == 1)
        try await shop.server.run("suppress", "user_id:ben")
        try await shop.server.stop()

        let (verified, verifyCode) = try await ask(shop, "log", "verify", "--log", backup)
        #expect(verified["whole"]?.bool == true && verifyCode == 0)
        let data = shop.directory("restored")
        let (_, servedCode) = try await ask(shop, "status", "--data", backup)
        #expect(servedCode != 0)
        let (restored, code) = try await ask(
            shop, "log", "restore", backup, "--data", data, "--suppressions",
            shop.server.directory + "/suppressions.ndjson")
        #expect(restored["suppressions"]?["applied"]?.int == 1)
        #expect(code == 0 && restored["incarnation"]?.int == 2)
        #expect(restored["goesOnAt"]?.int == 1 << 44)
        let (status, _) = try await ask(shop, "status", "--data", data)
        #expect(status["health"]?.string == "degraded")
        let held = (status["destinations"]?.array ?? []).allSatisfy {
            ($0["held"]?.string ?? $0["state"]?.string ?? "").contains("restored")
        }
        #expect(held, "\(status["destinations"]?.text ?? "")")
        let (found, _) = try await ask(
            shop, "log", "cat", "--key", "user_id:ada", "--kind", "event", "--data", data)
        #expect(found["lines"]?.array?.count == 2)
        let (_, again) = try await ask(shop, "log", "restore", backup, "--data", data)
        #expect(again == 4, "a data directory with a log is not overwritten")
    }

    @Test func `verify ends with 1, salvage copies out the rest, reindex makes a manifest`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send((0..<50).map { track(id: "m\($0)", user: "u\($0)") })
        try await shop.server.settled()
        try await shop.server.run("log", "seal")
        try await shop.server.stop()
        let data = shop.server.directory
        try FileManager.default.removeItem(atPath: data + "/log/manifest")

        let (verified, verifyCode) = try await ask(shop, "log", "verify", "--data", data)
        #expect(verifyCode == 1 && verified["problems"]?[0]?["file"]?.string == "manifest")
        let out = shop.directory("out")
        let (salvaged, _) = try await ask(shop, "log", "salvage", out, "--data", data)
        let records = try #require(salvaged["records"]?.int)
        #expect(records > 50 && salvaged["lostRecords"]?.int == 0)
        let (reindexed, reindexCode) = try await ask(shop, "log", "reindex", "--data", data)
        #expect(reindexCode == 0 && reindexed["madeManifest"]?.bool == true)
        let (whole, wholeCode) = try await ask(shop, "log", "verify", "--data", data)
        #expect(wholeCode == 0 && whole["whole"]?.bool == true)
        #expect(whole["records"]?.int == records)
        try await shop.server.start()
        let ada = try await shop.server.ask("log", "cat", "--key", "user_id:u7")
        #expect(ada["lines"]?.array?.count == 1)
        let compared = try await shop.server.ask("replay", "verify")
        #expect(compared["equal"]?.bool == true)
    }
}
