import JSONText
import TestSupport
import Testing

/// The past from outside: a running server, asked by offset and by time.
@Suite struct `The past from outside` {
    private static let more = """

        attributes:
          spent: { sum: { event: Order Completed, of: properties.revenue } }
        audiences:
          regulars:
            count: { event: Order Completed, atLeast: 2 }
        """

    private static func at(_ id: String, _ shop: LiveShop) async throws -> (
        offset: Int64, recorded: String
    ) {
        let line = try await shop.server.logLines().first { $0["body"]?["messageId"]?.string == id }
        return (
            try #require(line?["offset"]?.int), try #require(line?["recorded"]?.string)
        )
    }

    @Test func `A1, D1: profile, consent, audience and decisions are told as they were known`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.apply(shop.policy() + Self.more)
        _ = try await shop.send([track(id: "one", user: "ada", advertising: true)])
        try await shop.server.settled()
        let (first, recorded) = try await Self.at("one", shop)
        _ = try await shop.send([track(id: "two", user: "ada", advertising: false)])
        try await shop.server.settled()
        let (second, _) = try await Self.at("two", shop)
        func ask(_ words: [String]) async throws -> JSONValue {
            try JSONValue(parsing: Array(try await shop.server.run(words + ["--json"]).utf8))
        }

        for when in [String(first), recorded] {
            let then = try await ask(["profile", "user_id:ada", "--as-of", when])
            #expect(then["attributes"]?["spent"]?["value"]?.text == "19.9")
            #expect(then["audiences"]?.array == [])
            #expect(then["events"]?.int == 1)
            #expect(then["asOf"]?["offset"]?.int == first)
            #expect(then["asOf"]?["incarnation"]?.int == 1)
            #expect(then["asOf"]?["question"]?.string == "as known at the offset")
            #expect(then["asOf"]?["schedule"]?.array?.count == 2)
            let members = try await ask(["audience", "members", "regulars", "--as-of", when])
            #expect(members["members"]?.int == 0)
            let why = try await ask(
                ["audience", "explain", "regulars", "user_id:ada", "--as-of", when])
            #expect(why["member"]?.bool == false && why["agrees"]?.bool == true)
            #expect(why["condition"]?["found"]?.string == "1")
            #expect(why["asOf"]?["offset"]?.int == first)
            #expect(why["asOf"]?["question"]?.string == "as known at the offset")
            let words = try await shop.server.run(
                "audience", "explain", "regulars", "user_id:ada", "--as-of", when)
            #expect(words.contains("was not in regulars"), "\(words)")
            let consent = try await ask(["consent", "user_id:ada", "--as-of", when])
            #expect(consent["purposes"]?[0]?["state"]?.string == "granted")
            let decided = try await ask(
                ["audit", "decisions", "--person", "user_id:ada", "--as-of", when])
            #expect(decided["rows"]?.array?.map { $0["offset"]?.int } == [first])
            #expect(decided["rows"]?[0]?["policyVersion"]?.int == 2)
            #expect(decided["rows"]?[0]?["consent"]?["advertising"]?.string == "granted")
            #expect(
                decided["rows"]?[0]?["decisions"]?.array?.map { $0["decision"]?.string }
                    == ["allow", "allow"])
        }

        let now = try await ask(["profile", "user_id:ada"])
        #expect(now["attributes"]?["spent"]?["value"]?.text == "39.8")
        #expect(now["audiences"]?.array?.map { $0["audience"]?.string } == ["regulars"])
        #expect(now["events"]?.int == 2)
        let members = try await ask(["audience", "members", "regulars"])
        #expect(members["members"]?.int == 1)
        let why = try await ask(["audience", "explain", "regulars", "user_id:ada"])
        #expect(why["member"]?.bool == true && why["condition"]?["found"]?.string == "2")
        await #expect(throws: SluiceServer.CommandFailed.self) {
            // The policy of then named no audience.
            _ = try await ask(["audience", "explain", "regulars", "user_id:ada", "--as-of", "0"])
        }
        let decided = try await ask(
            ["audit", "decisions", "--from", String(second), "--destination", "ads"])
        #expect(decided["rows"]?.array?.map { $0["offset"]?.int } == [second])
        #expect(decided["rows"]?[0]?["decisions"]?[0]?["reasons"]?.array == ["consent denied"])
        let text = try await shop.server.run("audit", "decisions", "--person", "user_id:ada")
        #expect(text.contains("withhold: consent denied"))
        await #expect(throws: SluiceServer.CommandFailed.self) {
            _ = try await ask(["profile", "user_id:ada", "--as-of", "99999999"])
        }
    }
}
