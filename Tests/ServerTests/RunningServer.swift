import AsyncHTTPClient
import EventLog
import Foundation
import JSONText
import Logging
import NIOCore
import NIOHTTP1
import Platform
import Server

/// A server on a port of its own over a workspace that goes away with it.
final class RunningServer: Sendable {
    let directory: String
    let workspace: Workspace
    let port: Int
    /// A write key of the source `web`.
    let key: String
    private let task: Task<Void, any Error>

    private init(
        directory: String, workspace: Workspace, port: Int, key: String,
        task: Task<Void, any Error>
    ) {
        self.directory = directory
        self.workspace = workspace
        self.port = port
        self.key = key
        self.task = task
    }

    /// Runs `body` against a fresh server and ends it.
    static func with(
        limits: CollectLimits = CollectLimits(), batchItems: Int = 2_500,
        _ body: (RunningServer) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let server = try await start(directory, limits, batchItems)
        do {
            try await body(server)
            try await server.stop()
        } catch {
            try await server.stop()
            throw error
        }
    }

    private static func start(
        _ directory: String, _ limits: CollectLimits, _ batchItems: Int
    ) async throws -> RunningServer {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let workspace = try await Workspace.open(
            directory: directory, options: WorkspaceOptions(limits: limits, logger: quiet))
        let key = try workspace.access.createKey(source: "web", name: nil, at: .now()).key
        let (ports, said) = AsyncStream<Int>.makeStream()
        let server = SluiceServer(
            workspace: workspace,
            configuration: ServerConfiguration(
                port: 0, dataDirectory: directory, batchItems: batchItems),
            logger: quiet
        ) { said.yield($0) }
        let task = Task {
            defer { said.finish() }
            try await server.run()
        }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await task.value
            throw NotStarted()
        }
        return RunningServer(
            directory: directory, workspace: workspace, port: port, key: key, task: task)
    }

    struct NotStarted: Error {}

    private func stop() async throws {
        task.cancel()
        do { try await task.value } catch is CancellationError {}
        try FileManager.default.removeItem(atPath: directory)
    }

    // MARK: Asking it

    struct Answer {
        var status: Int
        var headers: HTTPHeaders
        var text: String
        /// `code` of an error.
        var code: String? { json?["code"]?.string }
        var json: JSONValue? {
            do { return try JSONValue(parsing: Array(text.utf8)) } catch { return nil }
        }
    }

    /// One request; `socket` sends it through the socket in the data directory.
    func send(
        _ method: HTTPMethod, _ target: String, headers: HTTPHeaders = [:], body: [UInt8]? = nil,
        socket: Bool = false
    ) async throws -> Answer {
        let base: String
        if socket {
            let path = ServerConfiguration.socketPath(dataDirectory: directory)
            base = "http+unix://" + path.replacing("/", with: "%2F")
        } else {
            base = "http://127.0.0.1:\(port)"
        }
        var request = HTTPClientRequest(url: base + target)
        request.method = method
        request.headers = headers
        if let body { request.body = .bytes(body) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 16 << 20)
        return Answer(
            status: Int(response.status.code), headers: response.headers,
            text: String(decoding: bytes.readableBytesView, as: UTF8.self))
    }

    /// A collecting request with the server's own key.
    func collect(
        _ body: String, to path: String = "/v1/batch", headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var headers = headers
        headers.replaceOrAdd(name: "Authorization", value: Self.basic(key))
        return try await send(.POST, path, headers: headers, body: Array(body.utf8))
    }

    static func basic(_ key: String) -> String {
        "Basic " + Data((key + ":").utf8).base64EncodedString()
    }

    /// Every event in the log, as lines.
    func events() throws -> [JSONValue] {
        var reader = workspace.log.makeReader()
        var lines: [JSONValue] = []
        _ = try reader.forEach(
            from: .init(0), to: workspace.log.durableEnd, needs: .lines
        ) { record in
            if record.kind == 1 { lines.append(try JSONValue(parsing: Array(record.line))) }
            return .next
        }
        return lines
    }
}
