import CustomerModel
import Delivery
import Foundation
import JSONText
import Logging
import Synchronization
import Testing

@Suite struct `A webhook connector` {
    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    static let otherSecret = "whsec_" + Data(repeating: 9, count: 32).base64EncodedString()
    static let keys = (1...3).map { EffectKey(high: 0xABC, low: $0) }
    static let now = Timestamp(microseconds: 1_773_500_966_999_999)

    private static func members(_ count: Int) -> [RequestMember] {
        keys.prefix(count).map {
            RequestMember(key: $0, body: Array("{\"id\":\"\($0.hex)\"}".utf8))
        }
    }

    private static func connector(
        _ url: String, secrets: [String] = [secret], reach: WebhookConnector.Reach = .anyAddress,
        resolver: HostResolver = HostResolver(), timeoutMilliseconds: Int = 5_000
    ) throws -> WebhookConnector {
        try WebhookConnector(
            url: url, secretName: "crm", secrets: SecretStore { $0 == "crm" ? secrets : [] },
            reach: reach, resolver: resolver, timeoutMilliseconds: timeoutMilliseconds,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { now })
    }

    /// Prepares, sends and closes.
    private static func post(
        to port: Int, host: String = "127.0.0.1", members count: Int = 1, requestID: String? = nil,
        secrets: [String] = [secret], timeoutMilliseconds: Int = 5_000,
        handedOver: @Sendable () -> Void = {}
    ) async throws -> SendResult {
        let connector = try connector(
            "http://\(host):\(port)/in?a=b", secrets: secrets,
            timeoutMilliseconds: timeoutMilliseconds)
        _ = try await connector.prepare()
        let request = connector.compose(members(count), requestID: requestID)
        let result = await connector.send(request, handedOver: handedOver)
        await connector.close()
        return result
    }

    @Test func `sends one effect as its own body, signed`() async throws {
        try await LoopbackReceiver.with(.status(202)) { receiver in
            let result = try await Self.post(to: receiver.port)
            #expect(result == SendResult(.delivered, reason: "accepted", status: 202))
            let got = try #require(receiver.received.first)
            #expect(receiver.received.count == 1)
            #expect(got.uri == "/in?a=b")
            #expect(got.body == Self.members(1)[0].body)
            #expect(got.header("content-type") == "application/json")
            #expect(got.header("user-agent") == "sluice")
            #expect(got.header("content-length") == "\(got.body.count)")
            #expect(got.header("webhook-id") == Self.keys[0].hex)
            #expect(got.header("webhook-timestamp") == "1773500966")
            let expected = try IndependentSignature.of(
                id: Self.keys[0].hex, timestamp: "1773500966", body: got.body, secret: Self.secret)
            #expect(got.header("webhook-signature") == expected)
        }
    }

    @Test func `sends several effects as one batch, under an id made of their keys`() async throws {
        try await LoopbackReceiver.with(.status(200)) { receiver in
            _ = try await Self.post(to: receiver.port, members: 3)
            _ = try await Self.post(to: receiver.port, members: 3)
            _ = try await Self.post(to: receiver.port, members: 2)
            let ids = receiver.received.map { $0.header("webhook-id") ?? "" }
            #expect(ids[0] == ids[1])
            #expect(ids[0] != ids[2])
            #expect(ids.allSatisfy { $0.count == 32 })
            let value = try JSONValue(parsing: receiver.received[0].body)
            #expect(value["batch"]?.array?.compactMap { $0["id"]?.string } == Self.keys.map(\.hex))
        }
    }

    @Test func `E7: keeps the id of the earlier try`() async throws {
        try await LoopbackReceiver.with(.status(200)) { receiver in
            _ = try await Self.post(to: receiver.port, members: 2, requestID: "earlier")
            #expect(receiver.received[0].header("webhook-id") == "earlier")
        }
    }

    @Test func `signs with each secret while one is being replaced`() async throws {
        try await LoopbackReceiver.with(.status(200)) { receiver in
            let secrets = [Self.otherSecret, Self.secret]
            _ = try await Self.post(to: receiver.port, secrets: secrets)
            let got = receiver.received[0]
            let expected = try secrets.map {
                try IndependentSignature.of(
                    id: Self.keys[0].hex, timestamp: "1773500966", body: got.body, secret: $0)
            }
            #expect(got.header("webhook-signature") == expected.joined(separator: " "))
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var answer: LoopbackReceiver.Answer
        var result: SendResult
        /// Whether an answer came at all.
        var isAnswered = true
        var timeoutMilliseconds = 10_000
    }

    @Test(arguments: [
        Row(
            testDescription: "500", answer: .status(500),
            result: SendResult(.retry, reason: "server error", status: 500)),
        Row(
            testDescription: "410", answer: .status(410),
            result: SendResult(.rejected, reason: "gone", status: 410, isGone: true)),
        Row(
            testDescription: "429 with Retry-After",
            answer: .status(429, headers: [("Retry-After", "7")]),
            result: SendResult(
                .retry, reason: "too many requests", status: 429, retryAfterMilliseconds: 7_000)),
        Row(
            testDescription: "a redirect, which is not followed",
            answer: .status(307, headers: [("Location", "/elsewhere")]),
            result: SendResult(.rejected, reason: "redirect", status: 307)),
        Row(
            testDescription: "a huge body, which is not read",
            answer: .status(200, bodyBytes: 1 << 30),
            result: SendResult(.delivered, reason: "accepted", status: 200)),
        Row(
            testDescription: "a body that never ends", answer: .drip,
            result: SendResult(.delivered, reason: "accepted", status: 200)),
        Row(
            testDescription: "no answer", answer: .silence,
            result: SendResult(.unknown, reason: "no answer in time"), isAnswered: false,
            timeoutMilliseconds: 500),
        Row(
            testDescription: "a closed connection", answer: .close,
            result: SendResult(.unknown, reason: "connection lost"), isAnswered: false),
    ])
    func `maps what comes back`(_ row: Row) async throws {
        try await LoopbackReceiver.with(row.answer) { receiver in
            try await confirmation(expectedCount: row.isAnswered ? 1 : 0) { handedOver in
                let result = try await Self.post(
                    to: receiver.port, timeoutMilliseconds: row.timeoutMilliseconds
                ) {
                    handedOver()
                }
                #expect(result == row.result)
            }
            #expect(receiver.received.count == 1)
        }
    }

    @Test func `uses its connection again`() async throws {
        try await LoopbackReceiver.with(.status(200, bodyBytes: 5_000)) { receiver in
            let connector = try Self.connector("http://127.0.0.1:\(receiver.port)/")
            for _ in 0..<5 {
                _ = try await connector.prepare()
                let request = connector.compose(Self.members(1), requestID: nil)
                #expect(await connector.send(request, handedOver: {}).outcome == .delivered)
            }
            await connector.close()
            #expect(receiver.connections == 1)
        }
    }

    @Test func `E7: knows that nothing left when nobody could be reached`() async throws {
        var port = 0
        try await LoopbackReceiver.with(.status(200)) { port = $0.port }
        try await confirmation(expectedCount: 0) { handedOver in
            let result = try await Self.post(to: port) { handedOver() }
            #expect(result == SendResult(.retry, reason: "no connection"))
        }
    }

    @Test func `tries the host's next address after one that cannot be reached`() async throws {
        let addresses = ["127.0.0.2", "127.0.0.1"].compactMap(NetworkAddress.init(v4:))
        let resolver = HostResolver { _ in addresses }
        try await LoopbackReceiver.with(.status(200)) { receiver in
            let connector = try Self.connector(
                "http://hooks.example.invalid:\(receiver.port)/", resolver: resolver)
            var outcomes: [ReceiptOutcome] = []
            for _ in 0..<3 {
                _ = try await connector.prepare()
                let request = connector.compose(Self.members(1), requestID: nil)
                outcomes.append(await connector.send(request, handedOver: {}).outcome)
            }
            await connector.close()
            #expect(outcomes == [.retry, .delivered, .delivered])
        }
    }

    @Test func `tries again when the host's name has no address`() async throws {
        let resolver = HostResolver { _ in [] }
        let connector = try Self.connector("https://hooks.example.invalid/", resolver: resolver)
        _ = try await connector.prepare()
        let request = connector.compose(Self.members(1), requestID: nil)
        let result = await connector.send(request, handedOver: {})
        #expect(result == SendResult(.retry, reason: "host name not resolved"))
        await connector.close()
    }

    // MARK: Where it may post to

    @Test(arguments: ["hooks.example.invalid", "Hooks.EXAMPLE.invalid"])
    func `connects to the address that was checked, whatever the name says later`(_ host: String)
        async throws
    {
        let asked = Mutex(0)
        let resolver = HostResolver { _ in
            // A rebinding name: somewhere else every time it is asked.
            let count = asked.withLock { count in
                count += 1
                return count
            }
            return [NetworkAddress(bytes: [127, 0, 0, UInt8(count)])]
        }
        try await LoopbackReceiver.with(.status(200)) { receiver in
            let connector = try Self.connector(
                "http://\(host):\(receiver.port)/", resolver: resolver)
            _ = try await connector.prepare()
            let request = connector.compose(Self.members(1), requestID: nil)
            #expect(await connector.send(request, handedOver: {}).outcome == .delivered)
            #expect(asked.withLock { $0 } == 1)
            #expect(receiver.received[0].header("host") == "\(host):\(receiver.port)")
            await connector.close()
        }
    }

    @Test(arguments: [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://[::ffff:10.0.0.1]/",
        "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://169.254.169.254/",
        "http://0.0.0.0/",
    ])
    func `refuses loopback and private addresses however they are written`(_ url: String)
        async throws
    {
        let connector = try Self.connector(url, reach: .publicAddresses)
        await #expect(throws: LaneHold.self) { try await connector.prepare() }
        await connector.close()
    }

    @Test func `refuses a name with one private address among public ones`() async throws {
        let addresses = ["1.1.1.1", "10.0.0.1"].compactMap(NetworkAddress.init(v4:))
        let resolver = HostResolver { _ in addresses }
        let connector = try Self.connector(
            "https://hooks.example.invalid/", reach: .publicAddresses, resolver: resolver)
        await #expect(throws: LaneHold.self) { try await connector.prepare() }
    }

    // MARK: Secrets

    @Test func `holds its lane until the secret is there, and says which`() async throws {
        let stored = Mutex<[String]>([])
        let connector = try WebhookConnector(
            url: "http://127.0.0.1:9/", secretName: "crm",
            secrets: SecretStore { _ in stored.withLock { $0 } }, reach: .anyAddress,
            resolver: HostResolver(), timeoutMilliseconds: 100, logger: Logger(label: "test"))
        await #expect(throws: LaneHold("secret 'crm' is not in secrets.yaml: add it and reload")) {
            try await connector.prepare()
        }
        stored.withLock { $0 = ["whsec_short"] }
        let error = await #expect(throws: LaneHold.self) { try await connector.prepare() }
        #expect(error?.reason.contains("crm") == true)
        #expect(error?.reason.contains("short") == false)
        stored.withLock { $0 = [Self.secret] }
        _ = try await connector.prepare()
        await connector.close()
    }
}
