import PolicyText
import Testing

@Suite struct `P3: a policy that holds` {
    /// Text, and what it is called.
    struct Row: Sendable, CustomTestStringConvertible {
        var text: String
        var kind: String
        init(_ text: String, _ kind: String) { (self.text, self.kind) = (text, kind) }
        var testDescription: String { text }
    }

    static let held = [
        Row("jane.doe+x@example.com", "an e-mail address"),
        Row("ask jürgen@bücher.example first", "an e-mail address"),
        Row("+44 20 7946 0018", "a phone number"),
        Row("call +1-(415)-555-2671", "a phone number"),
        Row("6f9619ff-8b86-d011-b42d-00c04fc964ff", "a UUID"),
        Row("id 6F9619FF-8B86-D011-B42D-00C04FC964FF.", "a UUID"),
        Row("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a signing secret"),
        Row("https://user:pa55@hooks.example.com/x", "a user name or password in a URL"),
        Row("https://hooks.example.com/x?a=1&token=abc", "a token in a URL"),
        Row("https://hooks.example.com/x?v=Zm9vYmFyMTIz9xQ7", "a token in a URL"),
        Row(
            "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72", "32 or more random"),
        Row("kL8+vQ2nR5xT0zAaPq3WsEdRfTgYhUjI", "32 or more random"),
    ]

    static let harmless = [
        "00000000-0000-0000-0000-000000000000",
        "recommendation_service_2024_migration_phase_two",
        "OrderCompletedByCustomerServiceAgentOnBehalfOfCustomer",
        "https://example.com/api/v1/customers/events/import/batch?format=json&version=2",
        "context.page.some_very_long_property_name_that_goes_on",
        "@example.invalid", "a + 12", "12345678901234567890", "2026-03-14T15:09:26.535000Z",
    ]

    @Test(arguments: held)
    func `P3: an identifier or a secret is refused and does not say it again`(_ row: Row) throws {
        let texts = [
            PolicySamples.small(replacing: "Example Warehouse Ltd", with: "\"\(row.text)\""),
            PolicySamples.small(replacing: "Example Warehouse Ltd", with: "X # \(row.text)"),
            PolicySamples.small(replacing: "[order_id]", with: "[\"\(row.text)\"]"),
        ]
        for text in texts {
            let problems = PolicySamples.problems(text)
            #expect(
                problems.contains { $0.contains("a policy cannot hold \(row.kind)") }, "\(problems)"
            )
            #expect(problems.allSatisfy { !$0.contains(row.text) })
        }
    }

    @Test func `one is told where`() {
        let text = PolicySamples.small(
            replacing: "Example Warehouse Ltd", with: "Example # jane@example.com")
        #expect(
            PolicySamples.problems(text) == [
                "13:26: a policy cannot hold an e-mail address; policies are kept for ever; describe the kind of person by a property instead"
            ])
    }

    @Test func `an escaped one is found as well`() {
        let text = PolicySamples.small(
            replacing: "Example Warehouse Ltd", with: #""jane\x40example.com""#)
        #expect(PolicySamples.problems(text).map { $0.prefix(6) } == ["13:16:"])
    }

    @Test(arguments: harmless)
    func `nothing of the kind is taken`(_ text: String) {
        let policy = PolicySamples.small(replacing: "Example Warehouse Ltd", with: "\"\(text)\"")
        #expect(PolicySamples.problems(policy) == [])
    }

    @Test(arguments: [
        "{ field: userId, is: u1 }", "{ field: traits.email, isOneOf: [a] }",
        "{ field: context.device.id, is: d }", "{ not: { field: anonymousId, is: 12 } }",
        "{ field: properties.crm, is: 7 }",
    ])
    func `a person's identifier in a condition is refused`(_ condition: String) {
        let text = PolicySamples.small(
            replacing: "    file:", with: "    filter: \(condition)\n    file:"
        ).replacing("normalise: email", with: "paths: [properties.crm]")
        let problems = PolicySamples.problems(text)
        #expect(problems.count == 1)
        #expect(problems.first?.contains("a policy cannot name a person") == true, "\(problems)")
    }

    @Test func `a test whether an identifier is there is taken`() {
        let text = PolicySamples.small(
            replacing: "    file:", with: "    filter: { field: userId, present: true }\n    file:")
        #expect(PolicySamples.problems(text) == [])
    }
}
