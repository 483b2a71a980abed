import JSONText
import TestSupport
import Testing

/// Consent from outside: a running server, requests as clients make them, and the command line.
@Suite struct `Consent from outside` {
    private static func policy(_ shop: LiveShop) -> String {
        shop.policy().replacing(
            "advertising: { segment: [Advertising] }",
            with:
                "advertising: { segment: [Advertising], deniedByGPC: true, tcf: { purposes: [1, 4] } }"
        )
    }

    /// For one site, under TCF 2.2, of 2025: purposes 1 and 4, or none of them.
    private static let agreed = "CQKjTcAQKjTcAEsAHBENCWEgAJAAAAAAAAqIAAAAAAAA"
    private static let refused = "CQKjTcAQKjTcAEsAHBENCWEgAAAAAAAAAAqIAAAAAAAA"

    private static func order(_ id: String, _ user: String, tcf: String) -> JSONValue {
        [
            "type": "track", "messageId": .string(id), "userId": .string(user),
            "event": "Order Completed", "properties": ["order_id": .string("o-" + id)],
            "context": ["consent": ["tcf": .string(tcf)]],
        ]
    }

    private static func state(_ answer: JSONValue) -> [String?] {
        let row = answer["purposes"]?.array?.first { $0["purpose"]?.string == "advertising" }
        return [row?["state"]?.string, row?["ground"]?.string]
    }

    @Test func `C1, C2: each kind of signal asserts, and its evidence is shown`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.apply(Self.policy(shop))

        _ = try await shop.send([track(id: "category", user: "ada", advertising: true)])
        _ = try await shop.send([Self.order("string", "bob", tcf: Self.agreed)])
        _ = try await shop.send([Self.order("unreadable", "eve", tcf: "C?")])
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["category", "string"])

        let ada = try await shop.server.ask("consent", "user_id:ada")
        #expect(Self.state(ada) == ["granted", "Segment categories"])
        #expect(ada["history"]?[0]?["raw"]?.string == #"{"Advertising":true}"#)
        #expect(ada["history"]?[0]?["identifier"]?.string == "user_id:ada")
        let bob = try await shop.server.ask("consent", "show", "user_id:bob")
        #expect(Self.state(bob) == ["granted", "TCF"])
        #expect(bob["history"]?[0]?["raw"]?.string == Self.agreed)
        #expect(bob["tcf"]?["string"]?.string == Self.agreed)
        let eve = try await shop.server.ask("explain", "web/unreadable", "ads")
        #expect(eve["reasons"]?.array == ["consent unknown", "unreadable"])

        // A browser that raises GPC: denied for it, from then on.
        _ = try await shop.client.post(
            "/v1/batch", ["batch": [track(id: "gpc", user: "ada")]], headers: ["Sec-GPC": "1"])
        _ = try await shop.send([Self.order("refused", "bob", tcf: Self.refused)])
        _ = try await shop.send([track(id: "later", user: "ada"), track(id: "late", user: "bob")])
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["category", "string"])
        let raised = try await shop.server.ask("consent", "user_id:ada")
        #expect(Self.state(raised) == ["denied", "GPC"])
        #expect(raised["history"]?[1]?["raw"]?.string == "Sec-GPC: 1")
        let why = try await shop.server.ask("explain", "web/late", "ads")
        #expect(why["reasons"]?.array == ["consent denied"])
        #expect(why["consent"]?[0]?["ground"]?.string == "TCF")
    }

    @Test func `C1, I1: RudderStack's consent and its merge are heard`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.apply(
            shop.policy().replacing(
                "    - { type: anonymous_id",
                with: "    - { type: email, limit: 5, window: 52w, normalise: email }\n"
                    + "    - { type: mobile, limit: 5, window: 52w }\n    - { type: anonymous_id"))
        func order(_ id: String, _ user: String, _ consent: JSONValue) -> JSONValue {
            [
                "type": "track", "messageId": .string(id), "userId": .string(user),
                "event": "Order Completed", "properties": ["order_id": .string("o-" + id)],
                "context": ["consentManagement": consent],
            ]
        }
        _ = try await shop.send([
            order("allowed", "ada", ["allowedConsentIds": ["Advertising"], "provider": "custom"]),
            order("denied", "bob", ["allowedConsentIds": [], "deniedConsentIds": ["Advertising"]]),
            order("unasked", "cleo", ["allowedConsentIds": [], "deniedConsentIds": []]),
            order("unreadable", "dora", ["allowedConsentIds": "Advertising"]),
            track(id: "later", user: "bob"), track(id: "after", user: "ada"),
        ])
        try await shop.server.settled()
        #expect(try await shop.atAds().sorted() == ["after", "allowed"])
        let ada = try await shop.server.ask("consent", "user_id:ada")
        #expect(Self.state(ada) == ["granted", "RudderStack consentManagement"])
        #expect(
            ada["history"]?[0]?["raw"]?.string
                == #"{"allowedConsentIds":["Advertising"],"provider":"custom"}"#)
        let dora = try await shop.server.ask("explain", "web/unreadable", "ads")
        #expect(dora["reasons"]?.array == ["consent unknown", "unreadable"])

        let merge: JSONValue = [
            "type": "merge", "messageId": "merge", "userId": "ada",
            "mergeProperties": [
                ["type": "email", "value": "ada@example.com"],
                ["type": "mobile", "value": "+1-202-555-0146"],
            ],
        ]
        #expect(try await shop.send([merge]).text == #"{"success":true}"#)
        // The path says what it is; a list of one, or of none, is no merge.
        for (id, properties, isTaken) in [
            (
                "path",
                #"[{"type":"userId","value":"ada"},{"type":"email","value":"a@b.example"}]"#, true
            ),
            ("one", #"[{"type":"email","value":"a@b.example"}]"#, false), ("none", "null", false),
            ("number", #"[{"type":"email","value":1},{"type":"mobile","value":"2"}]"#, false),
        ] {
            let body = #"{"userId":"ada","messageId":"\#(id)","mergeProperties":\#(properties)}"#
            let answer = try await shop.client.post("/v1/merge", Array(body.utf8))
            #expect(answer.status == 200)
            #expect((answer.text == #"{"success":true}"#) == isTaken, "\(id): \(answer.text)")
        }
        try await shop.server.settled()
        let profile = try await shop.server.ask("profile", "email:a@b.example")
        let identifiers = (profile["identifiers"]?.array ?? []).compactMap {
            "\($0["type"]?.string ?? ""):\($0["value"]?.string ?? "")"
        }
        #expect(
            Set(identifiers)
                == [
                    "user_id:ada", "email:ada@example.com", "mobile:+1-202-555-0146",
                    "email:a@b.example",
                ], "\(profile.text)")
        // What the log keeps is what was sent, and a rebuild reads it so.
        try await shop.server.run("replay", "verify")
    }

    @Test func `C1, C3: an operator's word is recorded, counts, and is shown with its document`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        try await shop.server.run(
            "consent", "set", "user_id:ada", "advertising=granted", "--document", "letter 7",
            "--method", "letter", "--by", "grace")
        _ = try await shop.send([track(id: "first", user: "ada")])
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["first"])
        let granted = try await shop.server.ask("consent", "user_id:ada")
        #expect(Self.state(granted) == ["granted", "operator"])
        let offset = try #require(granted["history"]?[0]?["offset"]?.int)
        #expect(granted["history"]?[0]?["document"]?.string == "letter 7")
        #expect(granted["history"]?[0]?["method"]?.string == "letter")
        #expect(granted["history"]?[0]?["raw"]?.string == "by grace")

        try await shop.server.run("consent", "set", "user_id:ada", "advertising=denied")
        try await shop.server.run(
            "consent", "set", "user_id:ada", "advertising=granted", "--asserted",
            "2020-01-01T00:00:00Z")
        _ = try await shop.send([track(id: "second", user: "ada")])
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["first"])
        #expect(
            try await Self.state(shop.server.ask("consent", "user_id:ada"))
                == ["denied", "operator"])
        // As of an offset and of a time: nothing later is known there.
        let past = try await shop.server.ask(
            "consent", "user_id:ada", "--as-of", String(offset))
        #expect(Self.state(past) == ["granted", "operator"])
        #expect(past["history"]?.array?.count == 1)
        let line = try await shop.server.logLines().first { $0["offset"]?.int == offset }
        let recorded = try #require(line?["recorded"]?.string)
        let then = try await shop.server.ask("consent", "user_id:ada", "--as-of", recorded)
        #expect(Self.state(then) == ["granted", "operator"])

        let text = try await shop.server.run("consent", "user_id:ada")
        #expect(text.contains("assertions, oldest first") && text.contains("letter 7"))
    }

    @Test(arguments: [
        ["user_id:ada"], ["user_id:ada", "advertising"], ["user_id:ada", "advertising=maybe"],
        ["user_id:ada", "adverts=denied"], ["p1.0", "advertising=denied"],
        ["user_id:ada", "advertising=denied", "advertising=granted"],
        ["user_id:ada", "advertising=denied", "--asserted", "yesterday"],
    ])
    func `a word that is no word is refused`(_ words: [String]) async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        await #expect(throws: SluiceServer.CommandFailed.self) {
            try await shop.server.run(["consent", "set"] + words)
        }
        #expect(try await !shop.server.logLines().contains { $0["kind"]?.string == "consent" })
    }
}
