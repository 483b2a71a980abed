public import CustomerModel
public import EventLog

/// One line of delivery that keeps its own order: a destination, its epoch and the output's name.
public struct Lane: Hashable, Sendable, CustomStringConvertible {
    /// The only output there is today; a policy may name more later (E1).
    public static let eventSlot = "event"

    public var destination: String
    public var epoch: Int
    public var slot: String

    public init(destination: String, epoch: Int, slot: String = Lane.eventSlot) {
        self.destination = destination
        self.epoch = epoch
        self.slot = slot
    }

    public var description: String { "\(destination)/\(epoch)/\(slot)" }
}

/// Where one effect stands (E7).
///
/// ```
/// pending ──attempt──> attempting ──receipt──> delivered
///    │                     ├──────────────────> rejected
///    │                     ├──retry───────────> pending (or parked after the last try)
///    │                     └──no answer───────> unknown ──again or looked up──> …
///    └──second look──> cancelled | superseded          parked ──redrive──> pending
/// ```
public enum EffectStatus: UInt8, Equatable, Sendable {
    case pending = 1
    case attempting = 2
    case delivered = 3
    case rejected = 4
    case unknown = 5
    case cancelled = 6
    case superseded = 7
    case parked = 8

    public var name: String {
        switch self {
        case .pending: "pending"
        case .attempting: "attempting"
        case .delivered: "delivered"
        case .rejected: "rejected"
        case .unknown: "unknown"
        case .cancelled: "cancelled"
        case .superseded: "superseded"
        case .parked: "parked"
        }
    }

    /// Whether the dispatcher may take it up.
    var isOpen: Bool { self == .pending || self == .unknown }
}

/// One effect that waits to be sent, or to be settled when its outcome is unknown.
public struct PendingEffect: Hashable, Sendable {
    public enum Subject: Hashable, Sendable {
        case event(Offset)
        case membership(
            audience: String, profile: ProfileID, change: MembershipChange, at: Offset)
        /// Of what the attempt at `corrects` told.
        case correction(Correction, at: Offset, corrects: Offset)
    }
    public var subject: Subject
    /// The plan that names it; nil when a release did.
    public var plan: String?
    /// What it corrects with; nil for what is told for the first time.
    public var correction: Correction? {
        if case .correction(let correction, _, _) = subject { return correction }
        return nil
    }
    /// Attempts so far.
    public var tries: Int
    public var isUnknown: Bool
    /// The record of the last attempt.
    public var lastAttempt: Offset?

    public init(
        subject: Subject, plan: String?, tries: Int, isUnknown: Bool, lastAttempt: Offset?
    ) {
        self.subject = subject
        self.plan = plan
        self.tries = tries
        self.isUnknown = isUnknown
        self.lastAttempt = lastAttempt
    }
}
