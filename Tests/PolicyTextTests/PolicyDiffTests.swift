import CustomerModel
import PolicyText
import Testing

@Suite struct `A policy's differences` {
    private func sentences(_ old: String, _ new: String) throws -> [String] {
        PolicyDiff.describe(
            old: try PolicyFile.read(old, name: "old"), new: try PolicyFile.read(new, name: "new")
        ).map { "[\($0.stages)] \($0.sentence)" }
    }

    @Test func `to itself are none`() throws {
        for name in PolicySamples.examples {
            let text = try PolicySamples.text(name)
            #expect(try sentences(text, text) == [])
        }
    }

    @Test func `of the example candidate are said in sentences`() throws {
        #expect(
            try sentences(PolicySamples.text("shop.yaml"), PolicySamples.text("shop-stricter.yaml"))
                == [
                    "[decisions] destination warehouse: now gets track \"Order Refunded\"",
                    "[none] destination warehouse: no longer gets context.page.referrer of track \"Product Viewed\"",
                    "[decisions] destination ads: no longer gets track \"Product Viewed\"",
                    "[decisions] destination ads: no longer has a filter",
                ])
    }

    @Test(arguments: [
        (
            "limit: 1", "limit: 2, window: 7d",
            "[identity] identifier type user_id: a profile may have 2 in 1w instead of 1 ever"
        ),
        (
            "{ type: email, normalise: email }", "{ type: email, normalise: { phone: \"49\" } }",
            "[identity] identifier type email: normalised as phone, national numbers of +49 instead of email"
        ),
        (
            "  types:", "  burst: { knownProfiles: 3, within: 1d }\n  types:",
            "[identity] an identifier met with more than 3 known people within 1d links no more"
        ),
        (
            "  types:", "  block: [{ pattern: ^x }]\n  types:",
            "[identity] a value that matches ^x is no identifier any more"
        ),
        (
            "{ type: email, normalise: email }", "{ type: email }",
            "[identity] identifier type email: normalised as none instead of email"
        ),
        (
            "    - { type: email, normalise: email }\n", "",
            "[identity] identifier type email is gone"
        ),
        (
            "  types:", "  block: [{ value: x }]\n  types:",
            "[identity] the value \"x\" is no identifier any more"
        ),
        (
            "purposes:\n  ana",
            "consent: { resolve: latest, supersedes: weaker }\npurposes:\n  ana",
            "[consent] consent is resolved by latest instead of strictest"
        ),
        (
            "{ segment: [Analytics] }", "{ segment: [Analytics], expires: 30d }",
            "[consent] purpose analytics: a grant expires after 30d instead of never"
        ),
        (
            "{ segment: [Analytics] }", "{ basis: contract }",
            "[consent] purpose analytics: rests on a contract instead of consent"
        ),
        ("audiences:\n", "  ads: {}\naudiences:\n", "[consent] purpose ads is new"),
        ("atLeast: 1", "atLeast: 2", "[audiences] audience buyers is defined differently"),
        (
            "    file:", "    sample: 2.5%\n    file:",
            "[decisions] destination warehouse: gets 2.5% of profiles instead of all"
        ),
        (
            "    file:", "    maximumAge: 24h\n    file:",
            "[decisions] destination warehouse: an event is too old after 1d instead of never"
        ),
        (
            "    file:", "    requires: [email]\n    file:",
            "[decisions] destination warehouse: needs one of email instead of none"
        ),
        (
            "    file:", "    batch: 50\n    file:",
            "[none] destination warehouse: requests hold 50 effects instead of 500"
        ),
        (
            "    file:", "    enabled: false\n    file:",
            "[decisions] destination warehouse: is disabled"
        ),
        (
            "[order_id]", "all",
            "[none] destination warehouse: gets all of properties of track \"Order Completed\" instead of properties.order_id"
        ),
        (
            "file: warehouse.ndjson", "file: w.ndjson",
            "[none] destination warehouse: reached through file w.ndjson instead of file warehouse.ndjson"
        ),
    ])
    func `are one sentence each, with the stage they belong to`(_ row: (String, String, String))
        throws
    {
        let (piece, other, sentence) = row
        let found = try sentences(
            PolicySamples.small, PolicySamples.small(replacing: piece, with: other))
        #expect(found.contains(sentence), "\(found)")
    }

    @Test func `name a purpose by its name, wherever it stands in the list`() throws {
        let two = PolicySamples.small(replacing: "audiences:\n", with: "  ads: {}\naudiences:\n")
        let swapped = PolicySamples.small(
            replacing: "purposes:\n  ana", with: "purposes:\n  ads: {}\n  ana")
        #expect(try sentences(two, swapped) == [])
        let both = swapped.replacing("[analytics]", with: "[analytics, ads]")
        #expect(
            try sentences(two, both) == [
                "[decisions] destination warehouse: now requires purpose ads in addition"
            ])
    }

    @Test func `tell which stages run again`() {
        func stages(_ stages: PolicyStages) -> String {
            PolicyDiff.stages(of: [PolicyChange(stages: stages, sentence: "x")]).description
        }
        #expect(stages(.identity) == "identity, consent, decisions, attributes, audiences")
        #expect(stages(.consent) == "consent, decisions")
        #expect(stages(.decisions) == "decisions")
        #expect(stages([]) == "none")
    }
}

@Suite struct `E4: the epoch` {
    private func errors(_ old: String, _ new: String) throws -> [String] {
        PolicyDiff.epochErrors(
            old: try PolicyFile.read(old, name: "old"), new: try PolicyFile.read(new, name: "new")
        ).map(\.description)
    }

    private let hooked = PolicySamples.small(
        replacing: "file: warehouse.ndjson",
        with: "webhook: { url: \"https://a.example/in\", secret: s }\n    epoch: 3")

    @Test func `must change with the recipient`() throws {
        let other = hooked.replacing("Example Warehouse Ltd", with: "Other Ltd")
        #expect(
            try errors(hooked, other) == [
                "destination warehouse: the recipient changes from Example Warehouse Ltd to Other Ltd, so what it was told before was told to somebody else: set `epoch: 4`"
            ])
        #expect(try errors(hooked, other.replacing("epoch: 3", with: "epoch: 4")) == [])
    }

    @Test func `must change with the URL's host, and with nothing else of the URL`() throws {
        #expect(
            try errors(hooked, hooked.replacing("a.example/in", with: "b.example/in")).count == 1)
        #expect(
            try errors(hooked, hooked.replacing("a.example/in", with: "a.example:8443/other")) == []
        )
        #expect(
            try errors(PolicySamples.small, hooked.replacing("epoch: 3", with: "epoch: 1")).count
                == 1)
        #expect(try errors(hooked, hooked) == [])
    }

    @Test func `cannot go back`() throws {
        #expect(
            try errors(hooked, hooked.replacing("epoch: 3", with: "epoch: 2")) == [
                "destination warehouse: the epoch cannot go back from 3 to 2"
            ])
    }
}
