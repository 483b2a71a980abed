/// What can hold an event back from a destination, in the order in which reasons are given (D1).
public enum Gate: UInt8, CaseIterable, Equatable, Sendable {
    case destinationDisabled = 0
    case sourceNotConnected = 1
    case suppressed = 2
    case trackingPlanViolation = 3
    case eventNotListed = 4
    case filter = 5
    case consentUnknown = 6
    case consentDenied = 7
    case consentExpired = 8
    case integrationsSwitch = 9
    case missingIdentifier = 10
    case tooOld = 11
    case sampledOut = 12
    case unreadable = 13

    /// Its bit in ``Decision/bits``.
    public var bit: UInt16 { 1 << UInt16(rawValue) }

    /// The reason as people and JSON name it.
    public var name: String {
        switch self {
        case .destinationDisabled: "destination disabled"
        case .sourceNotConnected: "source not connected"
        case .suppressed: "suppressed"
        case .trackingPlanViolation: "tracking plan violation"
        case .eventNotListed: "event not listed"
        case .filter: "filter"
        case .consentUnknown: "consent unknown"
        case .consentDenied: "consent denied"
        case .consentExpired: "consent expired"
        case .integrationsSwitch: "integrations switch"
        case .missingIdentifier: "missing identifier"
        case .tooOld: "too old"
        case .sampledOut: "sampled out"
        case .unreadable: "unreadable"
        }
    }
}

/// A judgement on one event for one destination: the set of gates that failed. None is `allow`.
///
/// Two bytes, so that ten destinations' judgements on ten million events fit in memory as columns.
public struct Decision: Hashable, Sendable {
    /// Bit n is `Gate(rawValue: n)`.
    public var bits: UInt16

    public init(bits: UInt16) { self.bits = bits }

    public static let allow = Decision(bits: 0)

    public var isAllow: Bool { bits == 0 }

    /// Adds a failing gate.
    public mutating func fail(_ gate: Gate) { bits |= gate.bit }

    public func fails(_ gate: Gate) -> Bool { bits & gate.bit != 0 }

    /// All failing gates, in order.
    public var gates: [Gate] { Gate.allCases.filter(fails) }

    /// The first failing gate, which is the reason counted where only one can be.
    public var firstGate: Gate? {
        bits == 0 ? nil : Gate(rawValue: UInt8(bits.trailingZeroBitCount))
    }
}
