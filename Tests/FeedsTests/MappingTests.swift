import Feeds
import JSONText
import Testing

/// What a mapping makes of a CSV text or of JSON lines.
func mapped(_ text: String, _ yaml: String) throws -> FeedOutput {
    try FeedOutput(text, mapping: FeedMapping(yaml: yaml, file: "mapping.yaml"))
}

/// The smallest mapping, with `rest` behind it.
func track(_ format: String, _ rest: String) -> String {
    """
    format: \(format)
    type: track
    messageId: { template: "m-{#}" }
    userId: { constant: u }
    event: { constant: E }

    """ + rest
}

@Suite struct `A mapping` {
    /// The members behind the smallest mapping's.
    private func rest(of output: FeedOutput) -> [String] {
        output.messages.enumerated().map { place, message in
            message.replacing(
                "{\"type\":\"track\",\"messageId\":\"m-\(place + 1)\",\"userId\":\"u\",\"event\":\"E\"",
                with: "{")
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var value: String
        var field: String
        var expected: String?
        var reason: String
        init(_ value: String, _ field: String, _ expected: String?, _ reason: String = "") {
            self.value = value
            self.field = field
            self.expected = expected
            self.reason = reason
        }
        var testDescription: String { "\(value) of \(field)" }
    }

    @Test(
        arguments: [
            Row("{ column: x }", "a\"b\\", "\"a\\\"b\\\\\"", "text is escaped"),
            Row("{ column: x }", "007", "\"007\"", "text stays text"),
            Row("{ column: x, as: integer }", "-12", "-12"),
            Row("{ column: x, as: integer }", "12345678901234567890123", "12345678901234567890123"),
            Row("{ column: x, as: decimal }", "1.10", "1.10", "the token stays as it is"),
            Row("{ column: x, as: decimal }", "1e5", "1e5"),
            Row("{ column: x, as: decimal }", "0.1234567890123456789", "0.1234567890123456789"),
            Row("{ column: x, as: boolean }", "TRUE", "true"),
            Row("{ column: x, as: boolean }", "False", "false"),
            Row("{ column: x, as: boolean }", "1", "true"),
            Row("{ column: x, as: boolean }", "0", "false"),
            Row(
                "{ column: x, as: time }", "2011-06-01 12:00:00", "\"2011-06-01T12:00:00.000000Z\""),
            Row(
                "{ column: x, as: time }", "2011-06-01T12:00:00+02:00",
                "\"2011-06-01T10:00:00.000000Z\""),
            Row("{ column: x, as: json }", "[1.0, {\"\"a\"\" : null}]", "[1.0,{\"a\":null}]"),
            Row("{ constant: 1.10 }", "", "\"1.10\"", "a constant is text"),
            Row("{ constant: 1.10, as: decimal }", "", "1.10"),
            Row("{ constant: no }", "", "\"no\"", "YAML's own booleans are not ours"),
            Row("{ constant: true, as: boolean }", "", "true"),
            Row("{ template: \"a{x}b{{}}{#}\" }", "-\"-", "\"a-\\\"-b{}1\""),
            Row("{ product: [x, x] }", "-1.50", "2.25"),
            Row("{ product: [x, x] }", "0.1", "0.01", "exact"),
            Row("{ product: [x] }", "100", "100"), Row("{ product: [x] }", "-0.0", "0"),
            Row("{ product: [x, x] }", "99999999.99", "9999999998000000.0001"),
            Row("{ product: [x, x] }", "1e3", "1000000"),
            Row("{ when: [{ column: x, lessThan: 0, value: A }], otherwise: B }", "-0.5", "\"A\""),
            Row("{ when: [{ column: x, lessThan: 0, value: A }], otherwise: B }", "0", "\"B\""),
            Row(
                "{ when: [{ column: x, greaterThan: 1.5, value: A }], otherwise: B }", "1.51",
                "\"A\""),
            Row("{ when: [{ column: x, equals: q, value: A }], otherwise: B }", "q", "\"A\""),
            Row(
                "{ when: [{ column: x, startsWith: C5, value: A }], otherwise: B }", "C536", "\"A\""
            ),
            Row("{ when: [{ column: x, startsWith: C5, value: A }], otherwise: B }", "C", "\"B\""),
            Row(
                "{ when: [{ column: x, equals: 1, value: 2 }], as: integer, otherwise: 3 }", "1",
                "2"),
            Row("{ column: x, unless: userId }", "a", nil, "left out when the member is there"),
            Row("{ column: x, unless: anonymousId }", "a", "\"a\""),
        ])
    func `makes values`(_ row: Row) throws {
        let quoted = row.field.contains(where: { ",\"".contains($0) })
        let field =
            quoted && !row.field.contains("\"\"")
            ? row.field.replacing("\"", with: "\"\"") : row.field
        let yaml = track("csv", "properties: { v: \(row.value) }\nanonymousId: { column: e }")
        let output = try mapped("x,e,k\n\(quoted ? "\"\(field)\"" : field),,k\n", yaml)
        #expect(output.rejects.isEmpty, "\(row.reason)")
        let expected = row.expected.map { "{,\"properties\":{\"v\":\($0)}}" } ?? "{}"
        #expect(rest(of: output) == [expected], "\(row.reason)")
    }

    @Test(
        arguments: [
            "{ column: x }", "{ column: x, as: integer }", "{ column: x, as: time }",
            "{ column: x, as: json }", "{ template: \"a{x}\" }", "{ product: [k, x] }",
            "{ when: [{ column: x, lessThan: 0, value: A }, { column: x, greaterThan: 0, value: A }] }",
            "{ when: [{ column: x, isEmpty: false, value: A }] }",
        ])
    func `leaves out what is empty`(_ value: String) throws {
        let yaml = track("csv", "context: { a.b.v: \(value) }\nproperties: { k: { column: k } }")
        let output = try mapped("x,k\n,1\n\"\",1\n", yaml)
        #expect(rest(of: output) == Array(repeating: "{,\"properties\":{\"k\":\"1\"}}", count: 2))
    }

    @Test(
        arguments: [
            Row("{ column: x, as: integer }", "1.0", "column \"x\" is not an integer"),
            Row("{ column: x, as: integer }", "01", "column \"x\" is not an integer"),
            Row("{ column: x, as: integer }", "+1", "column \"x\" is not an integer"),
            Row("{ column: x, as: decimal }", "1'000", "column \"x\" is not a decimal number"),
            Row("{ column: x, as: decimal }", ".5", "column \"x\" is not a decimal number"),
            Row("{ column: x, as: decimal }", " 1", "column \"x\" is not a decimal number"),
            Row("{ column: x, as: decimal }", "NaN", "column \"x\" is not a decimal number"),
            Row("{ column: x, as: boolean }", "yes", "column \"x\" is not true, false, 1 or 0"),
            Row("{ column: x, as: time }", "yesterday", "column \"x\" is not a time"),
            Row("{ column: x, as: time }", "2011-02-29 12:00:00", "column \"x\" is not a time"),
            Row("{ column: x, as: json }", "{a}", "column \"x\" is not JSON"),
            Row("{ product: [x] }", "a", "column \"x\" is not a number of at most nine decimals"),
            Row(
                "{ product: [x] }", "0.1234567891",
                "column \"x\" is not a number of at most nine decimals"),
            Row(
                "{ product: [x, x] }", "0.00001",
                "column \"x\" makes a product that is too large or has too many decimals"),
            Row(
                "{ when: [{ column: x, lessThan: 0, value: A }] }", "b",
                "column \"x\" is not a number of at most nine decimals"),
        ])
    func `rejects a record with a value that does not fit, and names no value`(_ row: Row) throws {
        let yaml = track("csv", "properties: { v: \(row.value) }")
        let output = try mapped("x,k\n\(row.field),1\n,2\n", yaml)
        #expect(output.rejects.map(\.reason) == [row.expected])
        #expect(output.rejects.first?.bytes == Array("\(row.field),1".utf8))
        #expect(output.messages.count == 1)
    }

    @Test func `reads members of members of JSON lines`() throws {
        let yaml = track(
            "ndjson",
            """
            properties:
              page.title: { path: a.b }
              page.tags: { path: a.t, as: json }
              n: { path: n, as: decimal }
              s: { path: n }
              f: { path: f, as: boolean }
              t: { template: "{a.b}/{n}" }
            """)
        let output = try mapped(
            """
            {"a":{"b":"\\u0041\\n","t":[1, 1.0]},"n":1.50,"f":true}
            {"a":null,"n":"7"}
            {"a":{"b":{}}}
            7
            {"n":true}
            """, yaml)
        #expect(
            output.messages
                == [
                    "{\"type\":\"track\",\"messageId\":\"m-1\",\"userId\":\"u\",\"event\":\"E\",\"properties\":{"
                        + "\"page\":{\"title\":\"A\\n\",\"tags\":[1, 1.0]},\"n\":1.50,\"s\":\"1.50\","
                        + "\"f\":true,\"t\":\"A\\n/1.50\"}}",
                    "{\"type\":\"track\",\"messageId\":\"m-2\",\"userId\":\"u\",\"event\":\"E\",\"properties\":{"
                        + "\"n\":7,\"s\":\"7\"}}",
                ].map { $0.replacing("[1, 1.0]", with: "[1,1.0]") })
        #expect(
            output.rejects.map(\.reason) == [
                "path \"a.b\" is no single value", "no JSON object",
                "path \"n\" is not a decimal number",
            ])
    }

    @Test func `gives an identifier only where there is one`() throws {
        let yaml = """
            format: csv
            type: identify
            messageId: { column: id }
            userId: { column: user }
            anonymousId: { template: "anon-{order}", unless: userId }
            traits: { name: { column: name } }
            """
        let output = try mapped("id,user,order,name\n1,u,o,N\n2,,o,\n3,u,,\n4,,,\n,u,o,N\n", yaml)
        #expect(
            output.messages == [
                "{\"type\":\"identify\",\"messageId\":\"1\",\"userId\":\"u\",\"traits\":{\"name\":\"N\"}}",
                "{\"type\":\"identify\",\"messageId\":\"2\",\"anonymousId\":\"anon-o\"}",
                "{\"type\":\"identify\",\"messageId\":\"3\",\"userId\":\"u\"}",
            ])
        #expect(
            output.rejects.map(\.reason) == [
                "neither userId nor anonymousId", "messageId is empty",
            ])
    }

    @Test func `rejects what a message cannot lack`() throws {
        let yaml = """
            format: csv
            type: track
            messageId: { column: id }
            timestamp: { column: time }
            userId: { constant: u }
            event: { when: [{ column: e, equals: "1", value: One }] }
            """
        let long = String(repeating: "i", count: 101)
        let output = try mapped(
            "id,time,e\n1,2011-01-01 00:00:00,1\n2,,1\n3,2011-01-01 00:00:00,2\n\(long),2011-01-01 00:00:00,1\n",
            yaml)
        #expect(output.messages.count == 1)
        #expect(
            output.rejects.map(\.reason) == [
                "timestamp is empty", "event is empty", "messageId is longer than 100 bytes",
            ])
    }
}
