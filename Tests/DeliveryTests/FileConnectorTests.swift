import CustomerModel
import Delivery
import Foundation
import Glibc
import Testing

@Suite struct `A file connector` {
    private static let keys = (1...4).map { EffectKey(high: 0xF11E, low: $0) }

    private static func member(_ place: Int) -> RequestMember {
        RequestMember(key: keys[place], body: Array("{\"id\":\"\(keys[place].hex)\"}".utf8))
    }

    private static func line(_ place: Int) -> String {
        String(decoding: member(place).body, as: UTF8.self) + "\n"
    }

    /// An output directory that is not there yet, and its path.
    private static func withOutputs(_ body: (OutputFiles, String) async throws -> Void) async throws
    {
        let parent = FileManager.default.temporaryDirectory.path + "/outputs-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        let root = parent + "/outputs"
        let files = OutputFiles(root: root)
        do {
            try await body(files, root)
        } catch {
            try await files.close()
            throw error
        }
        try await files.close()
        try FileManager.default.removeItem(atPath: parent)
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    private static func append(_ text: String, to path: String) throws {
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    private static func mode(_ path: String) -> UInt32 {
        var status = stat()
        guard stat(path, &status) == 0 else { return 0 }
        return status.st_mode & 0o777
    }

    @Test func `appends one line for each effect, to a file nobody else can read`() async throws {
        try await Self.withOutputs { files, root in
            let connector = try FileConnector(path: "crm/2026/events.ndjson", files: files)
            #expect(try await connector.prepare() == Readiness(position: 0, tornBytes: 0))
            let first = connector.compose([Self.member(0), Self.member(1)], requestID: nil)
            let result = await connector.send(first, handedOver: {})
            #expect(result == SendResult(.delivered, reason: "appended"))
            let size = (Self.line(0) + Self.line(1)).utf8.count
            #expect(try await connector.prepare() == Readiness(position: size, tornBytes: 0))
            let second = connector.compose([Self.member(2)], requestID: nil)
            #expect(await connector.send(second, handedOver: {}).outcome == .delivered)
            let path = root + "/crm/2026/events.ndjson"
            #expect(try Self.text(path) == Self.line(0) + Self.line(1) + Self.line(2))
            #expect(Self.mode(path) == 0o600)
            for directory in [root, root + "/crm", root + "/crm/2026"] {
                #expect(Self.mode(directory) == 0o700)
            }
        }
    }

    @Test func `cuts a torn last line and says how much`() async throws {
        try await Self.withOutputs { files, root in
            let connector = try FileConnector(path: "events.ndjson", files: files)
            _ = try await connector.prepare()
            let request = connector.compose([Self.member(0)], requestID: nil)
            _ = await connector.send(request, handedOver: {})
            for torn in ["{\"id\":\"", "\0\0\0", String(repeating: "x", count: 200_000)] {
                try Self.append(torn, to: root + "/events.ndjson")
                let readiness = try await connector.prepare()
                let whole = Self.line(0).utf8.count
                #expect(readiness == Readiness(position: whole, tornBytes: torn.utf8.count))
                #expect(try Self.text(root + "/events.ndjson") == Self.line(0))
            }
        }
    }

    @Test func `E7: finds the keys that it wrote, from a position or from the start`() async throws
    {
        try await Self.withOutputs { files, root in
            let connector = try FileConnector(path: "events.ndjson", files: files)
            _ = try await connector.prepare()
            for place in 0..<3 {
                let request = connector.compose([Self.member(place)], requestID: nil)
                _ = await connector.send(request, handedOver: {})
            }
            let all = Set(Self.keys)
            #expect(try await connector.find(all, from: nil) == Set(Self.keys[..<3]))
            let second = Self.line(0).utf8.count
            #expect(try await connector.find(all, from: second) == Set(Self.keys[1..<3]))
            #expect(try await connector.find([Self.keys[3]], from: nil) == [])
        }
    }

    @Test func `E7: does not take a key inside other data, or in a torn line, for a delivery`()
        async throws
    {
        try await Self.withOutputs { files, root in
            let connector = try FileConnector(path: "events.ndjson", files: files)
            _ = try await connector.prepare()
            let key = Self.keys[0].hex
            for line in [
                "{\"id\":\"other\",\"properties\":{\"id\":\"\(key)\"}}\n",
                "{\"text\":\"\\\"id\\\":\\\"\(key)\\\"\"}\n", "no JSON \"id\":\"\(key)\"\n",
                "{\"id\":\"\(key)\"}",
            ] { try Self.append(line, to: root + "/events.ndjson") }
            #expect(try await connector.find([Self.keys[0]], from: nil) == [])
        }
    }

    @Test func `E7: finds a key in a line that passes the border of what is read at once`()
        async throws
    {
        try await Self.withOutputs { files, root in
            let connector = try FileConnector(path: "events.ndjson", files: files)
            _ = try await connector.prepare()
            let filler = String(repeating: "f", count: (1 << 20) - 40)
            try Self.append("{\"a\":\"\(filler)\"}\n" + Self.line(1), to: root + "/events.ndjson")
            #expect(try await connector.find(Set(Self.keys), from: nil) == [Self.keys[1]])
        }
    }

    @Test func `R3: guesses nothing when the file was replaced by a shorter one, or removed`()
        async throws
    {
        try await Self.withOutputs { files, root in
            let connector = try FileConnector(path: "events.ndjson", files: files)
            _ = try await connector.prepare()
            await #expect(throws: LaneHold.self) {
                try await connector.find([Self.keys[0]], from: 100)
            }
            try FileManager.default.removeItem(atPath: root + "/events.ndjson")
            await #expect(throws: LaneHold.self) {
                try await connector.find([Self.keys[0]], from: 0)
            }
        }
    }

    @Test(arguments: [
        ("", "empty"), ("/etc/passwd", "absolute"), ("../x", "up"), ("a/../../x", "up further in"),
        ("a/./b", "a dot"), ("a//b", "an empty name"), ("a/", "a directory"), ("..", "the parent"),
        ("a\0b", "a NUL"), (String(repeating: "a", count: 256), "a name too long"),
        (String(repeating: "a/", count: 16) + "a", "too deep"),
    ])
    func `refuses a path that could lead out`(_ path: String, _ fault: String) async throws {
        try await Self.withOutputs { files, _ in
            #expect(throws: LaneHold.self, "\(fault)") {
                try FileConnector(path: path, files: files)
            }
        }
    }

    @Test func `follows no symbolic link, neither to a file nor to a directory`() async throws {
        try await Self.withOutputs { files, root in
            let connector = try FileConnector(path: "ok", files: files)
            _ = try await connector.prepare()
            let outside = root + "/../outside"
            try FileManager.default.createDirectory(
                atPath: outside, withIntermediateDirectories: true)
            for (link, path) in [("link", "link/file"), ("file", "file")] {
                try FileManager.default.createSymbolicLink(
                    atPath: root + "/" + link, withDestinationPath: outside + "/target")
                let connector = try FileConnector(path: path, files: files)
                await #expect(throws: LaneHold.self) { try await connector.prepare() }
                let request = connector.compose([Self.member(0)], requestID: nil)
                let result = await connector.send(request, handedOver: {})
                #expect(result.outcome == .retry)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
        }
    }

    @Test func `refuses what is no regular file`() async throws {
        try await Self.withOutputs { files, root in
            _ = try await FileConnector(path: "dir/file", files: files).prepare()
            #expect(mkfifo(root + "/pipe", 0o600) == 0)
            for path in ["dir", "pipe", "dir/file/below"] {
                let connector = try FileConnector(path: path, files: files)
                await #expect(throws: LaneHold.self) { try await connector.prepare() }
            }
        }
    }

    @Test func `takes a failed append back, so that it can be tried again`() async throws {
        // A limit on file sizes stands in for a full disk; it holds for a whole process.
        await #expect(processExitsWith: .success) {
            let root = FileManager.default.temporaryDirectory.path + "/full-\(UUID().uuidString)"
            let files = OutputFiles(root: root)
            let connector = try FileConnector(path: "f", files: files)
            _ = try await connector.prepare()
            let key = EffectKey(high: 1, low: 1)
            func send(_ count: Int) async -> SendResult {
                let body = [UInt8](repeating: 0x20, count: count)
                let request = connector.compose(
                    [RequestMember(key: key, body: body)], requestID: nil)
                return await connector.send(request, handedOver: {})
            }
            let first = await send(99)
            precondition(first.outcome == .delivered)
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 150, rlim_max: 150)
            precondition(setrlimit(__rlimit_resource_t(1), &limit) == 0)
            let second = await send(99)
            precondition(second.outcome == .retry, second.reason)
            let readiness = try await connector.prepare()
            precondition(readiness == Readiness(position: 100, tornBytes: 0))
            let third = await send(49)
            precondition(third.outcome == .delivered)
            try await files.close()
            try FileManager.default.removeItem(atPath: root)
        }
    }
}
