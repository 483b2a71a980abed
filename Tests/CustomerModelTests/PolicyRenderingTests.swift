import CustomerModel
import JSONText
import Testing

/// Renders one line's event; nil stands for an event that cannot be rendered.
private func render(
    _ line: String, rule: EventRule, identifiers: [OutgoingIdentifier] = []
) throws -> Rendered? {
    var parser = JSONParser()
    return try parser.parse(Array(line.utf8)) { view in
        try #require(
            EventBody.read(line: view) { body in
                Rendering.event(
                    id: "0a1b", event: body,
                    occurred: Timestamp(microseconds: 1_773_500_966_535_000),
                    received: Timestamp(microseconds: 1_773_500_967_000_001), rule: rule,
                    identifiers: identifiers)
            })
    }
}

private func paths(_ texts: String...) -> FieldList {
    .listed(texts.map { FieldPath(names: $0.split(separator: ".").map(String.init)) })
}

private func rule(_ type: EventType, fields: FieldList, context: FieldList = .none) -> EventRule {
    EventRule(selector: EventSelector(type: type, name: nil), fields: fields, context: context)
}

@Suite struct `A rendering` {
    private static let head =
        #""occurred":"2026-03-14T15:09:26.535000Z","received":"2026-03-14T15:09:27.000001Z","#

    @Test func `holds what is listed and nothing else, byte for byte and in the client's order`()
        throws
    {
        let line = #"""
            {"type":"track","context":{"page":{"url":"/shared"},"locale":"de"},"body":{"event":"Order \u0043ompleted",
            "messageId":"m1","userId":"u1","secret":1,"properties":{"revenue":10.50,"note":"x","products":[ {"sku": "a"} ],
            "deep":{"a":1e2,"b":2},"order_id":"A\/1"},"context":{"page":{"referrer":"r"},"ip":"1.2.3.4"}}}
            """#
        let rendered = try #require(
            try render(
                line,
                rule: rule(
                    .track,
                    fields: paths("order_id", "revenue", "products", "deep.a", "absent", "note.x"),
                    context: paths("page.url", "page.referrer", "locale")),
                identifiers: [
                    OutgoingIdentifier(type: "user_id", value: "u1"),
                    OutgoingIdentifier(type: "email", value: "a@b.example"),
                    OutgoingIdentifier(type: "email", value: "c@d.example"),
                ]))
        #expect(
            String(decoding: rendered.bytes, as: UTF8.self)
                == #"{"id":"0a1b","type":"track","event":"Order \u0043ompleted","messageId":"m1","#
                + Self.head
                + #""identifiers":{"user_id":"u1","email":["a@b.example","c@d.example"]},"#
                + #""properties":{"revenue":10.50,"products":[{"sku":"a"}],"deep":{"a":1e2},"order_id":"A\/1"},"#
                + #""context":{"page":{"referrer":"r"},"locale":"de"}}"#)
        #expect(
            rendered.fields == [
                "context.locale", "context.page.referrer", "properties.deep.a",
                "properties.order_id", "properties.products", "properties.revenue",
            ])
        #expect(rendered.identifierTypes == ["user_id", "email", "email"])
    }

    @Test func `P4: lets out no property whose name begins, or goes on, as a listed one does`()
        throws
    {
        let line =
            #"{"body":{"type":"track","event":"x","messageId":"m","properties":{"order":1,"order_id":2,"order_id2":3,"a":{"b":4,"bc":5}}}}"#
        let rendered = try #require(
            try render(line, rule: rule(.track, fields: paths("order_id", "a.b"))))
        #expect(rendered.fields == ["properties.a.b", "properties.order_id"])
        #expect(
            String(decoding: rendered.bytes, as: UTF8.self)
                .hasSuffix(#""properties":{"order_id":2,"a":{"b":4}}}"#))
    }

    @Test func `of everything names the top-level fields`() throws {
        let line = #"{"body":{"type":"identify","messageId":"m","traits":{"b":{"c":1},"a":[]}}}"#
        let rendered = try #require(
            try render(line, rule: rule(.identify, fields: .all, context: .all)))
        #expect(
            String(decoding: rendered.bytes, as: UTF8.self)
                == #"{"id":"0a1b","type":"identify","messageId":"m","# + Self.head
                + #""identifiers":{},"traits":{"b":{"c":1},"a":[]}}"#)
        #expect(rendered.fields == ["traits.a", "traits.b"])
    }

    @Test
    func `leaves out an object that nothing of it remains in, and arrays on the way of a path`()
        throws
    {
        let line =
            #"{"body":{"type":"page","name":"Home","messageId":"m","properties":{"a":{"b":{"c":1}},"d":[{"e":1}],"f":null}}}"#
        let rendered = try #require(
            try render(line, rule: rule(.page, fields: paths("a.b.x", "d.e", "g"))))
        #expect(
            String(decoding: rendered.bytes, as: UTF8.self)
                == #"{"id":"0a1b","type":"page","name":"Home","messageId":"m","#
                + String(Self.head.dropLast()) + #","identifiers":{}}"#)
        #expect(rendered.fields.isEmpty)
    }

    @Test func `is made of no event without a type or a message id`() throws {
        #expect(try render(#"{"body":{"type":"track"}}"#, rule: rule(.track, fields: .all)) == nil)
        #expect(try render(#"{"body":{"messageId":"m"}}"#, rule: rule(.track, fields: .all)) == nil)
    }

    @Test func `of a membership says who, which audience and which way`() {
        let rendered = Rendering.membership(
            id: "0a", audience: "big", change: .exited, at: Timestamp(microseconds: 0),
            identifiers: [OutgoingIdentifier(type: "email", value: "a\"b@c.example")])
        #expect(
            String(decoding: rendered.bytes, as: UTF8.self)
                == #"{"id":"0a","type":"audience","audience":"big","change":"exited","#
                + #""at":"1970-01-01T00:00:00.000000Z","identifiers":{"email":"a\"b@c.example"}}"#)
    }

    @Test(arguments: 0..<400)
    func `P4: lets out exactly the listed leaves of any event`(_ seed: Int) throws {
        var random = SeededEvents(seed: UInt64(seed))
        let fields = random.fieldList()
        let context = random.fieldList()
        let properties = random.object(depth: 0)
        let own = random.object(depth: 1)
        let shared = random.object(depth: 1)
        let line =
            #"{"type":"track","context":\#(shared),"body":{"event":"e","messageId":"m","x":{"a":1},"#
            + #""context":\#(own),"properties":\#(properties)}}"#
        let eventRule = rule(.track, fields: fields, context: context)
        let rendered = try #require(try render(line, rule: eventRule))
        #expect(try render(line, rule: eventRule) == rendered)

        var parser = JSONParser()
        let sent = try parser.parse(rendered.bytes) { out in
            (Leaves(of: out["properties"]), Leaves(of: out["context"]))
        }
        let known = try parser.parse(Array(line.utf8)) { view in
            let body = view["body"]
            return (
                Leaves(of: body?["properties"]),
                Leaves(of: body?["context"]).merged(over: Leaves(of: view["context"]))
            )
        }
        let allowed = (known.0.allowed(by: fields), known.1.allowed(by: context))
        #expect(sent.0 == allowed.0, "\(fields) of \(properties)")
        #expect(sent.1 == allowed.1, "\(context) of \(own) over \(shared)")
        let reported =
            allowed.0.reported(by: fields, under: "properties")
            .union(allowed.1.reported(by: context, under: "context"))
        #expect(Set(rendered.fields) == reported)
        #expect(rendered.fields == rendered.fields.sorted())
    }
}

@Suite struct `E5: two field lists` {
    @Test func `let out together no more than either`() {
        #expect(FieldList.all.intersection(paths("a")) == paths("a"))
        #expect(paths("a").intersection(.all) == paths("a"))
        #expect(FieldList.none.intersection(.all) == .none)
        #expect(paths("a", "b.c", "d").intersection(paths("a.x", "b", "e")) == paths("a.x", "b.c"))
        #expect(paths("a").intersection(paths("ab")) == .none)
    }

    @Test(arguments: 0..<200)
    func `let out together exactly what both let out`(_ seed: Int) throws {
        var random = SeededEvents(seed: UInt64(seed))
        let (a, b) = (random.fieldList(), random.fieldList())
        var parser = JSONParser()
        let leaves = try parser.parse(Array(random.object(depth: 0).utf8)) { Leaves(of: $0) }
        #expect(leaves.allowed(by: a.intersection(b)) == leaves.allowed(by: a).allowed(by: b))
    }
}

/// The leaves of an object: each path through objects, and the token that stands there. Arrays and empty
/// objects are leaves.
private struct Leaves: Equatable {
    var tokens: [[String]: [UInt8]] = [:]

    init(of view: JSONView?) {
        if let view { add(view, at: []) }
    }

    private mutating func add(_ view: JSONView, at path: [String]) {
        guard view.kind == .object, view.count > 0 else {
            var token: [UInt8] = []
            view.writeMinified(into: &token)
            // An empty root holds nothing.
            if !path.isEmpty { tokens[path] = token }
            return
        }
        view.forEachMember { key, value in
            if let name = key.string { add(value, at: path + [name]) }
        }
    }

    func merged(over other: Leaves) -> Leaves {
        let own = Set(tokens.keys.map { $0[0] })
        var merged = self
        for (path, token) in other.tokens where !own.contains(path[0]) {
            merged.tokens[path] = token
        }
        return merged
    }

    func allowed(by list: FieldList) -> Leaves {
        var kept = self
        kept.tokens = tokens.filter { path, _ in
            switch list {
            case .none: false
            case .all: true
            case .listed(let paths): paths.contains { path.starts(with: $0.names) }
            }
        }
        return kept
    }

    func reported(by list: FieldList, under root: String) -> Set<String> {
        Set(
            tokens.keys.map { path in
                guard case .listed(let paths) = list else { return "\(root).\(path[0])" }
                let covering = paths.filter { path.starts(with: $0.names) }.map(\.names.count)
                return ([root] + path.prefix(covering.min() ?? 0)).joined(separator: ".")
            })
    }
}

/// Events and field lists from a seed. Names repeat, so that lists and events meet.
private struct SeededEvents {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    private mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(bound))
    }

    /// As JSON writes them, and as they read.
    private static let names: [(text: String, name: String)] = [
        ("a", "a"), (#"\u0062"#, "b"), ("c", "c"), (#"q\"x"#, "q\"x"), ("ü", "ü"), ("", ""),
    ]
    private static let tokens = [
        "1", "-0.10", "1E+2", "null", "true", #""x""#, #""\u0041""#, "[]", #"[ {"a": 1}, [2] ]"#,
        "{}",
    ]

    mutating func object(depth: Int) -> String {
        var members: [String] = []
        for (text, _) in Self.names where next(3) > 0 {
            let isNested = depth < 3 && next(3) == 0
            let value = isNested ? object(depth: depth + 1) : Self.tokens[next(Self.tokens.count)]
            members.append("\"\(text)\" : \(value)")
        }
        return "{\(members.joined(separator: ",\n"))}"
    }

    mutating func fieldList() -> FieldList {
        switch next(8) {
        case 0: return .none
        case 1: return .all
        default:
            return .listed(
                (0...next(5)).map { _ in
                    FieldPath(names: (0...next(3)).map { _ in Self.names[next(5)].name })
                })
        }
    }
}
