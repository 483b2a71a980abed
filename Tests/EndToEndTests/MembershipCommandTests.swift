import JSONText
import TestSupport
import Testing

/// Memberships and requests that end, at a real receiver.
@Suite(.serialized) struct `What a destination holds, from outside` {
    private func told(_ shop: LiveShop) throws -> [String] {
        try shop.receiver.requests().filter { $0.answer == "200" && !$0.isRepeated }
            .flatMap(\.members).filter { $0["type"]?.string == "audience" }
            .map { body in
                let user = body["identifiers"]?["user_id"]?.string ?? "nobody"
                return "\(body["change"]?.string ?? "") \(user)"
            }
    }

    private func policy(_ shop: LiveShop, asks: Bool = true) -> String {
        let asking = "[advertising]\n    identifiers: [user_id]\n    audiences: [buyers]"
        return shop.policy().replacing(
            "destinations:",
            with:
                "audiences:\n  buyers: { count: { event: Order Completed, atLeast: 1 } }\ndestinations:"
        ).replacing(
            "[advertising]\n    identifiers: [user_id]",
            with: asks ? asking : "[advertising]\n    identifiers: [user_id]")
    }

    private func deny(_ user: String) -> JSONValue {
        track(
            "Segment Consent Preference Updated", id: "no-\(user)", user: user, advertising: false)
    }

    @Test
    func
        `E2, R2: a denial and a policy that asks no more are told as exits, a refused one by a plan`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.apply(policy(shop))
        _ = try await shop.send(
            ["ada", "ben", "cyd"].map { track(id: "m-\($0)", user: $0, advertising: true) })
        try await shop.server.settled()
        #expect(try told(shop) == ["entered ada", "entered ben", "entered cyd"])

        _ = try await shop.send([deny("ada")])
        try await shop.server.settled()
        #expect(try told(shop).dropFirst(3) == ["exited ada"])
        let members = try await shop.server.ask("audience", "members", "buyers")
        #expect(members["members"]?.int == 3, "they are members for the platform itself")

        // An exit that the recipient refuses waits for a plan.
        try await shop.receiver.fail("/ads", how: "400", times: 1)
        _ = try await shop.send([deny("ben")])
        try await shop.server.settled()
        #expect(try told(shop).count == 4)
        let found = try await shop.server.ask("replay", "findings", "--destination", "ads")
        let standing = found["findings"]?.array ?? []
        #expect(standing.contains { $0["audience"]?.string == "buyers" }, "\(found.text)")
        let dry = try await shop.server.ask("replay", "correct", "ads", "--only", "retract")
        #expect(dry["exit"]?.int == 1)
        #expect(dry["exitSamples"]?[0]?["audience"]?.string == "buyers")
        #expect(dry["exitSamples"]?[0]?["because"]?.string == "consent denied")
        #expect(dry["exitBecause"]?[0]?["memberships"]?.int == 1)
        let applied = try await shop.server.ask(
            "replay", "correct", "ads", "--apply", "--only", "retract")
        try await shop.server.settled()
        #expect(try told(shop).last == "exited ben")
        let body = try #require(
            try shop.receiver.requests().flatMap(\.members).last {
                $0["type"]?.string == "audience"
            })
        #expect(body["plan"] == applied["plan"])
        let plans = try await shop.server.ask("replay", "plans")
        #expect(plans["plans"]?[0]?["state"]?.string == "complete", "\(plans.text)")
        let after = try await shop.server.ask("replay", "findings", "--destination", "ads")
        #expect(after["total"]?.int == 0, "\(after.text)")
        let again = try await shop.server.ask("replay", "correct", "ads")
        #expect(again["exit"]?.int == 0 && again["planned"]?.int == 0)

        try await shop.apply(policy(shop, asks: false))
        try await shop.server.settled()
        #expect(try told(shop).dropFirst(5) == ["exited cyd"])
        let verified = try await shop.server.ask("replay", "verify")
        #expect(verified["equal"]?.bool == true, "\(verified.text)")
    }

    @Test
    func `R1, E7: where nobody can be asked a plan ends incomplete and an operator settles it`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let silent = shop.policy().replacing(
            "secret: ads_webhook", with: "secret: ads_webhook, unknown: none")
        try await shop.apply(
            silent.replacing(
                "purposes: [advertising]", with: "purposes: [advertising]\n    enabled: false"))
        _ = try await shop.send([track(id: "m1", user: "ada", advertising: true)])
        try await shop.server.settled()
        try await shop.apply(silent)
        try await shop.receiver.fail("/ads", how: "reset", times: 1)
        let made = try await shop.server.ask("replay", "backfill", "ads", "--apply")
        #expect(made["planned"]?.int == 1, "\(made.text)")
        try await eventually("the plan has ended", within: .seconds(30)) {
            try await shop.server.ask("replay", "plans")["plans"]?[0]?["state"]?.string
                == "incomplete"
        }
        let found = try await shop.server.ask("replay", "findings", "--destination", "ads")
        #expect(found["total"]?.int == 1 && found["byDestination"]?[0]?["unknown"]?.int == 1)
        let attempt = try #require(found["findings"]?[0]?["attempt"]?.int)
        #expect(found["findings"]?[0]?["plan"] == made["plan"])
        await #expect(throws: SluiceServer.CommandFailed.self) {
            try await shop.server.run(
                "destination", "settle", "book", "--attempt", String(attempt), "--as", "delivered")
        }
        let settled = try await shop.server.ask(
            "destination", "settle", "ads", "--attempt", String(attempt), "--as", "pending")
        #expect(settled["settled"]?.int == 1)
        try await shop.server.settled()
        // Under the id of the request that was cut off, so that the receiver counts it as repeated.
        let taken = try shop.receiver.requests().filter { $0.answer == "200" }.flatMap(\.members)
        #expect(taken.map { $0["messageId"]?.string } == ["m1"])
        let after = try await shop.server.ask("replay", "findings", "--destination", "ads")
        #expect(after["total"]?.int == 0)
    }
}
