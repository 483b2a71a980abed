import CustomerModel
import JSONText
import Testing

@Suite struct `A JSON Schema` {
    static func compile(_ text: String) throws -> JSONSchema {
        var parser = JSONParser()
        return try parser.parse(Array(text.utf8)) { try JSONSchema(compiling: $0) }
    }

    static func violations(
        _ schema: String, _ instance: String, limit: Int = 32
    ) throws -> [SchemaViolation] {
        let schema = try compile(schema)
        var parser = JSONParser()
        return try parser.parse(Array(instance.utf8)) {
            schema.violations(of: $0, limit: limit)
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var schema: String
        var valid: [String]
        var invalid: [String]
        var testDescription: String { schema }

        init(_ schema: String, _ valid: [String], not invalid: [String]) {
            self.schema = schema
            self.valid = valid
            self.invalid = invalid
        }
    }

    static let rows = [
        Row("true", ["1", "null"], not: []),
        Row("{}", ["1", "{}"], not: []),
        Row("false", [], not: ["1", "{}"]),
        Row(
            #"{"type":"integer"}"#, ["1", "-0", "1.0", "10e-1", "1e400"],
            not: ["1.5", "1e-1", #""1""#]),
        Row(#"{"type":"number"}"#, ["1", "1.5"], not: [#""1""#, "true"]),
        Row(#"{"type":["string","null"]}"#, ["null", #""""#], not: ["false", "[]"]),
        Row(#"{"type":"boolean"}"#, ["true", "false"], not: ["0", "null"]),
        Row(#"{"required":["a","b"]}"#, [#"{"a":1,"b":null}"#, "[]"], not: [#"{"a":1}"#, "{}"]),
        Row(
            #"{"properties":{"a":{"type":"string"}},"additionalProperties":false}"#,
            ["{}", #"{"a":""}"#, "5"], not: [#"{"a":5}"#, #"{"b":""}"#, #"{"A":""}"#]),
        Row(
            #"{"required":["b"],"properties":{"a":true},"additionalProperties":false}"#, [],
            not: [#"{"b":1}"#, "{}"]),
        Row(
            #"{"additionalProperties":{"type":"integer"},"properties":{"a":true}}"#,
            [#"{"a":"","b":1}"#], not: [#"{"b":""}"#]),
        Row(
            #"{"properties":{"\u0061\"":false}}"#, [#"{"a":1}"#],
            not: [#"{"a\"":1}"#, #"{"a\u0022":1}"#]),
        // Composed and decomposed are different names.
        Row(#"{"required":["\u00e9"]}"#, [#"{"é":1}"#], not: [#"{"e\u0301":1}"#]),
        Row(
            #"{"enum":[1,"1",null,[1,{"a":2}]]}"#,
            ["1", "1.0", "10e-1", #""1""#, "null", #"[1.0,{"a":2}]"#],
            not: ["2", "true", "[1]", #"[1,{"a":2,"b":3}]"#, #"[1,{"b":2}]"#]),
        Row(#"{"enum":[]}"#, [], not: ["1", "null"]),
        Row(
            #"{"const":{"a":1,"b":[true]}}"#, [#"{"b":[true],"a":1}"#],
            not: [#"{"a":1}"#, #"{"a":1,"b":[1]}"#]),
        Row(#"{"const":0.1}"#, ["0.1", "0.10", "1e-1"], not: ["0.1000000000000000000001"]),
        Row(#"{"const":"a\u0062"}"#, [#""ab""#, #""\u0061b""#], not: [#""a""#]),
        Row(#"{"items":{"type":"integer"}}"#, ["[]", "[1,2]", "{}"], not: [#"[1,""]"#]),
        Row(#"{"minItems":1,"maxItems":2.0}"#, ["[1]", "[1,2]", "1"], not: ["[]", "[1,2,3]"]),
        Row(
            #"{"minimum":0.3}"#, ["0.3", "0.30000000000000000001", "3e-1", "1e999", #""""#],
            not: ["0.29999999999999999999999", "-1", "0", "-1e999"]),
        Row(
            #"{"maximum":9007199254740993}"#, ["9007199254740993", "-1"],
            not: ["9007199254740994", "9007199254740993.01"]),
        Row(
            #"{"exclusiveMinimum":0,"exclusiveMaximum":1e-3}"#, ["0.0001"],
            not: ["0", "-0.0", "0.001", "1E-3"]),
        Row(
            #"{"minimum":-2,"maximum":-1}"#, ["-1", "-1.5", "-2.0"], not: ["-0.99", "-2.01", "1"]),
        Row(
            #"{"minLength":2,"maxLength":3}"#,
            [#""ab""#, #""üü""#, #""😀😀😀""#, #""\ud83d\ude00a""#, "1"],
            not: [#""a""#, #""😀""#, #""abcd""#, #""\u00fc""#]),
        Row(#"{"pattern":"^a+$"}"#, [#""a""#, #""\u0061a""#, "1"], not: [#""ab""#, #""""#]),
        Row(#"{"anyOf":[{"type":"string"},{"minimum":5}]}"#, [#""""#, "5", "null"], not: ["4"]),
        Row(#"{"allOf":[{"minimum":1},{"maximum":2}]}"#, ["1", "2"], not: ["0", "3"]),
        Row(#"{"not":{"type":"string"}}"#, ["1"], not: [#""""#]),
        Row(#"{"not":{"not":{"type":"string"}}}"#, [#""""#], not: ["1"]),
        Row(
            ##"{"$ref":"#/$defs/a~1b~0%25","$defs":{"a/b~%":{"type":"string"}},"maxLength":1}"##,
            [#""""#], not: ["1", #""ab""#]),
        Row(
            ##"{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","required":["v"],"additionalProperties":false,"properties":{"v":true,"next":{"items":{"$ref":"#/$defs/tree"}}}}}}"##,
            [#"{"v":1}"#, #"{"v":1,"next":[{"v":2},{"v":3,"next":[]}]}"#],
            not: [
                #"{"v":1,"next":[{"v":2},{}]}"#,
                #"{"v":1,"next":[{"v":2,"next":[{"v":1,"x":1}]}]}"#,
            ]),
        Row(
            #"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"","description":"d","$comment":"","default":1,"examples":[]}"#,
            ["1"], not: []),
    ]

    @Test(arguments: rows)
    func `takes what keeps to it and nothing else`(_ row: Row) throws {
        for text in row.valid { #expect(try Self.violations(row.schema, text) == [], "\(text)") }
        let schema = try Self.compile(row.schema)
        var parser = JSONParser()
        for text in row.invalid {
            #expect(try Self.violations(row.schema, text) != [], "\(text)")
            #expect(try !parser.parse(Array(text.utf8)) { schema.isValid($0) }, "\(text)")
        }
    }

    @Test func `names every violation with both places and the reason`() throws {
        let schema = ##"""
            {"type":"object","required":["event","a/b"],"additionalProperties":false,
             "properties":{"event":{"enum":["x"]},"a/b":{"type":"array","items":{"$ref":"#/$defs/n"}},
              "s":{"minLength":2,"pattern":"^z","not":{"const":"a"}},"o":{"anyOf":[false,{"const":1}]}},
             "$defs":{"n":{"type":"integer","minimum":1,"exclusiveMaximum":9}}}
            """##
        let found = try Self.violations(
            schema, #"{"extra":1,"a/b":[1,"x",0,9],"s":"a","o":2,"~":null}"#)
        #expect(
            found.map(\.description) == [
                "/extra is not expected (/additionalProperties)",
                "/a~1b/1 is not of type integer (/$defs/n/type)",
                "/a~1b/2 is too small (/$defs/n/minimum)",
                "/a~1b/3 is too large (/$defs/n/exclusiveMaximum)",
                "/s is too short (/properties/s/minLength)",
                "/s does not match the pattern (/properties/s/pattern)",
                "/s is what must not be (/properties/s/not)",
                "/o fits none of the alternatives (/properties/o/anyOf)",
                "/~0 is not expected (/additionalProperties)",
                "the value lacks event (/required)",
            ])
        #expect(try Self.violations(schema, "[]").map(\.reason) == [.wrongType(expected: .object)])
        let first = try Self.violations(schema, #"{"a":1,"b":2,"c":3}"#, limit: 2)
        #expect(first.map(\.instancePath) == ["/a", "/b"])
    }

    @Test(
        arguments: [
            ("5", "", .notASchema), ("[]", "", .notASchema),
            (#"{"format":"email"}"#, "/format", .unsupportedKeyword),
            (
                #"{"properties":{"a/b":{"patternProperties":{}}}}"#,
                "/properties/a~1b/patternProperties",
                .unsupportedKeyword
            ),
            (#"{"anyOf":[true,{"oneOf":[]}]}"#, "/anyOf/1/oneOf", .unsupportedKeyword),
            (#"{"items":{"$defs":{}}}"#, "/items/$defs", .unsupportedKeyword),
            (#"{"items":{"$schema":"x"}}"#, "/items/$schema", .unsupportedKeyword),
            (
                #"{"$schema":"http://json-schema.org/draft-07/schema#"}"#, "/$schema",
                .unknownDialect
            ),
            (#"{"type":"float"}"#, "/type", .unknownType), (#"{"type":5}"#, "/type", .illTyped),
            (#"{"type":[]}"#, "/type", .badList), (#"{"type":["null","null"]}"#, "/type", .badList),
            (#"{"properties":[]}"#, "/properties", .illTyped),
            (#"{"properties":{"a":1}}"#, "/properties/a", .notASchema),
            (#"{"required":{}}"#, "/required", .illTyped),
            (#"{"required":[1]}"#, "/required", .illTyped),
            (#"{"required":["a","a"]}"#, "/required", .badList),
            (#"{"additionalProperties":null}"#, "/additionalProperties", .notASchema),
            (#"{"enum":1}"#, "/enum", .illTyped), (#"{"items":[true]}"#, "/items", .notASchema),
            (#"{"minimum":"1"}"#, "/minimum", .illTyped),
            (#"{"minLength":-1}"#, "/minLength", .illTyped),
            (#"{"maxItems":1.5}"#, "/maxItems", .illTyped),
            (#"{"maxLength":1e30}"#, "/maxLength", .illTyped),
            (#"{"pattern":5}"#, "/pattern", .illTyped),
            (
                #"{"pattern":"a("}"#, "/pattern",
                .badPattern(PatternError(position: 1, problem: .unbalanced))
            ),
            (#"{"anyOf":[]}"#, "/anyOf", .badList), (#"{"allOf":{}}"#, "/allOf", .illTyped),
            (#"{"not":1}"#, "/not", .notASchema), (#"{"title":1}"#, "/title", .illTyped),
            (##"{"$ref":"#/$defs/x"}"##, "/$ref", .unknownReference),
            (##"{"items":{"$ref":"#"}}"##, "/items/$ref", .badReference),
            (##"{"$ref":"#/properties/a"}"##, "/$ref", .badReference),
            (##"{"$ref":"#/$defs/a/items"}"##, "/$ref", .badReference),
            (##"{"$ref":"#/$defs/~2"}"##, "/$ref", .badReference),
            (##"{"$ref":"#/$defs/%4"}"##, "/$ref", .badReference),
            (##"{"$ref":"other.json#/$defs/a"}"##, "/$ref", .badReference),
            (##"{"$defs":{"a":{"$ref":"#/$defs/a"}}}"##, "/$defs/a", .cycle),
            (
                ##"{"$defs":{"a":{"not":{"$ref":"#/$defs/b"}},"b":{"allOf":[{"$ref":"#/$defs/a"}]}}}"##,
                "/$defs/a", .cycle
            ),
        ] as [(String, String, SchemaError.Problem)])
    func `that is not taken is refused with its place`(_ row: (String, String, SchemaError.Problem))
    {
        #expect(throws: SchemaError(pointer: row.1, problem: row.2)) { try Self.compile(row.0) }
    }

    @Test func `too deep, or too long in references, is refused`() {
        let deep =
            String(repeating: #"{"not":"#, count: 64) + "true" + String(repeating: "}", count: 64)
        #expect { try Self.compile(deep) } throws: { ($0 as? SchemaError)?.problem == .tooLarge }
        let chain = (0..<100).map { ##""d\##($0)":{"$ref":"#/$defs/d\##($0 + 1)"}"## }
            .joined(separator: ",")
        #expect { try Self.compile(##"{"$defs":{\##(chain),"d100":true}}"##) } throws: {
            ($0 as? SchemaError)?.problem == .tooLarge
        }
    }

    /// 28 doublings: each definition asks twice for the next one.
    private static let doublings: String = {
        let steps = (0..<28).map { step in
            let next = ##"{"$ref":"#/$defs/d\##(step + 1)"}"##
            return #""d\#(step)":{"allOf":[\#(next),\#(next)]}"#
        }
        return #""$defs":{\#(steps.joined(separator: ",")),"d28":{"type":"integer"}}"#
    }()

    @Test func `that doubles its work at every step ends in a refusal of the value`() throws {
        let expensive = [SchemaViolation(instancePath: "", schemaPath: "", reason: .tooExpensive)]
        let whole = ##"{"$ref":"#/$defs/d0",\##(Self.doublings)}"##
        #expect(try Self.violations(whole, "1") == expensive)
        // Nor does "not" make a value valid that nobody could afford to check.
        let negated = ##"{"not":{"$ref":"#/$defs/d0"},\##(Self.doublings)}"##
        #expect(try Self.violations(negated, "1") == expensive)
        let affordable = ##"{"$ref":"#/$defs/d12",\##(Self.doublings)}"##
        #expect(try Self.violations(affordable, "1") == [])
    }

    @Test func `with a pattern does not run it over a text that it cannot afford`() throws {
        let schema = #"{"pattern":"^(a{0,100}b{0,100}){9}$"}"#
        let text = "\"" + String(repeating: "a", count: 1 << 20) + "\""
        #expect(try Self.violations(schema, text).map(\.reason) == [.tooExpensive])
    }

    @Test func `walks values as deep as the parser takes them`() throws {
        let schema = try Self.compile(
            ##"{"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#/$defs/a"}}}}"##)
        for (depth, isValid) in [(400, true), (999, false)] {
            var parser = JSONParser(limits: JSONLimits(maximumDepth: 1_000))
            let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            try parser.parse(Array(text.utf8)) { #expect(schema.isValid($0) == isValid) }
        }
    }
}
