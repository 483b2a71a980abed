import JSONText
import TestSupport
import Testing

extension `Hostile clients` {
    /// A whole request as somebody sends it who lies about it.
    struct Lie: Sendable {
        var why: String
        var headers: [String] = []
        var body: [UInt8]
        /// 400 unless the lie is harmless or has a status of its own.
        var status = 400
        var mparticle: Int?
        /// Whether the sender then says that it sends no more.
        var ends = false

        init(
            _ why: String, _ headers: [String] = [], _ body: [UInt8], status: Int = 400,
            mparticle: Int? = nil, ends: Bool = false
        ) {
            self.why = why
            self.headers = headers
            self.body = body
            self.status = status
            self.mparticle = mparticle
            self.ends = ends
        }
    }

    private static let chunked = "Transfer-Encoding: chunked"
    private static let zipped = "Content-Encoding: gzip"

    private static func chunk(_ body: [UInt8], size: String? = nil) -> [UInt8] {
        let size = size ?? String(body.count, radix: 16)
        return Array("\(size)\r\n".utf8) + body + Array("\r\n".utf8)
    }

    private static let end = Array("0\r\n\r\n".utf8)

    /// - Parameter good: a body that would be taken.
    private static func lies(_ good: [UInt8]) -> [Lie] {
        let large = Array(repeating: UInt8(ascii: " "), count: 6 << 20)
        return [
            Lie("a chunk's size that is none", [chunked], chunk(good, size: "zz") + end),
            Lie("a chunk longer than it says", [chunked], chunk(good, size: "5") + end),
            Lie("a chunk shorter than it says", [chunked], chunk(good, size: "fff"), ends: true),
            Lie("a negative size", [chunked], chunk(good, size: "-5") + end),
            Lie("a size past 64 bits", [chunked], chunk(good, size: "fffffffffffffffff") + end),
            Lie("no last chunk", [chunked], chunk(good), ends: true),
            Lie("both lengths", [chunked, "Content-Length: 5"], chunk(good) + end),
            Lie(
                "a coding that nobody knows", ["Transfer-Encoding: gzip, chunked"],
                chunk(good) + end,
                status: 415),
            Lie("two lengths", ["Content-Length: 7"], good),
            Lie(
                "more announced than sent", ["Content-Length: \(good.count + 9)"], good, ends: true),
            Lie("a length below zero", ["Content-Length: -1"], good),
            Lie("a length past 64 bits", ["Content-Length: 99999999999999999999"], good),
            Lie(
                "trailers without end", [chunked],
                chunk(good) + Array("0\r\n".utf8)
                    + Array(
                        String(repeating: "X: yyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", count: 3_000).utf8)),
            Lie("an encoding that nobody knows", ["Content-Encoding: br"], good, status: 415),
            Lie("an encoding twice", ["Content-Encoding: gzip, gzip"], good, status: 415),
            Lie("gzip that is none", [zipped], good),
            Lie("gzip cut short", [zipped], Array(GzipText.stored(good).dropLast(9))),
            Lie(
                "gzip with another checksum", [zipped],
                GzipText.stored(good).dropLast(8) + [1, 2, 3, 4] + GzipText.stored(good).suffix(4)),
            Lie("gzip with bytes behind it", [zipped], GzipText.stored(good) + [1, 2, 3]),
            Lie("nothing, zipped", [zipped], []),
            Lie("gzip that does not say so", [], GzipText.stored(good)),
            Lie(
                "a bomb: 320 MB in 200 kB", [zipped],
                GzipText.bomb(repeats: 120_000), mparticle: 413),
            Lie("6 MiB", [], large, mparticle: 413),
            Lie("6 MiB in chunks", [chunked], chunk(large) + end, mparticle: 413),
            Lie("6 MiB, and no more requests", ["Connection: close"], large, mparticle: 413),
        ]
    }

    @Test func `a request that lies about its body is refused in words, and nothing of it is kept`()
        async throws
    {
        let door = try await Door()
        defer { door.server.kill() }
        let segment = #"{"batch":[{"type":"page","userId":"u","messageId":"lie"}]}"#
        let mparticle =
            #"{"environment":"production","user_identities":{"customerid":"u"},"events":[{"event_type":"screen_view","data":{"screen_name":"lie"}}]}"#
        for (path, good) in [("/v1/batch", segment), ("/v2/events", mparticle)] {
            let isSegment = path == "/v1/batch"
            for lie in Self.lies(Array(good.utf8)) {
                let what: Comment = "\(path): \(lie.why)"
                let connection = try RawConnection(port: door.server.port)
                let hasLength = lie.headers.contains { $0.hasPrefix("Content-Length") }
                try await connection.send(
                    hasLength && lie.why != "two lengths"
                        ? bare(door, lie, path)
                        : door.request(
                            lie.body, to: path, headers: lie.headers))
                if lie.ends { connection.endSending() }
                let answer = try #require(try await connection.answer(), what)
                let status = isSegment ? lie.status : lie.mparticle ?? 400
                #expect(answer.status == status, "\(what): \(answer.status) \(answer.text)")
                // What is no HTTP is answered before anybody knows whose client it is.
                let isNamed =
                    answer.json?["code"]?.string != nil
                    && answer.json?["message"]?.string != nil
                let isListed = answer.json?["errors"]?[0]?["message"]?.string != nil
                #expect(isNamed || isListed, "\(what): \(answer.text)")
                #expect(try await door.serves("good-\(path)-\(lie.why)"), what)
            }
        }
        let stored = try await door.messageIDs()
        #expect(stored.keys.allSatisfy { $0.hasPrefix("web/good-") })
        // 320 MB and 6 MiB bodies were there and left nothing behind.
        #expect(try #require(door.child.peakBytes) < 256 << 20)
        try await door.server.stop()
    }

    /// A request with the headers of the lie alone.
    private func bare(_ door: Door, _ lie: Lie, _ path: String) -> [UInt8] {
        let credentials = Credentials.writeKey(door.web)["Authorization"] ?? ""
        let lines =
            ["POST \(path) HTTP/1.1", "Host: x", "Authorization: \(credentials)"] + lie.headers
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + lie.body
    }

    @Test
    func `what is whole is taken: chunks, zipped members, pipelined requests, a patient client`()
        async throws
    {
        let door = try await Door()
        defer { door.server.kill() }
        func body(_ id: String) -> [UInt8] {
            Array(#"{"batch":[{"type":"page","userId":"u","messageId":"\#(id)"}]}"#.utf8)
        }
        let halves = (Array(body("chunks").prefix(9)), Array(body("chunks").dropFirst(9)))
        let answer = try await door.send(
            Self.chunk(halves.0) + Self.chunk(halves.1) + Self.end, headers: [Self.chunked])
        #expect(answer?.status == 200)
        let members =
            GzipText.stored(Array(body("members").prefix(9)))
            + GzipText.stored(Array(body("members").dropFirst(9)))
        #expect(try await door.send(members, headers: [Self.zipped])?.status == 200)

        // Two requests at once and then no HTTP: two answers, and one that says so.
        let pipe = try RawConnection(port: door.server.port)
        try await pipe.send(
            door.request(body("first")) + door.request(body("second"))
                + Array("\u{0}\u{16}\u{3} no request\r\n\r\n".utf8))
        let said = try await pipe.everything()
        #expect(said.components("HTTP/1.1 200 OK") == 2, "\(said)")
        #expect(said.components("HTTP/1.1 400 Bad Request") == 1, "\(said)")
        #expect(said.hasSuffix(#""message":"this is not a request of HTTP/1.1"}"#), "\(said)")

        // curl asks first with a body of more than a megabyte, PHP's clients with any.
        let asking = try RawConnection(port: door.server.port)
        let late = body("asked")
        let request = door.request(late, headers: ["Expect: 100-continue"])
        try await asking.send(Array(request.dropLast(late.count)))
        #expect(try await asking.answer()?.status == 100)
        try await asking.send(late)
        #expect(try await asking.answer()?.status == 200)

        let stored = try await door.messageIDs()
        #expect(
            Set(stored.keys)
                == Set(["chunks", "members", "first", "second", "asked"].map { "web/\($0)" }))
        #expect(stored.values.allSatisfy { $0 == 1 })
    }

    @Test
    func `a body of commas is counted, and neither its answer nor its rejects grow without end`()
        async throws
    {
        let door = try await Door()
        defer { door.server.kill() }
        let numbers = Array(repeating: "1", count: 200_000).joined(separator: ",")
        let good = #"{"type":"page","userId":"u","messageId":"beside"}"#
        let answer = try #require(
            try await door.send(Array(#"{"batch":[\#(good),\#(numbers)]}"#.utf8)))
        #expect(answer.status == 200)
        #expect(answer.json?["accepted"]?.int == 1)
        #expect(answer.json?["rejectedCount"]?.int == 200_000)
        #expect(answer.json?["rejected"]?.array?.count == 1_000)
        let events =
            #"{"environment":"production","events":[{"event_type":"first_run"},\#(numbers.prefix(100_001))]}"#
        let bulk = try #require(try await door.send(Array(events.utf8), to: "/v2/events"))
        #expect(bulk.status == 202)
        #expect(bulk.json?["accepted"]?.int == 1)
        #expect(bulk.json?["rejected"]?.int == 50_001)
        let status = try await door.server.ask("status")["collected"]
        #expect(status?["rejectedFor"]?["not_an_object"]?.int == 52_500)
        #expect(status?["rejectedFor"]?["too_many_items"]?.int == 197_501)
        #expect(status?["rejectsDropped"]?.int == 248_001)
        let rejects = try await door.server.ask("rejects", "--limit", "3000")
        #expect(rejects["rejects"]?.array?.count == 2_000)
        #expect(rejects["dropped"]?.int == 248_001)
        #expect(rejects["rejects"]?[0]?["message"]?.string == "an item must be a JSON object")
        #expect(try #require(door.child.peakBytes) < 256 << 20)
    }

    @Test func `whole requests that are refused stand among the rejects with their reason`()
        async throws
    {
        let door = try await Door()
        defer { door.server.kill() }
        _ = try await door.send(Array("{".utf8))
        _ = try await door.send(Array("{}".utf8))
        _ = try await door.send(Array(#"{"batch":[]}"#.utf8), headers: ["Content-Encoding: br"])
        let large = try await door.send(
            Array(repeating: 0x20, count: 4_097 << 10), key: door.rudder)
        #expect(large?.status == 413)
        let empty = try await door.send(Array(#"{"batch":[]}"#.utf8), key: door.rudder)
        #expect(empty?.status == 400 && empty?.text == "empty batch payload")
        let rows = try await door.server.ask("rejects")["rejects"]?.array ?? []
        #expect(
            rows.map { $0["code"]?.string }
                == ["too_large", "unknown_encoding", "invalid_request", "invalid_json"])
        #expect(rows.map { $0["source"]?.string } == ["rudder", "web", "web", "web"])
        // A key that only the body holds cannot be read in what is no JSON.
        let connection = try RawConnection(port: door.server.port)
        try await connection.send(
            "POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n{")
        #expect(try await connection.answer()?.status == 400)
    }

    @Test func `analytics.js says how it is doing, and nothing is kept`() async throws {
        let door = try await Door()
        defer { door.server.kill() }
        let http = door.server.http(headers: ["Origin": "https://shop.example"])
        let answer = try await http.post("/v1/m", ["series": [["type": "Counter", "value": 1]]])
        #expect(answer.status == 200)
        #expect(answer.text == #"{"success":true}"#)
        #expect(try await door.messageIDs().isEmpty)
        #expect(try await door.server.ask("rejects")["rejects"]?.array?.isEmpty == true)
    }
}

extension String {
    /// How often a text stands in this one.
    fileprivate func components(_ text: String) -> Int {
        ranges(of: text).count
    }
}
