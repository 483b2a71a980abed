import Feeds
import Testing

@Suite struct `Lines of a file` {
    private func message(_ id: String) -> String { "{\"type\":\"track\",\"messageId\":\"\(id)\"}" }

    @Test(
        arguments: [
            ("", 0, "an empty file"), ("\n\n", 0, "only empty lines"), ("A\nB\n", 2, "LF"),
            ("A\r\nB\r\n", 2, "CR LF"), ("A\nB", 2, "no line end at the end"),
            ("\u{FEFF}A\nB\n", 2, "a byte order mark"), ("A\n\n\r\nB\n", 2, "empty lines between"),
            ("\n\nA", 1, "empty lines first"),
        ])
    func `are messages when nothing maps them`(_ text: String, _ count: Int, _ reason: String)
        throws
    {
        let lines = text.replacing("A", with: message("a")).replacing("B", with: message("b"))
        for bytes in [Array(lines.utf8), GzipBytes.member(lines)] {
            let output = try FeedOutput(bytes)
            #expect(
                output.messages == Array([message("a"), message("b")].prefix(count)), "\(reason)")
            #expect(output.rejects.isEmpty)
        }
    }

    @Test func `know their number and place`() throws {
        let output = try FeedOutput(
            "\u{FEFF}\(message("a"))\r\n\n\(message("b"))\nno\n\(message("c"))")
        let length = message("a").utf8.count
        #expect(
            output.positions == [
                FeedPosition(line: 1, byte: 3), FeedPosition(line: 3, byte: Int64(3 + length + 3)),
                FeedPosition(line: 5, byte: Int64(3 + length + 3 + length + 4)),
            ])
        #expect(output.rejects.map(\.position.line) == [4])
    }

    @Test(
        arguments: [
            ("nonsense", "no JSON: unexpected byte at byte 1"), ("[1]", "no JSON object"),
            ("{\"a\":1,\"a\":2}", "no JSON: duplicate key at byte 7"),
            ("{\"event\":\"x\"}", "the message has no \"type\""),
            ("{\"type\":7}", "the message has no \"type\""),
            ("{\"type\":\"Track\"}", "the message's \"type\" is none of Segment's six"),
            ("{\"type\":\"track\"", "no JSON: unexpected end at byte 15"),
        ])
    func `that are no message are rejected with a reason, and the rest goes on`(
        _ line: String, _ reason: String
    ) throws {
        let output = try FeedOutput("\(message("a"))\n\(line)\n\(message("b"))\n")
        #expect(output.messages == [message("a"), message("b")])
        #expect(output.rejects.map(\.reason) == [reason])
        #expect(output.rejects.map(\.record) == [2])
        #expect(output.rejects.first?.bytes == Array(line.utf8))
    }

    @Test func `over 4 MiB are rejected, cut, and skipped`() throws {
        let limit = Feed.maximumRecordBytes
        let exact = "{\"type\":\"track\",\"x\":\"\(String(repeating: "y", count: limit - 23))\"}"
        #expect(exact.utf8.count == limit)
        for ending in ["\n", "\r\n"] {
            for tooLong in [
                String(repeating: "z", count: limit + 1), String(repeating: "z", count: limit * 3),
            ] {
                let lines = [exact, tooLong, message("b")].joined(separator: ending)
                let output = try FeedOutput(lines)
                #expect(output.messages.count == 2)
                #expect(output.messages.last == message("b"))
                #expect(output.positions.last?.line == 3)
                #expect(output.rejects.map(\.reason) == ["longer than 4194304 bytes"])
                #expect(output.rejects.first?.bytes.count == limit)
            }
        }
        let last = try FeedOutput(String(repeating: "z", count: limit * 2))
        #expect(last.messages.isEmpty)
        #expect(last.rejects.count == 1)
    }

    @Test func `can be skipped`() throws {
        let lines = (1...1_000).map { $0 % 7 == 0 ? "bad" : message("\($0)") }
        let file = try TemporaryFile(lines.joined(separator: "\n\n"))
        var feed = try Feed(path: file.path)
        try feed.skip(toRecord: 500)
        #expect(feed.nextRecord == 500)
        #expect(
            try feed.next()
                == .message(
                    Array(lines[499].utf8), record: 500,
                    position: FeedPosition(
                        line: 999,
                        byte: Int64(lines[..<499].reduce(0) { $0 + $1.utf8.count + 2 }))))
        try feed.skip(toRecord: 10)
        #expect(feed.nextRecord == 501)
        try feed.skip(toRecord: 5_000)
        #expect(try feed.next() == nil)
        #expect(feed.nextRecord == 1_001)
    }

    @Test func `say how far they are`() throws {
        let text = (1...50_000).map { message("\($0)") }.joined(separator: "\n")
        for bytes in [Array(text.utf8), GzipBytes.member(text)] {
            let file = try TemporaryFile(bytes)
            var feed = try Feed(path: file.path)
            var last: Int64 = 0
            var steps: Set<Int64> = []
            while try feed.next() != nil {
                let progress = feed.progress
                if progress.total != Int64(bytes.count) { Issue.record("the size changed") }
                if progress.consumed < last { Issue.record("it went back") }
                last = progress.consumed
                steps.insert(last)
            }
            #expect(last == Int64(bytes.count))
            #expect(steps.count > 4)
        }
    }

    @Test func `of a file that is not there are a clear error`() {
        #expect(
            throws: FeedError.cannotOpen(
                path: "/nonexistent/x", reason: "No such file or directory")
        ) {
            _ = try Feed(path: "/nonexistent/x").progress
        }
        #expect(throws: FeedError.self) { _ = try Feed(path: "/").progress }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `random bytes never trap`(_ seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let mapping = try FeedMapping(yaml: csvMapping, file: "m.yaml")
        let alphabet = Array("\"\"\",,\n\r\na1{}:[]type\u{FEFF}\0".utf8) + [0x1F, 0x8B, 0xFF, 0xC3]
        var bytes = (0..<Int.random(in: 0..<3_000, using: &random)).map { _ in
            alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
        }
        switch seed % 4 {
        case 0: bytes = Array("a,b\n".utf8) + bytes
        case 1: bytes = GzipBytes.member(bytes)
        case 2:
            bytes = GzipBytes.member(bytes)
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8(seed / 4 % 8)
        default: break
        }
        _ = try FeedOutput.orError(bytes, mapping: nil)
        _ = try FeedOutput.orError(bytes, mapping: mapping)
    }
}

/// Columns `a` and `b`, as text.
let csvMapping = """
    format: csv
    type: track
    messageId: { template: "{#}" }
    userId: { constant: u }
    event: { constant: e }
    properties: { a: { column: a }, b: { column: b } }
    """

extension FeedOutput {
    /// The output, or nil when the file or its header row was refused at once.
    static func orError(_ bytes: [UInt8], mapping: FeedMapping?) throws -> FeedOutput? {
        do {
            return try FeedOutput(bytes, mapping: mapping)
        } catch is FeedError {
            return nil
        } catch is FeedMappingError {
            return nil
        }
    }
}
