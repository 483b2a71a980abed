import Foundation
import JSONText
import NIOHTTP1
import Platform
import Testing

extension Capture {
    static let mparticleFolder = URL(fileURLWithPath: folder)
        .deletingLastPathComponent().appendingPathComponent("mparticle").path

    /// Every recorded request of mParticle's client, in the order in which it was sent.
    static func mparticle() throws -> [(capture: Capture, batches: [JSONValue])] {
        try FileManager.default.contentsOfDirectory(atPath: mparticleFolder).sorted().map { name in
            let bytes = try Data(contentsOf: URL(fileURLWithPath: mparticleFolder + "/" + name))
            let value = try JSONValue(
                parsing: Array(bytes), limits: JSONLimits(maximumBytes: 64 << 20))
            let headers = (value["headers"]?.array ?? []).compactMap { pair in
                pair[0]?.string.flatMap { name in pair[1]?.string.map { (name, $0) } }
            }
            let body = value["body"] ?? .null
            let text = value["body_base64"]?.string.flatMap { Data(base64Encoded: $0) }
            return (
                Capture(
                    name: name, method: value["method"]?.string ?? "",
                    target: value["target"]?.string ?? "", headers: headers,
                    body: text.map(Array.init) ?? Array(body.text.utf8), items: []),
                body.array ?? [body]
            )
        }
    }
}

@Suite(.enabled(if: Capture.isThere, "../shared/captures is not there"))
struct `mParticle's recorded client` {
    /// The one body that mParticle's own documentation refuses.
    static let refused = "21-constructor-events-bug.json"

    @Test func `is taken unchanged, and each event once though all is sent twice`() async throws {
        let captures = try Capture.mparticle()
        #expect(captures.count == 22)
        try await RunningServer.with { server in
            for _ in 0..<2 {
                for (capture, _) in captures {
                    let answer = try await server.send(
                        .POST, capture.target, headers: headers(of: capture, server.key),
                        body: capture.body)
                    if capture.name == Self.refused {
                        #expect(answer.status == 400)
                        #expect(
                            answer.text.contains(
                                #"Required event field \"event_type\" is missing or empty."#))
                    } else {
                        #expect(answer.status == 202, "\(capture.name): \(answer.text)")
                        #expect(answer.text.isEmpty, "\(capture.name)")
                    }
                }
            }
            var sent: [String] = []
            var withoutID = 0
            for (capture, batches) in captures where capture.name != Self.refused {
                for batch in batches {
                    let events = batch["events"]?.array ?? []
                    if events.isEmpty { withoutID += 1 }
                    for event in events {
                        guard let id = event["data"]?["source_message_id"]?.string else {
                            withoutID += 1
                            continue
                        }
                        if !sent.contains(id) { sent.append(id) }
                    }
                }
            }
            let lines = try server.events()
            let stored = lines.compactMap { $0["body"]?["data"]?["source_message_id"]?.string }
            #expect(stored == sent)
            // What has no name at all cannot be known again.
            #expect(lines.count == sent.count + withoutID * 2)
            #expect(lines.allSatisfy { $0["dialect"]?.string == "mparticle" })
        }
    }

    @Test func `finds its events in the log token by token, with their batches beside them`()
        async throws
    {
        let captures = try Capture.mparticle().filter { $0.capture.name != Self.refused }
        try await RunningServer.with { server in
            for (capture, batches) in captures {
                let before = try server.events().count
                _ = try await server.send(
                    .POST, capture.target, headers: headers(of: capture, server.key),
                    body: capture.body)
                var lines = try server.events().dropFirst(before)
                for batch in batches {
                    var around = JSONObject(try #require(batch.object))
                    around["events"] = nil
                    around["api_key"] = nil
                    for event in batch["events"]?.array ?? [.null] {
                        let next = lines.popFirst()
                        let line = try #require(next)
                        if event == .null {
                            #expect(line["body"] == .object(around), "\(capture.name)")
                        } else {
                            #expect(line["body"] == event, "\(capture.name)")
                            #expect(line["batch"] == .object(around), "\(capture.name)")
                        }
                    }
                }
                #expect(lines.isEmpty, "\(capture.name)")
            }
            let secret = try server.events().contains { $0.text.contains("in-body-key") }
            #expect(!secret)
        }
    }

    @Test func `gets the documented answer for whatever its bodies become`() async throws {
        try await RunningServer.with { server in
            for (capture, _) in try Capture.mparticle() where capture.body.count < 20_000 {
                for (what, body) in Harm.all(capture.body) {
                    let answer = try await server.send(
                        .POST, capture.target, headers: headers(of: capture, server.key),
                        body: body)
                    let name: Comment = "\(capture.name), \(what): \(answer.text.prefix(300))"
                    #expect([202, 400, 413].contains(answer.status), name)
                    if answer.status != 202 {
                        #expect(answer.json?["errors"]?.array?.isEmpty == false, name)
                    }
                }
            }
            let alive = try await server.send(.GET, "/healthz")
            #expect(alive.status == 200)
            #expect(try await server.workspace.hasParkedNothing())
        }
    }

    private func headers(of capture: Capture, _ key: String) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for (name, value) in capture.headers {
            switch name.lowercased() {
            case "host", "content-length", "connection": continue
            case "authorization": headers.add(name: name, value: RunningServer.basic(key))
            default: headers.add(name: name, value: value)
            }
        }
        return headers
    }
}

extension Workspace {
    /// Whether everything that was appended could be folded.
    func hasParkedNothing() async throws -> Bool {
        let status = try await perform("status", .object(JSONObject()), by: .local)
        return status["projection"]?["parkedCount"]?.int == 0
    }
}

/// What can become of a body on its way, or in a client's hands.
enum Harm {
    static func all(_ body: [UInt8]) -> [(String, [UInt8])] {
        var out: [(String, [UInt8])] = [("empty", []), ("null", Array("null".utf8))]
        for part in 1..<8 {
            out.append(("cut \(part)/8", Array(body.prefix(body.count * part / 8))))
        }
        let text = String(decoding: body, as: UTF8.self)
        out.append(("in UTF-16", Array(text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })))
        out.append(
            (
                "bad UTF-8",
                Array(text.replacing("mp-", with: "mp\u{FFFD}").utf8).map { $0 == 0xEF ? 0xFF : $0 }
            ))
        out.append(
            ("twice a key", Array(text.replacing("{\"data\"", with: "{\"data\": 1, \"data\"").utf8))
        )
        out.append(("a lone surrogate", Array(text.replacing("mp-", with: "\\ud800").utf8)))
        out.append(("NUL", Array(text.replacing("user-", with: "\\u0000").utf8)))
        let deep = String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)
        out.append(
            (
                "deep",
                Array(
                    text.replacing("\"environment\":", with: "\"x\": \(deep), \"environment\":")
                        .utf8)
            ))
        let long = String(repeating: "a", count: 300_000)
        out.append(("huge", Array(text.replacing("user-", with: long).utf8)))
        do {
            let value = try JSONValue(parsing: body)
            var places: [[Step]] = []
            walk(value, [], &places)
            for place in places {
                for (name, other) in others {
                    out.append(
                        ("\(name) at \(place)", Array(put(value, place[...], other).text.utf8)))
                }
            }
        } catch { print("no JSON: \(error)") }
        return out
    }

    private static let others: [(String, JSONValue)] = [
        ("null", .null), ("text", "x"), ("number", 7), ("list", [1]), ("object", ["a": [:]]),
    ]

    enum Step {
        case key(String)
        case index(Int)
    }

    private static func walk(_ value: JSONValue, _ path: [Step], _ places: inout [[Step]]) {
        if !path.isEmpty { places.append(path) }
        guard path.count < 5 else { return }
        if let members = value.object {
            for (key, inner) in members { walk(inner, path + [.key(key)], &places) }
        } else if let elements = value.array {
            for (index, inner) in elements.prefix(2).enumerated() {
                walk(inner, path + [.index(index)], &places)
            }
        }
    }

    private static func put(_ value: JSONValue, _ path: ArraySlice<Step>, _ new: JSONValue)
        -> JSONValue
    {
        guard let step = path.first else { return new }
        switch step {
        case .key(let key):
            guard let members = value.object else { return value }
            var object = JSONObject(members)
            guard let inner = object[key] else { return value }
            object[key] = put(inner, path.dropFirst(), new)
            return .object(object)
        case .index(let index):
            guard var array = value.array else { return value }
            array[index] = put(array[index], path.dropFirst(), new)
            return .array(array)
        }
    }
}
