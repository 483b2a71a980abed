import AsyncHTTPClient
public import JSONText
import NIOCore
import NIOHTTP1

/// What a server answered.
public struct HTTPAnswer: Sendable {
    public var status: Int
    public var body: [UInt8]

    /// The body's JSON.
    public func json() throws -> JSONValue { try JSONValue(parsing: body) }
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// Requests as a client makes them. Whatever goes wrong on the way throws.
public struct HTTP: Sendable {
    private let base: String
    private let headers: [String: String]

    /// - Parameter base: such as `http://127.0.0.1:8080`.
    public init(base: String, headers: [String: String] = [:]) {
        self.base = base
        self.headers = headers
    }

    public func post(
        _ path: String, _ body: [UInt8], headers extra: [String: String] = [:]
    ) async throws -> HTTPAnswer {
        var request = HTTPClientRequest(url: base + path)
        request.method = .POST
        request.body = .bytes(ByteBuffer(bytes: body))
        return try await execute(
            request, extra.merging(["Content-Type": "application/json"]) { $1 })
    }

    public func post(
        _ path: String, _ body: JSONValue, headers extra: [String: String] = [:]
    ) async throws -> HTTPAnswer {
        try await post(path, Array(body.text.utf8), headers: extra)
    }

    public func get(_ path: String) async throws -> HTTPAnswer {
        try await execute(HTTPClientRequest(url: base + path), [:])
    }

    private func execute(
        _ request: HTTPClientRequest, _ extra: [String: String]
    ) async throws -> HTTPAnswer {
        var request = request
        for (name, value) in headers.merging(extra, uniquingKeysWith: { $1 }) {
            request.headers.add(name: name, value: value)
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let body = try await response.body.collect(upTo: 64 << 20)
        return HTTPAnswer(status: Int(response.status.code), body: Array(body.readableBytesView))
    }
}
