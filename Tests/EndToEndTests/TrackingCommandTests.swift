import Foundation
import JSONText
import TestSupport
import Testing

/// Tracking plans on the built program: checked, broken, looked at, released.
@Suite(.serialized) struct `Tracking plans on the command line` {
    private static func plan(_ maximum: Int) -> String {
        """

        plans:
          web:
            sources: [web]
            unplanned: allow
            violation: quarantine
            events:
              - track: Order Completed
                properties:
                  required: [order_id]
                  properties: { revenue: { type: number, maximum: \(maximum) } }
        """
    }

    @Test func `the example with a plan and transformations is valid`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "tools/policies/shop-tracked.yaml").path
        let checked = try await shop.server.ask("policy", "check", file)
        #expect(checked["valid"]?.bool == true)
        #expect(checked["plans"]?.array == ["web_shop"])
        let diff = try await shop.server.ask("policy", "diff", file)
        #expect(diff["changes"]?.array?.contains("tracking plan web_shop is new") == true)
    }

    @Test func `what is in quarantine is listed, and released once`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.apply(shop.policy() + Self.plan(10))
        _ = try await shop.send([track(id: "m1", user: "ada"), track(id: "m2", user: "ben")])
        try await shop.server.settled()
        #expect(try shop.inBook() == [])
        let held = try await shop.server.ask("policy", "quarantine")
        #expect(held["events"]?.array?.map { $0["messageId"]?.string } == ["m1", "m2"])
        let seen = try await shop.server.ask("policy", "violations")
        #expect(seen["violations"]?[0]?["reason"]?.string == "is too large")
        #expect(seen["violations"]?[0]?["count"]?.int == 2)
        #expect(try await shop.server.run("status").contains("quarantine"))

        try await shop.apply(shop.policy() + Self.plan(100))
        try await shop.server.settled()
        #expect(try shop.inBook() == [])
        let dry = try await shop.server.ask("policy", "release", "book")
        #expect(dry["destinations"]?[0]?["planned"]?.int == 2)
        for _ in 0..<2 {
            try await shop.server.run("policy", "release", "--apply", "--approver", "test")
            try await shop.server.settled()
            #expect(try shop.inBook() == ["m1", "m2"])
        }
        // Nobody agreed to advertising, so nothing is released to it.
        #expect(try await shop.atAds() == [])
        let after = try await shop.server.ask("policy", "quarantine")
        #expect(after["events"]?.array?.allSatisfy { $0["state"]?.string == "released" } == true)
        let text = try await shop.server.run("policy", "history", "2")
        #expect(text.contains("maximum: 10 }"))
    }
}
