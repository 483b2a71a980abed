import Foundation
import JSONText
import TestSupport
import Testing

/// A changed policy over real order lines and seeded consent: every count is what a script that shares
/// nothing with the program works out of the raw file and the seed.
@Suite(.serialized) struct `A policy change on real data` {
    private static let destinations = ["ledger", "warehouse", "ads"]
    /// One invoice of so many: what is counted does not depend on how much there is of it.
    private static let share = "3"
    private static let before = Places.tool("policies/online_retail_consent.yaml")
    private static let after = Places.tool("policies/online_retail_consent-changed.yaml")

    @Test(.timeLimit(.minutes(20)))
    func
        `R1, R2, E3: simulated, applied, backfilled and corrected, it counts what the raw file and the seed say`()
        async throws
    {
        guard let data = Places.data("online_retail.csv.gz") else {
            print("skipped: online_retail.csv.gz does not stand in ../shared/data")
            return
        }
        guard let python = Programs.python else {
            print("skipped: there is no python3, which works out what is expected")
            return
        }
        let directory = try TemporaryDirectory()
        let expected = try await Self.expected(from: data, by: python, in: directory)
        let server = try SluiceServer(in: directory)
        defer { server.kill() }

        // Nothing leaves before everything has arrived, so that what was denied meanwhile is cancelled.
        try await server.run("policy", "apply", Self.before, "--approver", "test")
        let ingested = try await server.ask(
            "ingest", directory("orders.csv"), "--map",
            Places.tool("maps/online_retail_consent.yaml"), "--source", "shop", "--as-if-live")
        let orders = try #require(expected["orderLines"]?.int)
        let spoken = try #require(expected["consentEvents"]?.int)
        #expect(ingested["accepted"]?.int == orders + spoken)
        try await server.start()
        try await server.settled(within: .seconds(600))
        try await check(server, expected, ["delivered", "cancelled"])

        let late = try await server.ask("ingest", directory("late.ndjson"), "--source", "shop")
        #expect(late["accepted"]?.int == expected["lateConsentEvents"]?.int)

        let simulated = try await server.ask("replay", "simulate", Self.after)
        for name in Self.destinations {
            try check(
                try #require(Self.entry(simulated["destinations"], name)),
                try #require(expected["destinations"]?[name]), name)
        }

        try await server.run("policy", "apply", Self.after, "--approver", "test")
        for name in Self.destinations {
            try await backfill(name, server, try #require(expected["destinations"]?[name]))
        }
        try await server.settled(within: .seconds(300))
        for plan in try #require(try await server.ask("replay", "plans")["plans"]?.array) {
            #expect(plan["state"]?.string == "complete", "\(plan.text)")
            #expect(plan["delivered"]?.int == plan["planned"]?.int, "\(plan.text)")
        }
        for name in Self.destinations {
            let counts = try #require(expected["destinations"]?[name])
            let told = try #require(counts["delivered"]?.int) + #require(counts["planned"]?.int)
            let ids = try NDJSON.read(server.directory + "/outputs/\(name).ndjson")
                .compactMap { $0["id"]?.string }
            #expect(Int64(ids.count) == told, "\(name)")
            #expect(Set(ids).count == ids.count, "\(name): an effect twice")
            let again = try await server.ask("replay", "backfill", name)
            #expect(again["planned"]?.int == 0, "\(again.text)")
        }
        for name in Self.destinations {
            try await correct(name, server, try #require(expected["destinations"]?[name]))
        }
        let amended = Self.destinations.map { expected["destinations"]?[$0]?["amend"]?.int }
        #expect(amended[0] == 0 && amended[1] ?? 0 > 10_000 && amended[2] ?? 0 > 1_000)
        try await server.settled(within: .seconds(300))
        try await checkCorrected(server, expected)
        try await server.stop()
    }

    /// Runs the script, which writes the files to ingest and says what they must count.
    private static func expected(
        from data: String, by python: String, in directory: TemporaryDirectory
    ) async throws -> JSONValue {
        let script = try ChildProcess(
            python,
            [
                Places.tool("reference/online_retail_counts.py"), data, "7", directory.path,
                Self.share,
            ],
            outputPath: directory("script"))
        defer { script.kill() }
        let end = try await script.ended()
        #expect(end == .code(0), "\(script.lastWords)")
        let text = try String(contentsOfFile: directory("expected.json"), encoding: .utf8)
        return try JSONValue(parsing: Array(text.utf8))
    }

    private static func entry(_ list: JSONValue?, _ name: String) -> JSONValue? {
        list?.array?.first { $0["destination"]?.string == name }
    }

    private func check(
        _ server: SluiceServer, _ expected: JSONValue, _ members: [String]
    ) async throws {
        let status = try await server.ask("status")
        for name in Self.destinations {
            let lane = Self.entry(status["destinations"], name)
            for member in members {
                #expect(
                    lane?[member]?.int == expected["destinations"]?[name]?[member]?.int,
                    "\(name), \(member)")
            }
        }
    }

    /// A simulation's counts, and the first reasons of what changes.
    private func check(_ found: JSONValue, _ expected: JSONValue, _ name: String) throws {
        for member in [
            "allowedBefore", "allowedAfter", "newlyAllowed", "newlyWithheld", "overShared",
        ] {
            #expect(found[member]?.int == expected[member]?.int, "\(name), \(member)")
        }
        for member in ["newlyAllowedBefore", "newlyWithheldBy"] {
            let reasons = try #require(found[member]?.array)
            let wanted = try #require(expected[member])
            for reason in reasons {
                let text = try #require(reason["reason"]?.string)
                #expect(reason["events"]?.int == wanted[text]?.int, "\(name), \(member), \(text)")
            }
        }
    }

    /// A dry run, and the same put in force.
    private func backfill(
        _ name: String, _ server: SluiceServer, _ expected: JSONValue
    ) async throws {
        let dry = try await server.ask("replay", "backfill", name)
        let plan = try await server.ask("replay", "backfill", name, "--apply")
        for found in [dry, plan] {
            #expect(found["allowedAtEvent"]?.int == expected["allowedAfter"]?.int, "\(name)")
            for member in ["alreadyTold", "withheldNow", "planned"] {
                #expect(found[member]?.int == expected[member]?.int, "\(name), \(member)")
            }
        }
        #expect(dry["plan"]?.string == nil)
        #expect(plan["plan"]?.string != nil)
    }

    /// What was shared and should not stand: a dry run, and the same put in force.
    private func correct(
        _ name: String, _ server: SluiceServer, _ expected: JSONValue
    ) async throws {
        let dry = try await server.ask("replay", "correct", name)
        let plan = try await server.ask("replay", "correct", name, "--apply")
        for found in [dry, plan] {
            #expect(found["delivered"]?.int == expected["held"]?.int, "\(name)")
            for member in ["amend", "retract"] {
                #expect(found[member]?.int == expected[member]?.int, "\(name), \(member)")
            }
            for reason in try #require(found["retractBecause"]?.array) {
                let text = try #require(reason["reason"]?.string)
                #expect(
                    reason["events"]?.int == expected["retractBecause"]?[text]?.int,
                    "\(name), \(text)")
            }
        }
        #expect(dry["plan"]?.string == nil)
    }

    /// Every correction arrived, once, and none is due any more.
    private func checkCorrected(_ server: SluiceServer, _ expected: JSONValue) async throws {
        for plan in try #require(try await server.ask("replay", "plans")["plans"]?.array) {
            #expect(plan["state"]?.string == "complete", "\(plan.text)")
            #expect(plan["delivered"]?.int == plan["planned"]?.int, "\(plan.text)")
        }
        for name in Self.destinations {
            let counts = try #require(expected["destinations"]?[name])
            let lines = try NDJSON.read(server.directory + "/outputs/\(name).ndjson")
            let told = Set(
                lines.filter { $0["type"]?.string == "track" }.compactMap { $0["id"]?.string })
            let corrections = lines.filter { $0["type"]?.string == "correction" }
            for kind in ["amend", "retract"] {
                let found = corrections.count { $0["correction"]?.string == kind }
                #expect(Int64(found) == counts[kind]?.int, "\(name), \(kind)")
            }
            let amended = corrections.filter { $0["correction"]?.string == "amend" }
                .compactMap { $0["effect"]?["properties"] }
            #expect(amended.allSatisfy { $0["quantity"] == nil && $0["sku"] != nil }, "\(name)")
            let corrected = corrections.compactMap { $0["corrects"]?.string }
            #expect(Set(corrected).count == corrected.count, "\(name): corrected twice")
            #expect(told.isSuperset(of: corrected), "\(name): what was never told is corrected")
            let again = try await server.ask("replay", "correct", name)
            #expect(again["planned"]?.int == 0, "\(again.text)")
        }
    }
}
