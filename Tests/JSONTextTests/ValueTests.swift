import JSONText
import Testing

@Suite struct `A JSON value` {
    @Test(
        arguments: [
            "null", "true", "0", "-1", "-0", "1.10", "1e5", "12345678901234567890", "\"\"",
            "\"a\\\"b\\\\c\\n\\u0001é😀\"", "[]", "{}", "[1,[2,[3]]]",
            "{\"b\":1,\"a\":{\"c\":[null,false]},\"\":\"x\"}",
        ])
    func `writes what it read`(_ text: String) throws {
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(value.text == text)
        #expect(try JSONValue(parsing: Array(value.prettyText.utf8)) == value)
    }

    @Test func `is as strict as the parser`() {
        #expect(throws: JSONError(position: 7, problem: .duplicateKey)) {
            try JSONValue(parsing: Array("{\"a\":1,\"a\":1}".utf8))
        }
    }

    @Test func `is written with literals`() throws {
        let value: JSONValue = ["a": [1, true, nil, "x"], "b": ["c": .number("1.50")]]
        #expect(value.text == "{\"a\":[1,true,null,\"x\"],\"b\":{\"c\":1.50}}")
        #expect(try JSONValue(parsing: Array(value.text.utf8)) == value)
        #expect(value["a"]?[0]?.int == 1)
        #expect(value["a"]?[1]?.bool == true)
        #expect(value["a"]?[2]?.isNull == true)
        #expect(value["a"]?[3]?.string == "x")
        #expect(value["a"]?[4] == nil)
        #expect(value["a"]?.array?.count == 4)
        #expect(value.object?.map(\.key) == ["a", "b"])
        #expect(value["c"] == nil)
    }

    @Test func `respects the order of members`() {
        #expect(JSONValue.object(["a": 1, "b": 2]) != ["b": 2, "a": 1])
    }

    @Test func `tells names apart by bytes`() {
        var object = JSONObject([("é", 1), ("e\u{301}", 2)])
        #expect(object["e\u{301}"] == 2)
        object["é"] = nil
        object["z"] = 3
        object["e\u{301}"] = 4
        #expect(JSONValue.object(object).text == "{\"e\u{301}\":4,\"z\":3}")
    }

    @Test func `is laid out for people`() {
        let value: JSONValue = ["a": [1, ["b": []]], "c": [:]]
        #expect(
            value.prettyText == """
                {
                  "a": [
                    1,
                    {
                      "b": []
                    }
                  ],
                  "c": {}
                }
                """)
    }

    @Test(arguments: ["1.", "", "abc", "01", "1 ", "-", "1e", "+1"])
    func `knows what is no number`(_ token: String) {
        #expect(!JSONValue.isNumber(token))
    }

    @Test func `a writer puts commas and colons`() throws {
        var writer = JSONWriter(reserving: 64)
        writer.beginObject()
        writer.member("s", "a\"b")
        writer.member("i", Int64(-5))
        writer.member("u", UInt64.max)
        writer.member("b", true)
        writer.member("v", ["x": nil])
        writer.key("a")
        writer.beginArray()
        writer.beginObject()
        writer.endObject()
        writer.null()
        writer.raw(Array("1.10".utf8))
        writer.string("")
        writer.beginArray()
        writer.endArray()
        writer.endArray()
        writer.key("z")
        writer.bool(false)
        writer.endObject()
        let expected =
            "{\"s\":\"a\\\"b\",\"i\":-5,\"u\":18446744073709551615,\"b\":true,\"v\":{\"x\":null},"
            + "\"a\":[{},null,1.10,\"\",[]],\"z\":false}"
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
        #expect(problem(writer.bytes) == nil)
    }

    @Test func `every character survives writing and reading`() throws {
        for scalar in (0...0x10FFFF).lazy.compactMap({ Unicode.Scalar($0) })
        where scalar.value < 0x900 || scalar.value % 251 == 0 {
            let value = JSONValue.string("x\(scalar)y")
            #expect(try JSONValue(parsing: Array(value.text.utf8)) == value)
        }
    }
}
