import JSONText
import Platform
import Testing

@Suite struct `A tail of profiles` {
    @Test func `A4: tells of merges and splits before it shows the people as they are`()
        async throws
    {
        try await withWorkspace { workspace, _ in
            let seen = #"{"type":"track","event":"Seen","messageId":"%","#
            func message(_ id: String, _ rest: String) -> String {
                seen.replacing("%", with: id) + rest + "}"
            }
            try await workspace.collect([
                message("1", #""userId":"u1""#), message("2", #""anonymousId":"a1""#),
            ])
            let start = try await workspace.firstLines(of: "profiles", from: nil, count: 2)
            let cursor = try #require(start[1]["cursor"]?.string)
            let ids = start.compactMap { $0["profile"]?.string }
            try await workspace.collect([message("3", #""userId":"u1","anonymousId":"a1""#)])
            let merged = try await workspace.firstLines(of: "profiles", from: cursor, count: 2)
            #expect(merged.map { $0["type"]?.string } == ["merged", "changed"])
            #expect(merged[0]["profile"]?.string == ids[0])
            #expect(merged[0]["gone"]?.string == ids[1])
            let later = try #require(merged[1]["cursor"]?.string)
            _ = try await workspace.ask(
                "identity.retract",
                ["first": "user_id:u1", "second": "anonymous_id:a1", "reason": "test"])
            let split = try await workspace.firstLines(of: "profiles", from: later, count: 3)
            #expect(split.map { $0["type"]?.string } == ["split", "changed", "changed"])
            #expect(split[0]["profile"]?.string == ids[0])
            #expect(split[0]["back"]?.string == ids[1])
            #expect(split.dropFirst().compactMap { $0["profile"]?.string } == ids)
            try await workspace.expectRebuildEqual()
        }
    }
}
