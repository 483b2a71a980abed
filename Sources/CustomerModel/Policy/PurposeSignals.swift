/// Which signals mean a purpose, besides Segment's categories and mParticle's purposes.
public struct PurposeSignals: Equatable, Sendable {
    /// What of a TC string means it; nil for nothing.
    public var tcf: TCFMeaning?
    /// What of a GPP string's sections of the United States takes it away. All must be stated for a grant.
    public var gpp: OptOutKinds = []
    /// The same of a US Privacy string, which speaks of sale only.
    public var usPrivacy: OptOutKinds = []
    /// Whether mParticle's `ccpa.data_sale_opt_out` means it: `consented: true` is a denial.
    public var isCCPASale = false
    /// Countries where it counts as granted while nobody said anything (C6).
    public var defaultCountries: [CountryCode] = []

    public init() {}
}

extension Purpose {
    /// Whether the same signals mean it and its denial, so that what people said of the one they said of the
    /// other. Expiry, defaults and basis are no part of that.
    public func isRead(like other: Purpose) -> Bool {
        var signals = signals
        signals.defaultCountries = other.signals.defaultCountries
        return name == other.name && segmentCategories == other.segmentCategories
            && mparticlePurposes == other.mparticlePurposes && deniedByGPC == other.deniedByGPC
            && signals == other.signals
    }
}

/// What of a TC string means a purpose of the policy: all of these must be agreed to.
public struct TCFMeaning: Equatable, Sendable {
    public var onConsent: TCFPurposes
    public var onLegitimateInterest: TCFPurposes
    public var specialFeatures: TCFPurposes

    public init(
        onConsent: TCFPurposes, onLegitimateInterest: TCFPurposes = [],
        specialFeatures: TCFPurposes = []
    ) {
        self.onConsent = onConsent
        self.onLegitimateInterest = onLegitimateInterest
        self.specialFeatures = specialFeatures
    }
}

/// A set of what can be opted out of in the United States.
public struct OptOutKinds: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let sale = OptOutKinds(rawValue: 1)
    public static let sharing = OptOutKinds(rawValue: 2)
    public static let targetedAdvertising = OptOutKinds(rawValue: 4)

    /// As a policy and the GPP's fields spell them.
    public static let words: [(word: String, kind: OptOutKinds)] = [
        ("saleOptOut", .sale), ("sharingOptOut", .sharing),
        ("targetedAdvertisingOptOut", .targetedAdvertising),
    ]

    public var names: [String] { Self.words.filter { contains($0.kind) }.map(\.word) }
}

/// Where signals stand in a message. Each list is tried in order, and the first place that is there counts.
public struct ConsentPlaces: Equatable, Sendable {
    public var tcf = ["context.consent.tcf", "context.consent.tcString"].map(
        FieldPath.init(dotted:))
    public var gpp = [FieldPath(dotted: "context.consent.gpp")]
    public var usPrivacy = [FieldPath(dotted: "context.consent.usPrivacy")]
    /// The whole `consent_state` object.
    public var mparticle = ["consent_state", "context.consent_state"].map(FieldPath.init(dotted:))
    /// A GPC signal that did not come in a request header; none if not said.
    public var gpc: [FieldPath] = []

    public init() {}
}

/// A field that holds a person's country, believed only of some sources (C6).
public struct TrustedField: Equatable, Sendable {
    public var path: FieldPath
    /// Never empty: a field that every client may write is not to be trusted.
    public var sources: [String]

    public init(path: FieldPath, sources: [String]) {
        self.path = path
        self.sources = sources
    }
}

extension FieldPath {
    /// - Precondition: names with dots between, none empty.
    init(dotted text: String) {
        self.init(names: text.split(separator: ".").map(String.init))
    }
}
