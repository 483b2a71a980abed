import JSONText
import TestSupport
import Testing

/// The built server, asked over its socket and by its command line only.
@Suite(.serialized) struct `A live server` {
    @Test func `D1, P4: tells each destination what it may know, and explains what it withheld`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let answer = try await shop.send([
            track(id: "agreed", user: "ada", advertising: true),
            track(id: "refused", user: "ben", advertising: false),
            track(id: "unasked", user: "cleo"),
            track("Product Viewed", id: "unlisted", user: "ada", advertising: true),
        ])
        #expect(answer.status == 200)
        try await shop.server.settled()

        #expect(try await shop.atAds() == ["agreed"])
        #expect(try shop.inBook() == ["agreed", "refused", "unasked"])
        let told = try #require(try shop.receiver.requests().first?.members.first)
        #expect(told["properties"] == ["order_id": "o-agreed"])
        #expect(told["identifiers"] == ["user_id": "ada"])
        for (id, reason) in [
            ("refused", "consent denied"), ("unasked", "consent unknown"),
            ("unlisted", "event not listed"),
        ] {
            let why = try await shop.server.ask("explain", "web/\(id)", "ads")
            #expect(why["decision"]?.string == "withhold")
            #expect(why["reasons"]?.array?.first?.string == reason, "\(id): \(why.text)")
            #expect(why["agrees"]?.bool == true)
        }
    }

    @Test func `L5: records a batch once however often it is sent, also after a restart`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let batch = (0..<20).map { track(id: "m-\($0)", user: "ada", advertising: true) }
        for _ in 0..<2 { #expect(try await shop.send(batch).status == 200) }
        try await shop.server.settled()
        try await shop.server.stop()
        try await shop.server.start()
        #expect(try await shop.send(batch).status == 200)
        try await shop.server.settled()

        #expect(try await shop.eventCount() == 20)
        #expect(try await shop.atAds().sorted() == (0..<20).map { "m-\($0)" }.sorted())
        #expect(try shop.inBook().count == 20)
    }

    @Test func `R1, R2, P2: simulates, applies, backfills and rebuilds, and nothing arrives twice`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send([
            track("Product Viewed", id: "seen", user: "ada", advertising: true),
            track("Product Viewed", id: "seen-refused", user: "ben", advertising: false),
            track(id: "ordered", user: "ada", advertising: true),
        ])
        try await shop.server.settled()
        let wider = shop.policy(adsEvents: ["Order Completed", "Product Viewed"])
        let file = try shop.directory.write("wider.yaml", wider)

        let simulated = try await shop.server.ask("replay", "simulate", file)
        let ads = simulated["destinations"]?.array?.first { $0["destination"]?.string == "ads" }
        #expect(ads?["newlyAllowed"]?.int == 1)
        #expect(ads?["newlyWithheld"]?.int == 0)
        #expect(try await shop.atAds() == ["ordered"], "a simulation sent something")

        try await shop.apply(wider)
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["ordered"], "a policy alone sent something")
        let plan = try await shop.server.ask(
            "replay", "backfill", "ads", "--apply", "--approver", "test")
        #expect(plan["planned"]?.int == 1)
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["ordered", "seen"])
        let again = try await shop.server.ask("replay", "backfill", "ads")
        #expect(again["planned"]?.int == 0)

        let rebuilt = try await shop.server.ask("replay", "rebuild")
        #expect(rebuilt["equal"]?.bool == true, "\(rebuilt.text)")
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["ordered", "seen"], "a rebuild sent something")
    }

    @Test func `E6: a denial that was acknowledged before an effect left cancels it`() async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.server.run("destination", "pause", "ads")
        _ = try await shop.send([track(id: "ordered", user: "ada", advertising: true)])
        let change = "Segment Consent Preference Updated"
        _ = try await shop.send([track(change, id: "no", user: "ada", advertising: false)])
        try await shop.server.run("destination", "resume", "ads")
        try await shop.server.settled()

        #expect(try await shop.atAds().isEmpty)
        let why = try await shop.server.ask("explain", "web/ordered", "ads")
        #expect(why["decision"]?.string == "allow")
        #expect(why["effect"]?["status"]?.string == "cancelled")
    }

    @Test func `E5, E7: tries again with the same id when the receiver fails or hangs up`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.receiver.fail("/ads", how: "503", times: 1)
        try await shop.receiver.fail("/ads", how: "reset", times: 1)
        _ = try await shop.send([track(id: "ordered", user: "ada", advertising: true)])
        try await eventually("the order arrives") {
            try shop.receiver.requests().contains { $0.answer == "200" }
        }
        try await shop.server.settled()

        let requests = try shop.receiver.requests()
        #expect(requests.map(\.answer) == ["503", "reset", "200"])
        #expect(Set(requests.map(\.webhookID)).count == 1)
        #expect(requests.allSatisfy { $0.isSigned })
    }

    @Test func `X1: neither collects about nor tells about a suppressed person`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.server.run("destination", "pause", "ads")
        _ = try await shop.send([track(id: "before", user: "ada", advertising: true)])
        try await shop.server.run("suppress", "user_id:ada")
        try await shop.server.run("destination", "resume", "ads")
        let answer = try await shop.send([track(id: "after", user: "ada", advertising: true)])
        #expect(answer.status == 200)
        try await shop.server.settled()

        #expect(try await shop.atAds().isEmpty)
        #expect(try await shop.eventCount() == 1)
    }

    @Test func `A3: says what was shared about a person, with whom and under which rule`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send([
            track(id: "ordered", user: "ada", advertising: true),
            track(id: "other", user: "ben", advertising: true),
        ])
        try await shop.server.settled()
        let answer = try await shop.server.ask("audit", "disclosures", "user_id:ada")
        let rows = try #require(answer["disclosures"]?.array)
        #expect(
            Set(rows.compactMap { $0["recipient"]?.string })
                == ["Example Ads Inc", "Example Bookkeeping LLP"])
        #expect(rows.allSatisfy { $0["messageId"]?.string == "ordered" })
        let ads = try #require(rows.first { $0["destination"]?.string == "ads" })
        #expect(ads["outcome"]?.string == "received")
        #expect(ads["fields"]?.array == ["properties.order_id"])
        #expect(ads["policyVersion"]?.int == 1)
        #expect(ads["consent"]?.int != nil)
        // Reading the log to find it is another read, and recorded as one.
        let reads = try await shop.server.logLines().filter {
            $0["body"]?["what"]?.string == "audit.disclosures"
        }
        #expect(reads.count == 1, "the question is recorded")
    }

    @Test func `refuses a wrong key, broken JSON and a policy with a mistake, and goes on`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let stranger = shop.server.http(headers: Credentials.writeKey("wk_nobody"))
        let body: JSONValue = ["batch": [track(id: "x", user: "ada")]]
        #expect(try await stranger.post("/v1/batch", body).status == 401)
        let broken = try await shop.client.post("/v1/batch", Array(#"{"batch":[{]}"#.utf8))
        #expect(broken.status == 400)
        #expect(try broken.json()["code"]?.string != nil)
        let mixed = try await shop.send([
            ["type": "track", "event": "E"], track(id: "good", user: "ada"),
        ])
        #expect(mixed.status == 200)
        await #expect(throws: SluiceServer.CommandFailed.self) {
            try await shop.apply(shop.policy() + "\n    colour: blue\n")
        }
        try await shop.server.settled()
        #expect(try await shop.eventCount() == 1)
        let rejects = try await shop.server.ask("rejects")
        #expect(
            rejects["rejects"]?.array?.map { $0["code"]?.string }
                == ["no_user_anon_id", "invalid_json"])
    }

    @Test func `L1: writes segments that lz4 reads, one record a line`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        for batch in 0..<40 {
            _ = try await shop.send(
                (0..<50).map { track(id: "m-\(batch)-\($0)", user: "u-\($0)", advertising: true) })
        }
        try await shop.server.settled()
        try await shop.server.run("log", "seal")
        let sealed = try shop.server.sealedSegments()
        #expect(!sealed.isEmpty)
        var lines: [JSONValue] = []
        for segment in sealed {
            let out = shop.directory("lines-\(lines.count)")
            let lz4 = try ChildProcess("/usr/bin/lz4", ["-dc", segment], outputPath: out)
            #expect(try await lz4.ended() == .code(0), "lz4 could not read \(segment)")
            lines += try NDJSON.read(out)
        }
        let offsets = lines.compactMap { $0["offset"]?.int }
        #expect(offsets == Array(0..<Int64(lines.count)))
        #expect(lines.count { $0["kind"]?.string == "event" } == 2_000)
        #expect(try await shop.server.ask("log", "verify")["whole"]?.bool == true)
    }
}
