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

    @Test func `killed 20 times under both, the server has once what they believe sent`()
        async throws
    {
        let clients = try await clients("segment-analytics-python", "mparticle")
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        defer { server.kill() }
        var running = try await server.start()
        let key = try await server.ask("key", "create", "web")["key"]?.string ?? ""
        let made = try await server.ask("key", "create", "app", "--secret")
        let (user, secret) = (made["key"]?.string ?? "", made["secret"]?.string ?? "")
        let (host, stop) = ("http://127.0.0.1:\(server.port)", directory("stop"))
        async let segment = clients.run("segment_through_kills.py", host, key, stop)
        async let mparticle = clients.run(
            "mparticle_through_kills.py", "\(host)/v2", user, secret, stop)
        let seed: UInt64 = .random(in: 0 ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            try await Task.sleep(for: .milliseconds(150 + random.below(700)))
            running.kill()
            #expect(try await running.ended() == .signal(9))
            running = try await server.start()
        }
        _ = try directory.write("stop", "")
        let (viaSegment, viaMParticle) = try await (segment, mparticle)
        try await server.stop()
        try await server.start()

        var stored: [String: Int] = [:]
        for line in try await server.logLines() where line["kind"]?.string == "event" {
            let body = line["body"]
            let id = body?["messageId"] ?? body?["data"]?["source_message_id"]
            stored[id?.string ?? "", default: 0] += 1
        }
        let repeated = stored.filter { $0.value != 1 }.keys.sorted()
        #expect(repeated.isEmpty, "seed \(seed)")
        for (client, said) in [("segment", viaSegment), ("mparticle", viaMParticle)] {
            let sent = (said["sent"]?.array ?? []).compactMap(\.string)
            let lost = sent.filter { stored[$0] == nil }
            #expect(lost.isEmpty, "\(client), seed \(seed)")
            #expect(Set(sent).count == sent.count)
            // The kills struck: both had to try again, and nevertheless went on.
            #expect((said["retries"]?.int ?? 0) > 10, "\(client), seed \(seed)")
            #expect(sent.count > 200, "\(client), seed \(seed)")
        }
        try await server.stop()
    }

    /// Says why and ends the test where there is nothing to install them with.
    private func clients(_ packages: String...) async throws -> PythonClients {
        do {
            return try await PythonClients(installing: packages)
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
