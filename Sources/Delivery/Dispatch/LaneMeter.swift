public import JSONText
public import Projections
import Synchronization

/// What one lane has done since the process started, for status pages and metrics.
public struct LaneSnapshot: Equatable, Sendable {
    public var lane: Lane
    /// Requests.
    public var attempts = 0
    /// Effects by how a request ended for them.
    public var delivered = 0
    public var rejected = 0
    public var retries = 0
    public var unknown = 0
    public var parked = 0
    /// Effects that the second look held back.
    public var cancelled = 0
    /// Bytes of request bodies.
    public var bytes = 0
    /// Why the last request did not get through; nil once one did. Static words, no personal data.
    public var lastError: String?
    /// What an operator must mend before anything can be sent.
    public var hold: String?
    /// Since when nothing got through.
    public var blockedSince: Timestamp?
    /// Not before then is anything tried again.
    public var waitingUntil: Timestamp?

    public init(lane: Lane) { self.lane = lane }
}

/// Keeps a lane's ``LaneSnapshot`` for whoever asks.
final class LaneMeter: Sendable {
    private let state: Mutex<LaneSnapshot>

    init(lane: Lane) { state = Mutex(LaneSnapshot(lane: lane)) }

    var snapshot: LaneSnapshot { state.withLock { $0 } }

    func update(_ change: (inout LaneSnapshot) -> Void) { state.withLock { change(&$0) } }
}
