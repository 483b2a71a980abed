import JSONText
import Testing

/// Reads a text and says what is wrong with it, nil when nothing is.
func problem(_ text: String, limits: JSONLimits = JSONLimits()) -> JSONError? {
    problem(Array(text.utf8), limits: limits)
}

func problem(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) -> JSONError? {
    var parser = JSONParser(limits: limits)
    do {
        try parser.parse(bytes) { _ in }
        return nil
    } catch let error as JSONError {
        return error
    } catch {
        Issue.record("\(error) is no JSONError")
        return nil
    }
}

@Suite struct `The JSON door` {
    @Test(
        arguments: [
            "null", "true", "false", "0", "-0", "1", "-1", "10", "1.0", "1.10", "-0.5", "1e5",
            "1E5",
            "1e+5", "1e-5", "1.5e10", "0e0", "0.0", "12345678901234567890", "1e400", "-1e-400",
            "\"\"", "\"a\"", "\"abcdefg\"", "\"abcdefgh\"", "\"abcdefghi\"", "\"é\"", "\"日本語\"",
            "\"😀\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0041\"", "\"\\u0000\"",
            "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"", "\"\u{7F}\"", "[]", "[ ]", "[1]", "[1,2]",
            "[ 1 , 2 ]", "[[]]", "[[],[]]", "[{}]", "{}", "{ }", "{\"a\":1}", "{ \"a\" : 1 }",
            "{\"a\":1,\"b\":2}", "{\"\":1}", "{\"a\":{\"a\":{\"a\":1}}}", " 1 ", "\t\r\n1\n",
            "{\"a\":[1,{\"b\":null}],\"c\":\"d\"}", "[true,false,null]",
        ])
    func `takes what RFC 8259 allows`(_ text: String) {
        #expect(problem(text) == nil)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var text: String
        var problem: JSONError.Problem
        var position: Int
        init(_ text: String, _ problem: JSONError.Problem, _ position: Int) {
            self.text = text
            self.problem = problem
            self.position = position
        }
        var testDescription: String { text.debugDescription }
    }

    @Test(
        arguments: [
            Row("", .unexpectedEnd, 0), Row("  ", .unexpectedEnd, 2), Row("[", .unexpectedEnd, 1),
            Row("{", .unexpectedEnd, 1), Row("[1", .unexpectedEnd, 2),
            Row("[1,", .unexpectedEnd, 3),
            Row("{\"a\"", .unexpectedEnd, 4), Row("{\"a\":", .unexpectedEnd, 5),
            Row("{\"a\":1", .unexpectedEnd, 6), Row("{\"a\":1,", .unexpectedEnd, 7),
            Row("\"", .unexpectedEnd, 1), Row("\"abc", .unexpectedEnd, 4),
            Row("\"\\", .unexpectedEnd, 2), Row("\"\\u00", .unexpectedEnd, 5),
            Row("tru", .unexpectedEnd, 3), Row("nul", .unexpectedEnd, 3),
            Row("trux", .unexpectedByte, 3), Row("falsy", .unexpectedByte, 4),
            Row("nulL", .unexpectedByte, 3), Row("True", .unexpectedByte, 0),
            Row("'a'", .unexpectedByte, 0), Row("+1", .unexpectedByte, 0),
            Row(".5", .unexpectedByte, 0),
            Row("NaN", .unexpectedByte, 0), Row("Infinity", .unexpectedByte, 0),
            Row("[,1]", .unexpectedByte, 1), Row("[1,]", .unexpectedByte, 3),
            Row("[1 2]", .unexpectedByte, 3), Row("[1}", .unexpectedByte, 2),
            Row("{\"a\":1]", .unexpectedByte, 6), Row("{,}", .unexpectedByte, 1),
            Row("{\"a\":1,}", .unexpectedByte, 7), Row("{a:1}", .unexpectedByte, 1),
            Row("{1:1}", .unexpectedByte, 1), Row("{\"a\",1}", .unexpectedByte, 4),
            Row("{\"a\" 1}", .unexpectedByte, 5), Row("{\"a\"::1}", .unexpectedByte, 5),
            Row("[1,,2]", .unexpectedByte, 3), Row("]", .unexpectedByte, 0),
            Row("/* */1", .unexpectedByte, 0), Row("\u{FEFF}1", .unexpectedByte, 0),
            Row("\u{A0}1", .unexpectedByte, 0), Row("[1\u{0B}]", .unexpectedByte, 2),
            Row("01", .badNumber, 0), Row("-", .badNumber, 0), Row("-a", .badNumber, 0),
            Row("1.", .badNumber, 0), Row("1.e5", .badNumber, 0), Row("1e", .badNumber, 0),
            Row("1e+", .badNumber, 0), Row("-01", .badNumber, 0), Row("[00]", .badNumber, 1),
            Row("\"\\a\"", .badEscape, 1), Row("\"\\u00g0\"", .badEscape, 1),
            Row("\"\\x41\"", .badEscape, 1), Row("\"\\U0041\"", .badEscape, 1),
            Row("\"\n\"", .controlCharacter, 1), Row("\"abcdefghi\u{1F}\"", .controlCharacter, 10),
            Row("\"\0\"", .controlCharacter, 1), Row("1 1", .trailingBytes, 2),
            Row("{}x", .trailingBytes, 2), Row("null,", .trailingBytes, 4),
            Row("[]]", .trailingBytes, 2), Row("1x", .trailingBytes, 1),
            Row("1\0", .trailingBytes, 1),
        ])
    func `refuses what RFC 8259 does not allow, and says where`(_ row: Row) {
        #expect(problem(row.text) == JSONError(position: row.position, problem: row.problem))
    }

    @Test(
        arguments: [
            Row("\"\\ud800\"", .loneSurrogate, 1), Row("\"\\udc00\"", .loneSurrogate, 1),
            Row("\"\\udc00\\ud800\"", .loneSurrogate, 1),
            Row("\"\\ud800\\ud800\"", .loneSurrogate, 1),
            Row("\"\\ud800x\"", .loneSurrogate, 1), Row("\"\\ud800\\n\"", .loneSurrogate, 1),
            Row("\"\\ud800\\u0041\"", .loneSurrogate, 1), Row("{\"\\ud800\":1}", .loneSurrogate, 2),
            Row("\"ok\\uDBFF\"", .loneSurrogate, 3),
        ])
    func `L2: refuses lone surrogates`(_ row: Row) {
        #expect(problem(row.text) == JSONError(position: row.position, problem: row.problem))
    }

    struct ByteRow: Sendable, CustomTestStringConvertible {
        var bytes: [UInt8]
        var reason: String
        init(_ bytes: [UInt8], _ reason: String) {
            self.bytes = bytes
            self.reason = reason
        }
        var testDescription: String { reason }
    }

    @Test(
        arguments: [
            ByteRow([0x80], "a continuation byte alone"), ByteRow([0xC3], "a sequence cut short"),
            ByteRow([0xC0, 0x80], "NUL in two bytes"),
            ByteRow([0xC1, 0xBF], "overlong, two bytes"),
            ByteRow([0xE0, 0x9F, 0xBF], "overlong, three bytes"),
            ByteRow([0xF0, 0x8F, 0xBF, 0xBF], "overlong, four bytes"),
            ByteRow([0xED, 0xA0, 0x80], "a high surrogate"),
            ByteRow([0xED, 0xBF, 0xBF], "a low surrogate"),
            ByteRow([0xF4, 0x90, 0x80, 0x80], "past U+10FFFF"),
            ByteRow([0xF5, 0x80, 0x80, 0x80], "a lead byte past F4"),
            ByteRow([0xFF], "no lead byte"),
            ByteRow([0xE2, 0x28, 0xA1], "a bad second byte"),
            ByteRow([0xE2, 0x82, 0x28], "a bad third byte"),
            ByteRow([0xF0, 0x9F, 0x98, 0x28], "a bad fourth byte"),
        ])
    func `L2: refuses invalid UTF-8 wherever it stands in a string`(_ row: ByteRow) {
        for lead in 0..<20 {
            let start: [UInt8] = [0x22] + Array(repeating: 0x61, count: lead)
            for tail in [[], Array("bcdefghijk".utf8)] as [[UInt8]] {
                let found = problem(start + row.bytes + tail + [0x22])
                #expect(found == JSONError(position: start.count, problem: .invalidUTF8))
            }
        }
    }

    @Test(arguments: [
        [0xC2, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
    ])
    func `takes the outermost characters of UTF-8`(_ bytes: [UInt8]) {
        #expect(problem([0x22] + bytes + [0x22]) == nil)
    }

    @Test func `L2: refuses more than the allowed depth, at the bracket that is too much`() {
        let limits = JSONLimits(maximumDepth: 64)
        func nest(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        #expect(problem(nest(64, "[", "]"), limits: limits) == nil)
        #expect(problem(nest(64, "{\"a\":", "}"), limits: limits) == nil)
        #expect(
            problem(nest(65, "[", "]"), limits: limits)
                == JSONError(position: 64, problem: .tooDeep))
        #expect(problem(nest(65, "{\"a\":", "}"), limits: limits)?.problem == .tooDeep)
        #expect(problem("1", limits: JSONLimits(maximumDepth: 0)) == nil)
        #expect(problem("[]", limits: JSONLimits(maximumDepth: 0))?.problem == .tooDeep)
    }

    @Test func `L2: a bomb of a million brackets costs an error`() {
        let bomb = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(problem(bomb) == JSONError(position: 64, problem: .tooDeep))
    }

    @Test func `L2: refuses more than the allowed bytes before reading any`() {
        let limits = JSONLimits(maximumBytes: 10)
        #expect(problem("\"12345678\"", limits: limits) == nil)
        #expect(
            problem("\"123456789\"", limits: limits)
                == JSONError(position: 10, problem: .tooLong))
        let large = [UInt8](repeating: 0xFF, count: (4 << 20) + 1)
        #expect(problem(large) == JSONError(position: 4 << 20, problem: .tooLong))
    }

    @Test func `a text of more values than the tape holds is read whole`() throws {
        for count in [1, 100, 254, 255, 256, 257, 1_000, 100_000] {
            let text = "[" + Array(repeating: "1", count: count).joined(separator: ",") + "]"
            var parser = JSONParser()
            try parser.parse(Array(text.utf8)) { #expect($0.count == count) }
        }
    }

    @Test func `an error names problem and place`() {
        #expect(problem("{\"a\":1,\"b\":2,\"a\":3}")?.description == "duplicate key at byte 13")
    }
}
