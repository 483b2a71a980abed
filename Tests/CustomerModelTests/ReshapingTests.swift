import CustomerModel
import Hashing
import JSONText
import Testing

private func path(_ text: String) -> FieldPath {
    FieldPath(names: text.split(separator: ".").map(String.init))
}

private func transform(_ path: String, _ act: Transformation.Act) -> Transformation {
    Transformation(path: CustomerModelTests.path(path), act: act)
}

/// What leaves of a track's properties, and which fields of them are told to have left.
private func reshape(
    _ properties: String, _ transformations: [Transformation], stripped: [String] = [],
    fields: FieldList = .all
) throws -> (text: String?, fields: [String]) {
    var parser = JSONParser()
    let line =
        #"{"body":{"type":"track","event":"E","messageId":"m","properties":\#(properties)}}"#
    return try parser.parse(Array(line.utf8)) { view in
        let made = EventBody.read(line: view) { body in
            Rendering.event(
                id: "0", event: body,
                occurred: Timestamp(microseconds: 0), received: Timestamp(microseconds: 0),
                rule: EventRule(
                    selector: EventSelector(type: .track, name: nil), fields: fields,
                    context: .none, transformations: transformations),
                identifiers: [], stripped: stripped.map(path))
        }
        let rendered = try #require(made ?? nil)
        let value = try JSONValue(parsing: rendered.bytes)
        return (value["properties"]?.text, rendered.fields)
    }
}

@Suite struct `A transformation` {
    @Test func `drops, renames and sets, in the order of the rule`() throws {
        let (text, fields) = try reshape(
            #"{"a":1,"b":{"c":"x","d":2},"e":1.50}"#,
            [
                transform("properties.b.d", .drop),
                transform("properties.a", .rename(to: "e")),
                transform("properties.e", .rename(to: "f")),
                transform("properties.n.channel", .set(.text("web"))),
            ], fields: .listed([path("a"), path("b.c"), path("b.d"), path("e")]))
        #expect(text == #"{"b":{"c":"x"},"f":1,"n":{"channel":"web"}}"#)
        #expect(fields == ["properties.b.c", "properties.f", "properties.n.channel"])
    }

    @Test func `hashes the normal form of a text`() throws {
        let hash = SHA256.of("ada@example.com").hex
        let (text, _) = try reshape(
            #"{"mail":" Ada@Example.COM ","bad":"nobody","phone":"+49 (30) 1234567","n":12}"#,
            [
                transform("properties.mail", .hash(.email)),
                transform("properties.bad", .hash(.email)),
                transform("properties.phone", .hash(.phone)),
                transform("properties.n", .hash(.none)),
            ])
        #expect(
            text
                == #"{"mail":"\#(hash)","phone":"\#(SHA256.of("+49301234567").hex)","n":"\#(SHA256.of("12").hex)"}"#
        )
    }

    @Test func `masks and cuts by characters, and keeps no more than it says`() throws {
        let (text, _) = try reshape(
            #"{"card":"4111222233334444","short":"12","long":"äöü\u0000x","num":123456}"#,
            [
                transform("properties.card", .mask(keep: 4)),
                transform("properties.short", .mask(keep: 4)),
                transform("properties.long", .truncate(to: 2)),
                transform("properties.num", .truncate(to: 3)),
            ])
        #expect(text == #"{"card":"***4444","short":"***","long":"äö"}"#)
    }

    @Test(arguments: [Transformation.Act.hash(.none), .mask(keep: 2), .truncate(to: 3)])
    func `lets nothing out that it cannot hide`(_ act: Transformation.Act) throws {
        for value in ["{\"x\":\"secret\"}", "true", "null", "[{\"x\":\"secret\"}]"] {
            let (text, fields) = try reshape(
                #"{"a":\#(value),"b":1}"#, [transform("properties.a", act)])
            #expect(text?.contains("secret") == false, "\(value)")
            #expect(text == #"{"b":1}"# || text == #"{"a":[],"b":1}"#, "\(value)")
            #expect(value.hasPrefix("[") || fields == ["properties.b"])
        }
    }

    @Test func `goes through lists to every element`() throws {
        let (text, _) = try reshape(
            #"{"items":[{"mail":"a@b.example","n":1},[{"mail":"c@d.example"}],7,{"n":2}]}"#,
            [transform("properties.items.mail", .drop)])
        #expect(text == #"{"items":[{"n":1},[{}],7,{"n":2}]}"#)
        let hashed = try reshape(
            #"{"mails":["a@b.example","x"]}"#, [transform("properties.mails", .hash(.email))])
        #expect(hashed.text == #"{"mails":["\#(SHA256.of("a@b.example").hex)"]}"#)
    }

    @Test func `is the same for the same event, however large or odd its text`() throws {
        let huge = String(repeating: "x\\u00e4", count: 200_000)
        let properties = #"{"t":"\#(huge)","a.b":{"c":1},"":{"":2},"n":-0.10e5}"#
        let rules = [
            transform("properties.t", .truncate(to: 5)), transform("properties.a.b", .drop),
            transform("properties.missing.deep.path", .drop),
            transform("properties.n.x", .set(.bool(true))),
        ]
        let first = try reshape(properties, rules)
        let second = try reshape(properties, rules)
        #expect(first.text == second.text)
        // The name "a.b" is no path, and what left is told.
        #expect(first.text == #"{"t":"xäxäx","a.b":{"c":1},"":{"":2},"n":-0.10e5}"#)
        #expect(first.fields.contains("properties.a.b"))
    }

    @Test func `leaves no object where nothing remains`() throws {
        let (text, fields) = try reshape(#"{"a":1}"#, [transform("properties.a", .drop)])
        #expect(text == nil)
        #expect(fields == [])
    }

    @Test func `comes after what a tracking plan strips`() throws {
        let (text, fields) = try reshape(
            #"{"a":1,"b":2}"#, [transform("properties.b", .rename(to: "a"))],
            stripped: ["properties.a"])
        #expect(text == #"{"a":2}"#)
        #expect(fields == ["properties.a"])
    }
}

@Suite struct `A comparison of text and time` {
    @Test(arguments: [
        (Comparison.startsWith("go"), #""gold""#, true), (.startsWith("old"), #""gold""#, false),
        (.endsWith("old"), #""gold""#, true), (.endsWith("go"), #""gold""#, false),
        (.contains(.text("ol")), #""gold""#, true), (.contains(.text("lo")), #""gold""#, false),
        (.contains(.text("gold")), #"["free","gold"]"#, true),
        (.contains(.text("ol")), #"["gold"]"#, false),
        (.contains(.number(Amount(1))), "[1.0]", true),
        (.startsWith("1"), "12", false), (.before(0), #""1969-12-31T23:59:59Z""#, true),
        (.before(0), #""1970-01-01T00:00:00Z""#, false),
        (.after(0), #""1970-01-01T00:00:01Z""#, true),
        (.after(0), "5", false), (.withinLast(2_000_000), #""1970-01-01T00:00:01Z""#, true),
        (.withinLast(1_000_000), #""1970-01-01T00:00:01Z""#, false),
        (.withinLast(9_000_000), #""1970-01-01T00:00:04Z""#, false),
    ])
    func `holds or does not`(_ comparison: Comparison, _ token: String, _ holds: Bool) {
        #expect(comparison.matches(token: Array(token.utf8), received: 3_000_000) == holds)
    }

    @Test func `has a pattern that takes linear time, and no moment outside a filter`() throws {
        let pattern = Comparison.matches(try TextPattern("^(a+)+$"))
        #expect(pattern.matches(token: Array(#""aaa""#.utf8)))
        #expect(
            !pattern.matches(token: Array("\"\(String(repeating: "a", count: 50_000))b\"".utf8)))
        #expect(!Comparison.withinLast(1).matches(token: Array(#""1970-01-01T00:00:00Z""#.utf8)))
    }
}
