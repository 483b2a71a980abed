import JSONText
import Platform
import Testing

/// `replay.simulate` in a running workspace, over a log on disk.
@Suite struct `A simulation in a workspace` {
    /// Asks from columns and by folding; both must say the same of the first destination.
    private static func simulate(_ workspace: Workspace, _ policy: String) async throws -> JSONValue
    {
        let ways: [JSONValue] = [
            ["text": .string(policy), "name": "candidate"],
            ["text": .string(policy), "name": "candidate"],
            ["text": .string(policy), "name": "candidate", "fold": true],
        ]
        var answers: [JSONValue] = []
        for way in ways { answers.append(try await workspace.ask("replay.simulate", way)) }
        #expect(answers.map { $0["method"]?.string } == ["columns", "columns", "fold"])
        let first = try #require(answers[0]["destinations"])
        #expect(answers[1]["destinations"] == first)
        #expect(answers[2]["destinations"] == first)
        return try #require(first.array?.first)
    }

    @Test func `R1: consent rules and filters are answered without folding, and alike`()
        async throws
    {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: true)
            ])
            try await Task.sleep(for: .milliseconds(1_100))
            try await workspace.collect([
                Shop.order("o1", user: "ada", revenue: "12.50"),
                Shop.order("o2", user: "ada", revenue: "200"),
                Shop.order("o3", user: "bob", revenue: "7"),
            ])
            _ = try await workspace.outputs("warehouse.ndjson", lines: 2, in: directory)
            // What was shared counts with its receipt, a moment after the line is there.
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["delivered"]?.int == 2
            }
            // A grant that ends after a second has ended when the orders come.
            let ended = try await Self.simulate(
                workspace,
                Shop.policy.replacing("[Analytics] }", with: "[Analytics], expires: 1s }"))
            let reasons = ended["withheldBy"]?.array?.compactMap { $0["reason"]?.string } ?? []
            #expect(reasons.contains("consent unknown") && reasons.contains("consent expired"))
            let filtered = try await Self.simulate(
                workspace,
                Shop.policy.replacing(
                    "    batch: 10",
                    with: "    batch: 10\n    filter: { field: properties.revenue, atLeast: 100 }"))
            #expect(filtered["newlyWithheld"]?.int == 1)
            #expect(filtered["newlyWithheldBy"]?[0]?["reason"]?.string == "filter")
        }
    }
}
