import Foundation
public import JSONText
import Synchronization

/// A data directory, the server on it, and the command line.
public final class SluiceServer: Sendable {
    /// A command ended with an error.
    public struct CommandFailed: Error, CustomStringConvertible {
        public var description: String
    }

    public let directory: String
    public let port: Int
    private let logPath: String
    private let child = Mutex<ChildProcess?>(nil)

    public init(in directory: TemporaryDirectory) throws {
        self.directory = directory("data")
        logPath = directory("server.log")
        port = FreePort.find()
        try FileManager.default.createDirectory(
            atPath: self.directory, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
    }

    /// Writes `secrets.yaml`.
    public func setSecrets(_ secrets: [String: String]) throws {
        let text =
            "secrets:\n"
            + secrets.sorted { $0.key < $1.key }
            .map { "  \($0.key): \($0.value)\n" }.joined()
        let isWritten = FileManager.default.createFile(
            atPath: directory + "/secrets.yaml", contents: Data(text.utf8),
            attributes: [.posixPermissions: 0o600])
        guard isWritten else { throw CommandFailed(description: "secrets.yaml cannot be written") }
    }

    /// A client of the server.
    public func http(headers: [String: String] = [:]) -> HTTP {
        HTTP(base: "http://127.0.0.1:\(port)", headers: headers)
    }

    /// Starts the server and waits until it answers.
    ///
    /// - Parameters:
    ///   - fault: what `SLUICE_FAULT` holds.
    ///   - options: more options of `sluice serve`.
    @discardableResult
    public func start(fault: String? = nil, options: [String] = []) async throws -> ChildProcess {
        let child = try launch(fault: fault, options: options)
        let http = http()
        let isUp = Mutex(false)
        try await eventually("the server answers: \(child.lastWords)") {
            if child.exit != nil { return true }
            do {
                let status = try await http.get("/healthz").status
                isUp.withLock { $0 = status == 200 }
            } catch {
                return false
            }
            return isUp.withLock { $0 }
        }
        guard isUp.withLock({ $0 }) else {
            throw CommandFailed(description: "the server ended at once: \(child.lastWords)")
        }
        return child
    }

    /// Starts the server and does not wait.
    public func launch(fault: String? = nil, options: [String] = []) throws -> ChildProcess {
        let started = try ChildProcess(
            Programs.sluice,
            [
                "serve", "--data", directory, "--port", String(port),
                "--allow-private-destinations",
            ] + options,
            environment: fault.map { ["SLUICE_FAULT": $0] } ?? [:], outputPath: logPath)
        child.withLock { $0 = started }
        return started
    }

    /// Stops the server as an operator does. Its exit code must be 0.
    public func stop() async throws {
        guard let running = child.withLock({ $0 }) else { return }
        running.terminate()
        let exit = try await running.ended(within: .seconds(40))
        child.withLock { $0 = nil }
        guard exit == .code(0) else {
            running.kill()
            throw CommandFailed(
                description: "stopping ended as \(exit.map { "\($0)" } ?? "nothing")")
        }
    }

    /// For `defer`: nothing of this test runs on.
    public func kill() { child.withLock { $0?.kill() } }

    /// Runs `sluice …` on the data directory and returns what it printed.
    ///
    /// - Throws: ``CommandFailed`` unless it ended with 0.
    @discardableResult
    public func run(_ arguments: String...) async throws -> String {
        try await run(arguments)
    }

    /// The same with the answer's JSON.
    public func ask(_ arguments: String...) async throws -> JSONValue {
        let text = try await run(arguments + ["--json"])
        return try JSONValue(
            parsing: Array(text.utf8), limits: JSONLimits(maximumBytes: 128 << 20))
    }

    /// Every line of the log.
    public func logLines() async throws -> [JSONValue] {
        var lines: [JSONValue] = []
        while true {
            let page = try await ask("log", "cat", String(lines.count), "--limit", "5000")
            guard let texts = page["lines"]?.array, !texts.isEmpty else { return lines }
            for text in texts {
                lines.append(try JSONValue(parsing: Array((text.string ?? "").utf8)))
            }
        }
    }

    /// The paths of the log's sealed segments, in order.
    public func sealedSegments() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory + "/log")
            .filter { $0.hasSuffix(".lz4") && !$0.hasSuffix(".open.lz4") }
            .sorted().map { directory + "/log/" + $0 }
    }

    /// Waits until nothing is left to be sent, and the log stands where it stood a moment ago.
    public func settled(within limit: Duration = .seconds(60)) async throws {
        var last: Int64?
        try await eventually("everything is settled", within: limit) {
            let status = try await ask("status")
            let isIdle =
                status["projection"]?["lag"]?.int == 0
                && (status["destinations"]?.array ?? []).allSatisfy { lane in
                    ["pending", "attempting", "unknown"].allSatisfy { lane[$0]?.int == 0 }
                }
            let end = isIdle ? status["log"]?["durable"]?.int : nil
            defer { last = end }
            return end != nil && end == last
        }
    }

    @discardableResult
    public func run(_ arguments: [String]) async throws -> String {
        let words = try TemporaryDirectory()
        let command = try ChildProcess(
            Programs.sluice, arguments + ["--data", directory], outputPath: words("out"),
            errorPath: words("err"))
        let exit = try await command.ended()
        guard exit == .code(0), let output = FileManager.default.contents(atPath: words("out"))
        else {
            let said = "sluice \(arguments.joined(separator: " ")): \(exit): \(command.lastWords)"
            throw CommandFailed(description: said)
        }
        return String(decoding: output, as: UTF8.self)
    }
}
