import PolicyText
import Testing

/// One way to spoil the small policy, and what must be said of it.
struct Spoilt: Sendable, CustomTestStringConvertible {
    var piece: String
    var other: String
    var problem: String
    init(_ piece: String, _ other: String, _ problem: String) {
        (self.piece, self.other, self.problem) = (piece, other, problem)
    }
    var testDescription: String { problem }

    static let structure: [Spoilt] = [
        Spoilt(
            "purposes:\n  ana", "purpose:\n  ana",
            "6:1: unknown key `purpose` in the policy; did you mean `purposes`?"),
        Spoilt("policy: small\n", "", "1:1: the policy has no name; begin with `policy: NAME`"),
        Spoilt("policy: small", "policy: [small]", "1:9: `policy` must be text, not a list"),
        Spoilt(
            "policy: small", "policy: 5mall",
            "1:9: the policy's name must be a letter and then up to 63 letters, digits, `_`, `-` or `.`"
        ),
        Spoilt("policy: small", "policy:", "1:8: `policy` must be text, not nothing"),
        Spoilt(
            "    file: warehouse.ndjson\n",
            "    file: warehouse.ndjson\n    purposes: [analytics]\n",
            "15:5: `purposes` stands twice in one mapping; keep one; the first is here"),
        Spoilt(
            "    file: warehouse.ndjson\n", "  file: warehouse.ndjson\n",
            "15:13: no valid YAML: mapping values are not allowed in this context; look at the indentation, and put text with `: `, ` #` or a leading `*`, `&`, `@` in quotes"
        ),
        Spoilt(
            "{ segment: [Analytics] }", "&a { segment: [Analytics] }",
            "7:14: an anchor (`&name`) is not taken in a policy; write the value out; in text or a comment put a space after the `&`"
        ),
        Spoilt(
            "[analytics]", "*a",
            "15:15: an alias (`*name`) is not taken in a policy; write the value out; text that begins with `*` goes in quotes"
        ),
        Spoilt(
            "policy: small", "policy: !name small",
            "1:9: a tag (`!name`) is not taken in a policy; put text that begins with `!` in quotes"
        ),
        Spoilt(
            "policy: small", "policy: small\n---\npolicy: other",
            "2:1: a policy is one YAML document; here begins a second"),
        Spoilt(
            "purposes: [analytics]", "purposes: analytics",
            "15:15: `purposes` must be a list, not a single value; write `[…]` or lines with `- `"),
        Spoilt(
            "  warehouse:\n", "  ware house:\n",
            "12:3: a destination's name must be a letter and then up to 63 letters, digits, `_`, `-` or `.`"
        ),
    ]

    static let identity: [Spoilt] = [
        Spoilt("limit: 1", "limit: 0", "4:31: `limit` must be a whole number from 1 to 100000"),
        Spoilt("limit: 1", "limit: \"1\"", "4:31: `limit` must be a whole number from 1 to 100000"),
        Spoilt(
            "limit: 1", "limit: 999999999999999999999",
            "4:31: `limit` must be a whole number from 1 to 100000"),
        Spoilt(
            "limit: 1", "limit: 1, window: 7 days",
            "4:42: `window` must be a length of time from 1s to 36525d; write a whole number and a unit: `90s`, `15m`, `24h`, `30d`, `52w`"
        ),
        Spoilt("limit: 1", "window: 7d", "4:24: `window` of `user_id` has no `limit` to go with"),
        Spoilt(
            "normalise: email", "normalise: e-mail",
            "5:33: `normalise` cannot be `e-mail`; did you mean `email`?"),
        Spoilt(
            "normalise: email", "normalize: email",
            "5:22: unknown key `normalize` in an identifier type; did you mean `normalise`?"),
        Spoilt(
            "normalise: email", "paths: [trait.mail]",
            "5:30: a message has no field `trait`; did you mean `traits`?"),
        Spoilt(
            "type: email", "type: user_id",
            "5:15: identifier type `user_id` is listed twice; its place is its strength"),
        Spoilt(
            "purposes:\n  ana", "  block:\n    - { value: x, prefix: y }\npurposes:\n  ana",
            "7:7: an entry of `block` needs exactly one of `value`, `only`, `prefix`, `suffix`, `pattern`"
        ),
        Spoilt(
            "purposes:\n  ana", "  block:\n    - { pattern: \"a(\" }\npurposes:\n  ana",
            "7:18: `pattern` cannot be read: an unbalanced bracket at character 1"),
        Spoilt(
            "normalise: email", "normalise: { phone: \"+49\" }",
            "5:42: `phone` must be a calling code of one to three digits; write it without `+`, as in `phone: \"49\"`"
        ),
        Spoilt(
            "normalise: email", "normalise: { fone: \"49\" }",
            "5:35: unknown key `fone` in `normalise`; known are `phone`"),
        Spoilt(
            "purposes:\n  ana", "  burst: { knownProfiles: 3 }\npurposes:\n  ana",
            "6:10: `burst` needs `knownProfiles` and `within`; as in `burst: { knownProfiles: 3, within: 1d }`"
        ),
        Spoilt(
            "purposes:\n  ana", "  burst: { knownProfiles: 0, within: 1d }\npurposes:\n  ana",
            "6:27: `knownProfiles` must be a whole number from 1 to 10000"),
        Spoilt(
            "purposes:\n  ana", "  block:\n    - { value: x, type: emial }\npurposes:\n  ana",
            "7:25: unknown identifier type `emial`; did you mean `email`?"),
        Spoilt(
            "purposes:\n  ana", "consent: { resolve: strict }\npurposes:\n  ana",
            "6:21: `resolve` cannot be `strict`; did you mean `strictest`?"),
        Spoilt(
            "{ segment: [Analytics] }", "{ segments: [Analytics] }",
            "7:16: unknown key `segments` in purpose `analytics`; did you mean `segment`?"),
        Spoilt(
            "{ segment: [Analytics] }", "{ basis: consnet }",
            "7:23: `basis` cannot be `consnet`; did you mean `consent`?"),
        Spoilt(
            "{ segment: [Analytics] }", "{ deniedByGPC: yes }",
            "7:29: `deniedByGPC` must be `true` or `false`"),
    ]

    static let destinations: [Spoilt] = [
        Spoilt(
            "purposes: [analytics]", "purposes: [analytic]",
            "15:16: unknown purpose `analytic`; did you mean `analytics`?"),
        Spoilt(
            "    file:", "    audiences: [buyer]\n    file:",
            "14:17: unknown audience `buyer`; did you mean `buyers`?"),
        Spoilt(
            "    file:", "    identifiers: [userId]\n    file:",
            "14:19: unknown identifier type `userId`; did you mean `user_id`?"),
        Spoilt(
            "    file:", "    requires: [phone]\n    file:",
            "14:16: unknown identifier type `phone`; known are `user_id`, `email`"),
        Spoilt(
            "    recipient: Example Warehouse Ltd\n", "",
            "12:3: destination `warehouse` has no `recipient`; write the recipient's legal name: auditors read it"
        ),
        Spoilt(
            "    file: warehouse.ndjson\n", "",
            "12:3: destination `warehouse` has neither `file` nor `webhook`; say where it is"),
        Spoilt(
            "    file:", "    webhook: { url: \"https://a.example\", secret: s }\n    file:",
            "14:5: destination `warehouse` has both `file` and `webhook`; keep one"),
        Spoilt(
            "file: warehouse.ndjson", "file: /etc/passwd",
            "14:11: `file` must be a path under the outputs' directory, no name in it empty or with a leading dot; write it as in `warehouse.ndjson`"
        ),
        Spoilt(
            "file: warehouse.ndjson", "file: a/../../b",
            "14:11: `file` must be a path under the outputs' directory, no name in it empty or with a leading dot; write it as in `warehouse.ndjson`"
        ),
        Spoilt(
            "file: warehouse.ndjson", "webhook: { url: \"http://ads.example.com/in\", secret: s }",
            "14:21: `url` would send personal data unencrypted; use `https://`; `http://` is for loopback and private addresses only"
        ),
        Spoilt(
            "file: warehouse.ndjson",
            "webhook: { url: \"http://127.0.0.1.example.com/\", secret: s }",
            "14:21: `url` would send personal data unencrypted; use `https://`; `http://` is for loopback and private addresses only"
        ),
        Spoilt(
            "file: warehouse.ndjson", "webhook: { url: \"ftp://example.com\", secret: s }",
            "14:21: `url` must be an `https://` URL without user name and fragment; write it as in `https://example.com/events`"
        ),
        Spoilt(
            "file: warehouse.ndjson", "webhook: { url: \"https://example.com\" }",
            "14:14: `webhook` needs `url` and `secret`; `secret` is a name in secrets.yaml"),
        Spoilt(
            "file: warehouse.ndjson",
            "webhook: { url: \"https://a.example\", secret: s, unknown: some }",
            "14:62: `unknown` must be `idempotent` or `none`; `idempotent`: the receiver takes a repeated id once; `none`: it does not, and an operator settles what may have arrived"
        ),
        Spoilt(
            "    file:", "    sample: 0%\n    file:",
            "14:13: `sample` must be more than 0% and at most 100%, with at most four decimals; write it as in `10%`"
        ),
        Spoilt(
            "    file:", "    sample: 0.00001%\n    file:",
            "14:13: `sample` must be more than 0% and at most 100%, with at most four decimals; write it as in `10%`"
        ),
        Spoilt(
            "    file:", "    batch: 1e9\n    file:",
            "14:12: `batch` must be a whole number from 1 to 1000"),
        Spoilt(
            "    file:", "    epoch: -1\n    file:",
            "14:12: `epoch` must be a whole number from 1 to 1000000"),
        Spoilt("    file:", "    timeout: 10m\n    file:", "14:14: `timeout` must be at most 120s"),
        Spoilt(
            "    file:", "    maximumAge: 9999999999999999999d\n    file:",
            "14:17: `maximumAge` must be a length of time from 1s to 36525d; write a whole number and a unit: `90s`, `15m`, `24h`, `30d`, `52w`"
        ),
        Spoilt(
            "    file:", "    enabled: on\n    file:", "14:14: `enabled` must be `true` or `false`"),
        Spoilt(
            "    file:", "    audiences: [buyers]\n    file:",
            "14:5: destination `warehouse` is told of audiences but gets no `identifiers`; list the types by which it knows people"
        ),
        Spoilt(
            "    file:", "    sources: []\n    file:",
            "14:14: `sources` lists none; write `all`, or disable the destination"),
    ]

    static let events: [Spoilt] = [
        Spoilt(
            "- track: Order Completed", "- tarck: Order Completed",
            "17:9: unknown key `tarck` in an event rule; did you mean `track`?"),
        Spoilt(
            "- track: Order Completed", "- event: Order Completed",
            "17:9: unknown key `event` in an event rule; it is called `track`"),
        Spoilt(
            "- track: Order Completed", "- track:",
            "17:15: `track` names no event; write `\"*\"` if every one is meant"),
        Spoilt(
            "- track: Order Completed", "- identify: {}",
            "18:9: `identify` has no `properties`; its own fields are `traits`"),
        Spoilt(
            "- track: Order Completed", "- group: Acme",
            "17:16: `group` has no names to choose from; write `group: {}`, with what may leave beside it"
        ),
        Spoilt(
            "- track: Order Completed", "- track: \"*\"\n      - track: Order Completed",
            "18:9: this rule is never reached: one above it already matches these events; the first match counts; put rules for one name above `\"*\"`"
        ),
        Spoilt(
            "[order_id]", "everything",
            "18:21: `properties` must be a list of fields, or `all`; an event's other fields stay here either way"
        ),
        Spoilt(
            "[order_id]", "[properties.order_id]",
            "18:22: a field under `properties` begins inside it; leave `properties.` out: `order_id`"
        ),
        Spoilt(
            "[order_id]", "[products.0., a]",
            "18:22: a field must be 1 to 16 names with dots between, not `products.0.`"),
        Spoilt(
            "[order_id]", "[\"products[0].sku\"]",
            "18:22: a field cannot reach into a list or stand for many names: `products[0].sku`; name the whole list, or each field"
        ),
        Spoilt(
            "[order_id]", "[order_id, order_id]", "18:32: `order_id` stands twice in `properties`"),
    ]

    static let conditions: [Spoilt] = [
        Spoilt(
            "    file:", "    filter: { field: property.revenue, atLeast: 1 }\n    file:",
            "14:22: a message has no field `property`; did you mean `properties`?"),
        Spoilt(
            "    file:", "    filter: { field: propertys.revenue, atLeast: 1 }\n    file:",
            "14:22: a message has no field `propertys`; did you mean `properties`?"),
        Spoilt(
            "    file:", "    filter: { field: properties.a }\n    file:",
            "14:13: a condition compares with nothing; add one of `is`, `isOneOf`, `atLeast`, `atMost`, `moreThan`, `lessThan`, `startsWith`, `endsWith`, `contains`, `matches`, `before`, `after`, `withinLast`, `present`"
        ),
        Spoilt(
            "    file:", "    filter: { field: properties.a, gte: 1, is: 1 }\n    file:",
            "14:36: unknown key `gte` in a condition; it is called `atLeast`"),
        Spoilt(
            "    file:", "    filter: { field: properties.a, atLeast: ten }\n    file:",
            "14:45: `atLeast` must be a number"),
        Spoilt(
            "    file:", "    filter: { field: properties.a, atLeast: 0.1234567891 }\n    file:",
            "14:45: `atLeast` does not fit: 0.1234567891; at most nine decimals and 29 digits before them are exact"
        ),
        Spoilt(
            "    file:", "    filter: { field: properties.a, is: 007 }\n    file:",
            "14:40: `007` is text to some and a number, date or truth value to others; write \"007\" in quotes if it is text, else a plain number, `true` or `false`"
        ),
        Spoilt(
            "    file:", "    filter: { field: properties.a, is: no }\n    file:",
            "14:40: `no` is text to some and a number, date or truth value to others; write \"no\" in quotes if it is text, else a plain number, `true` or `false`"
        ),
        Spoilt(
            "    file:", "    filter: { field: properties.a, is: null }\n    file:",
            "14:40: `is` must be text, a number, `true` or `false`, not nothing; a field that is absent or null is `present: false`"
        ),
        Spoilt(
            "    file:", "    filter: { all: [] }\n    file:", "14:20: `all` lists no condition"),
        Spoilt(
            "    file:", "    filter: {}\n    file:",
            "14:13: `filter` says nothing; write `field: PATH` and a comparison"),
        Spoilt(
            "atLeast: 1 }", "is: 1 }",
            "10:38: unknown key `is` in `count`; a count or sum is compared with atLeast, atMost, moreThan, lessThan"
        ),
        Spoilt(
            "count: { event: Order Completed, atLeast: 1 }",
            "sum: { event: Order Completed, atLeast: 1 }",
            "10:10: `sum` does not say of what; add `of: properties.NAME`"),
        Spoilt(
            "count: { event: Order Completed, atLeast: 1 }", "count: { atLeast: 1 }",
            "10:12: `count` needs exactly one of `event`, `page`, `screen`, `identify`, `group`"),
        Spoilt(
            "count: { event: Order Completed, atLeast: 1 }",
            "trait: { name: traits.plan, is: gold }",
            "10:20: a trait's name begins inside the traits; leave `traits.` out"),
    ]
}

@Suite struct `P3: a malformed policy` {
    @Test(
        arguments: [
            Spoilt.structure, Spoilt.identity, Spoilt.destinations, Spoilt.events,
            Spoilt.conditions,
        ].flatMap(\.self))
    func `P3: is refused with line, column and a suggestion`(_ row: Spoilt) {
        let problems = PolicySamples.problems(
            PolicySamples.small(replacing: row.piece, with: row.other))
        #expect(problems.contains(row.problem), "\(problems)")
    }

    @Test func `is right before it is spoilt`() {
        #expect(PolicySamples.problems(PolicySamples.small) == [])
    }

    @Test func `is reported with everything that is wrong, in the order of the text`() {
        let text = PolicySamples.small
            .replacing("limit: 1", with: "limit: 0")
            .replacing("[analytics]", with: "[analytic]")
            .replacing("file:", with: "fiel:")
        #expect(
            PolicySamples.problems(text) == [
                "4:31: `limit` must be a whole number from 1 to 100000",
                "12:3: destination `warehouse` has neither `file` nor `webhook`; say where it is",
                "14:5: unknown key `fiel` in destination `warehouse`; did you mean `file`?",
                "15:16: unknown purpose `analytic`; did you mean `analytics`?",
            ])
    }

    @Test func `names its file on every line`() throws {
        let error = try #require(throws: PolicyError.self) {
            try PolicyFile.read("policy: a\nidentity: {}", name: "shop.yaml")
        }
        #expect(
            error.description
                == "shop.yaml:2:11: `identity` has no `types`; list the strongest first")
    }

    @Test func `may not be empty, huge, deep or full of aliases`() {
        #expect(
            PolicySamples.problems("") == ["1:1: the policy is empty; begin with `policy: NAME`"])
        #expect(
            PolicySamples.problems(String(repeating: "#", count: 1 << 20 + 1)).count == 1)
        let deep =
            "policy: " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        #expect(PolicySamples.problems(deep) == ["1:40: nested more than 32 deep"])
        for open in ["[", "{", "- ", "? ", "[{a: "] {
            let bottomless = String(repeating: open, count: 200_000)
            #expect(PolicySamples.problems(bottomless).count == 1)
        }
        var bomb = "a: &a [x]\n"
        for letter in "bcdefghi" { bomb += "\(letter): &\(letter) [*a, *a]\n" }
        #expect(PolicySamples.problems(bomb).count == 1)
        for hidden in ["\"#\": &x 1", "a: [\"\n#\", &x 1]", "? &x 1", "{\"a\":&x 1}"] {
            #expect(PolicySamples.problems(hidden).first?.contains("anchor") == true, "\(hidden)")
        }
    }

    @Test func `may hold an ampersand in its text`() {
        let text = PolicySamples.small(
            replacing: "Example Warehouse Ltd", with: "Marks & Example R&D, a=1&b=2")
        #expect(PolicySamples.problems(text) == [])
    }

    @Test func `has at most 64 purposes`() {
        let purposes = (0..<65).map { "  p\($0): {}\n" }.joined()
        let text = PolicySamples.small(replacing: "audiences:", with: "\(purposes)audiences:")
        #expect(PolicySamples.problems(text) == ["71:3: a policy has at most 64 purposes"])
    }

    @Test(arguments: [Unicode.Scalar(0), "\u{7}", "\u{FFFE}"])
    func `is refused when it holds what cannot be printed`(_ scalar: Unicode.Scalar) {
        let problems = PolicySamples.problems("policy: a\(Character(scalar))b")
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("1:") == true, "\(problems)")
    }
}

@Suite struct `P4: a destination` {
    @Test func `P4: without a purpose is refused`() {
        let missing = PolicySamples.small(replacing: "    purposes: [analytics]\n", with: "")
        #expect(
            PolicySamples.problems(missing) == [
                "12:3: destination `warehouse` has no `purposes`; name what its data is used for; all must be granted"
            ])
        let empty = PolicySamples.small(replacing: "[analytics]", with: "[]")
        #expect(
            PolicySamples.problems(empty) == [
                "15:15: destination `warehouse` lists no purpose; name at least one"
            ])
    }

    @Test func `without an event is refused`() {
        let rules = """
                events:
                  - track: Order Completed
                    properties: [order_id]
            """
        let expected =
            "destination `warehouse` lists no `events`, so it would get nothing; list at least one, as in `- track: Order Completed`"
        #expect(
            PolicySamples.problems(PolicySamples.small(replacing: rules, with: "")) == [
                "12:3: \(expected)"
            ])
        #expect(
            PolicySamples.problems(PolicySamples.small(replacing: rules, with: "    events: []"))
                == [
                    "16:13: \(expected)"
                ])
    }

    @Test func `may live on audiences alone`() {
        let text = PolicySamples.small(
            replacing:
                "    events:\n      - track: Order Completed\n        properties: [order_id]",
            with: "    audiences: [buyers]\n    identifiers: [email]")
        #expect(PolicySamples.problems(text) == [])
    }

    @Test func `may not write into another's file`() {
        let text =
            PolicySamples.small + """

                  second:
                    recipient: Example Second Ltd
                    file: warehouse.ndjson
                    purposes: [analytics]
                    events: [{ track: "*" }]
                """
        #expect(
            PolicySamples.problems(text) == [
                "19:3: `second` writes to the same file as `warehouse`: warehouse.ndjson"
            ])
    }
}
