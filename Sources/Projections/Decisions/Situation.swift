import CustomerModel
import Hashing
import JSONText

/// Everything about one event that gates look at but its payload, its times and its person: what makes two
/// events the same in the eyes of most rules.
///
/// A log of millions of events has few distinct situations, so a changed rule is asked about each situation
/// once and not about each event.
struct Situation: InternKey {
    /// The fold's number of the source.
    var source: UInt16
    /// ``EventType``, raw.
    var type: UInt8
    var flags: Flags
    /// In ``SituationTable/names``.
    var name: UInt16
    /// In ``SituationTable/integrations``; `none` where the event has none.
    var integrations: UInt16
    /// In ``SituationTable/consents``: the person's state, narrowed by the event's own signal.
    var consent: UInt32
    /// In ``SituationTable/signals``: what the event itself says, which narrows under other rules too.
    var signal: UInt32
    /// Bit n: the person had an identifier of the fold's type n.
    var identifierTypes: UInt64

    static let none = UInt16.max

    struct Flags: OptionSet, Sendable {
        var rawValue: UInt8
        static let suppressed = Flags(rawValue: 1)
        static let unreadable = Flags(rawValue: 2)
        /// Something did not fit a table: only the event's own line says everything.
        static let open = Flags(rawValue: 4)
    }

    var words: (UInt64, UInt64, UInt64) {
        (
            UInt64(source) | UInt64(type) << 16 | UInt64(flags.rawValue) << 24 | UInt64(name) << 32
                | UInt64(integrations) << 48, UInt64(consent) | UInt64(signal) << 32,
            identifierTypes
        )
    }

    static func == (a: Situation, b: Situation) -> Bool { a.words == b.words }

    init(
        source: UInt16, type: UInt8, flags: Flags, name: UInt16, integrations: UInt16,
        consent: UInt32, signal: UInt32, identifierTypes: UInt64
    ) {
        self.source = source
        self.type = type
        self.flags = flags
        self.name = name
        self.integrations = integrations
        self.consent = consent
        self.signal = signal
        self.identifierTypes = identifierTypes
    }

    init(words a: UInt64, _ b: UInt64, _ c: UInt64) {
        source = UInt16(truncatingIfNeeded: a)
        type = UInt8(truncatingIfNeeded: a >> 16)
        flags = Flags(rawValue: UInt8(truncatingIfNeeded: a >> 24))
        name = UInt16(truncatingIfNeeded: a >> 32)
        integrations = UInt16(truncatingIfNeeded: a >> 48)
        consent = UInt32(truncatingIfNeeded: b)
        signal = UInt32(truncatingIfNeeded: b >> 32)
        identifierTypes = c
    }
}

/// A state for every purpose, as masks over the fold's purposes. What is in no mask is unknown.
struct ConsentRow: InternKey {
    var granted: UInt64 = 0
    var denied: UInt64 = 0
    var expired: UInt64 = 0

    var words: (UInt64, UInt64, UInt64) { (granted, denied, expired) }

    subscript(purpose: UInt8) -> ConsentState.Value {
        let bit = UInt64(1) << UInt64(purpose)
        if denied & bit != 0 { return .denied }
        if granted & bit != 0 { return .granted }
        return expired & bit != 0 ? .expired : .unknown
    }

    mutating func set(_ value: ConsentState.Value, purpose: UInt8) {
        let bit = UInt64(1) << UInt64(purpose)
        switch value {
        case .granted: granted |= bit
        case .denied: denied |= bit
        case .expired: expired |= bit
        case .unknown: break
        }
    }
}

/// What one event says of consent by itself, as masks over the fold's purposes, and where its person is as far
/// as a trusted field says (C1, C6).
struct OwnSignal: InternKey {
    var denied: UInt64 = 0
    /// What the event withholds from its own use; everything, where a signal could not be read.
    var missing: UInt64 = 0
    /// ``CountryCode/code``; 0 where no trusted field names a country.
    var country: UInt16 = 0

    var words: (UInt64, UInt64, UInt64) { (denied, missing, UInt64(country)) }
    var isSilent: Bool { denied | missing == 0 && country == 0 }
}

/// The distinct situations of a log.
struct SituationTable {
    private(set) var situations = InternTable<Situation>()
    private(set) var consents = InternTable<ConsentRow>()
    private(set) var signals = InternTable<OwnSignal>()
    /// Names of events, as clients wrote them.
    private(set) var names: ByteTable
    /// Raw `integrations`: the item's own, a NUL, and its batch's.
    private(set) var integrations: ByteTable

    /// More names or integrations than this are not told apart: what a client makes up must not fill memory,
    /// and their numbers are two bytes.
    private static let mostTexts = Int(Situation.none)
    private static let longestText = 1_024

    init(key: SipKey) {
        names = ByteTable(key: key)
        integrations = ByteTable(key: key)
        // Most events say nothing: their signal is number 0 without a look into the table.
        _ = signals.intern(OwnSignal())
    }

    mutating func intern(signal: OwnSignal) -> UInt32 {
        signal.isSilent ? 0 : signals.intern(signal).number
    }

    mutating func intern(consent: ConsentRow) -> UInt32 { consents.intern(consent).number }

    mutating func intern(_ situation: Situation) -> UInt32 { situations.intern(situation).number }

    /// The number of a name; nil when it is too long or one too many.
    mutating func intern(name: String) -> UInt16? {
        var name = name
        return name.withUTF8 { Self.intern(UnsafeRawBufferPointer($0), in: &names) }
    }

    /// The number of what an event says about integrations; nil when it is too long or one too many.
    mutating func intern(integrations bytes: UnsafeRawBufferPointer) -> UInt16? {
        Self.intern(bytes, in: &integrations)
    }

    private static func intern(_ bytes: UnsafeRawBufferPointer, in table: inout ByteTable)
        -> UInt16?
    {
        guard bytes.count <= longestText else { return nil }
        let number =
            table.count >= mostTexts
            ? table.find(tag: 0, bytes) : table.intern(tag: 0, bytes).index
        return number.map { UInt16($0) }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("SITU")
        names.write(into: &out)
        integrations.write(into: &out)
        out.column(consents.elements.flatMap { [$0.granted, $0.denied, $0.expired] })
        out.column(signals.elements.flatMap { [$0.denied, $0.missing, UInt64($0.country)] })
        var words: [UInt64] = []
        words.reserveCapacity(situations.count * 3)
        for element in situations.elements {
            let (a, b, c) = element.words
            words.append(a)
            words.append(b)
            words.append(c)
        }
        out.column(words)
    }

    init(from reader: inout CanonicalReader, key: SipKey) throws(CanonicalError) {
        try reader.section("SITU")
        names = try ByteTable(from: &reader, key: key)
        integrations = try ByteTable(from: &reader, key: key)
        let rows = try reader.column(UInt64.self)
        let said = try reader.column(UInt64.self)
        let words = try reader.column(UInt64.self)
        let all = stride(from: 0, to: words.count - words.count % 3, by: 3).map {
            Situation(words: words[$0], words[$0 + 1], words[$0 + 2])
        }
        guard rows.count % 3 == 0, said.count % 3 == 0, words.count % 3 == 0,
            let consents = InternTable(
                stride(from: 0, to: rows.count, by: 3).map {
                    ConsentRow(
                        granted: rows[$0], denied: rows[$0 + 1], expired: rows[$0 + 2])
                }),
            stride(from: 2, to: said.count, by: 3).allSatisfy({ said[$0] <= UInt16.max }),
            let signals = InternTable(
                stride(from: 0, to: said.count, by: 3).map {
                    OwnSignal(
                        denied: said[$0], missing: said[$0 + 1], country: UInt16(said[$0 + 2]))
                }), signals.elements.first?.isSilent == true,
            let situations = InternTable(all),
            all.allSatisfy({ situation in
                Int(situation.consent) < consents.count && Int(situation.signal) < signals.count
                    && (Int(situation.name) < names.count || situation.flags.contains(.open))
                    && (Int(situation.integrations) < integrations.count
                        || situation.integrations == Situation.none)
            })
        else { throw CanonicalError(position: reader.position, expected: "situations") }
        self.consents = consents
        self.signals = signals
        self.situations = situations
    }
}
