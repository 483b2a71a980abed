import Foundation
import JSONText
import TestSupport
import Testing

/// `sluice source set`, seen from the clients of that source.
@Suite(.serialized) struct `A source's settings` {
    @Test func `RudderStack's clients: 4,000 KiB, a batch whole or not at all, plain words`()
        async throws
    {
        try await Door.with { door in
            let large = """
                {"batch":[{"type":"track","event":"A","anonymousId":"a","messageId":"m",\
                "properties":{"p":"\(String(repeating: "x", count: 1 << 20))"}}]}
                """
            #expect(try await door.post("/v1/batch", large).status == 400)
            try await door.server.run("source", "set", "web", "--dialect", "rudderstack")
            let taken = try await door.post("/v1/batch", large)
            #expect(taken.status == 200 && taken.text == "OK")
            let half = """
                {"batch":[{"type":"track","event":"B","userId":"u"},{"type":"track","event":"B"}]}
                """
            let refused = try await door.post("/v1/batch", half)
            #expect(refused.status == 400)
            #expect(refused.text.contains("userId"), "\(refused.text)")
            #expect(try await door.events().count == 1)
            let rejects = try await door.server.ask("rejects")
            #expect(
                rejects["rejects"]?.array?.contains { $0["code"]?.string == "no_user_anon_id" }
                    == true)
            let beacon = try await HTTP(base: door.base).post(
                "/beacon/v1/batch?writeKey=\(door.key)",
                Array(#"{"batch":[{"type":"page","userId":"u"}]}"#.utf8))
            #expect(beacon.status == 200)
            #expect(try await door.events().count == 2)
        }
    }

    @Test func `a rate is kept to with 429 and Retry-After, and no batch is too large for it`()
        async throws
    {
        try await Door.with { door in
            try await door.server.run("source", "set", "web", "--rate", "20")
            func batch(_ name: String) -> String {
                let items = (0..<60).map {
                    #"{"type":"track","event":"A","userId":"u","messageId":"\#(name)-\#($0)"}"#
                }
                return #"{"batch":[\#(items.joined(separator: ","))]}"#
            }
            #expect(try await door.post("/v1/batch", batch("first")).status == 200)
            let refused = try await door.post("/v1/batch", batch("second"))
            #expect(refused.status == 429)
            #expect(try refused.json()["code"]?.string == "too_fast")
            try await eventually("the debt is paid") {
                try await door.post("/v1/batch", batch("second")).status == 200
            }
            #expect(try await door.events().count == 120)
            try await door.server.run("source", "set", "web", "--rate", "0")
            #expect(try await door.post("/v1/batch", batch("third")).status == 200)
            #expect(try await door.post("/v1/batch", batch("fourth")).status == 200)
        }
    }

    @Test func `a pixel is a message, from a query or from base64, and always a picture`()
        async throws
    {
        try await Door.with { door in
            let http = HTTP(base: door.base)
            let flat = try await http.get(
                "/v1/pixel/track?writeKey=\(door.key)&userId=ada&event=Opened%20Mail"
                    + "&properties.subject=Hello+there&properties.mail.id=7&messageId=m-1")
            #expect(flat.status == 200 && flat.body.starts(with: Array("GIF89a".utf8)))
            let message = #"{"writeKey":"\#(door.key)","anonymousId":"x","name":"Home"}"#
            let data = Data(message.utf8).base64EncodedString()
                .addingPercentEncoding(withAllowedCharacters: .alphanumerics)
            #expect(try await http.get("/v1/pixel/page?data=\(try #require(data))").status == 200)
            _ = try await http.get("/pixel/v1/page?writeKey=\(door.key)&anonymousId=r")
            for wrong in [
                "/v1/pixel/track", "/v1/pixel/track?data=%%%", "/v1/pixel/track?data=e30",
                "/v1/pixel/track?writeKey=no&userId=u&event=A",
                "/v1/pixel/track?writeKey=\(door.key)&userId=u",
            ] {
                let answer = try await http.get(wrong)
                #expect(answer.status == 200, "\(wrong)")
            }
            let bodies = try await door.events().compactMap { $0["body"] }
            #expect(bodies.count == 3)
            #expect(bodies[0]["event"]?.string == "Opened Mail")
            #expect(bodies[0]["properties"] == ["subject": "Hello there", "mail": ["id": "7"]])
            #expect(bodies[1]["name"]?.string == "Home")
            #expect(bodies.allSatisfy { $0["writeKey"] == nil })
            let rejects = try await door.server.ask("rejects")
            #expect(rejects["rejects"]?.array?.first?["code"]?.string == "missing_event")
        }
    }

    @Test func `OAuth: a signed assertion buys a token, once, and the token outlives a restart`()
        async throws
    {
        try await Door.with { door in
            let key = try await KeyPair(in: door.directory)
            try await door.server.run(
                "source", "set", "web", "--oauth-client", "app", "--public-key", key.publicPath,
                "--require-oauth", "yes")
            let body = #"{"writeKey":"\#(door.key)","batch":[{"type":"page","userId":"u"}]}"#
            #expect(try await door.post("/v1/batch", body).status == 403, "a key alone")

            let assertion = try await key.assertion(client: "app")
            let given = try await door.token(assertion)
            #expect(given.status == 200, "\(given.text)")
            let token = try #require(try given.json()["access_token"]?.string)
            #expect(try given.json()["expires_in"]?.int == 3_600)
            #expect(try await door.token(assertion).status == 401, "used twice")
            let foreign = try await KeyPair(in: door.directory, name: "other")
            #expect(try await door.token(try await foreign.assertion(client: "app")).status == 401)
            #expect(
                try await door.token(try await key.assertion(client: "app", expiresIn: -600)).status
                    == 401)

            func send(_ token: String) async throws -> Int {
                try await HTTP(base: door.base, headers: ["Authorization": "Bearer \(token)"])
                    .post("/v1/batch", Array(body.utf8)).status
            }
            #expect(try await send(token) == 200)
            #expect(try await send(token + "0") == 401)
            #expect(try await send("at_web.99999999999.00") == 401)
            try await door.server.stop()
            try await door.server.start()
            #expect(try await send(token) == 200)
            #expect(try await door.events().count == 2)
            // A token speaks for its own source only.
            let other = try await door.server.ask("key", "create", "shop")
            let wrong = body.replacing(door.key, with: try #require(other["key"]?.string))
            let answer = try await HTTP(
                base: door.base, headers: ["Authorization": "Bearer \(token)"]
            ).post("/v1/batch", Array(wrong.utf8))
            #expect(answer.status == 403)
        }
    }

    @Test func `addresses are cut before they are stored, and the line says so`() async throws {
        try await Door.with { door in
            try await door.server.run("source", "set", "web", "--truncate-ip", "yes")
            let body = """
                {"context":{"ip":"2001:db8:1:2:3:4:5:6"},"batch":[
                {"type":"page","userId":"u","context":{"ip":"203.0.113.77","locale":"de"}},
                {"type":"page","userId":"u","context":{"locale":"de"}},
                {"type":"page","userId":"u","context":{"ip":"no address"}}]}
                """
            #expect(try await door.post("/v1/batch", body).status == 200)
            let batch = """
                {"environment":"production","ip":"203.0.113.77","user_identities":{"customer_id":"u"},
                "events":[{"event_type":"custom_event","data":{"event_name":"A"}}]}
                """
            #expect(try await door.post("/v2/events", batch).status == 202)
            let events = try await door.events()
            #expect(
                events.map { $0["body"]?["context"]?["ip"]?.string } == [
                    "203.0.113.0", nil, "", nil,
                ])
            #expect(events[0]["body"]?["context"]?["locale"]?.string == "de")
            #expect(events[0]["context"]?["ip"]?.string == "2001:db8:1::")
            #expect(events[0...2].allSatisfy { $0["changed"] == ["context.ip"] })
            #expect(events[3]["batch"]?["ip"]?.string == "203.0.113.0")
            #expect(events[3]["changed"] == ["batch.ip"])
        }
    }

    @Test func `a robot is flagged by its user agent, and a filter can leave it out`() async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let policy = shop.policy().replacing(
            "    purposes: [advertising]\n",
            with: "    purposes: [advertising]\n    filter: { field: robot, present: false }\n")
        try await shop.apply(policy)
        func message(_ id: String, _ agent: String) -> JSONValue {
            [
                "type": "track", "event": "Order Completed", "messageId": .string(id),
                "userId": .string(id), "properties": ["order_id": "o"],
                "context": [
                    "userAgent": .string(agent),
                    "consent": ["categoryPreferences": ["Advertising": true]],
                ],
            ]
        }
        let taken = try await shop.send([
            message("person", "Mozilla/5.0 (Linux; Android 9; CUBOT X19) Chrome/120.0"),
            message("robot", "Mozilla/5.0 (compatible; Googlebot/2.1)"),
            message("shell", "CURL/8.5.0"), message("end", "Ends as a Spider"),
            message("both", "CUBOT bot"),
        ])
        #expect(taken.status == 200)
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["person"])
        let why = try await shop.server.ask("explain", "web/robot", "ads")
        #expect(why["reasons"]?.array?.first?.string == "filter")

        // More agents in one request than are remembered, and each of them twice.
        let many = (0..<40).map { number in
            message("\(number)", number % 4 == 0 ? "Robot \(number % 20)" : "Phone \(number % 20)")
        }
        #expect(try await shop.send(many).status == 200)
        try await shop.server.settled()
        let people = (0..<40).filter { $0 % 4 != 0 }.map { "\($0)" }
        #expect(try await shop.atAds().sorted() == (["person"] + people).sorted())
    }

    @Test func `another payload with a known message id is seen, and the first one stays`()
        async throws
    {
        try await Door.with { door in
            func event(_ plan: String) -> String {
                #"{"batch":[{"type":"track","event":"A","userId":"u","messageId":"m","properties":{"plan":"\#(plan)"}}]}"#
            }
            #expect(try await door.post("/v1/batch", event("pro")).status == 200)
            #expect(try await door.post("/v1/batch", event("pro")).text == #"{"success":true}"#)
            for isRestarted in [false, true] {
                if isRestarted {
                    // What is only on the disk is read back and compared.
                    try await door.server.stop()
                    try await door.server.start()
                }
                let answer = try await door.post("/v1/batch", event("free"))
                #expect(answer.status == 200)
                let conflict = try answer.json()["conflicts"]?.array?.first
                #expect(conflict?["code"]?.string == "message_id_conflict")
                #expect(try await door.post("/v1/batch", event("pro")).text == #"{"success":true}"#)
            }
            let events = try await door.events()
            #expect(events.count == 1 && events[0]["body"]?["properties"] == ["plan": "pro"])
            let status = try await door.server.ask("status")
            #expect(status.text.contains(#""conflicts":1"#), "\(status.text)")
            let rejects = try await door.server.ask("rejects")
            #expect(rejects["rejects"]?.array?.first?["code"]?.string == "message_id_conflict")
        }
    }

    @Test func `IDSync: a call is believed that the source's secret signed, a moment ago`()
        async throws
    {
        try await Door.with { door in
            try door.server.setSecrets(["app-calls": "[ws_new, ws_old]"])
            try await door.server.stop()
            try await door.server.start()
            let early = try await door.call(secret: "ws_new")
            #expect(early.status == 401 && early.text.contains("no signing secret"))
            try await door.server.run("source", "set", "web", "--signing-secret", "app-calls")
            let listed = try await door.server.ask("source", "list")
            #expect(listed["sources"]?.array?.first?["signingSecret"]?.string == "app-calls")

            let known = try await door.call(secret: "ws_new")
            #expect(known.status == 200, "\(known.text)")
            let mpid = try known.json()["mpid"]?.string
            // A rotation; the other forms of a time; a query, which is signed with the path.
            for (secret, form, query) in [
                ("ws_old", "+%Y%m%dT%H%M%SZ", ""), ("ws_new", "+%Y-%m-%dT%H:%M:%SZ", ""),
                ("ws_new", "+%a, %d %b %Y %H:%M:%S GMT", "?return_matches=true"),
            ] {
                let again = try await door.call(secret: secret, time: form, query: query)
                #expect(again.status == 200, "\(form): \(again.text)")
                #expect(try again.json()["mpid"]?.string == mpid)
            }
            #expect(try await door.call(secret: "ws_new", upperCase: true).status == 200)

            func refused(_ call: HTTPAnswer, _ why: String) {
                #expect(call.status == 401)
                #expect(call.text.contains(why), "\(call.text)")
            }
            refused(try await door.call(secret: "ws_other"), "HMAC-SHA256")
            refused(try await door.call(secret: "ws_new", changed: true), "HMAC-SHA256")
            refused(try await door.call(secret: "ws_new", signature: "no hex"), "HMAC-SHA256")
            refused(try await door.call(secret: "ws_new", secondsAgo: 1_000), "15 minutes")
            refused(try await door.call(secret: "ws_new", secondsAgo: -1_000), "15 minutes")
            refused(try await door.call(secret: "ws_new", time: "+%s"), "Date header")
            refused(try await door.call(secret: "ws_new", key: "wk_nobody"), "unknown")
            refused(try await door.call(secret: nil), "signed")

            let events = try await door.events()
            #expect(events.count == 1, "the person is known since the first call")
            #expect(events.allSatisfy { !$0.text.contains("ws_new") })
            await #expect(throws: SluiceServer.CommandFailed.self) {
                try await door.server.run("source", "set", "web", "--signing-secret", "not-there")
            }
            try await door.server.run("source", "set", "web", "--remove-signing-secret")
            #expect(try await door.call(secret: nil).status == 200)
        }
    }

    @Test func `what cannot be set is refused in a sentence, and changes nothing`() async throws {
        try await Door.with { door in
            let noKey = try door.directory.write("no.pem", "-----BEGIN PUBLIC KEY-----\n")
            for arguments in [
                ["--dialect", "mixpanel"], ["--item-kib", "5000"], ["--rate", "-1"],
                ["--oauth-client", "app", "--public-key", noKey],
            ] {
                await #expect(throws: SluiceServer.CommandFailed.self, "\(arguments)") {
                    try await door.server.run(["source", "set", "web"] + arguments)
                }
            }
            let listed = try await door.server.ask("source", "list")
            #expect(
                listed["sources"]?.array?.first
                    == [
                        "source": "web", "dialect": "segment", "truncateIP": false,
                        "requireOAuth": false, "oauthClients": [],
                    ])
        }
    }
}

/// A server and one write key.
private struct Door {
    let directory: TemporaryDirectory
    let server: SluiceServer
    let key: String
    var base: String { "http://127.0.0.1:\(server.port)" }

    static func with(_ body: (Door) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        try await server.start()
        defer { server.kill() }
        let made = try await server.ask("key", "create", "web")
        try await body(
            Door(directory: directory, server: server, key: try #require(made["key"]?.string)))
    }

    func post(_ path: String, _ body: String) async throws -> HTTPAnswer {
        try await HTTP(base: base, headers: Credentials.writeKey(key))
            .post(path, Array(body.utf8))
    }

    func token(_ assertion: String) async throws -> HTTPAnswer {
        let form =
            "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
            + "client-assertion-type%3Ajwt-bearer&scope=tracking_api%3Awrite"
            + "&client_assertion=\(assertion)"
        return try await HTTP(base: base).post("/token", Array(form.utf8))
    }

    /// A call of mParticle's identity API, signed by the openssl command.
    ///
    /// - Parameters:
    ///   - secret: nil for no signature.
    ///   - time: how `date` writes it.
    ///   - isChanged: whether the body is another than was signed.
    func call(
        secret: String?, key: String? = nil, time: String = "+%Y%m%dT%H%M%SZ",
        secondsAgo: Int = 0, query: String = "", signature: String? = nil,
        changed isChanged: Bool = false, upperCase: Bool = false
    ) async throws -> HTTPAnswer {
        let path = "/v1/identify" + query
        let body = #"{"environment":"production","known_identities":{"customerid":"abc"}}"#
        var headers = ["x-mp-key": key ?? self.key]
        if let secret {
            let moment = Int(Date().timeIntervalSince1970) - secondsAgo
            let date = try await said(
                "/usr/bin/env", "LC_ALL=C", "date", "-u", "-d", "@\(moment)", time)
            let text = try directory.write("signed", "POST\n\(date)\n\(path)\(body)")
            let made = try await said(
                "/usr/bin/openssl", "dgst", "-sha256", "-hmac", secret, "-r", text)
            let hex = String(made.prefix(64))
            headers["Date"] = date
            headers["x-mp-signature"] = signature ?? (upperCase ? hex.uppercased() : hex)
        }
        return try await HTTP(base: base, headers: headers)
            .post(path, Array((isChanged ? body.replacing("abc", with: "abd") : body).utf8))
    }

    /// What a program writes.
    private func said(_ program: String, _ arguments: String...) async throws -> String {
        let path = directory("said-\(UUID().uuidString)")
        let command = try ChildProcess(program, arguments, outputPath: path)
        #expect(try await command.ended() == .code(0), "\(command.lastWords)")
        return try String(contentsOfFile: path, encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func events() async throws -> [JSONValue] {
        try await server.logLines().filter { $0["kind"]?.string == "event" }
    }
}

/// An RSA key made and used by the openssl command.
private struct KeyPair {
    let directory: TemporaryDirectory
    let name: String
    var publicPath: String { directory("\(name).pub") }

    init(in directory: TemporaryDirectory, name: String = "app") async throws {
        self.directory = directory
        self.name = name
        try await openssl("genrsa", "-out", directory("\(name).pem"), "2048")
        try await openssl("rsa", "-in", directory("\(name).pem"), "-pubout", "-out", publicPath)
    }

    /// A JWT as Segment's SDK signs it.
    func assertion(client: String, expiresIn seconds: Int = 60) async throws -> String {
        let now = Int(Date().timeIntervalSince1970)
        let claims = """
            {"iss":"\(client)","sub":"\(client)","aud":"http://127.0.0.1","iat":\(now - 5),\
            "exp":\(now + seconds),"jti":"\(UUID().uuidString)"}
            """
        let signed =
            Self.encode(Data(#"{"alg":"RS256","typ":"JWT","kid":"k"}"#.utf8)) + "."
            + Self.encode(Data(claims.utf8))
        let text = try directory.write("signed", signed)
        try await openssl(
            "dgst", "-sha256", "-sign", directory("\(name).pem"), "-out", directory("signature"),
            text)
        let signature = try #require(
            FileManager.default.contents(atPath: directory("signature")))
        return signed + "." + Self.encode(signature)
    }

    private static func encode(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }

    private func openssl(_ arguments: String...) async throws {
        let command = try ChildProcess(
            "/usr/bin/openssl", arguments, outputPath: directory("openssl.log"))
        #expect(try await command.ended() == .code(0), "\(command.lastWords)")
    }
}
