import Foundation
import JSONText
import TestSupport
import Testing

/// Simulations, narrowed and written out, by the built program.
@Suite(.serialized) struct `Replay lists on the command line` {
    private func started() async throws -> LiveShop {
        let shop = try await LiveShop()
        _ = try await shop.send([
            track(id: "m1", user: "ada", advertising: true),
            track(id: "m2", user: "ben", advertising: true),
            track(id: "m3", user: "cleo"),
            track("Product Viewed", id: "m4", user: "cleo", advertising: true),
        ])
        try await shop.server.settled()
        return shop
    }

    private func deny(_ user: String) -> JSONValue {
        track(
            "Segment Consent Preference Updated", id: "no-\(user)", user: user, advertising: false)
    }

    private func rows(_ shop: LiveShop, _ arguments: String...) async throws -> [JSONValue] {
        try NDJSON.parse(Array(try await shop.server.run(arguments).utf8))
    }

    private func ads(_ answer: JSONValue) -> JSONValue? {
        answer["destinations"]?.array?.first { $0["destination"]?.string == "ads" }
    }

    @Test func `R2: names what was shared and is denied now, and what to ask for`() async throws {
        let shop = try await started()
        defer { shop.stop() }
        #expect(try await rows(shop, "replay", "oversharing").isEmpty)
        _ = try await shop.send([deny("ada")])
        try await shop.server.settled()
        let found = try await rows(shop, "replay", "oversharing")
        #expect(found.map { $0["messageId"]?.string } == ["m1"])
        let row = try #require(found.first)
        #expect(row["destination"]?.string == "ads")
        #expect(row["recipient"]?.string == "Example Ads Inc")
        #expect(row["after"] == ["consent denied"])
        #expect(row["fields"] == ["properties.order_id"])
        #expect(row["identifiers"] == ["user_id"])
        #expect(row["receipt"]?.int != nil && row["delivered"]?.string != nil)
        let key = try #require(
            try shop.receiver.requests().flatMap(\.members).first {
                $0["messageId"]?.string == "m1"
            }?["id"]?.string)
        #expect(row["key"]?.string == key)
        #expect(row["ask"]?.string?.contains(key) == true)
        // The list, the simulation's count and the plan agree.
        let file = try shop.directory.write("same.yaml", shop.policy())
        let counted = try await shop.server.ask(
            "replay", "simulate", file, "--consent", "current")
        #expect(ads(counted)?["overShared"]?.int == 1)
        #expect(ads(counted)?["newlyAllowed"]?.int == 1, "cleo agreed after her order")
        #expect(counted["consent"]?.string == "as known now")
        try await shop.server.run("replay", "correct", "ads", "--apply")
        try await shop.server.settled()
        #expect(try await rows(shop, "replay", "oversharing").isEmpty)
    }

    @Test func `writes every difference out as NDJSON or CSV, to a file or not`() async throws {
        let shop = try await started()
        defer { shop.stop() }
        let file = try shop.directory.write(
            "views.yaml", shop.policy(adsEvents: ["Product Viewed"]))
        let changed = try await rows(shop, "replay", "simulate", file, "--list", "changed")
        #expect(changed.map { $0["messageId"]?.string } == ["m1", "m2", "m4"])
        let allowed = try await rows(shop, "replay", "simulate", file, "--list", "allowed")
        #expect(allowed.map { $0["before"] } == [["event not listed"]])
        let out = shop.directory("withheld.csv")
        let nothing = try await shop.server.run(
            "replay", "simulate", file, "--list", "withheld", "--format", "csv", "--output", out,
            "--person", "user_id:ben")
        #expect(nothing == "")
        let text = String(
            decoding: FileManager.default.contents(atPath: out) ?? Data(), as: UTF8.self)
        let lines = text.split(separator: "\r\n")
        #expect(lines.count == 2)
        #expect(lines[0] == "destination,offset,received,source,event,messageId,before,after,told")
        #expect(lines[1].hasSuffix(",web,Order Completed,m2,allow,event not listed,true"))
        await #expect(throws: SluiceServer.CommandFailed.self) {
            try await shop.server.run("replay", "simulate", file, "--list", "everything")
        }
    }

    @Test func `narrows by destination, source, event and person with exact counts`() async throws {
        let shop = try await started()
        defer { shop.stop() }
        let file = try shop.directory.write(
            "views.yaml", shop.policy(adsEvents: ["Product Viewed"]))
        let whole = try await shop.server.ask("replay", "simulate", file)
        #expect(ads(whole)?["newlyWithheld"]?.int == 2 && ads(whole)?["newlyAllowed"]?.int == 1)
        let one = try await shop.server.ask(
            "replay", "simulate", file, "--person", "user_id:ada", "--destination", "ads")
        #expect(one["destinations"]?.array?.count == 1)
        #expect(one["events"]?.int == 1 && ads(one)?["newlyWithheld"]?.int == 1)
        let views = try await shop.server.ask(
            "replay", "simulate", file, "--event", "Product Viewed")
        #expect(views["events"]?.int == 1 && ads(views)?["newlyAllowed"]?.int == 1)
        let elsewhere = try await shop.server.ask(
            "replay", "simulate", file, "--source", "server")
        #expect(elsewhere["events"]?.int == 0)
        #expect(try await shop.atAds() == ["m1", "m2"], "a simulation sent something")
    }

    @Test func `consent as of an offset is what was known there`() async throws {
        let shop = try await started()
        defer { shop.stop() }
        _ = try await shop.send([deny("ada")])
        try await shop.server.settled()
        let file = try shop.directory.write("same.yaml", shop.policy())
        let seen = try await shop.server.ask("explain", "web/no-ada", "ads")
        let denial = try #require(seen["event"]?["offset"]?.int)
        for (consent, withheld) in [
            ("at-event", 0), ("as-of:\(denial - 1)", 0), ("as-of:\(denial)", 1), ("current", 1),
        ] {
            let answer = try await shop.server.ask(
                "replay", "simulate", file, "--consent", consent)
            #expect(ads(answer)?["newlyWithheld"]?.int == Int64(withheld), "\(consent)")
        }
    }

    @Test func `says who enters and leaves audiences, and who would be joined or split`()
        async throws
    {
        let shop = try await started()
        defer { shop.stop() }
        _ = try await shop.send([
            ["type": "track", "messageId": "a1", "event": "Order Completed", "anonymousId": "d1"],
            [
                "type": "track", "messageId": "a2", "event": "Order Completed",
                "anonymousId": "d1", "userId": "ada",
            ],
        ])
        try await shop.server.settled()
        func audience(_ count: Int) -> String {
            "\naudiences:\n  buyers: { count: { event: Order Completed, atLeast: \(count) } }\n"
        }
        try await shop.apply(shop.policy() + audience(1))
        let same = try shop.directory.write("same.yaml", shop.policy() + audience(1))
        let nothing = try await shop.server.ask("replay", "simulate", same, "--fold")
        #expect(nothing["audiences"]?[0]?["before"]?.int == 3)
        #expect(nothing["audiences"]?[0]?["enter"]?.int == 0)
        #expect(nothing["audiences"]?[0]?["leave"]?.int == 0)
        #expect(nothing["profiles"]?["join"]?.int == 0 && nothing["profiles"]?["split"]?.int == 0)

        let two = try shop.directory.write("two.yaml", shop.policy() + audience(2))
        let fewer = try await shop.server.ask("replay", "simulate", two)
        #expect(fewer["foldedBecause"]?.string == "the audiences are others")
        #expect(fewer["audiences"]?[0]?["leave"]?.int == 2)
        let left = try await rows(shop, "replay", "simulate", two, "--list", "audiences")
        #expect(left.map { $0["change"]?.string } == ["leaves", "leaves"])

        // Without the device as an identifier nobody joins it to ada.
        let apart = try shop.directory.write(
            "apart.yaml",
            (shop.policy() + audience(1)).replacingOccurrences(
                of: "{ type: anonymous_id, limit: 5, window: 7d }",
                with: "{ type: anonymous_id, limit: 1 }"))
        let split = try await shop.server.ask("replay", "simulate", apart)
        #expect(split["profiles"]?["split"]?.int != nil)
    }
}
