import CustomerModel
import JSONText
import Testing

@Suite struct `A TC string` {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `reads back what an encoder of its own wrote, in every padding`(_ seed: UInt64) throws {
        var random = SeededBits(seed: seed)
        for round in 0..<1_500 {
            let content = TCContent.random(&random)
            let padding = [6, 8, 24][random.below(3)]
            let text = content.text(padding: padding)
            let read = try TCString(text)
            let place: Comment = "seed \(seed), round \(round): \(text)"
            #expect(read.created.microseconds == Int64(content.created) * 100_000, place)
            #expect(read.lastUpdated.microseconds == Int64(content.updated) * 100_000, place)
            #expect(read.cmpID == 300 && read.cmpVersion == 7 && read.consentScreen == 1, place)
            #expect(read.language == "EN" && read.publisherCountry == "FR", place)
            #expect(read.vendorListVersion == 150 && read.policyVersion == content.policy, place)
            #expect(read.isServiceSpecific == content.isServiceSpecific, place)
            #expect(Set(read.specialFeatureOptIns.ids) == content.features, place)
            #expect(Set(read.purposesConsent.ids) == content.consents, place)
            #expect(Set(read.purposesLegitimateInterest.ids) == content.interests, place)
            #expect(read.isPurposeOneUndisclosed == content.isPurposeOneUndisclosed, place)
            expectSame(read.vendorConsents, content.vendors, place)
            expectSame(read.vendorLegitimateInterests, content.vendorInterests, place)
            expectSame(read.disclosedVendors, content.disclosed, place)
            expectSame(read.allowedVendors, content.allowed, place)
            #expect(
                read.restrictions.map {
                    TCContent.Restriction(
                        purpose: $0.purpose, kind: $0.kind.rawValue,
                        ranges: $0.vendors.map { Int($0.lowerBound)...Int($0.upperBound) })
                } == content.restrictions, place)
            expectSame(read.publisher, content.publisher, place)
        }
    }

    private func expectSame(_ read: VendorSet?, _ wrote: TCContent.Vendors?, _ place: Comment) {
        #expect((read == nil) == (wrote == nil), place)
        guard let read, let wrote else { return }
        #expect(Int(read.maximum) == wrote.maximum, place)
        #expect((read.coding == .ranges) == (wrote.ranges != nil), place)
        #expect(read.ids.map(Int.init) == wrote.ids.sorted(), place)
        #expect(
            (0...100).allSatisfy { read.contains(UInt16($0)) == wrote.ids.contains($0) }, place)
    }

    private func expectSame(
        _ read: TCString.Publisher?,
        _ wrote: (consents: Set<Int>, interests: Set<Int>, custom: Int, own: Set<Int>)?,
        _ place: Comment
    ) {
        #expect((read == nil) == (wrote == nil), place)
        guard let read, let wrote else { return }
        #expect(Set(read.purposesConsent.ids) == wrote.consents, place)
        #expect(Set(read.purposesLegitimateInterest.ids) == wrote.interests, place)
        #expect(read.customPurposeCount == wrote.custom, place)
        let own = Set((1...64).filter { read.customPurposesConsent >> UInt64($0 - 1) & 1 == 1 })
        #expect(own == wrote.own, place)
        #expect(read.customPurposesLegitimateInterest == 0, place)
    }

    @Test(arguments: [11, 12] as [UInt64])
    func `C7: permits exactly what its sets permit`(_ seed: UInt64) throws {
        var random = SeededBits(seed: seed)
        var permitted = 0
        for round in 0..<600 {
            let content = TCContent.random(&random)
            let read = try TCString(content.text())
            for vendor in 0...40 {
                for (basis, onConsent) in [
                    (TCFBasis.consent, true), (.legitimateInterest, false),
                ] {
                    let expected = (1...24).filter {
                        vendor > 0 && content.permits(vendor, $0, onConsent: onConsent)
                    }
                    let found = read.permitted(UInt16(vendor), on: basis).ids
                    #expect(found == expected, "seed \(seed), round \(round), vendor \(vendor)")
                    permitted += found.count
                    for purpose in [1, 2, 3, 7, 24] {
                        let use = try use(vendor, purpose, onConsent: onConsent)
                        #expect(
                            (read.refusal(of: use) == nil) == found.contains(purpose),
                            "seed \(seed), round \(round), \(use)")
                    }
                }
            }
        }
        #expect(permitted > 10_000, "too few permissions to say anything")
    }

    private func use(_ vendor: Int, _ purpose: Int, onConsent: Bool) throws -> TCFUse {
        let purposes = try #require(TCFPurposes(ids: [purpose]))
        return TCFUse(
            vendor: UInt16(vendor), onConsent: onConsent ? purposes : [],
            onLegitimateInterest: onConsent ? [] : purposes)
    }

    @Test func `C7: another restriction never permits more`() throws {
        var random = SeededBits(seed: 21)
        for round in 0..<1_000 {
            var content = TCContent.random(&random)
            let before = try TCString(content.text())
            let first = 1 + random.below(40)
            content.restrictions.append(
                .init(
                    purpose: random.below(64), kind: random.below(4),
                    ranges: [first...(first + random.below(40))]))
            let after = try TCString(content.text())
            for vendor in 1...60 as ClosedRange<UInt16> {
                for basis in [TCFBasis.consent, .legitimateInterest] {
                    #expect(
                        before.permitted(vendor, on: basis)
                            .isSuperset(of: after.permitted(vendor, on: basis)),
                        "round \(round), vendor \(vendor)")
                }
            }
        }
    }
}
