/// Who read an assertion out of the log (C1). The numbers stand in the fold's state.
public enum ConsentReader: UInt8, CaseIterable, Equatable, Sendable {
    /// Segment's `context.consent.categoryPreferences` on any event.
    case categories = 1
    /// The same on a `Segment Consent Preference Updated`.
    case preference = 2
    /// A Global Privacy Control signal.
    case gpc = 3
    /// mParticle's `consent_state.gdpr`.
    case mparticle = 4
    /// mParticle's `consent_state.ccpa.data_sale_opt_out`.
    case ccpa = 5
    /// An IAB TC string, alone or within a GPP string.
    case tcf = 6
    /// The sections of the United States in an IAB GPP string.
    case gpp = 7
    /// The IAB's US Privacy string.
    case usPrivacy = 8
    /// Somebody who answers for the person's word: a letter, a call, a form on paper.
    case `operator` = 9
    /// RudderStack's `context.consentManagement` on any event.
    case rudderstack = 10

    /// As answers and the read model name it.
    public var name: String {
        switch self {
        case .categories: "Segment categories"
        case .preference: "Segment Consent Preference Updated"
        case .gpc: "GPC"
        case .mparticle: "mParticle consent_state"
        case .ccpa: "mParticle CCPA opt-out"
        case .tcf: "TCF"
        case .gpp: "GPP"
        case .usPrivacy: "US Privacy"
        case .operator: "operator"
        case .rudderstack: "RudderStack consentManagement"
        }
    }

    /// How the person's word came here, where the record itself does not say.
    public var method: String {
        switch self {
        case .categories, .rudderstack: "consent banner, on the event"
        case .preference: "consent banner, changed"
        case .gpc: "browser signal"
        case .mparticle, .ccpa: "mParticle batch"
        case .tcf, .gpp, .usPrivacy: "consent string"
        case .operator: "operator"
        }
    }
}

/// What a purpose's state rests on.
public enum ConsentGround: Equatable, Sendable {
    /// Nobody said anything.
    case nothing
    /// An assertion, and which reader it came from.
    case assertion(ConsentReader)
    /// The event's own signal took it away for itself and asserted nothing (C1).
    case ownSignal
    /// What the policy says for a country, where nobody said anything: never an assertion (C6).
    case regionalDefault(CountryCode)

    public var name: String {
        switch self {
        case .nothing: "none"
        case .assertion(let reader): reader.name
        case .ownSignal: "the event's own signal"
        case .regionalDefault: "default"
        }
    }
}

/// A country or region by two letters, as ISO 3166 has them, in upper case.
public struct CountryCode: Hashable, Sendable, CustomStringConvertible {
    private let letters: UInt16

    /// The two letters as a number, never 0.
    public var code: UInt16 { letters }

    /// Two ASCII letters of either case; nil for anything else.
    public init?(utf8 text: UnsafeRawBufferPointer) {
        guard text.count == 2 else { return nil }
        var letters: UInt16 = 0
        for byte in text {
            let upper = byte & ~0x20
            guard (0x41...0x5A).contains(upper) else { return nil }
            letters = letters << 8 | UInt16(upper)
        }
        self.letters = letters
    }

    public init?(_ text: String) {
        var text = text
        guard let code = text.withUTF8({ CountryCode(utf8: UnsafeRawBufferPointer($0)) }) else {
            return nil
        }
        self = code
    }

    public var description: String {
        String(decoding: [UInt8(letters >> 8), UInt8(letters & 0xFF)], as: UTF8.self)
    }
}
