import Foundation
import JSONText
import TestSupport
import Testing

/// What was shared and should not stand, corrected by the built program at a real receiver.
@Suite(.serialized) struct `Corrections on the command line` {
    private func deny(_ user: String) -> JSONValue {
        track(
            "Segment Consent Preference Updated", id: "no-\(user)", user: user, advertising: false)
    }

    private func corrections(_ shop: LiveShop) throws -> [JSONValue] {
        try shop.receiver.requests().filter { $0.answer == "200" }.flatMap(\.members)
            .filter { $0["type"]?.string == "correction" }
    }

    @Test func `R2, E3: a late denial is a finding until it is retracted, once`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send([
            track(id: "ordered", user: "ada", advertising: true),
            track(id: "other", user: "ben", advertising: true),
        ])
        try await shop.server.settled()
        let before = try await shop.server.ask("replay", "findings")
        #expect(before["total"]?.int == 0)
        _ = try await shop.send([deny("ada")])
        try await shop.server.settled()
        let found = try await shop.server.ask("replay", "findings", "--destination", "ads")
        #expect(found["total"]?.int == 1)
        #expect(found["findings"]?[0]?["finding"]?.string == "denied after it was sent")
        #expect(found["byDestination"]?[0]?["deniedAfterItWasSent"]?.int == 1)

        let dry = try await shop.server.ask("replay", "correct", "ads")
        #expect(dry["retract"]?.int == 1 && dry["unchanged"]?.int == 1)
        #expect(dry["amend"]?.int == 0)
        #expect(dry["retractBecause"]?[0]?["reason"]?.string == "consent denied")
        try await shop.server.settled()
        #expect(try corrections(shop).isEmpty, "a dry run sent something")

        let applied = try await shop.server.ask(
            "replay", "correct", "ads", "--apply", "--approver", "dpo", "--rate", "10")
        let plan = try #require(applied["plan"]?.string)
        try await shop.server.settled()
        let sent = try corrections(shop)
        #expect(sent.count == 1)
        let body = try #require(sent.first)
        let told = try #require(
            try shop.receiver.requests().flatMap(\.members).first {
                $0["messageId"]?.string == "ordered" && $0["type"]?.string == "track"
            })
        #expect(body["correction"]?.string == "retract")
        #expect(body["plan"]?.string == plan)
        #expect(body["corrects"] == told["id"])
        #expect(body["identifiers"] == ["user_id": "ada"])
        #expect(body["properties"] == nil && body["event"] == nil)
        let request = try #require(
            try shop.receiver.requests().first { $0.members.first?["type"]?.string == "correction" }
        )
        #expect(request.isSigned)
        #expect(request.correction == "retract" && request.plan == plan)

        let after = try await shop.server.ask("replay", "findings", "--destination", "ads")
        #expect(after["total"]?.int == 0)
        let plans = try await shop.server.ask("replay", "plans")
        #expect(plans["plans"]?[0]?["act"]?.string == "correct")
        #expect(plans["plans"]?[0]?["state"]?.string == "complete")
        #expect(plans["plans"]?[0]?["delivered"]?.int == 1)
        // Nothing is left to correct, so nothing is planned.
        let again = try await shop.server.ask("replay", "correct", "ads", "--apply")
        #expect(again["planned"]?.int == 0)
        let rebuilt = try await shop.server.ask("replay", "rebuild")
        #expect(rebuilt["equal"]?.bool == true, "\(rebuilt.text)")
        try await shop.server.settled()
        #expect(try corrections(shop).count == 1)
        let shared = try await shop.server.ask("audit", "disclosures", "user_id:ada")
        let actions = shared["disclosures"]?.array?
            .filter { $0["destination"]?.string == "ads" }.compactMap { $0["action"]?.string }
        #expect(actions == ["deliver", "retract"])
    }

    @Test func `E3, R3: a rule that drops a field amends what was told with the same key`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send([
            track(id: "m1", user: "ada", advertising: true),
            track(id: "m2", user: "ben", advertising: true),
        ])
        try await shop.server.settled()
        try await shop.apply(
            shop.policy().replacingOccurrences(
                of: "properties: [order_id] }", with: "properties: [] }"))
        let narrowed = try await shop.server.ask(
            "replay", "correct", "ads", "--apply", "--person", "user_id:ben")
        #expect(narrowed["amend"]?.int == 1 && narrowed["delivered"]?.int == 1)
        try await shop.server.settled()
        let all = try await shop.server.ask(
            "replay", "correct", "ads", "--apply", "--only", "amend")
        #expect(all["amend"]?.int == 1 && all["unchanged"]?.int == 1)
        try await shop.server.settled()
        let sent = try corrections(shop)
        #expect(sent.map { $0["messageId"]?.string } == ["m2", "m1"])
        for body in sent {
            #expect(body["correction"]?.string == "amend")
            #expect(body["effect"]?["id"] == body["corrects"])
            #expect(body["effect"]?["properties"] == nil)
            #expect(body["effect"]?["identifiers"] != nil)
        }
        let why = try await shop.server.ask("explain", "web/m1", "ads")
        let attempts = why["effect"]?["attempts"]?.array ?? why["attempts"]?.array ?? []
        #expect(attempts.map { $0["action"]?.string } == ["deliver", "amend"], "\(why.text)")
        // The file's own events are as the rules have them.
        let book = try await shop.server.ask("replay", "correct", "book")
        #expect(book["planned"]?.int == 0 && book["unchanged"]?.int == 2)
    }

    @Test func `E7, R3 (13): a retraction whose answer is lost is repeated with the same id`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send([track(id: "ordered", user: "ada", advertising: true)])
        try await shop.server.settled()
        _ = try await shop.send([deny("ada")])
        try await shop.server.settled()
        try await shop.receiver.fail("/ads", how: "reset", times: 1)
        try await shop.server.run("replay", "correct", "ads", "--apply")
        try await eventually("the retraction arrives") { try !corrections(shop).isEmpty }
        try await shop.server.settled()
        let ids = try shop.receiver.requests().suffix(2).map(\.webhookID)
        #expect(Set(ids).count == 1)
        #expect(try corrections(shop).count == 1)
        let plans = try await shop.server.ask("replay", "plans")
        #expect(plans["plans"]?[0]?["state"]?.string == "complete")
    }

    @Test func `R1, R3 (2): a repair tries again what was refused, and nothing else`() async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.receiver.fail("/ads", how: "400", times: 1)
        _ = try await shop.send([track(id: "refused", user: "ada", advertising: true)])
        try await shop.server.settled()
        _ = try await shop.send([
            track(id: "fine", user: "ada", advertising: true),
            track(id: "denied", user: "ben", advertising: false),
        ])
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["fine"])

        let dry = try await shop.server.ask("replay", "repair", "ads")
        #expect(dry["considered"]?.int == 1 && dry["rejected"]?.int == 1)
        #expect(dry["planned"]?.int == 1)
        let other = try await shop.server.ask("replay", "repair", "ads", "--state", "parked")
        #expect(other["considered"]?.int == 0)
        try await shop.server.run("replay", "repair", "ads", "--apply")
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["fine", "refused"])
        let again = try await shop.server.ask("replay", "repair", "ads", "--apply")
        #expect(again["planned"]?.int == 0)
        let plans = try await shop.server.ask("replay", "plans")
        #expect(plans["plans"]?[0]?["act"]?.string == "repair")
        #expect(plans["plans"]?[0]?["state"]?.string == "complete")
    }

    @Test func `R3 (3): a repair sends nothing that was denied meanwhile`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.receiver.fail("/ads", how: "400", times: 1)
        _ = try await shop.send([track(id: "refused", user: "ada", advertising: true)])
        try await shop.server.settled()
        _ = try await shop.send([deny("ada")])
        try await shop.server.settled()
        let dry = try await shop.server.ask("replay", "repair", "ads", "--apply")
        #expect(dry["withheldNow"]?.int == 1 && dry["planned"]?.int == 0)
        #expect(try await shop.atAds().isEmpty)
    }

    @Test func `R2: an unknown consent is backfilled only where the policy and the plan say so`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send([
            track(id: "unasked", user: "cleo"),
            track(id: "denied", user: "ada", advertising: false),
        ])
        for user in ["cleo", "ada"] {
            _ = try await shop.send([
                track("Product Viewed", id: "yes-\(user)", user: user, advertising: true)
            ])
        }
        try await shop.server.settled()
        #expect(try await shop.server.ask("replay", "backfill", "ads")["planned"]?.int == 0)
        await #expect(throws: SluiceServer.CommandFailed.self) {
            try await shop.server.run("replay", "backfill", "ads", "--retroactive")
        }
        try await shop.apply(
            shop.policy().replacingOccurrences(
                of: "segment: [Advertising] }", with: "segment: [Advertising], retroactive: true }")
        )
        #expect(try await shop.server.ask("replay", "backfill", "ads")["planned"]?.int == 0)
        let plan = try await shop.server.ask(
            "replay", "backfill", "ads", "--retroactive", "--apply")
        #expect(plan["planned"]?.int == 1, "\(plan.text)")
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["unasked"])
    }
}
