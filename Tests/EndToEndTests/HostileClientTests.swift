import JSONText
import TestSupport
import Testing

/// Everything that may go wrong with a request on its way or at its sender, over sockets of a real server.
@Suite(.serialized) struct `Hostile clients` {
    /// A server with one source of each kind, and the keys.
    struct Door {
        let directory: TemporaryDirectory
        let server: SluiceServer
        let child: ChildProcess
        let web: String
        let rudder: String

        init(options: [String] = []) async throws {
            directory = try TemporaryDirectory()
            server = try SluiceServer(in: directory)
            child = try await server.start(options: options)
            web = try await Self.key("web", of: server)
            rudder = try await Self.key("rudder", of: server)
            try await server.run("source", "set", "rudder", "--dialect", "rudderstack")
        }

        private static func key(_ source: String, of server: SluiceServer) async throws -> String {
            let made = try await server.ask("key", "create", source)
            guard let key = made["key"]?.string else { throw NeverHappened(description: "a key") }
            return key
        }

        /// A request's head and body as bytes.
        func request(
            _ body: [UInt8], to path: String = "/v1/batch", key: String? = nil,
            headers: [String] = [], length: Int? = nil
        ) -> [UInt8] {
            let credentials = Credentials.writeKey(key ?? web)["Authorization"] ?? ""
            var lines = ["POST \(path) HTTP/1.1", "Host: x", "Authorization: \(credentials)"]
            lines += headers
            if !headers.contains(where: { $0.hasPrefix("Transfer-Encoding") }) {
                lines.append("Content-Length: \(length ?? body.count)")
            }
            return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
        }

        /// Sends on a connection of its own.
        func send(
            _ body: [UInt8], to path: String = "/v1/batch", key: String? = nil,
            headers: [String] = []
        ) async throws -> RawAnswer? {
            let connection = try RawConnection(port: server.port)
            try await connection.send(request(body, to: path, key: key, headers: headers))
            return try await connection.answer()
        }

        /// Whether a client that does everything right is served, on a connection of its own.
        func serves(_ id: String) async throws -> Bool {
            let body = #"{"batch":[{"type":"page","userId":"good","messageId":"\#(id)"}]}"#
            let answer = try await send(Array(body.utf8))
            return answer?.status == 200 && answer?.text == #"{"success":true}"#
        }

        /// How often each message id is in the log, by source.
        func messageIDs() async throws -> [String: Int] {
            var counts: [String: Int] = [:]
            for line in try await server.logLines() where line["kind"]?.string == "event" {
                let id = line["body"]?["messageId"]?.string ?? line["messageId"]?.string
                counts["\(line["source"]?.string ?? "")/\(id ?? "")", default: 0] += 1
            }
            return counts
        }
    }

    /// What was sent and what became of it.
    struct Sent {
        var ids: [String?]
        var accepted: Int
        var rejected: Set<Int>
    }

    /// The counts of a 200 of Segment's dialect; nil where they do not add up to the items.
    static func outcome(_ answer: RawAnswer, of items: [JSONValue]) -> Sent? {
        let ids = items.map { $0["messageId"]?.string }
        if answer.text == #"{"success":true}"# {
            return Sent(ids: ids, accepted: items.count, rejected: [])
        }
        guard let json = answer.json, json["success"]?.bool == true,
            let accepted = json["accepted"]?.int, let rows = json["rejected"]?.array,
            rows.allSatisfy({ $0["code"]?.string != nil && $0["message"]?.string != nil }),
            Int(accepted) + rows.count == items.count, json["duplicates"]?.int == 0
        else { return nil }
        return Sent(
            ids: ids, accepted: Int(accepted),
            rejected: Set(rows.compactMap { $0["index"]?.int.map { Int($0) } }))
    }

    @Test(.enabled(if: RecordedBatch.isThere, "../shared/captures is not there"))
    func `L2: an item that is wrong costs no other, and the answer says which it was`()
        async throws
    {
        let door = try await Door()
        defer { door.server.kill() }
        var random = SeededRandom(seed: 41)
        var sent: [Sent] = []
        var requests = 0
        for capture in try RecordedBatch.all() {
            let isLarge = capture.items.count > 12 || capture.body.text.utf8.count > 40_000
            for harm in ItemHarm.allCases {
                for round in 0..<(isLarge ? 1 : 3) {
                    requests += 1
                    let id = "i\(requests)"
                    var items = Array(capture.items.prefix(12))
                    let place = random.below(items.count)
                    items[place] = harm.apply(to: items[place], &random)
                    let body = capture.with(items, ids: id)
                    let what: Comment = "\(capture.name), \(harm), round \(round)"
                    let answer = try #require(try await door.send(Array(body.text.utf8)), what)
                    #expect(answer.status == 200, "\(what): \(answer.text)")
                    let outcome = try #require(
                        Self.outcome(answer, of: body["batch"]?.array ?? []),
                        "\(what): \(answer.text)")
                    #expect(outcome.rejected.isSubset(of: [place]), "\(what): \(answer.text)")
                    if [.wrap, .huge, .notAnObject].contains(harm) {
                        #expect(outcome.rejected == [place], "\(what): \(answer.text)")
                    }
                    sent.append(outcome)
                    try await whole(door, body, outcome, isHuge: harm == .huge, what)
                    #expect(try await door.serves("good-\(requests)"), what)
                }
            }
        }
        #expect(requests > 200)
        try await compare(sent, requests, door)
    }

    /// The same body from a RudderStack source: all of it or nothing.
    private func whole(
        _ door: Door, _ body: JSONValue, _ outcome: Sent, isHuge: Bool, _ what: Comment
    ) async throws {
        let answer = try await door.send(Array(body.text.utf8), key: door.rudder)
        // What Segment finds too large RudderStack takes.
        let isTaken = outcome.rejected.isEmpty || isHuge
        #expect(answer?.status == (isTaken ? 200 : 400), what)
        #expect(answer?.headers["content-type"] == "text/plain; charset=utf-8", what)
        #expect((answer?.text == "OK") == isTaken, what)
    }

    private func compare(_ sent: [Sent], _ good: Int, _ door: Door) async throws {
        let stored = try await door.messageIDs()
        #expect(stored.allSatisfy { $0.value == 1 })
        var accepted = good
        for request in sent {
            accepted += request.accepted
            for (place, id) in request.ids.enumerated() {
                guard let id else { continue }
                let isTaken = !request.rejected.contains(place)
                #expect((stored["web/\(id)"] != nil) == isTaken, "\(id)")
                // Whole or not at all, never in part.
                let others = request.ids.compactMap { $0 }.map { stored["rudder/\($0)"] != nil }
                #expect(Set(others).count <= 1)
            }
        }
        #expect(stored.keys.count { $0.hasPrefix("web/") } == accepted)
        let status = try await door.server.ask("status")
        let refusals = status["collected"]?["rejectedFor"]?.object ?? []
        let total = refusals.reduce(Int64(0)) { $0 + ($1.value.int ?? 0) }
        #expect(total == status["collected"]?["rejected"]?.int)
        #expect(refusals.contains { $0.key == "not_an_object" })
    }

    @Test(.enabled(if: RecordedBatch.isThere, "../shared/captures is not there"))
    func `L2: a text that is wrong is refused, or loses the items that are wrong`() async throws {
        let door = try await Door()
        defer { door.server.kill() }
        var random = SeededRandom(seed: 42)
        var taken: [(id: String, count: Int)] = []
        var requests = 0
        for capture in try RecordedBatch.all() where capture.items.count <= 12 {
            for harm in TextHarm.all {
                requests += 1
                let id = "t\(requests)"
                let bytes = harm.apply(capture.with(capture.items, ids: id).text, &random)
                let what: Comment = "\(capture.name), \(harm.name)"
                let answer = try #require(try await door.send(bytes), what)
                let whole = try #require(try await door.send(bytes, key: door.rudder), what)
                #expect(whole.status == 400 && !whole.text.isEmpty, "\(what): \(whole.text)")
                if let lost = harm.lostItems {
                    #expect(answer.status == 200, "\(what): \(answer.text)")
                    #expect(answer.json?["rejected"]?.array?.count == lost, "\(what)")
                    #expect(answer.json?["rejected"]?[0]?["index"]?.int == 0, "\(what)")
                    #expect(answer.json?["accepted"]?.int == Int64(capture.items.count), "\(what)")
                    taken.append((id, capture.items.count))
                } else {
                    #expect(answer.status == 400, "\(what): \(answer.text)")
                    #expect(answer.json?["code"]?.string != nil, "\(what): \(answer.text)")
                    #expect(answer.json?["message"]?.string != nil, "\(what)")
                }
            }
            #expect(try await door.serves("good-\(requests)"))
        }
        let stored = try await door.messageIDs()
        for (id, count) in taken {
            for place in 0..<count { #expect(stored["web/\(id)-\(place)"] == 1) }
        }
        #expect(stored.keys.count { $0.hasPrefix("rudder/") } == 0)
        let good = stored.keys.count { $0.hasPrefix("web/good") }
        #expect(stored.count == taken.reduce(good) { $0 + $1.count })
    }

    @Test(.enabled(if: RecordedBatch.isThere, "../shared/captures is not there"))
    func `random bytes of a recorded request changed crash nothing, and counts stay true`()
        async throws
    {
        let door = try await Door()
        defer { door.server.kill() }
        var random = SeededRandom(seed: 43)
        var accepted: Int64 = 0
        var requests = 0
        for capture in try RecordedBatch.all() where capture.items.count <= 12 {
            for _ in 0..<12 {
                requests += 1
                var bytes = Array(capture.with(capture.items, ids: "r\(requests)").text.utf8)
                for _ in 0...random.below(4) {
                    bytes[random.below(bytes.count)] = UInt8(random.below(256))
                }
                let answer = try #require(try await door.send(bytes))
                #expect([200, 400].contains(answer.status), "\(answer.text)")
                guard answer.status == 200 else { continue }
                accepted += answer.json?["accepted"]?.int ?? Int64(capture.items.count)
            }
        }
        #expect(try await door.serves("good"))
        let stored = try await door.messageIDs()
        #expect(stored.values.reduce(0, +) == Int(accepted) + 1)
        try await door.server.stop()
    }
}
