internal import AsyncHTTPClient
internal import JSONText
internal import NIOCore
internal import NIOHTTP1

/// The running server, asked through the socket in its data directory.
struct LocalServer: Sendable {
    let socketPath: String

    /// An answer is kept in memory; larger questions are for the tail.
    private static let largestAnswer = 128 << 20

    /// Performs one operation; the server knows who asks by the socket.
    func perform(_ operation: String, _ parameters: JSONValue) async throws -> JSONValue {
        var body: [UInt8] = []
        parameters.write(into: &body)
        return try await post("/api/" + operation, body, type: "application/json")
    }

    /// Posts a body and reads the JSON answer.
    func post(_ target: String, _ body: [UInt8], type: String) async throws -> JSONValue {
        var request = HTTPClientRequest(url: url(target))
        request.method = .POST
        request.headers.add(name: "Content-Type", value: type)
        request.body = .bytes(body)
        let response = try await execute(request)
        let answer = try await Self.value(of: response)
        guard (200..<300).contains(response.status.code) else {
            let message = answer["message"]?.string ?? "the server answered \(response.status.code)"
            throw CommandFailure(Exit(status: Int(response.status.code)), message)
        }
        return answer
    }

    /// Hands over each line of a stream until the server ends it.
    func tail(_ stream: String, from cursor: String?, _ body: ([UInt8]) -> Void) async throws {
        var target = "/api/tail/" + Self.escape(stream)
        if let cursor { target += "?from=" + Self.escape(cursor) }
        let response = try await execute(HTTPClientRequest(url: url(target)))
        guard response.status == .ok else {
            let answer = try await Self.value(of: response)
            throw CommandFailure(
                Exit(status: Int(response.status.code)), answer["message"]?.string ?? "no such tail"
            )
        }
        var waiting: [UInt8] = []
        for try await part in response.body {
            waiting.append(contentsOf: part.readableBytesView)
            while let end = waiting.firstIndex(of: 0x0A) {
                if end > 0 { body(Array(waiting[..<end])) }
                waiting.removeFirst(end + 1)
            }
        }
    }

    /// Hands over a replay's list as it comes.
    func list(_ parameters: JSONValue, _ body: ([UInt8]) throws -> Void) async throws {
        var asked: [UInt8] = []
        parameters.write(into: &asked)
        var request = HTTPClientRequest(url: url("/api/replay.list"))
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(asked)
        let response = try await execute(request)
        guard response.status == .ok else {
            let answer = try await Self.value(of: response)
            throw CommandFailure(
                Exit(status: Int(response.status.code)), answer["message"]?.string ?? "no list")
        }
        do {
            for try await part in response.body { try body(Array(part.readableBytesView)) }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(
                .failed, "the list broke off (\(error)): it is not whole; see the server's log")
        }
    }

    private func url(_ target: String) -> String {
        "http+unix://" + Self.escape(socketPath) + target
    }

    private func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            // A simulation over the whole log takes as long as it takes.
            return try await HTTPClient.shared.execute(request, timeout: .hours(24))
        } catch {
            throw CommandFailure(
                .unavailable,
                "the server at \(socketPath) does not answer (\(error)): is it stopping?")
        }
    }

    private static func value(of response: HTTPClientResponse) async throws -> JSONValue {
        let body = try await response.body.collect(upTo: largestAnswer)
        do {
            return try JSONValue(
                parsing: Array(body.readableBytesView),
                limits: JSONLimits(maximumBytes: largestAnswer))
        } catch {
            throw CommandFailure(.failed, "the server's answer is not JSON: \(error)")
        }
    }

    /// Percent-encodes everything but the unreserved characters (RFC 3986).
    static func escape(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return out
    }
}
