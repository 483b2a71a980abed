import CustomerModel
import PolicyText
import Testing

@Suite struct `P3: what is wrong in` {
    private static let events =
        "    events:\n      - track: Order Completed\n        properties: [order_id]"

    /// Problems of the small policy with `lines` in its first event rule.
    private func transform(_ lines: String) -> [String] {
        PolicySamples.problems(
            PolicySamples.small(
                replacing: Self.events, with: Self.events + "\n        transform: [\(lines)]"))
    }

    @Test(arguments: [
        (
            "{ hsah: properties.a }",
            "19:23: a transformation needs exactly one of `drop`, `rename`, `hash`, `mask`, `truncate`, `set`; did you mean `hash`?"
        ),
        (
            "{ drop: order_id }",
            "19:29: `drop` must name a field in `properties` or `context`, not `order_id`; write it from the message's root: `properties.NAME`"
        ),
        (
            "{ drop: traits.plan }",
            "19:29: `drop` must name a field in `properties` or `context`, not `traits.plan`; write it from the message's root: `properties.NAME`"
        ),
        (
            "{ rename: properties.a }",
            "19:21: `rename` needs `to`: the field's new name"
        ),
        (
            "{ rename: properties.a, to: b.c }",
            "19:49: `to` is one name: a field stays in its object; write `to: c`"
        ),
        (
            "{ hash: properties.a, normalise: mail }",
            "19:54: `normalise` cannot be `mail`; did you mean `email`?"
        ),
        (
            "{ hash: properties.a, keep: 2 }",
            "19:43: unknown key `keep` in `hash`; known are `hash`, `normalise`"
        ),
        ("{ mask: properties.a, keep: 9 }", "19:49: `keep` must be a whole number from 0 to 8"),
        (
            "{ truncate: properties.a, to: 0 }",
            "19:51: `to` must be a whole number from 1 to 1000000"
        ),
        (
            "{ set: properties.email, value: x }",
            "19:53: a policy cannot name a person: `properties.email` holds identifiers; drop or hash it"
        ),
        (
            "{ set: properties.contact, value: \"ada@example.com\" }",
            "19:56: a policy cannot hold an e-mail address; policies are kept for ever; describe the kind of person by a property instead"
        ),
    ])
    func `a transformation is said with its place`(_ text: String, _ problem: String) {
        #expect(transform(text) == [problem])
    }

    private func plan(_ rule: String, sources: String = "[web]") -> [String] {
        PolicySamples.problems(
            PolicySamples.small(
                replacing: "destinations:",
                with: """
                    plans:
                      shop:
                        sources: \(sources)
                        events:
                          - \(rule)
                    destinations:
                    """))
    }

    @Test(arguments: [
        (
            "{ track: A, properties: { typ: object } }",
            "15:35: in the schema, /typ: a keyword that is not supported; did you mean `type`?"
        ),
        (
            "{ track: A, properties: { properties: { a: { type: text } } } }",
            "15:54: in the schema, /properties/a/type: not a type"
        ),
        (
            "{ track: A, properties: { properties: { a: { pattern: \"(\" } } } }",
            "15:54: in the schema, /properties/a/pattern: a pattern with"
        ),
        (
            "{ track: A, properties: { $ref: \"#/$defs/x\" } }",
            "15:35: in the schema, /$ref: there is no such definition"
        ),
        (
            "{ track: A, properties: { const: 007 } }",
            "15:42: `007` is text to some and a number, date or truth value to others"
        ),
        ("{ track: A, traits: {} }", "15:21: `track` has no `traits`; its own fields are"),
        (
            "{ track: A, violation: drop }",
            "15:32: `violation` cannot be `drop`"
        ),
        ("{ identify: Signup }", "15:21: `identify` has no names to choose from"),
        ("{ event: A }", "15:11: unknown key `event` in a planned event; it is called `track`"),
    ])
    func `a tracking plan is said with its place`(_ rule: String, _ problem: String) {
        let problems = plan(rule)
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix(problem) == true, "\(problems)")
    }

    @Test func `two plans over one source is said`() {
        let text = PolicySamples.small(
            replacing: "destinations:",
            with: """
                plans:
                  a: { sources: [web, app], events: [{ track: A }] }
                  b: { sources: [app], events: [{ track: A }, { track: A }] }
                  c: { sources: all, events: [{ track: A }] }
                  d: { sources: all, events: [] }
                destinations:
                """)
        #expect(
            PolicySamples.problems(text) == [
                "13:3: source `app` stands in `a` and in `b`; a source has one tracking plan",
                "13:47: this event is planned twice in `b`; keep one of the two",
                "15:3: `d` and `c` are both about every source; name the `sources` of one of them",
                "15:30: tracking plan `d` plans no event",
            ])
    }

    private func filter(_ text: String) -> [String] {
        PolicySamples.problems(
            PolicySamples.small(replacing: "    file:", with: "    filter: \(text)\n    file:"))
    }

    @Test func `a condition on a profile is said with its place`() {
        #expect(filter("{ field: profile.traits.plan, startsWith: go }") == [])
        #expect(filter("{ field: profile.audiences, contains: buyers }") == [])
        #expect(
            filter("{ field: profile.audiences, contains: buyer }") == [
                "14:51: unknown audience `buyer`; did you mean `buyers`?"
            ])
        #expect(filter("{ field: profile.audiences, is: buyers }").count == 1)
        #expect(
            filter("{ field: profile.plan, is: gold }") == [
                "14:22: a profile has no `profile.plan`; write `profile.traits.NAME` or `profile.audiences`"
            ])
        #expect(
            filter("{ field: profile.traits.email, is: gold }") == [
                "14:48: a policy cannot name a person: `profile.traits.email` holds identifiers; test `present: true`, or a property that says what kind of person it is"
            ])
        #expect(filter("{ field: properties.email, contains: gold }").count == 1)
        let metric = PolicySamples.small(
            replacing: "atLeast: 1 }",
            with: "atLeast: 1, where: { field: profile.traits.plan, is: gold } }")
        #expect(
            PolicySamples.problems(metric).first?.contains(
                "only a destination's `filter` can ask the profile") == true)
    }

    @Test func `a comparison is said with its place`() {
        #expect(
            filter("{ field: properties.a, matches: \"(\" }").first?.hasPrefix(
                "14:45: `matches` is a pattern with") == true)
        #expect(
            filter("{ field: properties.a, before: yesterday }") == [
                "14:44: `before` must be a time; write it as in `2026-03-14T15:09:26Z`"
            ])
        #expect(filter("{ field: properties.a, withinLast: 30d }") == [])
        #expect(
            filter("{ field: properties.a, regex: x }").first?.contains("it is called `matches`")
                == true)
    }

    @Test func `purposes by all and any is said with its place`() {
        func purposes(_ text: String) -> [String] {
            PolicySamples.problems(PolicySamples.small(replacing: "[analytics]", with: text))
        }
        #expect(purposes("{ any: [analytics] }") == [])
        #expect(
            purposes("{}") == ["15:15: destination `warehouse` lists no purpose; name at least one"]
        )
        #expect(
            purposes("{ any: [analytic] }") == [
                "15:23: unknown purpose `analytic`; did you mean `analytics`?"
            ])
        #expect(
            purposes("{ either: [analytics] }").first?.hasPrefix(
                "15:17: unknown key `either` in `purposes`") == true)
    }
}

@Suite struct `The new words' differences` {
    private func sentences(_ old: String, _ new: String) throws -> [String] {
        PolicyDiff.describe(
            old: try PolicyFile.read(old, name: "old"), new: try PolicyFile.read(new, name: "new")
        ).map { "[\($0.stages)] \($0.sentence)" }
    }

    @Test func `are said in sentences`() throws {
        let old = try PolicySamples.text("shop-tracked.yaml")
        func change(_ piece: String, _ other: String) throws -> [String] {
            #expect(old.contains(piece))
            return try sentences(old, old.replacing(piece, with: other, maxReplacements: 1))
        }
        #expect(
            try change("maximum: 100000", "maximum: 200000") == [
                "[decisions] tracking plan web_shop: track \"Order Completed\" has another schema"
            ])
        #expect(
            try change("unplanned: withhold", "unplanned: quarantine") == [
                "[decisions] tracking plan web_shop: what is not planned is put in quarantine instead of withheld"
            ])
        #expect(
            try change("violation: quarantine ", "violation: strip ") == [
                "[decisions] tracking plan web_shop: what breaks track \"Order Completed\" is stripped of the fields at fault instead of put in quarantine"
            ])
        #expect(
            try change("    sources: [web]\n    unplanned", "    sources: all\n    unplanned") == [
                "[decisions] tracking plan web_shop: about every source instead of web"
            ])
        #expect(
            try change("      - track: Segment Consent Preference Updated\n", "") == [
                "[decisions] tracking plan web_shop: track \"Segment Consent Preference Updated\" is no longer planned"
            ])
        #expect(
            try change("    plans: ignore\n", "") == [
                "[decisions] destination warehouse: now gets only what keeps to the tracking plans"
            ])
        #expect(
            try change("{ any: [advertising, measurement] }", "{ any: [advertising] }") == [
                "[decisions] destination ads: requires one of the purposes advertising instead of advertising, measurement"
            ])
        #expect(
            try change("          - { hash: properties.order_id }\n", "") == [
                "[none] destination ads: what it gets of track \"Order Completed\" is changed by: rename properties.revenue to value; before: hash properties.order_id, rename properties.revenue to value"
            ])
    }
}
