public import JSONText

/// An IAB TCF 2.x consent string, decoded.
///
/// ```
/// core [ "." segment ]…          each base64url, bits most significant first
/// core     version 6 = 2 | created 36 | updated 36 | CMP 12 12 6 | language 12 | list 12 | policy 6
///          service specific 1 | own texts 1 | special features 12 | consents 24 | LI 24 | one 1
///          country 12 | vendors' consents | vendors' LI | restrictions
/// segment  type 3: 1 disclosed vendors, 2 allowed vendors, 3 publisher; others are skipped
/// ```
///
/// A string is read whole or not at all. Its cost and memory are linear in its length, which is bounded.
public struct TCString: Equatable, Sendable {
    /// Whole days in strings of today; order between strings comes from offsets (C7).
    public var created: Timestamp
    public var lastUpdated: Timestamp
    public var cmpID: Int
    public var cmpVersion: Int
    public var consentScreen: Int
    /// Two letters of six bits each, as they stand: values above 25 are no letters.
    public var languageBits: UInt16
    public var vendorListVersion: Int
    /// 2, from TCF 2.2 on 4.
    public var policyVersion: Int
    /// False in strings for a group of sites, which no longer count.
    public var isServiceSpecific: Bool
    public var usesNonStandardTexts: Bool
    public var specialFeatureOptIns: TCFPurposes
    public var purposesConsent: TCFPurposes
    public var purposesLegitimateInterest: TCFPurposes
    /// Purpose 1 was not disclosed in the publisher's country.
    public var isPurposeOneUndisclosed: Bool
    /// As ``languageBits``.
    public var publisherCountryBits: UInt16
    public var vendorConsents: VendorSet
    public var vendorLegitimateInterests: VendorSet
    public var restrictions: [PublisherRestriction]
    /// Mandatory since TCF 2.3; nil when the segment is absent.
    public var disclosedVendors: VendorSet?
    /// Withdrawn from the TCF and without effect here; nil when the segment is absent.
    public var allowedVendors: VendorSet?
    public var publisher: Publisher?

    /// What the publisher itself may do.
    public struct Publisher: Equatable, Sendable {
        public var purposesConsent: TCFPurposes
        public var purposesLegitimateInterest: TCFPurposes
        public var customPurposeCount: Int
        /// Bit n - 1 stands for the n-th custom purpose.
        public var customPurposesConsent: UInt64
        public var customPurposesLegitimateInterest: UInt64
    }

    /// `EN`; nil when the bits are no letters.
    public var language: String? { Self.letters(languageBits) }
    public var publisherCountry: String? { Self.letters(publisherCountryBits) }

    private static func letters(_ bits: UInt16) -> String? {
        let letters = [bits >> 6, bits & 63]
        guard letters.allSatisfy({ $0 < 26 }) else { return nil }
        return String(decoding: letters.map { UInt8($0) + 0x41 }, as: UTF8.self)
    }
}

/// What a publisher takes from some vendors on one purpose. It never gives.
public struct PublisherRestriction: Equatable, Sendable {
    public enum Kind: Int, Equatable, Sendable {
        case notAllowed = 0
        case requireConsent = 1
        case requireLegitimateInterest = 2
        /// Reserved. Since restrictions only narrow, it is taken as ``notAllowed``.
        case undefined = 3
    }
    /// 0 to 63; only 1 to 24 are purposes.
    public var purpose: Int
    public var kind: Kind
    /// Ranges may name ids that are no vendors.
    public var vendors: [ClosedRange<UInt16>]
}
