import JSONText
import SluiceClient
import Synchronization
import TestSupport
import Testing

/// Tails over a server that is killed and restarted.
@Suite(.serialized) struct `The client's tail` {
    private static let policy = """
        policy: tails
        identity:
          types:
            - { type: user_id, limit: 1 }
            - { type: anonymous_id, limit: 5 }
        audiences:
          buyers:
            count: { event: Order Completed, atLeast: 1 }
        """

    private func order(_ number: Int) -> JSONValue {
        [
            "type": "track", "event": "Order Completed", "userId": .string("u-\(number)"),
            "messageId": .string("m-\(number)"),
            "context": ["consent": ["categoryPreferences": ["Analytics": true]]],
        ]
    }

    /// Sends bursts of orders while the server is killed and started, and follows meanwhile.
    private func follow(
        _ stream: String, role: String, until isDone: @escaping @Sendable ([TailItem]) -> Bool
    ) async throws -> [TailItem] {
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        defer { server.kill() }
        var child = try await server.start()
        let key = try await server.ask("key", "create", "web")["key"]?.string ?? ""
        let token = try await server.ask("token", "create", role, "t")["token"]?.string
        try await server.run(
            "policy", "apply", try directory.write("policy.yaml", Self.policy), "--approver", "t")
        let http = server.http(headers: Credentials.writeKey(key))
        let tail = SluiceTail(
            url: "http://127.0.0.1:\(server.port)", token: try #require(token), stream: stream,
            firstRetry: .milliseconds(20), longestRetry: .milliseconds(200))
        return try await withThrowingTaskGroup { group in
            group.addTask {
                var items: [TailItem] = []
                for try await item in tail {
                    items.append(item)
                    if isDone(items) { break }
                }
                return items
            }
            group.addTask {
                try await Task.sleep(for: .seconds(90))
                return []
            }
            for round in 0..<5 {
                let orders = (0..<400).map { order(round * 400 + $0) }
                #expect(try await http.post("/v1/batch", ["batch": .array(orders)]).status == 200)
                // In the middle of what is being said, and after it.
                try await Task.sleep(for: .milliseconds(round * 15))
                if round % 2 == 0 {
                    child.kill()
                    _ = try await child.ended()
                } else {
                    try await server.stop()
                }
                child = try await server.start()
            }
            let items = try #require(try await group.next())
            group.cancelAll()
            return items
        }
    }

    @Test func `of events goes on over restarts without a gap and without a double`() async throws {
        let items = try await follow("events", role: "auditor") { items in
            items.count { $0.kind == .event } >= 2_000
        }
        let ids = items.filter { $0.kind == .event }
            .compactMap { $0.line["record"]?["body"]?["messageId"]?.string }
        #expect(ids == (0..<2_000).map { "m-\($0)" })
        #expect(!items.contains { $0.kind == .cursorExpired || $0.kind == .unreadable })
    }

    @Test func `of an audience begins with a snapshot and says each entry once`() async throws {
        let items = try await follow("audiences", role: "service") { items in
            let begin = items.lastIndex { $0.kind == .snapshotBegins } ?? 0
            return items[begin...].count { $0.line["profile"] != nil } >= 2_000
        }
        let begin = try #require(items.lastIndex { $0.kind == .snapshotBegins })
        let entered = items[begin...].compactMap { $0.line["profile"]?.string }
        #expect(entered.count == 2_000)
        #expect(Set(entered).count == 2_000)
        // Only from a snapshot that broke off is another one asked for.
        let early = items.firstIndex { $0.kind == .heartbeat } ?? items.count
        #expect(begin < early)
    }

    @Test func `ends with an error when the token may not ask`() async throws {
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        defer { server.kill() }
        try await server.start()
        let made = try await server.ask("token", "create", "service", "t")
        let token = try #require(made["token"]?.string)
        for (token, stream, code) in [
            ("tk_wrong", "audiences", "unauthorized"), (token, "events", "forbidden"),
            (token, "nothing", "not_found"),
        ] {
            let tail = SluiceTail(
                url: "http://127.0.0.1:\(server.port)", token: token, stream: stream)
            do {
                for try await item in tail { #expect(item.kind == .snapshotBegins) }
                Issue.record("\(stream) ended without a word")
            } catch let error as TailError {
                guard case .refused(code, _) = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
        let expired = SluiceTail(
            url: "http://127.0.0.1:\(server.port)", token: token, stream: "audiences",
            from: "00.0.audiences.0.0")
        var kinds: [TailItem.Kind] = []
        for try await item in expired { kinds.append(item.kind) }
        #expect(kinds == [.cursorExpired])
        try await server.stop()
    }
}
