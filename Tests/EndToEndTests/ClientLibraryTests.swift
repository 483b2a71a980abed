import JSONText
import TestSupport
import Testing

/// Client libraries as anybody installs them, told nothing but another host and another key.
@Suite(.serialized) struct `Unmodified client libraries` {
    @Test func `mparticle: every call arrives, field for field`() async throws {
        let clients = try await clients("mparticle")
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        defer { server.kill() }
        try await server.start()
        let made = try await server.ask("key", "create", "app", "--secret")
        let (key, secret) = (made["key"]?.string ?? "", made["secret"]?.string ?? "")
        #expect(!secret.isEmpty)
        let sent = try await clients.run(
            "mparticle_calls.py", "http://127.0.0.1:\(server.port)/v2", key, secret)
        let batches = (sent.array ?? []).flatMap { $0.array ?? [$0] }
        #expect(batches.count > 20)
        let lines = try await server.logLines().filter { $0["kind"]?.string == "event" }
        var next = 0
        for batch in batches {
            let around = without(["events", "api_key"], batch)
            let events = batch["events"]?.array ?? []
            for (index, event) in events.enumerated() {
                let line = try #require(next < lines.count ? lines[next] : nil)
                #expect(line["body"] == event)
                #expect(line["batch"] == around)
                #expect(line["batchIndex"]?.int == Int64(index))
                next += 1
            }
            guard events.isEmpty else { continue }
            let line = try #require(next < lines.count ? lines[next] : nil)
            #expect(line["body"] == around)
            next += 1
        }
        #expect(next == lines.count)
        #expect(try await server.ask("status")["collected"]?["rejected"]?.int == 0)
        #expect(try await server.ask("status")["projection"]?["parkedCount"]?.int == 0)
        try await server.stop()
    }

    @Test func `segment-analytics-python: every call arrives, field for field`() async throws {
        let clients = try await clients("segment-analytics-python")
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        defer { server.kill() }
        try await server.start()
        let key = try await server.ask("key", "create", "web")["key"]?.string ?? ""
        let made = try await clients.run(
            "segment_calls.py", "http://127.0.0.1:\(server.port)", key)
        let messages = made.array ?? []
        #expect(messages.count == 30)
        var stored: [String: JSONValue] = [:]
        for line in try await server.logLines() where line["kind"]?.string == "event" {
            let body = line["body"] ?? .null
            stored[body["messageId"]?.string ?? ""] = body
        }
        for message in messages {
            let id = try #require(message["messageId"]?.string)
            #expect(stored[id] == message, "\(id)")
        }
        #expect(stored.count == messages.count)
        try await server.stop()
    }

    /// Says why and ends the test where there is nothing to install them with.
    private func clients(_ package: String) async throws -> PythonClients {
        do {
            return try await PythonClients(installing: package)
        } catch let error as PythonClients.Unavailable {
            try Test.cancel("not tried: \(error)")
        }
    }

    private func without(_ names: [String], _ value: JSONValue) -> JSONValue {
        guard let members = value.object else { return value }
        var object = JSONObject(members)
        for name in names { object[name] = nil }
        return .object(object)
    }
}
