import Foundation
public import JSONText

/// Client libraries as their users install them: in a virtual environment of Python, from the public index.
public struct PythonClients: Sendable {
    private let directory: TemporaryDirectory

    /// Why there are none here.
    public struct Unavailable: Error, CustomStringConvertible {
        public var description: String
    }

    /// Installs `packages` in an environment that goes away with the value.
    ///
    /// - Throws: ``Unavailable`` where Python, its `venv` or the index cannot be had.
    public init(installing packages: [String]) async throws {
        directory = try TemporaryDirectory()
        guard let python = Self.python else {
            throw Unavailable(description: "there is no python3 (Debian: python3-venv)")
        }
        try await Self.run(
            python, ["-m", "venv", directory("venv")], in: directory,
            otherwise: "python3 cannot make a virtual environment (Debian: python3-venv)")
        try await Self.run(
            directory("venv/bin/python"),
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"] + packages,
            in: directory,
            otherwise: "pip cannot install \(packages.joined(separator: ", ")): no network?")
    }

    private static var python: String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { "\($0)/python3" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func run(
        _ program: String, _ arguments: [String], in directory: TemporaryDirectory,
        otherwise reason: String
    ) async throws {
        let child = try ChildProcess(program, arguments, outputPath: directory("log"))
        defer { child.kill() }
        guard try await child.ended(within: .seconds(180)) == .code(0) else {
            throw Unavailable(description: "\(reason): \(child.lastWords.suffix(500))")
        }
    }

    /// Runs `tools/clients/<script>` and returns the JSON that it printed.
    ///
    /// - Throws: ``NeverHappened`` with what it said when it ended otherwise than with 0.
    public func run(_ script: String, _ arguments: String...) async throws -> JSONValue {
        let output = directory("\(script).out")
        let child = try ChildProcess(
            directory("venv/bin/python"), [Places.tool("clients/\(script)")] + arguments,
            outputPath: output, errorPath: directory("\(script).err"))
        defer { child.kill() }
        guard try await child.ended(within: .seconds(120)) == .code(0),
            let text = FileManager.default.contents(atPath: output)
        else { throw NeverHappened(description: "\(script) ends well: \(child.lastWords)") }
        return try JSONValue(
            parsing: Array(text), limits: JSONLimits(maximumBytes: 64 << 20))
    }
}
