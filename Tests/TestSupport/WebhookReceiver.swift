import Foundation
public import JSONText

/// `demo-shop receive` as a test's receiver: verifies signatures and writes every request down.
public final class WebhookReceiver: Sendable {
    /// One request that came.
    public struct Request: Sendable {
        public var path: String
        public var webhookID: String
        public var isSigned: Bool
        public var isRepeated: Bool
        public var answer: String
        /// The headers that a correction has; empty on anything else.
        public var correction: String
        public var plan: String
        /// The effects in it; empty when it was not taken.
        public var members: [JSONValue]
    }

    /// What the paths' requests are signed with.
    public static let secret = "whsec_c2x1aWNlLXRlc3Qtc2VjcmV0LW9mLTI0LWJ5dGVzIQ=="

    public let port: Int
    private let outPath: String
    private let child: ChildProcess
    private let http: HTTP

    /// - Parameter paths: such as `ads`, for requests to `/ads`.
    public init(in directory: TemporaryDirectory, paths: [String]) async throws {
        port = FreePort.find()
        outPath = directory("received.ndjson")
        child = try ChildProcess(
            Programs.demoShop,
            ["receive", "--port", String(port), "--out", outPath]
                + paths.flatMap { ["--secret", "\($0)=\(Self.secret)"] },
            outputPath: directory("receiver.log"))
        http = HTTP(base: "http://127.0.0.1:\(port)")
        let (child, http) = (child, http)
        do {
            try await eventually("the receiver listens") {
                do {
                    return try await http.get("/control/counts").status == 200
                } catch {
                    return false
                }
            }
        } catch {
            child.kill()
            throw ChildProcess.StartFailed(description: "the receiver: \(child.lastWords)")
        }
    }

    public func stop() { child.kill() }

    /// Makes the next requests to a path fail.
    ///
    /// - Parameter how: a status, `reset` or `slow`.
    public func fail(_ path: String, how: String, times: Int) async throws {
        _ = try await http.post("/control/fail?path=\(path)&how=\(how)&times=\(times)", [])
    }

    /// Everything that came so far, in order.
    public func requests() throws -> [Request] {
        try NDJSON.read(outPath).map { line in
            Request(
                path: line["path"]?.string ?? "", webhookID: line["webhookID"]?.string ?? "",
                isSigned: line["isSigned"]?.bool == true,
                isRepeated: line["isRepeated"]?.bool == true,
                answer: line["answer"]?.string ?? "",
                correction: line["correction"]?.string ?? "", plan: line["plan"]?.string ?? "",
                members: Self.members(line["body"]))
        }
    }

    private static func members(_ body: JSONValue?) -> [JSONValue] {
        guard let body, !body.isNull else { return [] }
        return body["batch"]?.array ?? [body]
    }
}

/// Files of one JSON object a line.
public enum NDJSON {
    /// The whole lines; none when there is no file yet. An end without a line feed is still being
    /// written.
    public static func read(_ path: String) throws -> [JSONValue] {
        guard let bytes = FileManager.default.contents(atPath: path) else { return [] }
        return try parse(Array(bytes))
    }

    public static func parse(_ bytes: [UInt8]) throws -> [JSONValue] {
        var lines: [JSONValue] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if end > start { lines.append(try JSONValue(parsing: Array(bytes[start..<end]))) }
            start = end + 1
        }
        return lines
    }
}
