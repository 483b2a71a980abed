import JSONText

/// What a destination does, as its vendor registered it with the TCF (C7).
///
/// There is no vendor list here, so no purpose is flexible: each is claimed on the one basis that is
/// named. A purpose named on both bases needs both.
public struct TCFUse: Equatable, Sendable {
    /// The id on the Global Vendor List.
    public var vendor: UInt16
    public var onConsent: TCFPurposes
    public var onLegitimateInterest: TCFPurposes
    /// Special features that it uses; each needs its opt-in.
    public var specialFeatures: TCFPurposes

    public init(
        vendor: UInt16, onConsent: TCFPurposes, onLegitimateInterest: TCFPurposes = [],
        specialFeatures: TCFPurposes = []
    ) {
        self.vendor = vendor
        self.onConsent = onConsent
        self.onLegitimateInterest = onLegitimateInterest
        self.specialFeatures = specialFeatures
    }
}

public enum TCFBasis: Equatable, Sendable { case consent, legitimateInterest }

/// Why a TC string does not let a vendor be told.
public enum TCFRefusal: Equatable, Sendable {
    /// The use names no vendor, or no purpose.
    case emptyUse
    /// The string is for a group of sites.
    case notServiceSpecific
    /// Made under a policy before TCF 2.2, after that was no longer valid.
    case policyTooOld
    /// Made after TCF 2.3 became binding, without saying which vendors were disclosed.
    case noDisclosedVendors
    case vendorNotDisclosed
    case vendorNot(TCFBasis)
    /// The purpose may never rest on a legitimate interest.
    case consentOnly(purpose: Int)
    /// Purpose 1 was not put to the person.
    case purposeOneUndisclosed
    case purposeNot(TCFBasis, purpose: Int)
    case restricted(TCFBasis, purpose: Int)
    case noOptIn(specialFeature: Int)
}

extension TCFRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .emptyUse: "no purpose is named"
        case .notServiceSpecific: "the string is for a group of sites"
        case .policyTooOld: "the string was made under a policy before TCF 2.2"
        case .noDisclosedVendors: "the string does not say which vendors were disclosed"
        case .vendorNotDisclosed: "the vendor was not disclosed"
        case .vendorNot(let basis): "the vendor has no \(basis.words)"
        case .consentOnly(let purpose): "purpose \(purpose) may rest on consent only"
        case .purposeOneUndisclosed: "purpose 1 was not put to the person"
        case .purposeNot(let basis, let purpose): "purpose \(purpose) has no \(basis.words)"
        case .restricted(let basis, let purpose):
            "the publisher takes \(basis.words) for purpose \(purpose) away"
        case .noOptIn(let feature): "special feature \(feature) was not opted in to"
        }
    }
}

extension TCFBasis {
    var words: String {
        switch self {
        case .consent: "consent"
        case .legitimateInterest: "legitimate interest"
        }
    }
}

extension TCString {
    /// Why a destination may not be told; nil when it may, for everything that it does.
    ///
    /// The first reason found: what is wrong with the string, then with the vendor, then with a purpose
    /// on consent, a purpose on legitimate interest, a special feature.
    public func refusal(of use: TCFUse) -> TCFRefusal? {
        guard use.vendor > 0, !use.onConsent.union(use.onLegitimateInterest).isEmpty else {
            return .emptyUse
        }
        if let general = generalRefusal(of: use.vendor) { return general }
        if !use.onConsent.isEmpty, !vendorConsents.contains(use.vendor) {
            return .vendorNot(.consent)
        }
        if !use.onLegitimateInterest.isEmpty, !vendorLegitimateInterests.contains(use.vendor) {
            return .vendorNot(.legitimateInterest)
        }
        let barred = barredPurposes(of: use.vendor)
        return refusal(onConsent: use.onConsent, barred: barred.consent)
            ?? refusal(onLegitimateInterest: use.onLegitimateInterest, barred: barred.interest)
            ?? use.specialFeatures.subtracting(specialFeatureOptIns).first
            .map(TCFRefusal.noOptIn(specialFeature:))
    }

    /// The purposes for which a vendor that claims them on `basis` may be told.
    public func permitted(_ vendor: UInt16, on basis: TCFBasis) -> TCFPurposes {
        guard vendor > 0, generalRefusal(of: vendor) == nil else { return [] }
        let barred = barredPurposes(of: vendor)
        switch basis {
        case .consent:
            guard vendorConsents.contains(vendor) else { return [] }
            let withheld: TCFPurposes = isPurposeOneUndisclosed ? .storage : []
            return purposesConsent.subtracting(withheld).subtracting(barred.consent)
        case .legitimateInterest:
            guard vendorLegitimateInterests.contains(vendor) else { return [] }
            return purposesLegitimateInterest.subtracting(.consentOnly)
                .subtracting(barred.interest)
        }
    }

    /// 2023-09-30, from when a policy below 4 no longer counts.
    private static let policyFourBinds = Timestamp(secondsSince1970: 1_696_032_000)
    /// 2026-03-01, from when a string must name the disclosed vendors.
    private static let disclosureBinds = Timestamp(secondsSince1970: 1_772_323_200)

    /// Why the string counts for no vendor at all today; nil when it does.
    public var generalRefusal: TCFRefusal? {
        guard isServiceSpecific else { return .notServiceSpecific }
        let made = max(created, lastUpdated)
        if policyVersion < 4, made >= Self.policyFourBinds { return .policyTooOld }
        let mustDisclose = policyVersion >= 5 || made >= Self.disclosureBinds
        return disclosedVendors == nil && mustDisclose ? .noDisclosedVendors : nil
    }

    private func generalRefusal(of vendor: UInt16) -> TCFRefusal? {
        if let generalRefusal { return generalRefusal }
        guard let disclosedVendors else { return nil }
        return disclosedVendors.contains(vendor) ? nil : .vendorNotDisclosed
    }

    /// What the person said to what a purpose of the policy means.
    enum Answer { case agreed, refused, notAsked }

    func answer(to meaning: TCFMeaning) -> Answer {
        let undisclosed: TCFPurposes = isPurposeOneUndisclosed ? .storage : []
        let asked = meaning.onConsent.subtracting(undisclosed)
        guard asked.subtracting(purposesConsent).isEmpty,
            meaning.onLegitimateInterest.subtracting(purposesLegitimateInterest).isEmpty,
            meaning.specialFeatures.subtracting(specialFeatureOptIns).isEmpty
        else { return .refused }
        // A string that no longer counts grants nothing, and neither does what was not put to the person.
        guard generalRefusal == nil, asked == meaning.onConsent else { return .notAsked }
        return .agreed
    }

    /// The purposes that the publisher takes from a vendor, by the basis on which it claims them.
    private func barredPurposes(of vendor: UInt16) -> (consent: TCFPurposes, interest: TCFPurposes)
    {
        var barred: (consent: TCFPurposes, interest: TCFPurposes) = ([], [])
        for restriction in restrictions {
            guard let purpose = TCFPurposes(ids: CollectionOfOne(restriction.purpose)),
                restriction.vendors.contains(where: { $0.contains(vendor) })
            else { continue }
            switch restriction.kind {
            case .notAllowed, .undefined:
                barred.consent.formUnion(purpose)
                barred.interest.formUnion(purpose)
            case .requireConsent: barred.interest.formUnion(purpose)
            case .requireLegitimateInterest: barred.consent.formUnion(purpose)
            }
        }
        return barred
    }

    private func refusal(onConsent wanted: TCFPurposes, barred: TCFPurposes) -> TCFRefusal? {
        if isPurposeOneUndisclosed, wanted.contains(.storage) { return .purposeOneUndisclosed }
        if let missing = wanted.subtracting(purposesConsent).first {
            return .purposeNot(.consent, purpose: missing)
        }
        return wanted.intersection(barred).first.map { .restricted(.consent, purpose: $0) }
    }

    private func refusal(
        onLegitimateInterest wanted: TCFPurposes, barred: TCFPurposes
    ) -> TCFRefusal? {
        if let purpose = wanted.intersection(.consentOnly).first {
            return .consentOnly(purpose: purpose)
        }
        if let missing = wanted.subtracting(purposesLegitimateInterest).first {
            return .purposeNot(.legitimateInterest, purpose: missing)
        }
        return wanted.intersection(barred).first
            .map { .restricted(.legitimateInterest, purpose: $0) }
    }
}
