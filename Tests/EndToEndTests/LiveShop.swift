import JSONText
import TestSupport

/// A server on a socket, a receiver, a policy in force, and a write key.
struct LiveShop {
    let directory: TemporaryDirectory
    let server: SluiceServer
    let receiver: WebhookReceiver
    /// With the write key of the source `web`.
    let client: HTTP

    init() async throws {
        directory = try TemporaryDirectory()
        receiver = try await WebhookReceiver(in: directory, paths: ["ads"])
        server = try SluiceServer(in: directory)
        do {
            try server.setSecrets(["ads_webhook": WebhookReceiver.secret])
            try await server.start()
            let made = try await server.ask("key", "create", "web")
            guard let key = made["key"]?.string else { throw NeverHappened(description: "a key") }
            client = server.http(headers: Credentials.writeKey(key))
            try await apply(policy())
        } catch {
            server.kill()
            receiver.stop()
            throw error
        }
    }

    func stop() {
        server.kill()
        receiver.stop()
    }

    /// The rules: `ads` may have what `adsEvents` lists of people who agreed; `book` keeps orders
    /// by contract.
    func policy(adsEvents: [String] = ["Order Completed"]) -> String {
        let rules = adsEvents.map { "      - { track: \($0), properties: [order_id] }" }
        return """
            policy: live
            identity:
              types:
                - { type: user_id, limit: 1 }
                - { type: anonymous_id, limit: 5, window: 7d }
            purposes:
              advertising: { segment: [Advertising] }
              bookkeeping: { basis: contract }
            destinations:
              ads:
                recipient: Example Ads Inc
                webhook: { url: "http://127.0.0.1:\(receiver.port)/ads", secret: ads_webhook }
                purposes: [advertising]
                identifiers: [user_id]
                events:
            \(rules.joined(separator: "\n"))
              book:
                recipient: Example Bookkeeping LLP
                file: book.ndjson
                purposes: [bookkeeping]
                identifiers: [user_id]
                events:
                  - { track: Order Completed, properties: [order_id, revenue] }
            """
    }

    /// Puts a policy in force.
    func apply(_ text: String) async throws {
        try await server.run(
            "policy", "apply", try directory.write("policy.yaml", text), "--approver", "test")
    }

    /// Sends a batch.
    func send(_ messages: [JSONValue]) async throws -> HTTPAnswer {
        try await client.post("/v1/batch", ["batch": .array(messages)])
    }

    /// What `ads` took, by message id, each request once.
    func atAds() async throws -> [String] {
        try receiver.requests().filter { $0.answer == "200" && !$0.isRepeated }
            .flatMap(\.members).compactMap { $0["messageId"]?.string }
    }

    /// What `book` holds, by message id.
    func inBook() throws -> [String] {
        try NDJSON.read(server.directory + "/outputs/book.ndjson")
            .compactMap { $0["messageId"]?.string }
    }

    /// How many events the log holds.
    func eventCount() async throws -> Int {
        try await server.logLines().count { $0["kind"]?.string == "event" }
    }
}

/// One track message.
///
/// - Parameter advertising: what its own consent object says; nil for none.
func track(
    _ event: String = "Order Completed", id: String, user: String, advertising: Bool? = nil
) -> JSONValue {
    var members: [(key: String, value: JSONValue)] = [
        ("type", "track"), ("messageId", .string(id)), ("userId", .string(user)),
        ("event", .string(event)),
        ("properties", ["order_id": .string("o-" + id), "revenue": .number("19.90"), "note": "x"]),
    ]
    if let advertising {
        members.append(
            ("context", ["consent": ["categoryPreferences": ["Advertising": .bool(advertising)]]]))
    }
    return .object(JSONObject(members))
}
