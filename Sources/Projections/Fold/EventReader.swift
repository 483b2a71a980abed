import CustomerModel
import Hashing
import JSONText

/// Reads off events what the fold needs of them, under one policy.
///
/// What it reads depends on the line and the policy alone, so that it may be read ahead, on another thread,
/// without the fold's meaning depending on it.
struct EventReader {
    /// One value that may be an identifier.
    struct Offer {
        /// Place of its type in the policy.
        var rank: Int
        /// Its place among everything that the event names.
        var ordinal: UInt16
        /// As ``ByteTable`` hashes it.
        var hash: UInt64
        /// Its normalised bytes, in ``EventReader/values``.
        var bytes: Range<Int>
    }

    /// Of all events since ``removeAll()``.
    private(set) var offers: [Offer] = []
    private(set) var values: [UInt8] = []
    /// Of the events that say something about consent.
    private(set) var signals: [ConsentSignal] = []
    private var normalised: [UInt8] = []
    private let key: SipKey

    /// `key` is the log's own.
    init(key: SipKey) { self.key = key }

    mutating func removeAll() {
        offers.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        signals.removeAll(keepingCapacity: true)
    }

    /// - Parameters:
    ///   - body: what stands in the line.
    ///   - source: whose event it is.
    mutating func read(
        _ body: EventBody, source: String, policy: CompiledPolicy
    ) throws(FoldProblem) -> EventReading {
        guard let type = body.type else { throw FoldProblem.notAnEvent }
        guard let received = EventClock.time(body.received) else { throw FoldProblem.noTime }
        let first = offers.count
        readIdentifiers(body, policy.identity)
        let signal = ConsentSignal.read(body, by: policy.reading, received: received)
        var number: UInt32?
        var narrowing = ConsentSignal.Narrowing()
        if !signal.isSilent {
            number = UInt32(signals.count)
            narrowing = signal.narrowing
            signals.append(signal)
        }
        return EventReading(
            type: type, mpid: body.mparticle?.mpid, isMParticle: body.mparticle != nil,
            isImport: body.isImport,
            received: received, offers: UInt32(first)..<UInt32(offers.count), signal: number,
            narrowing: narrowing,
            country: policy.reading.trustedCountry(of: body, source: source),
            integrations: readIntegrations(body))
    }

    /// What the event says about integrations: the item's own, a NUL, and its batch's.
    private mutating func readIntegrations(_ body: EventBody) -> Range<UInt32>? {
        let own = body.integrations
        let shared = body.sharedIntegrations
        guard own != nil || shared != nil else { return nil }
        let start = values.count
        if let own { values.append(contentsOf: own.rawBytes) }
        values.append(0)
        if let shared { values.append(contentsOf: shared.rawBytes) }
        return UInt32(start)..<UInt32(values.count)
    }

    /// The signal of one event; what says nothing where it is silent.
    func signal(of reading: EventReading) -> ConsentSignal {
        reading.signal.map { signals[Int($0)] } ?? ConsentSignal()
    }

    private mutating func readIdentifiers(_ body: EventBody, _ rules: CompiledIdentity) {
        var ordinal: UInt16 = 0
        let limit = EventIdentifiers.limit(of: body) + EventIdentifiers.limit
        EventIdentifiers.forEach(in: body) { type, value in
            offer(value, rank: rules.rank(of: type), rules, ordinal: ordinal)
            ordinal += 1
        }
        guard rules.hasPaths else { return }
        for (rank, paths) in rules.paths.enumerated() {
            for path in paths {
                guard let value = body.value(at: path), ordinal < limit
                else { continue }
                offer(value, rank: rank, rules, ordinal: ordinal)
                ordinal += 1
            }
        }
    }

    private mutating func offer(
        _ value: JSONView, rank: Int?, _ rules: CompiledIdentity, ordinal: UInt16
    ) {
        guard let rank else { return }
        // Two threads counting who holds the rules would wait for each other: the closure takes what it needs.
        let (form, country) = (rules.normalisations[rank], rules.phoneCountries[rank])
        let isUsable: Bool
        switch value.kind {
        case .string:
            isUsable =
                value.withUTF8 {
                    IdentifierValue.normalise(
                        $0, form, country: country, into: &normalised)
                } ?? false
        case .number:
            isUsable = IdentifierValue.normalise(
                value.rawBytes, form, country: country, into: &normalised)
        case .object, .array, .bool, .null:
            isUsable = false
        }
        guard isUsable else { return }
        if !rules.blocked.isEmpty, isBlocked(rank, rules) { return }
        let type = rules.types[rank]
        let hash = normalised.withUnsafeBytes { ByteTable.hash(tag: type, $0, key: key) }
        let start = values.count
        values.append(contentsOf: normalised)
        offers.append(
            Offer(rank: rank, ordinal: ordinal, hash: hash, bytes: start..<values.count))
    }

    private func isBlocked(_ rank: Int, _ rules: CompiledIdentity) -> Bool {
        normalised.withUnsafeBytes {
            IdentifierValue.isBlocked(type: rules.names[rank], value: $0, by: rules.blocked)
        }
    }
}

/// What was read off one event. Valid as long as its reader was not emptied.
///
/// Small: it goes from the processor that reads to the one that folds.
struct EventReading {
    var type: EventType
    /// The person's number that the event names; what it means, the fold knows.
    var mpid: MPID?
    var isMParticle: Bool
    var isImport: Bool
    var received: Timestamp
    /// In ``EventReader/offers``, in the event's own order.
    var offers: Range<UInt32>
    /// In ``EventReader/signals``; nil where the event says nothing about consent.
    var signal: UInt32?
    /// What that takes away from the event itself.
    var narrowing: ConsentSignal.Narrowing
    /// What a trusted field says (C6).
    var country: CountryCode?
    /// In ``EventReader/values``; nil where the event says nothing about integrations.
    var integrations: Range<UInt32>?
}
