import AsyncHTTPClient
import Hashing
import JSONText
import NIOCore
import NIOHTTP1

/// The way to the server.
package struct Transport: Sendable {
    /// What a request for a batch came to.
    package enum Outcome: Equatable, Sendable {
        /// On the server's disk, but for what it refused.
        case taken(refused: [Refusal])
        /// The whole body is refused.
        case refused(code: String, message: String)
        case unauthorized(message: String)
        /// Asking again can help.
        case failed(reason: String, retryAfter: Duration?)
    }

    package struct Refusal: Equatable, Sendable {
        package var index: Int
        package var code: String
        package var message: String

        package init(index: Int, code: String, message: String) {
            self.index = index
            self.code = code
            self.message = message
        }
    }

    /// Of the whole process and never shut down, like the system's own. Redirects are not followed: a key
    /// and messages about people go to the host that was named. A tail says something every ten seconds.
    static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(10), read: .seconds(40)))
        // Outages are this library's to retry.
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    static func base(_ url: String) -> String {
        var url = url
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }

    let configuration: ClientConfiguration

    /// - Throws: only when the task is cancelled.
    func send(_ messages: [[UInt8]]) async throws(CancellationError) -> Outcome {
        var request = HTTPClientRequest(url: Self.base(configuration.url) + "/v1/batch")
        request.method = .POST
        let credentials = Base64.encode(Array("\(configuration.writeKey):".utf8))
        request.headers.add(name: "Authorization", value: "Basic \(credentials)")
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: Self.body(messages)))
        do {
            let response = try await Self.http.execute(
                request, timeout: TimeAmount(configuration.requestTimeout))
            let body = try await response.body.collect(upTo: 8 << 20)
            let retryAfter = response.headers.first(name: "Retry-After").flatMap { Int64($0) }
            return Self.outcome(
                status: Int(response.status.code), Array(body.readableBytesView),
                retryAfter: retryAfter.flatMap { $0 >= 0 ? .seconds($0) : nil })
        } catch {
            if Task.isCancelled { throw CancellationError() }
            return .failed(reason: "\(error)", retryAfter: nil)
        }
    }

    static func body(_ messages: [[UInt8]]) -> [UInt8] {
        var body = Array(#"{"batch":["#.utf8)
        for (index, message) in messages.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body.append(contentsOf: message)
        }
        body.append(contentsOf: #"],"sentAt":"\#(Timestamp.now())"}"#.utf8)
        return body
    }

    /// Bytes around the messages of a body.
    static let envelopeBytes = 96

    /// Reads an answer. What is not understood was not taken: a page of some proxy with status 200 is no
    /// acknowledgement.
    package static func outcome(status: Int, _ body: [UInt8], retryAfter: Duration?) -> Outcome {
        let json: JSONValue?
        do { json = try JSONValue(parsing: body) } catch { json = nil }
        let said = json?["message"]?.string ?? "status \(status)"
        switch status {
        case 200:
            // RudderStack's dialect answers in plain text.
            if body.elementsEqual("OK".utf8) { return .taken(refused: []) }
            guard let json, json["success"]?.bool == true else {
                return .failed(reason: "an answer 200 that is none of Sluice's", retryAfter: nil)
            }
            let rows = (json["rejected"]?.array ?? []) + (json["conflicts"]?.array ?? [])
            return .taken(refused: rows.compactMap(refusal))
        case 400, 413:
            return .refused(code: json?["code"]?.string ?? "refused", message: said)
        case 401, 403:
            return .unauthorized(message: said)
        default:
            return .failed(reason: "status \(status): \(said)", retryAfter: retryAfter)
        }
    }

    private static func refusal(_ row: JSONValue) -> Refusal? {
        guard let index = row["index"]?.int else { return nil }
        return Refusal(
            index: Int(clamping: index), code: row["code"]?.string ?? "refused",
            message: row["message"]?.string ?? "")
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
