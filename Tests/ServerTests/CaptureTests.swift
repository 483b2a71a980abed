import Foundation
import JSONText
import NIOHTTP1
import Platform
import Testing

/// What unmodified clients put on the wire; the folder stands beside the package and is not part of it.
struct Capture: CustomTestStringConvertible {
    var name: String
    var method: String
    var target: String
    var headers: [(String, String)]
    var body: [UInt8]
    /// The messages in the body.
    var items: [JSONValue]

    var testDescription: String { name }

    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("shared/captures/segment").path

    static var isThere: Bool { FileManager.default.fileExists(atPath: folder) }

    /// Every recorded batch, in the order in which it was sent.
    static func all() throws -> [Capture] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().compactMap { name in
            let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
            let value = try JSONValue(
                parsing: Array(bytes), limits: JSONLimits(maximumBytes: 64 << 20))
            guard let target = value["target"]?.string, target.hasPrefix("/v1/"),
                let items = value["body"]?["batch"]?.array
            else { return nil }
            let headers = (value["headers"]?.array ?? []).compactMap { pair in
                pair[0]?.string.flatMap { name in pair[1]?.string.map { (name, $0) } }
            }
            return Capture(
                name: name, method: value["method"]?.string ?? "", target: target,
                headers: headers, body: try body(of: value), items: items)
        }
    }

    /// The exact bytes; large bodies are rebuilt as Python wrote them, up to white space.
    private static func body(of value: JSONValue) throws -> [UInt8] {
        if let text = value["body_base64"]?.string, let data = Data(base64Encoded: text) {
            return Array(data)
        }
        return Array((value["body"] ?? .null).text.utf8)
    }
}

@Suite(.enabled(if: Capture.isThere, "../shared/captures is not there"))
struct `Recorded clients` {
    @Test func `are taken unchanged, and each event once though all is sent twice`() async throws {
        let captures = try Capture.all()
        #expect(captures.count > 20)
        try await RunningServer.with { server in
            for _ in 0..<2 {
                for capture in captures {
                    let answer = try await server.send(
                        HTTPMethod(rawValue: capture.method), capture.target,
                        headers: headers(of: capture, key: server.key),
                        body: withKey(capture, server.key))
                    #expect(answer.status == 200, "\(capture.name): \(answer.text)")
                    // The client used one message id for two messages.
                    guard !capture.name.hasPrefix("18-") else {
                        #expect(answer.json?["conflicts"]?.array?.count == 1, "\(answer.text)")
                        continue
                    }
                    #expect(answer.text == #"{"success":true}"#, "\(capture.name)")
                }
            }
            var sent: [String] = []
            for item in captures.flatMap(\.items) {
                guard let id = item["messageId"]?.string, !sent.contains(id) else { continue }
                sent.append(id)
            }
            let stored = try server.events().compactMap { $0["body"]?["messageId"]?.string }
            #expect(stored == sent)
        }
    }

    @Test func `find their items in the log token by token`() async throws {
        let captures = try Capture.all().filter { $0.body.count < 100_000 }
        try await RunningServer.with { server in
            for capture in captures {
                _ = try await server.send(
                    .POST, capture.target, headers: headers(of: capture, key: server.key),
                    body: withKey(capture, server.key))
            }
            var items: [String: JSONValue] = [:]
            for item in captures.flatMap(\.items) {
                guard let id = item["messageId"]?.string, items[id] == nil else { continue }
                items[id] = item
            }
            for line in try server.events() {
                let id = try #require(line["body"]?["messageId"]?.string)
                #expect(line["body"] == items[id])
                #expect(line["sentAt"]?.string != nil)
            }
        }
    }

    /// The recorded headers with this server's key in place of the recorded one.
    private func headers(of capture: Capture, key: String) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for (name, value) in capture.headers {
            switch name.lowercased() {
            case "host", "content-length", "connection": continue
            case "authorization" where value.hasPrefix("Basic"):
                headers.add(name: name, value: RunningServer.basic(key))
            default: headers.add(name: name, value: value)
            }
        }
        return headers
    }

    /// The body's bytes as they are; where the key stands only in the body, with this server's key in it.
    private func withKey(_ capture: Capture, _ key: String) -> [UInt8] {
        guard !capture.headers.contains(where: { $0.1.hasPrefix("Basic") }) else {
            return capture.body
        }
        let text = String(decoding: capture.body, as: UTF8.self)
        return Array(text.replacing("test-write-key-seg", with: key).utf8)
    }
}
