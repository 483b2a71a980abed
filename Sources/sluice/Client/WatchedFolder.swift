internal import Foundation
internal import Glibc
internal import JSONText

/// Takes in the files that appear in a directory, each once.
///
/// | a file | becomes |
/// |---|---|
/// | unchanged for the time to settle | read; its records are durable before it moves |
/// | read to its end | `done/NAME`; what single records were refused for is in the reject file |
/// | not readable as what it should be | `failed/NAME`, and the reason in `failed/NAME.reason` |
/// | a name that begins with a dot or ends in `.tmp` or `.part` | left alone |
///
/// - Crash: a file that had not moved is read again, and what it brought already counts as duplicates.
struct WatchedFolder {
    /// What tells that a file grew or was replaced.
    private struct Shape: Equatable {
        var node: UInt64
        var bytes: Int64
        var modified: Double
    }

    private struct Sighting {
        var shape: Shape
        var since: ContinuousClock.Instant
    }

    let directory: String
    let place: Place
    let options: IngestRun.Options
    let settle: Duration
    private var seen: [String: Sighting] = [:]
    private var lastProblem: String?

    init(directory: String, place: Place, options: IngestRun.Options, settle: Duration) {
        self.directory = directory
        self.place = place
        self.options = options
        self.settle = settle
    }

    /// Looks twice a second until the process ends.
    mutating func run() async throws {
        for name in ["done", "failed"] {
            guard mkdir("\(directory)/\(name)", 0o755) == 0 || errno == EEXIST else {
                throw Self.failure("make", "\(directory)/\(name)")
            }
        }
        while true {
            for name in try look() { try await take(name) }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// The names of files that have settled, in order.
    private mutating func look() throws -> [String] {
        guard let handle = opendir(directory) else { throw Self.failure("read", directory) }
        defer { closedir(handle) }
        var now: [String: Sighting] = [:]
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !name.hasPrefix("."), !name.hasSuffix(".tmp"), !name.hasSuffix(".part"),
                let shape = Self.shape("\(directory)/\(name)")
            else { continue }
            if let before = seen[name], before.shape == shape {
                now[name] = before
            } else {
                now[name] = Sighting(shape: shape, since: .now)
            }
        }
        seen = now
        return now.filter { $0.value.since.duration(to: .now) >= settle }.keys.sorted()
    }

    /// Nil for what is no regular file, or gone.
    private static func shape(_ path: String) -> Shape? {
        let about: [FileAttributeKey: Any]
        do {
            // Of a link itself, not of what it leads to.
            about = try FileManager.default.attributesOfItem(atPath: path)
        } catch {
            return nil
        }
        guard about[.type] as? FileAttributeType == .typeRegular,
            let node = about[.systemFileNumber] as? NSNumber,
            let bytes = about[.size] as? NSNumber,
            let modified = about[.modificationDate] as? Date
        else { return nil }
        return Shape(
            node: node.uint64Value, bytes: bytes.int64Value,
            modified: modified.timeIntervalSince1970)
    }

    private mutating func take(_ name: String) async throws {
        let path = "\(directory)/\(name)"
        let before = Self.shape(path)
        let options = options
        let result: (run: IngestRun, problem: CommandFailure?)
        do {
            result = try await Client.with(place, whenAbsent: .create) { client in
                var run = IngestRun(client: client, options: options)
                do {
                    try await run.ingest(path, fromRecord: 1)
                    return (run, nil)
                } catch let failure as CommandFailure {
                    return (run, failure)
                }
            }
        } catch let failure as CommandFailure {
            waits(name, failure)
            return
        }
        if let fault = result.run.fault {
            try write(fault + "\n", beside: try move(path, name, to: "failed"))
            say("failed", name, ["reason": .string(fault)])
            return
        }
        if let problem = result.problem {
            waits(name, problem)
            return
        }
        lastProblem = nil
        // Somebody went on writing: it is read again, and what was taken counts as duplicates.
        guard Self.shape(path) == before else { return }
        _ = try move(path, name, to: "done")
        say("done", name, result.run.total.json)
    }

    /// The file is not to blame: it stays and is tried again. Said once.
    private mutating func waits(_ name: String, _ failure: CommandFailure) {
        if lastProblem != failure.message { Terminal.error("\(name) waits: \(failure.message)") }
        lastProblem = failure.message
    }

    /// Moves a file, under another name where its own is taken, and returns where it is.
    private mutating func move(
        _ path: String, _ name: String, to folder: String
    ) throws -> String {
        var target = "\(directory)/\(folder)/\(name)"
        var number = 1
        while access(target, F_OK) == 0 {
            number += 1
            target = "\(directory)/\(folder)/\(name).\(number)"
        }
        guard rename(path, target) == 0 else { throw Self.failure("move", path) }
        seen[name] = nil
        return target
    }

    private func write(_ text: String, beside path: String) throws {
        guard let file = fopen(path + ".reason", "w") else {
            throw Self.failure("write", path + ".reason")
        }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else { throw Self.failure("write", path + ".reason") }
    }

    private func say(_ what: String, _ name: String, _ result: JSONValue) {
        var object: JSONObject = ["file": .string(name), "result": .string(what)]
        for (key, value) in result.object ?? [] { object[key] = value }
        if place.json {
            Terminal.out(JSONValue.object(object).text)
        } else {
            let counts = (result.object ?? []).compactMap { key, value -> String? in
                if let count = value.int { return "\(Renderer.grouped(count)) \(key)" }
                return value.string
            }
            Terminal.out("\(what) \(name): \(counts.joined(separator: ", "))")
        }
    }

    private static func failure(_ what: String, _ path: String) -> CommandFailure {
        CommandFailure(.failed, "cannot \(what) \(path): \(String(cString: strerror(errno)))")
    }
}
