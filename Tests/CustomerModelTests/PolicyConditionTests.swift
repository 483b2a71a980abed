import CustomerModel
import JSONText
import Testing

private func amount(_ token: String) throws -> Amount {
    try #require(Amount(token: Array(token.utf8)))
}

private func path(_ text: String) -> FieldPath {
    FieldPath(names: text.split(separator: ".").map(String.init))
}

@Suite struct `A comparison` {
    /// A token of an event, a bound of a policy, and how they stand.
    struct Row: Sendable, CustomTestStringConvertible {
        var token: String
        var bound: String
        var order: Int
        init(_ token: String, _ bound: String, _ order: Int) {
            (self.token, self.bound, self.order) = (token, bound, order)
        }
        var testDescription: String { "\(token) against \(bound)" }
    }

    static let rows = [
        Row("10", "10", 0), Row("10.0", "10", 0), Row("1e1", "10", 0), Row("100E-1", "10", 0),
        Row("9.999999999999999999999", "10", -1), Row("10.0000000000000000001", "10", 1),
        Row("0.30000000000000004", "0.3", 1), Row("0.1", "0.1", 0), Row("-0", "0", 0),
        Row("-0.0000000000000001", "0", -1), Row("0.0000000000000001", "0", 1),
        Row("-10.5", "-10.4", -1), Row("-10.4000000001", "-10.4", -1), Row("1e400", "10", 1),
        Row("-1e400", "10", -1), Row("1e-400", "0", 1), Row("0e999999999999", "0", 0),
        Row("1e-999999999999999999", "0", 1), Row("123456789012345678901234567890123", "1e28", 1),
        Row("99999999999999999999999999999", "99999999999999999999999999999", 0),
        Row("0.000000001", "1e-9", 0), Row("0.0000000009", "1e-9", -1),
    ]

    @Test(arguments: rows)
    func `D4: of numbers is exact`(_ row: Row) throws {
        let bound = try amount(row.bound)
        let token = Array(row.token.utf8)
        #expect(Comparison.atLeast(bound).matches(token: token) == (row.order >= 0))
        #expect(Comparison.atMost(bound).matches(token: token) == (row.order <= 0))
        #expect(Comparison.moreThan(bound).matches(token: token) == (row.order > 0))
        #expect(Comparison.lessThan(bound).matches(token: token) == (row.order < 0))
        #expect(Comparison.equals(.number(bound)).matches(token: token) == (row.order == 0))
    }

    @Test func `of kinds that differ is false`() throws {
        let ten = try amount("10")
        for token in [#""10""#, "true", "null", "[10]", #"{"a":10}"#] {
            let bytes = Array(token.utf8)
            #expect(!Comparison.atLeast(ten).matches(token: bytes))
            #expect(!Comparison.lessThan(ten).matches(token: bytes))
            #expect(!Comparison.equals(.number(ten)).matches(token: bytes))
        }
        #expect(!Comparison.equals(.text("10")).matches(token: Array("10".utf8)))
        #expect(!Comparison.equals(.bool(true)).matches(token: Array(#""true""#.utf8)))
    }

    @Test func `of text reads escapes and knows no Unicode equivalence`() {
        #expect(Comparison.equals(.text("Aü")).matches(token: Array(#""\u0041\u00fc""#.utf8)))
        #expect(!Comparison.equals(.text("u\u{308}")).matches(token: Array("\"\u{fc}\"".utf8)))
        #expect(Comparison.isOneOf([.text("a"), .bool(false)]).matches(token: Array("false".utf8)))
    }

    @Test func `takes null for absent`() {
        #expect(Comparison.isAbsent.matches(token: nil))
        #expect(Comparison.isAbsent.matches(token: Array("null".utf8)))
        #expect(!Comparison.isPresent.matches(token: Array("null".utf8)))
        #expect(Comparison.isPresent.matches(token: Array("[]".utf8)))
        #expect(!Comparison.equals(.text("")).matches(token: nil))
    }
}

@Suite struct `A condition` {
    private func evaluate(_ condition: Condition, on line: String) throws -> Bool {
        var parser = JSONParser()
        return try parser.parse(Array(line.utf8)) { view in
            // One more than yes and no: a line without an event.
            let answers = EventBody.read(line: view) { [condition.evaluate(on: $0)] }
            return try #require(answers)[0]
        }
    }

    private let line = #"""
        {"type":"track","context":{"locale":"de","page":{"url":"/"}},
         "body":{"event":"Order Completed","properties":{"revenue":49.90,"plan":"gold"},
                 "context":{"page":{"title":"t"}}}}
        """#

    @Test func `reads the message, and its batch where the message is silent`() throws {
        func isPresent(_ text: String) throws -> Bool {
            try evaluate(.field(path(text), .isPresent), on: line)
        }
        #expect(try isPresent("properties.revenue"))
        #expect(try isPresent("context.locale"))
        #expect(try isPresent("context.page.title"))
        #expect(try !isPresent("context.page.url"))
        #expect(try !isPresent("properties.revenue.x"))
        #expect(try evaluate(.field(path("event"), .equals(.text("Order Completed"))), on: line))
    }

    @Test func `knows the type wherever it was said`() throws {
        let isTrack = Condition.field(path("type"), .equals(.text("track")))
        #expect(try evaluate(isTrack, on: line))
        #expect(try evaluate(isTrack, on: #"{"body":{"type":"track"}}"#))
        #expect(try !evaluate(isTrack, on: #"{"body":{"type":"page"}}"#))
        #expect(try !evaluate(isTrack, on: #"{"body":{}}"#))
        #expect(try evaluate(.field(path("type"), .isAbsent), on: #"{"body":{}}"#))
    }

    @Test func `joins others`() throws {
        let yes = Condition.field(path("properties.plan"), .equals(.text("gold")))
        let no = Condition.not(yes)
        #expect(try evaluate(.all([yes, yes]), on: line))
        #expect(try !evaluate(.all([yes, no]), on: line))
        #expect(try evaluate(.any([no, yes]), on: line))
        #expect(try !evaluate(.any([no, no]), on: line))
        #expect(Condition.all([yes, no]).paths == [path("properties.plan")])
    }

    @Test func `of an audience speaks of metrics and traits`() throws {
        let condition = AudienceCondition.all([
            .metric(0, .atLeast(try amount("500"))),
            .not(.trait(path("plan"), .equals(.text("free")))),
        ])
        func isIn(_ sum: String, plan: String?) throws -> Bool {
            let sum = try amount(sum)
            return condition.evaluate { leaf in
                switch leaf {
                case .metric(0, let comparison): Truth(comparison.matches(sum))
                case .trait(_, let comparison):
                    Truth(comparison.matches(token: plan.map { Array($0.utf8) }))
                default: .unknown
                }
            } == .yes
        }
        #expect(try isIn("500", plan: nil))
        #expect(try isIn("500.000000001", plan: #""gold""#))
        #expect(try !isIn("499.999999999", plan: nil))
        #expect(try !isIn("500", plan: #""free""#))
    }
}

@Suite struct `A web address` {
    @Test(arguments: [
        ("https://example.com/a?b=c", "example.com"), ("HTTP://LocalHost:8099", "localhost"),
        ("https://[::1]:8443/x", "::1"), ("https://a-b.example:1?x", "a-b.example"),
    ])
    func `has a host`(_ row: (String, String)) {
        #expect(WebAddress(row.0)?.host == row.1)
    }

    @Test(arguments: [
        "", "https://", "https:///x", "ftp://a", "https://user@host", "https://u:p@host/",
        "https://a b",
        "https://a\\b", "https://a#b", "https://a..b", "https://.a", "https://a:0",
        "https://a:99999",
        "https://a:", "https://[::1", "https://[x]", "https://bücher.example", "https://a%40b",
        "//a",
    ])
    func `is refused where it could be read in two ways`(_ text: String) {
        #expect(WebAddress(text) == nil)
    }

    @Test func `knows which hosts stay here`() {
        func isHere(_ host: String) -> Bool? {
            WebAddress("http://\(host)/").map { $0.isLoopback || $0.isPrivate }
        }
        for host in [
            "localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "10.1.2.3", "172.16.0.1",
            "192.168.1.1", "[fd00::1]",
        ] {
            #expect(isHere(host) == true, "\(host)")
        }
        for host in [
            "example.com", "127.0.0.1.example.com", "169.254.169.254", "172.32.0.1", "0127.0.0.1",
            "2130706433", "127.1", "localhost.example.com", "fd.example", "11.0.0.1",
        ] {
            #expect(isHere(host) == false, "\(host)")
        }
    }
}
