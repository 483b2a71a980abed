/// A field of a GPP section of the United States. Each value has two bits.
public enum USField: String, Equatable, Sendable, CaseIterable {
    // Notices: 0 does not apply, 1 given, 2 not given.
    case sharingNotice = "SharingNotice"
    case processingNotice = "ProcessingNotice"
    case saleOptOutNotice = "SaleOptOutNotice"
    case sharingOptOutNotice = "SharingOptOutNotice"
    case targetedAdvertisingOptOutNotice = "TargetedAdvertisingOptOutNotice"
    case sensitiveDataProcessingOptOutNotice = "SensitiveDataProcessingOptOutNotice"
    case sensitiveDataOptOutNotice = "SensitiveDataOptOutNotice"
    case sensitiveDataLimitUseNotice = "SensitiveDataLimitUseNotice"
    // Opt-outs: 0 does not apply, 1 opted out, 2 did not.
    case saleOptOut = "SaleOptOut"
    case sharingOptOut = "SharingOptOut"
    case targetedAdvertisingOptOut = "TargetedAdvertisingOptOut"
    // Lists and consents: 0 does not apply, 1 no consent, 2 consent; states differ in what 1 means.
    case sensitiveDataProcessing = "SensitiveDataProcessing"
    case knownChildSensitiveDataConsents = "KnownChildSensitiveDataConsents"
    case personalDataConsents = "PersonalDataConsents"
    case additionalDataProcessingConsent = "AdditionalDataProcessingConsent"
    // 0 does not apply, 1 yes, 2 no.
    case mspaCoveredTransaction = "MspaCoveredTransaction"
    case mspaOptOutOptionMode = "MspaOptOutOptionMode"
    case mspaServiceProviderMode = "MspaServiceProviderMode"
}

/// Which fields a section has, in order, and how many values each holds.
struct USSectionLayout: Sendable {
    let fields: [(field: USField, count: Int)]
    /// Of all fields together.
    let valueCount: Int

    /// - Parameter consent: the field between the lists and the MSPA's three.
    private init(_ head: [USField], sensitive: Int, child: Int, consent: USField? = nil) {
        let tail: [USField] = [
            .mspaCoveredTransaction, .mspaOptOutOptionMode, .mspaServiceProviderMode,
        ]
        fields =
            head.map { ($0, 1) }
            + [(.sensitiveDataProcessing, sensitive), (.knownChildSensitiveDataConsents, child)]
            + (consent.map { [($0, 1)] } ?? []) + tail.map { ($0, 1) }
        valueCount = fields.reduce(0) { $0 + $1.count }
    }

    /// The layout of a section's core; nil when its version is not known, or the id none of ours.
    ///
    /// - Parameter bits: how many its text has. The national section of version 1 was lengthened without
    ///   a new number, and texts of up to 66 bits are of the older form.
    static func of(section id: Int, version: Int, bits: Int) -> USSectionLayout? {
        if id == 7, version == 2 { return national }
        guard version == 1 else { return nil }
        switch id {
        case 7: return bits <= 66 ? olderNational : national
        case 8: return california
        case 9: return virginia
        case 10: return colorado
        case 11: return utah
        case 12: return connecticut
        case 13: return florida
        case 14: return montana
        case 15: return oregon
        case 16: return texas
        case 17: return delaware
        case 18: return iowa
        case 19: return nebraska
        case 20: return newHampshire
        case 21: return newJersey
        case 22: return tennessee
        case 23: return minnesota
        default: return nil
        }
    }

    private static let nationalHead: [USField] = [
        .sharingNotice, .saleOptOutNotice, .sharingOptOutNotice, .targetedAdvertisingOptOutNotice,
        .sensitiveDataProcessingOptOutNotice, .sensitiveDataLimitUseNotice, .saleOptOut,
        .sharingOptOut, .targetedAdvertisingOptOut,
    ]
    private static let national = USSectionLayout(
        nationalHead, sensitive: 16, child: 3, consent: .personalDataConsents)
    private static let olderNational = USSectionLayout(
        nationalHead, sensitive: 12, child: 2, consent: .personalDataConsents)

    private static let california = USSectionLayout(
        [
            .saleOptOutNotice, .sharingOptOutNotice, .sensitiveDataLimitUseNotice, .saleOptOut,
            .sharingOptOut,
        ], sensitive: 9, child: 2, consent: .personalDataConsents)

    private static func head(_ notice: USField, sensitive: [USField] = []) -> [USField] {
        [notice, .saleOptOutNotice, .targetedAdvertisingOptOutNotice] + sensitive
            + [.saleOptOut, .targetedAdvertisingOptOut]
    }
    private static let virginia = USSectionLayout(head(.sharingNotice), sensitive: 8, child: 1)
    private static let colorado = USSectionLayout(head(.sharingNotice), sensitive: 7, child: 1)
    private static let connecticut = USSectionLayout(head(.sharingNotice), sensitive: 8, child: 3)
    private static let utah = USSectionLayout(
        head(.sharingNotice, sensitive: [.sensitiveDataProcessingOptOutNotice]), sensitive: 8,
        child: 1)
    private static let iowa = USSectionLayout(
        head(.processingNotice, sensitive: [.sensitiveDataOptOutNotice]), sensitive: 8, child: 1)
    private static let montana = USSectionLayout(
        head(.sharingNotice), sensitive: 8, child: 3, consent: .additionalDataProcessingConsent)

    private static func later(sensitive: Int, child: Int) -> USSectionLayout {
        USSectionLayout(
            head(.processingNotice), sensitive: sensitive, child: child,
            consent: .additionalDataProcessingConsent)
    }
    private static let florida = later(sensitive: 8, child: 3)
    private static let oregon = later(sensitive: 11, child: 3)
    private static let texas = later(sensitive: 8, child: 1)
    private static let delaware = later(sensitive: 9, child: 5)
    private static let nebraska = later(sensitive: 8, child: 1)
    private static let newHampshire = later(sensitive: 8, child: 3)
    private static let newJersey = later(sensitive: 10, child: 5)
    private static let tennessee = later(sensitive: 8, child: 1)
    private static let minnesota = later(sensitive: 8, child: 1)
}
