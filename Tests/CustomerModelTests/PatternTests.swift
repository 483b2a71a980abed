import CustomerModel
import Testing

@Suite struct `A pattern` {
    struct Row: Sendable, CustomTestStringConvertible {
        var pattern: String
        var hits: [String]
        var misses: [String]
        var testDescription: String { pattern }

        init(_ pattern: String, _ hits: [String], not misses: [String]) {
            self.pattern = pattern
            self.hits = hits
            self.misses = misses
        }
    }

    static let rows = [
        Row("", ["", "a"], not: []),
        Row("b", ["b", "abc"], not: ["", "ac", "B"]),
        Row("^b", ["b", "bc"], not: ["ab"]),
        Row("b$", ["b", "ab"], not: ["ba", "b\n"]),
        Row("^$", [""], not: ["a", "\n"]),
        Row("^a|b$", ["ax", "xb"], not: ["xa", "bx"]),
        Row("^(?:a|b)$", ["a", "b"], not: ["ab"]),
        Row("^(a|b)*$", ["", "abba"], not: ["abc"]),
        Row("^ab?c$", ["ac", "abc"], not: ["abbc"]),
        Row("^a{2}$", ["aa"], not: ["a", "aaa"]),
        Row("^a{2,}$", ["aa", "aaaa"], not: ["a"]),
        Row("^a{0,2}$", ["", "a", "aa"], not: ["aaa"]),
        Row("^a{0}$", [""], not: ["a"]),
        Row("^a+?b*?$", ["a", "aab"], not: ["b"]),
        Row("^.$", ["a", "ü", "😀"], not: ["", "\n", "\r", "\u{2028}", "ab"]),
        Row("^[a-c]$", ["a", "b", "c"], not: ["d", "-"]),
        Row("^[^a-c]$", ["d", "\n", "😀"], not: ["a", ""]),
        Row("^[a-]$", ["a", "-"], not: ["b"]),
        Row("^[-a]$", ["a", "-"], not: ["b"]),
        Row("^[\\d-]$", ["5", "-"], not: ["d"]),
        Row("^[\\]\\\\^]$", ["]", "\\", "^"], not: ["["]),
        Row("^[]$", [], not: ["", "a"]),
        Row("^[^]$", ["a", "\n"], not: ["", "ab"]),
        Row("^[\\b]$", ["\u{8}"], not: ["b"]),
        Row("^[.*+(]$", [".", "*", "+", "("], not: ["a"]),
        Row("^\\d+$", ["0123"], not: ["", "٣", "1a"]),
        Row("^\\D$", ["a", "٣"], not: ["1"]),
        Row("^\\w+$", ["aZ_9"], not: ["ü", "-"]),
        Row("^\\W$", ["ü", "-"], not: ["a"]),
        Row("^\\s$", [" ", "\t", "\n", "\u{A0}", "\u{FEFF}"], not: ["a", "\u{200B}"]),
        Row("^\\S$", ["a", "\u{200B}"], not: [" "]),
        Row("^\\t\\n\\v\\f\\r\\0$", ["\t\n\u{B}\u{C}\r\0"], not: [""]),
        Row("^\\x41\\u0042\\u{43}$", ["ABC"], not: ["abc"]),
        Row("^\\u{1F600}\\uD83D\\uDE00$", ["😀😀"], not: ["😀"]),
        Row("^\\^\\$\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/\\\\$", ["^$.*+?()[]{}|/\\"], not: [""]),
        Row("\\bcat\\b", ["cat", "a cat!"], not: ["cats", "scat", "cat_"]),
        Row("\\Bat", ["cat"], not: ["at", "-at"]),
        Row("^😀{2}$", ["😀😀"], not: ["😀"]),
        Row("^[😀-😂]$", ["😁"], not: ["😃"]),
        Row("(|a)+$", ["", "aaa", "b"], not: []),
        Row("^(a*)*$", ["", "aaa"], not: ["b"]),
        Row("^(?:(?:ab){2}|c){1,2}$", ["abab", "cabab", "cc"], not: ["ab", "ccc", ""]),
        Row("^\\d{4}-\\d{2}-\\d{2}$", ["2026-03-14"], not: ["2026-3-14", "x2026-03-14"]),
        Row(
            "^[a-z0-9._%+-]+@[a-z0-9.-]+\\.[a-z]{2,}$", ["ada@example.com", "a+b@c.d.org"],
            not: ["ada@example", "@example.com", "a b@c.de"]),
    ]

    @Test(arguments: rows)
    func `matches as ECMA-262 says`(_ row: Row) throws {
        let pattern = try Pattern(row.pattern)
        for text in row.hits { #expect(pattern.matches(text), "\(text.debugDescription)") }
        for text in row.misses { #expect(!pattern.matches(text), "\(text.debugDescription)") }
    }

    @Test(
        arguments: [
            ("*", 0, .nothingToRepeat), ("a**", 2, .nothingToRepeat), ("^*", 1, .nothingToRepeat),
            ("\\b+", 2, .nothingToRepeat), ("a|?", 2, .nothingToRepeat), ("(", 0, .unbalanced),
            ("a)", 1, .unbalanced), ("a(b", 1, .unbalanced), ("[a", 0, .unbalanced),
            ("x]", 1, .unbalanced), ("}", 0, .unbalanced), ("\\", 0, .badEscape),
            ("a\\q", 1, .badEscape), ("\\x4", 0, .badEscape), ("\\u12", 0, .badEscape),
            ("\\u{110000}", 0, .badEscape), ("\\u{}", 0, .badEscape), ("\\u{d800}", 0, .badEscape),
            ("\\ud800", 0, .badEscape), ("\\ud83dx", 0, .badEscape), ("\\udc00", 0, .badEscape),
            ("\\01", 0, .badEscape), ("\\-", 0, .badEscape), ("[z-a]", 1, .badRange),
            ("[\\d-z]", 1, .badRange), ("[a-\\d]", 1, .badRange), ("a{2,1}", 1, .badRange),
            ("a{", 1, .badCount), ("a{}", 1, .badCount), ("a{1", 1, .badCount),
            ("a{,1}", 1, .badCount), ("{1}", 0, .nothingToRepeat), ("(?=a)", 0, .unsupported),
            ("(?!a)", 0, .unsupported), ("(?<=a)", 0, .unsupported), ("(?<n>a)", 0, .unsupported),
            ("(a)\\1", 3, .unsupported), ("\\k<n>", 0, .unsupported), ("\\p{L}", 0, .unsupported),
            ("[\\P{L}]", 1, .unsupported), ("\\cA", 0, .unsupported), ("a{1001}", 2, .tooLarge),
            ("😀(", 1, .unbalanced),
        ] as [(String, Int, PatternError.Problem)])
    func `that is not taken is refused with its place`(_ row: (String, Int, PatternError.Problem)) {
        #expect(throws: PatternError(position: row.1, problem: row.2)) { try Pattern(row.0) }
    }

    @Test(arguments: [
        String(repeating: "(", count: 10_000), String(repeating: "a", count: 5_000),
        "(((a{1000}){1000}){1000}){1000}", "(((){1000}){1000}){1000}", "((a*){1000}){1000}",
    ])
    func `that would grow too large is refused before it does`(_ text: String) {
        #expect { try Pattern(text) } throws: { ($0 as? PatternError)?.problem == .tooLarge }
    }

    /// Each of these takes a backtracking matcher longer than the universe is old.
    @Test(arguments: [
        "^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(a*)*b$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$",
        "^(.*)*(.*)*(.*)*=$", "(a?){50}a{50}b",
    ])
    func `takes linear time where backtracking would not`(_ text: String) throws {
        let pattern = try Pattern(text)
        let clock = ContinuousClock()
        let subject = String(repeating: "a", count: 20_000) + "!"
        let spent = clock.measure { #expect(!pattern.matches(subject)) }
        #expect(spent < .seconds(10))
    }

    @Test func `reads broken UTF-8 without leaving the text`() throws {
        let pattern = try Pattern("^\\uFFFD+$")
        for bytes in [[0x80], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xFF], [0xC0, 0x80]]
            as [[UInt8]]
        {
            #expect(bytes.withUnsafeBytes { pattern.matches(utf8: $0) })
        }
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(try Pattern("^$").matches(utf8: empty))
    }
}
