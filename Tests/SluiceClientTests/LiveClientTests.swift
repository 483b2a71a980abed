import Foundation
import JSONText
import SluiceClient
import Synchronization
import TestSupport
import Testing

/// The library against the built server, with nothing between them but a socket.
@Suite(.serialized) struct `The client library` {
    private final class Place: Sendable {
        let directory: TemporaryDirectory
        let server: SluiceServer
        let key: String
        private let child = Mutex<ChildProcess?>(nil)

        init() async throws {
            directory = try TemporaryDirectory()
            server = try SluiceServer(in: directory)
            let started = try await server.start()
            child.withLock { $0 = started }
            key = try await server.ask("key", "create", "app")["key"]?.string ?? ""
        }

        func configuration(_ queue: String = "queue") -> ClientConfiguration {
            var configuration = ClientConfiguration(
                url: "http://127.0.0.1:\(server.port)/", writeKey: key, directory: directory(queue))
            configuration.interval = .milliseconds(20)
            configuration.firstRetry = .milliseconds(20)
            configuration.longestRetry = .milliseconds(300)
            return configuration
        }

        /// kill -9, and not before it is gone.
        func killServer() async throws {
            let running = child.withLock { $0 }
            running?.kill()
            _ = try await running?.ended()
        }

        func startServer() async throws {
            let started = try await server.start()
            child.withLock { $0 = started }
        }

        func events() async throws -> [JSONValue] {
            try await server.logLines().filter { $0["kind"]?.string == "event" }
                .compactMap { $0["body"] }
        }
    }

    private func json(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }

    /// The example of the README and of the library's first page.
    private func example(url: String, writeKey: String, directory: String) async throws {
        let configuration = ClientConfiguration(url: url, writeKey: writeKey, directory: directory)
        try await SluiceClient.with(configuration) { report in
            print(report)  // what was refused and why; a log in a real program
        } _: { client in
            try await client.consent(["Analytics": true, "Advertising": false])
            try await client.identify("user-1", traits: ["plan": "pro"])
            try await client.track(
                "Order Completed", ["order_id": "1", "revenue": .number("42.50")])
        }
    }

    @Test func `the example arrives`() async throws {
        let place = try await Place()
        defer { place.server.kill() }
        try await example(
            url: "http://127.0.0.1:\(place.server.port)", writeKey: place.key,
            directory: place.directory("queue"))
        let events = try await place.events()
        #expect(
            events.map { $0["type"]?.string } == ["track", "identify", "track"])
        #expect(events[0]["event"]?.string == "Segment Consent Preference Updated")
        #expect(events[2]["properties"]?["revenue"] == .number("42.50"))
        for event in events {
            let consent = event["context"]?["consent"]?["categoryPreferences"]
            #expect(consent == ["Advertising": false, "Analytics": true])
        }
        try await place.server.stop()
    }

    @Test func `every call arrives, field for field`() async throws {
        let place = try await Place()
        defer { place.server.kill() }
        let anonymous = Mutex("")
        try await SluiceClient.with(place.configuration()) { client in
            anonymous.withLock { $0 = client.anonymousID }
            let time = Timestamp(parsing: "2026-03-14T15:09:26.535897Z")
            let options = MessageOptions(
                context: ["ip": "203.0.113.7", "locale": "de"], integrations: ["All": true],
                timestamp: time, messageID: "m-1")
            try await client.track("Ünïcode \n \u{1F600}", ["list": [1, .null, [:]]], options)
            try await client.identify("ada", traits: ["email": "ada@example.com"])
            try await client.page("Home", category: "Docs", ["url": "https://example.com"])
            try await client.screen("Main")
            try await client.group("g-1", traits: ["seats": 5])
            try await client.alias("ada-2")
            try await client.consent(["A": true])
            try await client.track("Other", [:], MessageOptions(userID: "ben"))
            try await client.track("Own", [:], MessageOptions(messageID: "m-2"))
            try await client.reset()
            try await client.track("After", [:], MessageOptions(messageID: "m-3"))
        }
        let events = try await place.events()
        let first = anonymous.withLock { $0 }
        let library = #""library":{"name":"sluice-swift","version":"1.0.0"}"#
        let plain = #""context":{\#(library)}"#
        let agreed =
            #""context":{\#(library),"consent":{"categoryPreferences":{"A":true}}}"#
        let whole = [
            #"{"type":"track","messageId":"m-1","anonymousId":"\#(first)","#,
            #""timestamp":"2026-03-14T15:09:26.535897Z","event":"Ünïcode \n 😀","#,
            #""properties":{"list":[1,null,{}]},"#,
            #""context":{"ip":"203.0.113.7","locale":"de",\#(library)},"#,
            #""integrations":{"All":true}}"#,
        ]
        #expect(events.first == (try json(whole.joined())))
        let rest = try [
            #"{"type":"identify","userId":"ada","traits":{"email":"ada@example.com"},\#(plain)}"#,
            #"{"type":"page","userId":"ada","name":"Home","category":"Docs","#
                + #""properties":{"url":"https://example.com"},\#(plain)}"#,
            #"{"type":"screen","userId":"ada","name":"Main","properties":{},\#(plain)}"#,
            #"{"type":"group","userId":"ada","groupId":"g-1","traits":{"seats":5},\#(plain)}"#,
            #"{"type":"alias","userId":"ada-2","previousId":"ada",\#(plain)}"#,
            #"{"type":"track","userId":"ada-2","event":"Segment Consent Preference Updated","#
                + #""properties":{},\#(agreed)}"#,
            // Nobody's consent but their own.
            #"{"type":"track","userId":"ben","event":"Other","properties":{},\#(plain)}"#,
            #"{"type":"track","userId":"ada-2","event":"Own","properties":{},\#(agreed)}"#,
            #"{"type":"track","event":"After","properties":{},\#(plain)}"#,
        ].map(json)
        #expect(events.count == rest.count + 1)
        for (event, expected) in zip(events.dropFirst(), rest) {
            let members = (event.object ?? []).filter {
                !["messageId", "timestamp", "anonymousId"].contains($0.key)
            }
            #expect(JSONValue.object(JSONObject(members)) == expected)
        }
        let last = events.last?["anonymousId"]?.string
        #expect(last != nil && last != first)
        try await place.server.stop()
    }

    @Test func `each message is in the log once, though the server is killed again and again`()
        async throws
    {
        let place = try await Place()
        defer { place.server.kill() }
        var configuration = place.configuration()
        configuration.batchItems = 10
        let retries = Mutex(0)
        let count = 1_500
        try await SluiceClient.with(configuration) { report in
            if case .retrying = report { retries.withLock { $0 += 1 } }
        } _: { client in
            try await withThrowingTaskGroup { group in
                group.addTask {
                    for number in 0..<count {
                        try await client.track(
                            "Counted", ["n": .int(Int64(number))],
                            MessageOptions(messageID: "m-\(number)"))
                        if number % 10 == 0 { try await Task.sleep(for: .milliseconds(20)) }
                    }
                }
                for _ in 0..<4 {
                    try await Task.sleep(for: .milliseconds(400))
                    try await place.killServer()
                    try await Task.sleep(for: .milliseconds(100))
                    try await place.startServer()
                }
                try await group.waitForAll()
            }
            try await client.flush(within: .seconds(60))
            #expect(client.queuedCount == 0)
        }
        #expect(retries.withLock { $0 } >= 4)
        let numbers = try await place.events().compactMap { $0["properties"]?["n"]?.int }
        #expect(numbers == (0..<count).map { Int64($0) })
        try await place.server.stop()
    }

    @Test func `what an app had queued when it was killed arrives with its next start, once`()
        async throws
    {
        let place = try await Place()
        defer { place.server.kill() }
        func app(_ arguments: [String], _ output: String) throws -> ChildProcess {
            try ChildProcess(
                Programs.demoShop,
                [
                    "send", "--url", "http://127.0.0.1:\(place.server.port)", "--key", place.key,
                    "--queue", place.directory("queue"),
                ] + arguments, outputPath: place.directory(output))
        }
        var printed: Set<String> = []
        for round in 0..<5 {
            let child = try app(
                ["--first", "\(round * 100_000)", "--count", "100000"], "out-\(round)")
            defer { child.kill() }
            try await eventually("the app has queued \(round * 60 + 40) orders") {
                child.lastWords.split(separator: "\n").count > round * 60 + 40
            }
            // While the app dies the server is not there, or is.
            if round % 2 == 1 { try await place.killServer() }
            child.kill()
            _ = try await child.ended()
            if round % 2 == 1 { try await place.startServer() }
            let said = try String(contentsOfFile: place.directory("out-\(round)"), encoding: .utf8)
            // The last line may be cut.
            let lines = said.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            printed.formUnion(lines.map(String.init).filter { $0.hasPrefix("order-") })
        }
        let last = try app(["--count", "0"], "last")
        defer { last.kill() }
        #expect(try await last.ended(within: .seconds(60)) == .code(0), "\(last.lastWords)")
        let ids = try await place.events().compactMap { $0["messageId"]?.string }
        #expect(Set(ids).count == ids.count)
        #expect(printed.count > 5 * 40)
        #expect(printed.subtracting(ids).isEmpty)
        // At most the one message of each round that was queued and not yet printed.
        #expect(ids.count - printed.count <= 5)
        try await place.server.stop()
    }

    @Test func `a refused message is named with the server's reason, and costs no other`()
        async throws
    {
        let place = try await Place()
        defer { place.server.kill() }
        var configuration = place.configuration()
        configuration.messageBytes = 60_000
        let reports = Mutex<[ClientReport]>([])
        try await SluiceClient.with(configuration) { report in
            reports.withLock { $0.append(report) }
        } _: { client in
            let long = String(repeating: "x", count: 50_000)
            try await client.track("Before", [:], MessageOptions(messageID: "a"))
            try await client.track("Long", ["x": .string(long)], MessageOptions(messageID: "b"))
            try await client.track("After", [:], MessageOptions(messageID: "c"))
            await #expect(throws: ClientError.self) {
                try await client.track("More", ["x": .string(long + long)])
            }
            await #expect(throws: ClientError.self) {
                try await client.track("Bent", ["x": .number("1,\"y\":2")])
            }
            try await client.flush()
        }
        let ids = try await place.events().compactMap { $0["messageId"]?.string }
        #expect(ids == ["a", "c"])
        guard case .refused("b", let code, let message)? = reports.withLock({ $0.first }) else {
            Issue.record("\(reports.withLock { $0 })")
            return
        }
        #expect(code == "item_too_large", "\(message)")
        #expect(reports.withLock { $0.count } == 1)
        try await place.server.stop()
    }

    @Test func `an unknown key keeps the messages, and a client without a server too`() async throws
    {
        let place = try await Place()
        defer { place.server.kill() }
        var wrong = place.configuration()
        wrong.writeKey = "wk_wrong"
        wrong.shutdownLimit = .milliseconds(300)
        let isTold = Mutex(false)
        try await SluiceClient.with(wrong) { report in
            if case .unauthorized = report { isTold.withLock { $0 = true } }
        } _: { client in
            try await client.track("Kept", [:], MessageOptions(messageID: "kept"))
            await #expect(throws: ClientError.timedOut) {
                try await client.flush(within: .milliseconds(300))
            }
        }
        #expect(isTold.withLock { $0 })
        try await SluiceClient.with(place.configuration()) { client in
            #expect(client.queuedCount == 1)
            try await client.flush()
        }
        #expect(try await place.events().compactMap { $0["messageId"]?.string } == ["kept"])
        try await place.server.stop()
    }
}
