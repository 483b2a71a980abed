import JSONText
import TestSupport
import Testing

/// Audiences and attributes on the built server, asked by its command line.
@Suite(.serialized) struct `Live audiences` {
    private static let block = """
        attributes:
          orders: { count: { event: Order Completed } }
          spent: { sum: { event: Order Completed, of: properties.revenue } }
        audiences:
          fresh: { count: { event: Order Completed, within: 1h, atLeast: 1 } }
          left:
            all:
              - absence: { of: { event: Order Returned }, after: { event: Order Completed }, within: 30m }
              - attribute: { name: spent, atLeast: 39.8 }
              - consent: { advertising: granted }
        destinations:
        """

    @Test
    func `T2, P1, E2: time alone moves people in and out, and both are told, shown and explained`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let policy = shop.policy().replacing("destinations:", with: Self.block)
            .replacing(
                "[advertising]\n    identifiers: [user_id]",
                with: "[advertising]\n    identifiers: [user_id]\n    audiences: [fresh, left]")
        try await shop.apply(policy)
        // Two hours ago: before the first tick no window has passed, and after it both have.
        let then = Timestamp(
            microseconds: Timestamp.now().microseconds - 7_200_000_000
        ).description
        let orders = ["one", "two"].map { id in
            guard case .object(var order) = track(id: id, user: "ada", advertising: true) else {
                return JSONValue.null
            }
            order["timestamp"] = .string(then)
            return .object(order)
        }
        #expect(try await shop.send(orders).status == 200)
        try await eventually("a tick has passed", within: .seconds(90)) {
            try await shop.server.ask("audience", "show", "left")["members"]?.int == 1
        }
        try await shop.server.settled()

        let fresh = try await shop.server.ask("audience", "show", "fresh")
        #expect(fresh["members"]?.int == 0)
        #expect(
            fresh["changes"]
                == [
                    ["reason": "event", "entered": 1, "exited": 0],
                    ["reason": "tick", "entered": 0, "exited": 1],
                ])
        #expect(fresh["destinations"] == ["ads"])
        let told = try shop.receiver.requests().flatMap(\.members)
            .filter { $0["type"]?.string == "audience" && $0["audience"]?.string == "left" }
        #expect(told.map { $0["change"]?.string } == ["entered"])
        #expect(told.first?["identifiers"] == ["user_id": "ada"])

        let why = try await shop.server.ask("audience", "explain", "left", "user_id:ada")
        #expect(why["member"]?.bool == true)
        #expect(why["agrees"]?.bool == true)
        let parts = why["condition"]?["parts"]?.array ?? []
        #expect(parts.map { $0["holds"]?.string } == ["yes", "yes", "yes"])
        #expect(parts.map { $0["found"]?.string } == ["2, then 0 such events", "39.8", "granted"])
        let since = try #require(why["since"]?.int)
        let before = try await shop.server.ask(
            "audience", "members", "left", "--as-of", String(since - 1))
        #expect(before["members"]?.int == 0)
        let after = try await shop.server.ask(
            "audience", "members", "left", "--as-of", String(since))
        #expect(after["members"]?.int == 1)

        let profile = try await shop.server.ask("profile", "user_id:ada")
        #expect(profile["attributes"]?["orders"]?["value"]?.int == 2)
        #expect(profile["attributes"]?["spent"]?["value"]?.text == "39.8")
        try await eventually("the read model has followed", within: .seconds(60)) {
            let rows = try await shop.server.ask("sql", "SELECT attribute_json FROM profiles")
            return rows.text.contains("39.8")
        }
        let verified = try await shop.server.ask("replay", "verify")
        #expect(verified["equal"]?.bool == true, "\(verified.text)")
        let words = try await shop.server.run("audience", "explain", "fresh", "user_id:ada")
        #expect(words.contains("is not in fresh"), "\(words)")
        #expect(words.contains("NO   count of track"), "\(words)")
    }
}
