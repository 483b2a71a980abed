import JSONText
import Testing

/// Parses `text` and hands its view to `body`.
func withView<R>(_ text: String, _ body: (JSONView) throws -> R) throws -> R {
    var parser = JSONParser()
    return try parser.parse(Array(text.utf8), body)
}

@Suite struct `A view` {
    @Test func `finds members by name, at any place and written in any way`() throws {
        try withView("{\"type\":\"track\",\"n\":{\"\\u0061b\":[1,{\"x\":true}]},\"\":0,\"z\":null}")
        { view in
            #expect(view["type"]?.string == "track")
            #expect(view["type"]?.equals("track") == true)
            #expect(view["type"]?.equals("trac") == false)
            #expect(view["n"]?["ab"]?.count == 2)
            #expect(view.value(at: ["n", "ab"])?.kind == .array)
            #expect(view.value(at: [])?.kind == .object)
            #expect(view.value(at: ["type", "x"]) == nil)
            #expect(view.member("")?.int == 0)
            #expect(view[""]?.int == 0)
            #expect(view["z"]?.isNull == true)
            #expect(view["x"] == nil)
            #expect(view["n"]?["x"] == nil)
            #expect(view.count == 4)
        }
    }

    @Test func `walks members and elements in order`() throws {
        try withView("{\"b\":[3,[9,9],1],\"a\":{\"k\":[]},\"c\":2}") { view in
            var names: [String] = []
            view.forEachMember { key, _ in names.append(key.string ?? "?") }
            #expect(names == ["b", "a", "c"])
            var kinds: [JSONView.Kind] = []
            view["b"]?.forEachElement { kinds.append($0.kind) }
            #expect(kinds == [.number, .array, .number])
            view["c"]?.forEachElement { _ in Issue.record("a number has no elements") }
            view["b"]?.forEachMember { _, _ in Issue.record("an array has no members") }
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", Int64.max),
            ("-9223372036854775808", Int64.min), ("9223372036854775808", nil),
            ("-9223372036854775809", nil), ("12345678901234567890", nil), ("1.0", nil),
            ("1e2", nil),
            ("\"1\"", nil), ("true", nil), ("[1]", nil),
        ] as [(String, Int64?)])
    func `gives an integer only for an integer token that fits`(_ text: String, _ value: Int64?)
        throws
    {
        try withView(text) { #expect($0.int == value) }
    }

    @Test(
        arguments: [
            ("\"\"", ""), ("\"abc\"", "abc"), ("\"\\u0041\\u00e9\\u20ac\"", "Aé€"),
            ("\"\\ud83d\\ude00!\"", "😀!"), ("\"\\uDBFF\\uDFFF\"", "\u{10FFFF}"),
            ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{C}\n\r\t"), ("\"\\u0000\"", "\0"),
            ("\"日本\\n語\"", "日本\n語"), ("\"\\\\u0041\"", "\\u0041"),
        ])
    func `unescapes strings`(_ text: String, _ value: String) throws {
        try withView(text) { view in
            #expect(view.string == value)
            #expect(view.hasEscapes == text.contains("\\"))
            #expect(view.withUTF8 { Array($0) } == Array(value.utf8))
            #expect(Array(value.utf8).withUnsafeBytes { view.equals(utf8: $0) })
            #expect(Array((value + "x").utf8).withUnsafeBytes { view.equals(utf8: $0) } == false)
        }
    }

    @Test(
        arguments: [
            ("\"\\ud800\"", "\u{FFFD}"), ("\"\\udc00\"", "\u{FFFD}"),
            ("\"\\ud83d\\ud83d\\ude00x\"", "\u{FFFD}😀x"),
            ("\"\\ude00\\ud83d\"", "\u{FFFD}\u{FFFD}"),
            ("\"\\ud83d\\n\"", "\u{FFFD}\n"), ("\"\\ud83d\\u0041\"", "\u{FFFD}A"),
            ("\"\\ud83d\\\\ude00\"", "\u{FFFD}\\ude00"), ("\"a\\uDBFF\"", "a\u{FFFD}"),
        ])
    func `reads around half of a surrogate pair where only the structure counts`(
        _ text: String, _ value: String
    ) throws {
        var parser = JSONParser()
        try Array("{\"k\":\(text),\"k\":[]}".utf8).withUnsafeBytes { bytes in
            try parser.parseStructure(bytes) { view in
                #expect(view["k"]?.string == value)
                #expect(Array(value.utf8).withUnsafeBytes { view["k"]?.equals(utf8: $0) } == true)
                #expect(view["k"]?.rawBytes.elementsEqual(text.utf8) == true)
                #expect(view.count == 2)
            }
        }
        // Other mistakes of a text are still its own.
        for bad in ["\"\\ud80\"", "\"\\ud800", "\"\\x\""] {
            #expect(throws: JSONError.self) {
                try Array(bad.utf8).withUnsafeBytes { bytes in
                    try parser.parseStructure(bytes) { _ in }
                }
            }
        }
    }

    @Test func `has no text unless it is a string`() throws {
        try withView("[1,null,{},true]") { view in
            view.forEachElement {
                #expect($0.string == nil)
                #expect($0.withUTF8 { _ in 1 } == nil)
                #expect($0.equals("1") == false)
            }
            #expect(view.bool == nil)
        }
    }

    @Test(
        arguments: [
            ("{ \"a\" : [ 1.10 , 1e5 ] ,\n\t\"b\" : { } }", "{\"a\":[1.10,1e5],\"b\":{}}"),
            (" 12345678901234567890 ", "12345678901234567890"),
            ("[ -0 , 0.0E+00 ]", "[-0,0.0E+00]"),
            ("[ \"\\u0041\" , \"a b\\n\" , \" \" ]", "[\"\\u0041\",\"a b\\n\",\" \"]"),
            ("[\"\\/\",\"\\u00E9\"]", "[\"\\/\",\"\\u00E9\"]"), ("[ ]", "[]"), ("[[ ]]", "[[]]"),
            ("[ [], {} , [ { \"x\" :\ttrue } ] ]", "[[],{},[{\"x\":true}]]"),
            ("{\"a\":{\"b\":[1,\r\n2]},\"c\":3}", "{\"a\":{\"b\":[1,2]},\"c\":3}"),
        ])
    func `L1: a minified copy keeps every token byte for byte`(_ text: String, _ minified: String)
        throws
    {
        var out: [UInt8] = []
        try withView(text) { $0.writeMinified(into: &out) }
        #expect(String(decoding: out, as: UTF8.self) == minified)
        // What is inside is copied as it is copied inside.
        try withView("[ 0 , \(text) , 0 ]") { view in
            var part: [UInt8] = []
            var place = 0
            view.forEachElement {
                if place == 1 { $0.writeMinified(into: &part) }
                place += 1
            }
            #expect(part == out)
        }
    }

    @Test func `says where its bytes stand`() throws {
        let text = " { \"a\" : [1, 2] }"
        try withView(text) { view in
            #expect(view.byteRange == 1..<text.utf8.count)
            #expect(view["a"]?.byteRange == 9..<15)
            #expect(view["a"].map { String(decoding: $0.rawBytes, as: UTF8.self) } == "[1, 2]")
        }
    }

    @Test func `damaged lines of our own cost an error, never a read outside the text`() throws {
        let line = Array(
            "{\"v\":1,\"body\":{\"a\":[1,2,{\"b\":\"x\\ud83d\\ude00y\"}],\"c\":null}}".utf8)
        var parser = JSONParser()
        for length in 0..<line.count {
            let cut = Array(line[..<length])
            #expect(throws: JSONError.self) {
                try cut.withUnsafeBytes { try parser.parseTrusted($0) { _ in } }
            }
        }
        var random = Seeded(seed: 7)
        for _ in 0..<20_000 {
            var damaged = line
            damaged[Int.random(in: 0..<line.count, using: &random)] = UInt8.random(
                in: 0...255, using: &random)
            do {
                try damaged.withUnsafeBytes { bytes in
                    try parser.parseTrusted(bytes) { view in
                        var out: [UInt8] = []
                        view.writeMinified(into: &out)
                        _ = JSONValue(view).text
                    }
                }
            } catch is JSONError {}
        }
    }
}

/// SplitMix64: small, and the same everywhere for one seed.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
