import CustomerModel
import PolicyText
import Testing

/// Conditions stand from line 10, column 5 of the sample on.
@Suite struct `P3: a malformed audience or attribute` {
    private static let condition = "count: { event: Order Completed, atLeast: 1 }"

    @Test(arguments: [
        (
            "sum: { event: A, of: properties.v, within: soon, atLeast: 1 }",
            "10:48: `within` must be a length of time from 1s to 36525d; write a whole number and a unit: `90s`, `15m`, `24h`, `30d`, `52w`"
        ),
        (
            "max: { event: A, of: properties.v, is: 1 }",
            "10:40: unknown key `is` in `max`; known are `event`, `page`, `screen`, `identify`, `group`, `of`, `where`, `within`, `atLeast`, `atMost`, `moreThan`, `lessThan`, `present`"
        ),
        (
            "last: { event: A, is: x }",
            "10:23: `last` cannot be compared with `is`; it is compared with present, before, since, olderThan, newerThan"
        ),
        (
            "last: { event: A, before: yesterday }",
            "10:31: `before` must be a moment; write it as `2026-01-31T00:00:00Z`"
        ),
        (
            "first: { event: A, of: properties.email, is: x }",
            "10:50: a policy cannot name a person: `properties.email` holds identifiers; test `present: true`"
        ),
        (
            "distinct: { event: A, of: properties.k, atLeast: 1001 }",
            "10:54: at most 1000 different values are told apart, so `distinct` cannot be compared with 1001"
        ),
        (
            "sequence: { steps: [{ event: A }] }", "10:24: `steps` must list 2 to 10 events"
        ),
        (
            "sequence: { steps: [{ event: A }, { name: B }] }",
            "10:41: unknown key `name` in a step; known are `event`, `page`, `screen`, `identify`, `group`, `where`"
        ),
        (
            "absence: { of: { event: A }, within: 3d }",
            "10:14: `absence` has no `after`; say the event that it begins with"
        ),
        (
            "absence: { of: { event: A }, after: { event: B }, within: 3d, over: 3d }",
            "10:73: `over` must be longer than `within`, or `absence` is never found"
        ),
        (
            "consent: { analytic: granted }",
            "10:16: unknown purpose `analytic`; did you mean `analytics`?"
        ),
        (
            "consent: { analytics: yes }",
            "10:27: `analytics` cannot be `yes`; known are `granted`, `denied`, `unknown`, `expired`"
        ),
        ("consent: {}", "10:14: `consent` names no purpose; write `consent: { PURPOSE: granted }`"),
        ("audience: buyer", "10:15: unknown audience `buyer`; did you mean `buyers`?"),
        (
            "not: { audience: buyers }",
            "10:22: audience `buyers` depends on itself: `buyers` → `buyers`; take one of these conditions out"
        ),
        (
            "attribute: { name: spent, atLeast: 1 }",
            "10:24: unknown attribute `spent`"
        ),
    ])
    func `is refused with line, column and a suggestion`(_ row: (String, String)) {
        let text = PolicySamples.small(replacing: Self.condition, with: row.0)
        #expect(PolicySamples.problems(text) == [row.1])
    }

    @Test func `names the way round of audiences that depend on each other, once`() {
        let text = PolicySamples.small(
            replacing: Self.condition,
            with: """
                not: { audience: b }
                  b:
                    any: [{ audience: c }, { trait: { name: x, present: true } }]
                  c: { audience: buyers }
                """)
        #expect(
            PolicySamples.problems(text) == [
                "10:22: audience `buyers` depends on itself: `buyers` → `b` → `c` → `buyers`; take one of these conditions out"
            ])
    }

    @Test(arguments: [
        (
            "{ count: { event: A, atLeast: 1 } }",
            "9:29: unknown key `atLeast` in `count`; an attribute is a value; audiences compare it"
        ),
        (
            "{ median: { event: A } }",
            "9:10: unknown key `median` in attribute `one`; known are `count`, `sum`, `min`, `max`, `first`, `last`, `distinct`"
        ),
        (
            "{}",
            "9:8: attribute `one` must say exactly one of `count`, `sum`, `min`, `max`, `first`, `last`, `distinct`"
        ),
        ("{ sum: { event: A } }", "9:15: `sum` does not say of what; add `of: properties.NAME`"),
    ])
    func `an attribute is refused the same`(_ row: (String, String)) {
        let text = PolicySamples.small(
            replacing: "audiences:", with: "attributes:\n  one: \(row.0)\naudiences:")
        #expect(PolicySamples.problems(text) == [row.1])
    }

    @Test func `an attribute is compared as what it measures`() throws {
        let text = PolicySamples.small(
            replacing: "audiences:",
            with: """
                attributes:
                  plan: { last: { identify: {}, of: traits.plan } }
                  spent: { sum: { event: A, of: properties.v } }
                audiences:
                  gold: [{ attribute: { name: plan, is: gold } }, { attribute: { name: spent, atLeast: 5 } }]
                """)
        let policy = try PolicyFile.read(text, name: "p")
        #expect(policy.attributes.map(\.name) == ["plan", "spent"])
        #expect(policy.audiences[0].metrics == policy.attributes.map(\.metric))
        #expect(
            policy.audiences[0].condition
                == .all([.metric(0, .equals(.text("gold"))), .metric(1, .atLeast(Amount(5)))]))
        let wrong = text.replacing("name: spent, atLeast: 5", with: "name: spent, is: 5")
        #expect(
            PolicySamples.problems(wrong) == [
                "12:79: attribute `spent` cannot be compared with `is`; it is compared with atLeast, atMost, moreThan, lessThan"
            ])
    }
}
