import CustomerModel
import JSONText
import Testing

/// Every row of the table of public strings, field by field.
@Suite(.enabled(if: ConsentVectors.isPresent, ConsentVectors.absence))
struct `The table of consent strings` {
    @Test(arguments: ConsentVectors.rows("tcf"))
    func `TC strings read as the table says`(_ row: ConsentVectors.Row) throws {
        try Self.expect(TCString(row.text), reads: row.decoded)
        // The kind is told by the first letter.
        #expect(try PrivacyString(row.text).tcf == TCString(row.text))
    }

    @Test(arguments: ConsentVectors.rows("tcf_invalid"))
    func `what is no TC string is refused`(_ row: ConsentVectors.Row) {
        #expect(throws: ConsentTextError.self) { try TCString(row.text) }
        #expect(throws: ConsentTextError.self) { try PrivacyString(row.text) }
    }

    @Test(arguments: ConsentVectors.rows("gpp"))
    func `GPP strings read as the table says`(_ row: ConsentVectors.Row) throws {
        let read = try GPPString(row.text)
        #expect(read.sectionIDs == row.decoded["sectionIds"]?.ints)
        #expect(row.decoded["type"] == 3 && row.decoded["version"] == 1)
        let sections = try #require(row.decoded["sections"])
        #expect(sections.object?.count == read.sections.count)
        for (id, section) in zip(read.sectionIDs, read.sections) {
            let expected = try #require(sections["\(id)"])
            switch section {
            case .tcf(let string): try Self.expect(string, reads: expected)
            case .usPrivacy(let string): Self.expect(string, reads: expected)
            case .us(let section): Self.expect(section, reads: expected)
            case .other(let other): #expect(other == 5 && expected["raw"] != nil)
            }
        }
        #expect(try PrivacyString(row.text) == .gpp(read))
    }

    @Test(arguments: ConsentVectors.rows("gpp_us_sections"))
    func `sections of the United States read as the table says`(_ row: ConsentVectors.Row) throws {
        let id = Int(try #require(row.json["sectionId"]?.int))
        Self.expect(try USSection(id: id, row.text), reads: row.decoded)
    }

    @Test func `has as many rows as when this was written`() {
        let counts = ["tcf", "tcf_invalid", "gpp", "gpp_us_sections"].map {
            ConsentVectors.rows($0).count
        }
        #expect(counts == [14, 4, 10, 17])
    }

    static func expect(_ read: TCString, reads expected: JSONValue) throws {
        #expect(expected["version"] == 2)
        #expect(read.created.microseconds == expected["created_ds"]?.int.map { $0 * 100_000 })
        #expect(
            read.lastUpdated.microseconds == expected["lastUpdated_ds"]?.int.map { $0 * 100_000 })
        let created = try #require(expected["created"]?.string)
        let time = Array(created.utf8).withUnsafeBytes { Timestamp(utf8: $0) }
        #expect(time == read.created)
        #expect(read.cmpID == expected["cmpId"]?.int.map(Int.init))
        #expect(read.cmpVersion == expected["cmpVersion"]?.int.map(Int.init))
        #expect(read.consentScreen == expected["consentScreen"]?.int.map(Int.init))
        #expect(read.language == expected["consentLanguage"]?.string)
        #expect(read.vendorListVersion == expected["vendorListVersion"]?.int.map(Int.init))
        #expect(read.policyVersion == expected["tcfPolicyVersion"]?.int.map(Int.init))
        #expect(read.isServiceSpecific == expected["isServiceSpecific"]?.bool)
        #expect(read.usesNonStandardTexts == expected["useNonStandardTexts"]?.bool)
        #expect(read.specialFeatureOptIns.ids == expected["specialFeatureOptIns"]?.ints)
        #expect(read.purposesConsent.ids == expected["purposesConsent"]?.ints)
        #expect(read.purposesLegitimateInterest.ids == expected["purposesLITransparency"]?.ints)
        #expect(read.isPurposeOneUndisclosed == expected["purposeOneTreatment"]?.bool)
        #expect(read.publisherCountry == expected["publisherCC"]?.string)
        expect(read.vendorConsents, reads: expected["vendorConsents"])
        expect(read.vendorLegitimateInterests, reads: expected["vendorLegitimateInterests"])
        expect(read.disclosedVendors, reads: expected["disclosedVendors"])
        expect(read.allowedVendors, reads: expected["allowedVendors"])
        let restrictions = try #require(expected["publisherRestrictions"]?.array)
        #expect(read.restrictions.count == restrictions.count)
        for (restriction, expected) in zip(read.restrictions, restrictions) {
            #expect(restriction.purpose == expected["purposeId"]?.int.map(Int.init))
            #expect(restriction.kind.rawValue == expected["restrictionType"]?.int.map(Int.init))
            #expect(restriction.vendors.joined().map(Int.init) == expected["vendorIds"]?.ints)
        }
        expect(read.publisher, reads: expected["publisherTC"])
    }

    private static func expect(_ read: VendorSet?, reads expected: JSONValue?) {
        #expect(read.map { Int($0.maximum) } == expected?["max"]?.int.map(Int.init))
        #expect(read?.ids.map(Int.init) == expected?["ids"]?.ints)
        let coding = read.map { $0.coding == .ranges ? "range" : "bitfield" }
        #expect(coding == expected?["encoding"]?.string)
    }

    private static func expect(_ read: TCString.Publisher?, reads expected: JSONValue?) {
        #expect(read?.purposesConsent.ids == expected?["pubPurposesConsent"]?.ints)
        #expect(
            read?.purposesLegitimateInterest.ids == expected?["pubPurposesLITransparency"]?.ints)
        #expect(read?.customPurposeCount == expected?["numCustomPurposes"]?.int.map(Int.init))
        #expect(
            read.map { Self.ids($0.customPurposesConsent) }
                == expected?["customPurposesConsent"]?.ints)
        #expect(
            read.map { Self.ids($0.customPurposesLegitimateInterest) }
                == expected?["customPurposesLITransparency"]?.ints)
    }

    private static func ids(_ mask: UInt64) -> [Int] {
        (1...64).filter { mask >> UInt64($0 - 1) & 1 == 1 }
    }

    private static func expect(_ read: USPrivacyString, reads expected: JSONValue) {
        #expect(expected["Version"] == 1)
        let letters = [read.notice, read.optedOutOfSale, read.coveredByLSPA].map {
            String(UnicodeScalar($0.rawValue))
        }
        #expect(
            letters
                == ["Notice", "OptOutSale", "LspaCovered"].map { expected[$0]?.string })
    }

    /// Each field that the table has and no other; `olderForm` is the table's remark.
    private static func expect(_ read: USSection, reads expected: JSONValue) {
        #expect(read.version == expected["Version"]?.int.map(Int.init))
        #expect(read.gpc == expected["Gpc"]?.bool)
        let remarks: Set<String> = ["section", "Version", "olderForm", "Gpc"]
        let names = (expected.object ?? []).map(\.key).filter { !remarks.contains($0) }
        #expect(Set(names) == Set(read.fields.map(\.field.rawValue)))
        for (field, values) in read.fields {
            let value = expected[field.rawValue]
            #expect(values.map(Int.init) == value?.ints ?? value?.int.map { [Int($0)] })
        }
    }
}
