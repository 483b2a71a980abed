import CustomerModel
import Foundation
import PolicyText
import Testing

/// The words for consent signals, right and wrong.
@Suite struct `A policy's consent signals` {
    private static let purpose = "{ segment: [Analytics] }"
    private static let top = "purposes:\n  ana"
    private static let destination = "    purposes: [analytics]\n"

    static let spoilt: [Spoilt] = [
        Spoilt(
            purpose, "{ gpc: true }",
            "7:16: unknown key `gpc` in purpose `analytics`; it is called `deniedByGPC`"),
        Spoilt(
            purpose, "{ gpp: [saleOptout] }",
            "7:22: unknown opt-out `saleOptout`; did you mean `saleOptOut`?"),
        Spoilt(purpose, "{ gpp: [] }", "7:21: `gpp` lists none"),
        Spoilt(
            purpose, "{ usPrivacy: [sharingOptOut] }",
            "7:28: unknown opt-out `sharingOptOut`; known are `saleOptOut`"),
        Spoilt(purpose, "{ ccpa: yes }", "7:22: `ccpa` must be `true` or `false`"),
        Spoilt(
            purpose, "{ tcf: { purposes: [25] } }",
            "7:34: an entry of `purposes` must be a whole number from 1 to 24"),
        Spoilt(
            purpose, "{ tcf: {} }",
            "7:21: `tcf` names no purpose; list numbers under `purposes` or `legitimateInterest`"),
        Spoilt(
            purpose, "{ tcf: { purposes: [] } }", "7:33: `purposes` lists none"),
        Spoilt(
            purpose, "{ tcf: { purposes: [1, 1] } }", "7:37: 1 stands twice in `purposes`"),
        Spoilt(
            purpose, "{ tcf: { legitimateInterest: [3] } }",
            "7:23: purpose 3 of the TCF may rest on consent only; list it under `purposes`"),
        Spoilt(
            purpose, "{ tcf: { vendor: 7, purposes: [1] } }",
            "7:23: unknown key `vendor` in `tcf`; known are `purposes`, `legitimateInterest`, `specialFeatures`"
        ),
        Spoilt(
            purpose, "{ defaults: { granted: [US] } }",
            "7:26: a default needs a trusted field that holds the country; write `country: [{ field: PATH, sources: [NAME] }]` under `consent`"
        ),
        Spoilt(
            destination, destination + "    tcf: { purposes: [1] }\n",
            "16:10: `tcf` names no `vendor`; write the recipient's number on the Global Vendor List"
        ),
        Spoilt(
            destination, destination + "    tcf: { vendor: 70000, purposes: [1] }\n",
            "16:20: `vendor` must be a whole number from 1 to 65535"),
        Spoilt(
            top, "consent: { places: { tfc: [context.a] } }\n" + top,
            "6:22: unknown key `tfc` in `places`; did you mean `tcf`?"),
        Spoilt(
            top, "consent: { places: { tcf: [consent.a] } }\n" + top,
            "6:28: a message has no field `consent`; did you mean `context`?"),
        Spoilt(
            top, "consent: { country: [{ field: context.c }] }\n" + top,
            "6:22: an entry of `country` needs `field` and `sources`; name the sources that clients cannot write to"
        ),
        Spoilt(
            top, "consent: { country: [{ field: context.c, sources: [] }] }\n" + top,
            "6:51: `sources` lists none"),
    ]

    @Test(arguments: spoilt)
    func `are refused where they are wrong, with the place`(_ row: Spoilt) {
        let text = PolicySamples.small(replacing: row.piece, with: row.other)
        #expect(PolicySamples.problems(text) == [row.problem])
    }

    @Test func `refuse a country that is none`() {
        let text = PolicySamples.small(
            replacing: Self.purpose, with: "{ defaults: { granted: [USA, us, US] } }"
        ).replacingOccurrences(
            of: Self.top,
            with: "consent: { country: [{ field: context.c, sources: [server] }] }\n" + Self.top)
        #expect(
            PolicySamples.problems(text) == [
                "8:38: `USA` is no country; write two letters, as ISO 3166 has them: `US`",
                "8:47: `US` stands twice in `granted`",
            ])
    }

    @Test(arguments: [
        (
            purpose, "{ segment: [Analytics], tcf: { purposes: [1, 2], legitimateInterest: [7] } }",
            "[consent] purpose analytics: meant by TCF purposes 1 2, legitimate interest 7 instead of nothing"
        ),
        (
            purpose, "{ segment: [Analytics], gpp: [saleOptOut, sharingOptOut] }",
            "[consent] purpose analytics: taken away by GPP saleOptOut, sharingOptOut instead of none"
        ),
        (
            purpose, "{ segment: [Analytics], usPrivacy: [saleOptOut] }",
            "[consent] purpose analytics: taken away by US Privacy saleOptOut instead of none"
        ),
        (
            purpose, "{ segment: [Analytics], ccpa: true }",
            "[consent] purpose analytics: mParticle's CCPA opt-out now denies it"
        ),
        (
            destination,
            destination + "    tcf: { vendor: 755, purposes: [1], specialFeatures: [2] }\n",
            "[decisions] destination warehouse: the TC string must permit vendor 755, purposes 1, special features 2 instead of nothing"
        ),
        (
            top, "consent: { places: { gpc: [context.gpc] } }\n" + top,
            "[consent] a GPC field is read from context.gpc instead of none"
        ),
        (
            top, "consent: { country: [{ field: context.c, sources: [a, b] }] }\n" + top,
            "[consent] a country is believed from context.c of a and b instead of none"
        ),
    ])
    func `are compared in sentences`(_ piece: String, _ other: String, _ sentence: String) throws {
        let old = try PolicyFile.read(PolicySamples.small, name: "old")
        let text = PolicySamples.small(replacing: piece, with: other)
        let changes = PolicyDiff.describe(old: old, new: try PolicyFile.read(text, name: "new"))
        #expect(changes.map { "[\($0.stages)] \($0.sentence)" } == [sentence])
    }

    @Test func `say where a default holds`() throws {
        let trusted = PolicySamples.small(
            replacing: Self.top,
            with: "consent: { country: [{ field: context.c, sources: [server] }] }\n" + Self.top)
        let new = trusted.replacingOccurrences(
            of: Self.purpose, with: "{ segment: [Analytics], defaults: { granted: [US, \"NO\"] } }")
        let changes = PolicyDiff.describe(
            old: try PolicyFile.read(trusted, name: "old"),
            new: try PolicyFile.read(new, name: "new"))
        #expect(
            changes.map(\.sentence) == [
                "purpose analytics: granted by default in US, NO instead of none"
            ])
    }
}
