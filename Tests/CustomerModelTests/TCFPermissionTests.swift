import CustomerModel
import Testing

@Suite struct `C7: a destination under a TC string` {
    /// Vendor 7 with consent to 1 to 4 and legitimate interest in 2, 3, 7, 9; all of it disclosed.
    static var base: TCContent {
        var content = TCContent()
        content.consents = [1, 2, 3, 4]
        content.interests = [2, 3, 7, 9]
        content.features = [2]
        content.vendors = .init(ids: [7, 8], maximum: 9)
        content.vendorInterests = .init(ids: [7], maximum: 9)
        content.disclosed = .init(ids: [7], maximum: 9)
        return content
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var use: TCFUse
        var expected: TCFRefusal?
        var change: @Sendable (inout TCContent) -> Void = { _ in }
    }

    private static func use(
        _ vendor: UInt16 = 7, _ consent: [Int] = [2], _ interest: [Int] = [], features: [Int] = []
    ) -> TCFUse {
        func purposes(_ ids: [Int]) -> TCFPurposes {
            guard let found = TCFPurposes(ids: ids) else { preconditionFailure("no purposes") }
            return found
        }
        return TCFUse(
            vendor: vendor, onConsent: purposes(consent), onLegitimateInterest: purposes(interest),
            specialFeatures: purposes(features))
    }

    static let rows: [Row] = [
        Row(testDescription: "is told for what was agreed", use: use(7, [1, 2, 3, 4], [7, 9])),
        Row(testDescription: "that names no vendor", use: use(0), expected: .emptyUse),
        Row(testDescription: "that names no purpose", use: use(7, []), expected: .emptyUse),
        Row(
            testDescription: "is not told by a string for a group of sites", use: use(),
            expected: .notServiceSpecific, change: { $0.isServiceSpecific = false }),
        Row(
            testDescription: "is not told under a policy before TCF 2.2", use: use(),
            expected: .policyTooOld, change: { $0.policy = 3 }),
        Row(
            testDescription: "is told under an old policy by a string of its time", use: use(),
            change: {
                $0.policy = 2
                $0.created = 16_000_000_000
                $0.updated = 16_000_000_000
            }),
        Row(
            testDescription: "is not told where nobody says who was disclosed", use: use(),
            expected: .noDisclosedVendors, change: { $0.disclosed = nil }),
        Row(
            testDescription: "is not told so by an old policy version either", use: use(),
            expected: .noDisclosedVendors,
            change: {
                $0.policy = 4
                $0.disclosed = nil
            }),
        Row(
            testDescription: "is told without, by a string from before March 2026", use: use(),
            change: {
                $0.policy = 4
                $0.created = 17_000_000_000
                $0.updated = 17_000_000_000
                $0.disclosed = nil
            }),
        Row(
            testDescription: "is not told when others were disclosed", use: use(8),
            expected: .vendorNotDisclosed),
        Row(
            testDescription: "needs the vendor's consent", use: use(),
            expected: .vendorNot(.consent),
            change: { $0.vendors.ids = [8] }),
        Row(
            testDescription: "needs the vendor's legitimate interest", use: use(7, [], [7]),
            expected: .vendorNot(.legitimateInterest), change: { $0.vendorInterests.ids = [] }),
        Row(
            testDescription: "needs no vendor's consent for legitimate interests alone",
            use: use(7, [], [7]), change: { $0.vendors.ids = [] }),
        Row(
            testDescription: "needs each purpose", use: use(7, [2, 5]),
            expected: .purposeNot(.consent, purpose: 5)),
        Row(
            testDescription: "never has a legitimate interest in purpose 3",
            use: use(7, [2], [3]), expected: .consentOnly(purpose: 3)),
        Row(
            testDescription: "needs a transparent legitimate interest", use: use(7, [2], [8]),
            expected: .purposeNot(.legitimateInterest, purpose: 8)),
        Row(
            testDescription: "has no purpose 1 where it was not disclosed", use: use(7, [1]),
            expected: .purposeOneUndisclosed, change: { $0.isPurposeOneUndisclosed = true }),
        Row(
            testDescription: "keeps the others there", use: use(7, [2]),
            change: { $0.isPurposeOneUndisclosed = true }),
        Row(
            testDescription: "needs the opt-in of a special feature", use: use(features: [1]),
            expected: .noOptIn(specialFeature: 1)),
        Row(testDescription: "has it where it was given", use: use(features: [2])),
        Row(
            testDescription: "is restricted by type 0 on consent", use: use(),
            expected: .restricted(.consent, purpose: 2), change: { restrict(&$0, 2, 0) }),
        Row(
            testDescription: "is restricted by type 0 on legitimate interest", use: use(7, [], [7]),
            expected: .restricted(.legitimateInterest, purpose: 7),
            change: { restrict(&$0, 7, 0) }),
        Row(
            testDescription: "keeps consent where consent is required", use: use(),
            change: { restrict(&$0, 2, 1) }),
        Row(
            testDescription: "is not flexible: consent required ends legitimate interest",
            use: use(7, [], [7]), expected: .restricted(.legitimateInterest, purpose: 7),
            change: { restrict(&$0, 7, 1) }),
        Row(
            testDescription: "is not flexible: legitimate interest required ends consent",
            use: use(), expected: .restricted(.consent, purpose: 2),
            change: { restrict(&$0, 2, 2) }),
        Row(
            testDescription: "is restricted by a type that is not defined yet", use: use(),
            expected: .restricted(.consent, purpose: 2), change: { restrict(&$0, 2, 3) }),
        Row(
            testDescription: "is not touched by a restriction of other vendors", use: use(),
            change: { restrict(&$0, 2, 0, vendors: 8...9) }),
        Row(
            testDescription: "is not touched by vendors that the publisher allows", use: use(),
            change: { $0.allowed = .init(ids: [8], maximum: 9) }),
    ]

    private static func restrict(
        _ content: inout TCContent, _ purpose: Int, _ kind: Int, vendors: ClosedRange<Int> = 6...7
    ) {
        content.restrictions.append(.init(purpose: purpose, kind: kind, ranges: [vendors]))
    }

    @Test(arguments: rows)
    func `is judged so`(_ row: Row) throws {
        var content = Self.base
        row.change(&content)
        #expect(try TCString(content.text()).refusal(of: row.use) == row.expected)
    }

    @Test func `cannot name a purpose outside 1 to 24`() {
        #expect(TCFPurposes(ids: [0]) == nil)
        #expect(TCFPurposes(ids: [25]) == nil)
        #expect(TCFPurposes(ids: [1, 24])?.ids == [1, 24])
    }
}
