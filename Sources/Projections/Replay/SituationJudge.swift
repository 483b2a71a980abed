import CustomerModel
import JSONText

/// Asks a candidate's gates about situations instead of events: everything but filters, age and sampling.
///
/// Each part of a situation is asked about once, so that a moment costs a few look-ups a destination.
struct SituationJudge {
    private let destinations: [Destination]
    /// By destination: identifier types of which one must be there; nil for no such need.
    private let required: [UInt64?]
    private let isEnabled: [Bool]
    private var whatNumbers = InternTable<UInt64>()
    private var whats: [[UInt16]] = []
    private let bySource: [[UInt16]]
    private let byIntegrations: [[UInt16]]
    private let purposes: [Purpose]
    private let numbers: [UInt8]
    /// Every state that was asked about, and what it means.
    private var consents = InternTable<ConsentRow>()
    private var byConsent: [[UInt16]] = []
    private let names: ByteTable
    /// By destination: what ``judge(_:consent:)`` found last.
    private(set) var bits: [UInt16]

    /// - Parameter numbers: the fold's number of each of the candidate's purposes.
    init(_ candidate: Policy, purposes numbers: [UInt8], _ basis: SimulationBasis) {
        destinations = candidate.destinations
        isEnabled = destinations.map(\.isEnabled)
        bits = destinations.map { _ in 0 }
        names = basis.situations.names
        required = destinations.map { destination in
            guard !destination.requiredIdentifiers.isEmpty else { return nil }
            var mask: UInt64 = 0
            for name in destination.requiredIdentifiers {
                if let type = basis.identifierTypes.firstIndex(of: name), type < 64 {
                    mask |= 1 << UInt64(type)
                }
            }
            return mask
        }
        bySource = basis.sources.map { source in
            candidate.destinations.map { Self.bits(.sourceNotConnected, unless: $0.takes(source)) }
        }
        purposes = candidate.purposes
        self.numbers = numbers
        byIntegrations = (0..<basis.situations.integrations.count).map { number in
            Self.integrations(
                Array(basis.situations.integrations.bytes(UInt32(number))), candidate.destinations)
        }
    }

    private static func bits(_ gate: Gate, unless holds: Bool) -> UInt16 { holds ? 0 : gate.bit }

    private static func integrations(_ raw: [UInt8], _ destinations: [Destination]) -> [UInt16] {
        let parts = raw.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        return parse(parts.first) { own in
            parse(parts.count > 1 ? parts[1] : nil) { shared in
                destinations.map {
                    bits(
                        .integrationsSwitch,
                        unless: Judge.integrationAllows(
                            $0.integrationName, own: own, shared: shared))
                }
            }
        }
    }

    /// The text was a part of a line that was parsed before.
    private static func parse<R>(_ raw: ArraySlice<UInt8>?, _ body: (JSONView?) -> R) -> R {
        guard let raw, !raw.isEmpty else { return body(nil) }
        var parser = JSONParser()
        do {
            return try parser.parse(Array(raw)) { body($0) }
        } catch {
            preconditionFailure("a part of a parsed line is JSON: \(error)")
        }
    }

    /// The number of a state, as ``judge(_:consent:)`` takes it.
    mutating func number(of state: ConsentRow) -> Int {
        let (number, isNew) = consents.intern(state)
        guard isNew else { return Int(number) }
        let states = numbers.map { ConsentState(value: state[$0], offset: nil) }
        byConsent.append(
            destinations.map { destination in
                var decision = Decision.allow
                Judge.consent(destination, states: states, purposes: purposes, into: &decision)
                return decision.bits
            })
        return Int(number)
    }

    /// Puts what the gates say of a situation into ``bits``; those of filter, age and sampling stay at zero.
    ///
    /// - Parameter consent: the number of the person's state, narrowed.
    mutating func judge(_ situation: Situation, consent: Int) {
        var common = Decision.allow
        if situation.flags.contains(.suppressed) { common.fail(.suppressed) }
        if situation.flags.contains(.unreadable) { common.fail(.unreadable) }
        let what = what(situation)
        let source = Int(situation.source)
        let integrations = situation.integrations
        for number in bits.indices {
            var found = common.bits | whats[what][number]
            found |= bySource[source][number] | byConsent[consent][number]
            if !isEnabled[number] { found |= Gate.destinationDisabled.bit }
            if let mask = required[number], mask & situation.identifierTypes == 0 {
                found |= Gate.missingIdentifier.bit
            }
            if integrations != Situation.none { found |= byIntegrations[Int(integrations)][number] }
            bits[number] = found
        }
    }

    /// The place in ``whats`` of an event's type and name.
    private mutating func what(_ situation: Situation) -> Int {
        let key = UInt64(situation.type) << 16 | UInt64(situation.name)
        let (place, isNew) = whatNumbers.intern(key)
        guard isNew else { return Int(place) }
        let name = names.text(UInt32(situation.name))
        let type = EventType(rawValue: situation.type)
        whats.append(
            destinations.map { destination in
                Self.bits(
                    .eventNotListed,
                    unless: type.map { destination.rule(type: $0, name: name) != nil } ?? false)
            })
        return Int(place)
    }
}
