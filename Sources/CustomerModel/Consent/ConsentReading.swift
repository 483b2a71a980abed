import JSONText

/// How one policy version reads consent off an event: what it asks for, worked out once.
///
/// What no purpose and no destination asks for is not looked at, so that reading costs what it must.
public struct ConsentReading: Sendable {
    public let purposes: [Purpose]
    public let places: ConsentPlaces
    let countryFields: [TrustedField]
    let readsMParticle: Bool
    /// Whether TC strings mean anything, to a purpose or to a destination.
    public let readsTCF: Bool
    let readsGPP: Bool
    let readsUSPrivacy: Bool
    public let readsCountry: Bool
    let gpcMask: UInt64

    public init(_ policy: Policy) {
        self.init(
            purposes: policy.purposes, rules: policy.consent,
            asksForTCF: policy.destinations.contains { $0.tcf != nil })
    }

    /// - Parameter asksForTCF: whether a destination is judged by the person's TC string.
    public init(
        purposes: [Purpose], rules: ConsentRules = ConsentRules(resolution: .strictest),
        asksForTCF: Bool = false
    ) {
        self.purposes = purposes
        places = rules.places
        countryFields = rules.countryFields
        readsMParticle = purposes.contains {
            !$0.mparticlePurposes.isEmpty || $0.signals.isCCPASale
        }
        readsTCF = asksForTCF || purposes.contains { $0.signals.tcf != nil }
        var mask: UInt64 = 0
        for (index, purpose) in purposes.enumerated() where purpose.deniedByGPC {
            mask |= 1 << UInt64(index)
        }
        gpcMask = mask
        // A GPP string may hold a TC string, and a GPC signal.
        readsGPP = readsTCF || mask != 0 || purposes.contains { !$0.signals.gpp.isEmpty }
        readsUSPrivacy = purposes.contains { !$0.signals.usPrivacy.isEmpty }
        readsCountry = purposes.contains { !$0.signals.defaultCountries.isEmpty }
    }

    /// The country that a trusted field of the event names; nil where there is none (C6).
    public func country(of body: EventBody, source: String) -> CountryCode? {
        readsCountry ? trustedCountry(of: body, source: source) : nil
    }

    /// The same, whether a purpose asks for it or not.
    public func trustedCountry(of body: EventBody, source: String) -> CountryCode? {
        for field in countryFields where field.sources.contains(source) {
            guard let value = body.value(at: field.path), !value.isNull else { continue }
            return value.withUTF8 { CountryCode(utf8: $0) } ?? nil
        }
        return nil
    }

    /// Whether both look at the same signals and find the same of them unreadable.
    ///
    /// What the signals mean for a purpose is the purpose's own affair (``Purpose/isRead(like:)``); but what
    /// cannot be read withholds every purpose, whichever one it was read for.
    public func looks(like other: ConsentReading) -> Bool {
        places == other.places && readsMParticle == other.readsMParticle
            && readsTCF == other.readsTCF && readsGPP == other.readsGPP
            && readsUSPrivacy == other.readsUSPrivacy && (gpcMask == 0) == (other.gpcMask == 0)
            && kinds(\.gpp) == other.kinds(\.gpp) && kinds(\.usPrivacy) == other.kinds(\.usPrivacy)
    }

    /// What purposes ask a string for: one answer that cannot be read matters where no other of the same
    /// purpose denies.
    private func kinds(_ signal: KeyPath<PurposeSignals, OptOutKinds>) -> Set<OptOutKinds> {
        Set(purposes.map { $0.signals[keyPath: signal] }.filter { !$0.isEmpty })
    }

    /// The first place of a list that is there and not null.
    func value(_ body: EventBody, at paths: [FieldPath]) -> JSONView? {
        for path in paths {
            if let value = body.value(at: path), !value.isNull { return value }
        }
        return nil
    }
}

/// What one reader read off one event.
public struct ConsentStatement: Equatable, Sendable {
    public var reader: ConsentReader
    public var granted: UInt64 = 0
    public var denied: UInt64 = 0
    /// When the person said so, corrected and not clipped yet; nil for the event's own time. Microseconds.
    public var time: Int64?

    public init(reader: ConsentReader, granted: UInt64 = 0, denied: UInt64 = 0, time: Int64? = nil)
    {
        self.reader = reader
        self.granted = granted
        self.denied = denied
        self.time = time
    }
}

/// A TC string as an event carried it.
///
/// A class: few events carry one, and what every event says would be as large as the string is.
public final class CarriedTCString: Equatable, Sendable {
    public let text: String
    public let string: TCString

    init(text: String, string: TCString) {
        self.text = text
        self.string = string
    }

    public static func == (one: CarriedTCString, other: CarriedTCString) -> Bool {
        one.text == other.text && one.string == other.string
    }
}
