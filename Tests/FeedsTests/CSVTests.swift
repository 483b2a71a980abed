import Feeds
import JSONText
import Testing

@Suite struct `CSV` {
    /// The fields `a` and `b` of each record that came through; nil for an empty one.
    private func rows(_ output: FeedOutput) throws -> [[String?]] {
        try output.messages.map { message in
            let value = try JSONValue(parsing: Array(message.utf8))
            return ["a", "b"].map { value["properties"]?[$0]?.string }
        }
    }

    private func read(_ text: String, delimiter: String = ",") throws -> FeedOutput {
        let setting = delimiter == "," ? "" : "\ndelimiter: \"\(delimiter)\""
        return try FeedOutput(
            text, mapping: FeedMapping(yaml: csvMapping + setting, file: "m.yaml"))
    }

    @Test(
        arguments: [
            ("a,b\n1,2\n", [["1", "2"]], "plain"), ("a,b\r\n1,2\r\n", [["1", "2"]], "CR LF"),
            ("a,b\n1,2", [["1", "2"]], "no line end"), ("a,b\n", [], "no records"),
            ("\u{FEFF}a,b\n1,2\n", [["1", "2"]], "a byte order mark"),
            ("b,x,a\n1,2,3\n", [["3", "1"]], "columns by name"),
            ("\"a\",\"b\"\n1,2\n", [["1", "2"]], "names in quotes"),
            ("a,b\n\"1\",\"2\"\n", [["1", "2"]], "quotes"),
            ("a,b\n\"1,5\",2\n", [["1,5", "2"]], "a delimiter in quotes"),
            ("a,b\n\"1\n5\",2\n", [["1\n5", "2"]], "a line end in quotes"),
            ("a,b\r\n\"1\r\n5\",2\r\n", [["1\r\n5", "2"]], "CR LF in quotes"),
            ("a,b\n\"say \"\"hi\"\"\",2\n", [["say \"hi\"", "2"]], "doubled quotes"),
            ("a,b\n\"\"\"\",2\n", [["\"", "2"]], "one quote"),
            ("a,b\n\"\",2\n", [[nil, "2"]], "an empty field in quotes"),
            ("a,b\n,\n", [[nil, nil]], "empty fields"),
            ("a,b\n1,\n", [["1", nil]], "the last empty"),
            ("a,b\n1,\"2\"", [["1", "2"]], "quotes at the file's end"),
            ("a,b\n1,\"2\"\r\n", [["1", "2"]], "quotes before CR LF"),
            ("a,b\n\n1,2\n\r\n3,4\n", [["1", "2"], ["3", "4"]], "empty lines"),
            ("\n\na,b\n1,2\n", [["1", "2"]], "empty lines before the header row"),
            ("a,b\n 1 , 2\n", [[" 1 ", " 2"]], "white space belongs to a field"),
            ("a,b\n1\r2,3\n", [["1\r2", "3"]], "a CR alone is no line end"),
            ("a,b\né,日本\n", [["é", "日本"]], "beyond ASCII"),
        ] as [(String, [[String?]], String)])
    func `is read as RFC 4180 has it`(_ text: String, _ expected: [[String?]], _ reason: String)
        throws
    {
        let output = try read(text)
        #expect(try rows(output) == expected, "\(reason)")
        #expect(output.rejects.isEmpty, "\(reason)")
    }

    @Test(
        arguments: [
            ("1\n", "1 fields where the header row has 2", "1"),
            ("1,2,3\n", "3 fields where the header row has 2", "1,2,3"),
            ("1,2,\n", "3 fields where the header row has 2", "1,2,"),
            ("\"1\"x,2\n", "text behind a closing quote", "\"1\"x,2"),
            ("\"1\"\rx,2\n", "text behind a closing quote", "\"1\"\rx,2"),
            ("1\"x,2\n", "a quote inside a field that does not begin with one", "1\"x,2"),
            ("1,\"2\n", "a quoted field has no closing quote", "1,\"2"),
        ])
    func `with a bad record loses that record only`(
        _ record: String, _ reason: String, _ bytes: String
    ) throws {
        let output = try read("a,b\nA,B\n\(record)C,D\n")
        #expect(try rows(output) == [["A", "B"], ["C", "D"]])
        #expect(output.rejects.map(\.reason) == [reason])
        #expect(output.rejects.map(\.record) == [2])
        #expect(output.rejects.map(\.position.line) == [3])
        #expect(output.rejects.map(\.bytes) == [Array(bytes.utf8)])
        #expect(output.positions.map(\.line) == [2, 4])
    }

    @Test func `with bytes that are no UTF-8 loses that record only`() throws {
        let mapping = try FeedMapping(yaml: csvMapping, file: "m.yaml")
        let output = try FeedOutput(
            Array("a,b\nA,B\n1,".utf8) + [0xFF, 0x0A] + Array("C,D\n".utf8), mapping: mapping)
        #expect(try rows(output) == [["A", "B"], ["C", "D"]])
        #expect(output.rejects.map(\.reason) == ["column \"b\" is not text"])
    }

    @Test func `counts the lines inside quotes`() throws {
        let output = try read("a,b\n\"1\n\n2\",x\n3,4\n\"5\n6\",y,z\n7,8\n")
        #expect(output.positions.map(\.line) == [2, 5, 8])
        #expect(output.rejects.map(\.position.line) == [6])
    }

    @Test func `an unclosed quote costs its own line, however much follows`() throws {
        let lines = (1...150_000).map { "\($0),some text that makes it long" }
        let output = try read("a,b\n1,\"open\n" + lines.joined(separator: "\n") + "\n")
        #expect(output.messages.count == lines.count)
        #expect(output.rejects.map(\.reason) == ["longer than 4194304 bytes"])
        #expect(output.rejects.map(\.bytes) == [Array("1,\"open".utf8)])
    }

    @Test func `a record over 4 MiB is skipped`() throws {
        let long = String(repeating: "x", count: Feed.maximumRecordBytes * 2 + 7)
        let output = try read("a,b\n1,\(long)\n3,4\n")
        #expect(try rows(output) == [["3", "4"]])
        #expect(output.positions.map(\.line) == [3])
        #expect(output.rejects.map(\.reason) == ["longer than 4194304 bytes"])
    }

    @Test func `takes another delimiter`() throws {
        #expect(try rows(read("a;b\n1,5;\"2;3\"\n", delimiter: ";")) == [["1,5", "2;3"]])
        #expect(try rows(read("a\tb\n1\t2\n", delimiter: "\\t")) == [["1", "2"]])
    }

    @Test func `without a header row is refused`() {
        #expect(throws: FeedError.self) { try read("") }
        #expect(throws: FeedError.self) { try read("\n\n") }
        #expect(throws: FeedError.self) { try read("\"a,b\n1,2\n") }
    }

    @Test func `without a column that the mapping names is refused, with its place`() throws {
        let error = #expect(throws: FeedMappingError.self) { try read("A,bb\n1,2\n") }
        #expect(error?.line == 6)
        #expect(error?.column == 28)
        #expect(error?.reason.hasSuffix("has no column \"a\"; did you mean \"A\"?") == true)
        #expect(throws: FeedMappingError.self) { try read("a,b,a\n1,2,3\n") }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `any table comes back as it was written`(_ seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let parts = [
            "", "x", ",", "\"", "\n", "\r\n", " ", "é", "long enough to pass a word", "\r",
        ]
        var table: [[String]] = []
        for _ in 0..<Int.random(in: 1...200, using: &random) {
            table.append(
                (0..<2).map { _ in
                    (0..<Int.random(in: 0..<4, using: &random)).map { _ in
                        parts[Int.random(in: 0..<parts.count, using: &random)]
                    }.joined()
                })
        }
        let ending = Bool.random(using: &random) ? "\n" : "\r\n"
        var text = "a,b\(ending)"
        for row in table {
            text +=
                row.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: ",")
                + ending
        }
        let output = try read(text)
        #expect(output.rejects.isEmpty, "seed \(seed)")
        #expect(try rows(output) == table.map { $0.map { $0.isEmpty ? nil : $0 } }, "seed \(seed)")
    }
}
