import JSONText
import TestSupport
import Testing

@Suite struct `Identity on the command line` {
    @Test func `I5, R3(4): a retracted link stays apart over a restart and a rebuild`() async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let both: JSONValue = [
            "type": "track", "messageId": "1", "event": "Seen", "userId": "ada",
            "anonymousId": "tablet",
        ]
        _ = try await shop.send([both])
        let one = try await shop.server.ask("profile", "anonymous_id:tablet")
        #expect(one["identifiers"]?.array?.count == 2)
        let retracted = try await shop.server.ask(
            "identity", "retract", "user_id:ada", "anonymous_id:tablet", "--reason", "shared")
        #expect(retracted["split"]?.bool == true)
        _ = try await shop.send([
            [
                "type": "track", "messageId": "2", "event": "Seen", "userId": "ada",
                "anonymousId": "tablet",
            ]
        ])
        try await shop.server.run("replay", "rebuild")
        try await shop.server.stop()
        try await shop.server.start()
        let tablet = try await shop.server.ask("profile", "anonymous_id:tablet")
        let ada = try await shop.server.ask("profile", "user_id:ada")
        #expect(tablet["identifiers"]?.array?.count == 1)
        #expect(ada["profile"] != tablet["profile"])
        #expect(ada["profile"] == one["profile"])
        let refused = try await shop.server.ask("identity", "refusals", "user_id:ada")
        #expect(refused["refusedLinks"]?[0]?["limit"]?.string == "retracted pair")
        let listed = try await shop.server.ask("identity", "retractions")
        #expect(listed["retractions"]?.array?.count == 1)
        let rows = try await shop.server.ask(
            "sql", "SELECT count(DISTINCT profile_id) AS people FROM identifiers")
        #expect(rows["rows"]?[0]?["people"]?.int == 2)
    }
}
