import CustomerModel
public import EventLog
public import JSONText
public import Projections

/// What one lane does next, decided without doing it: no log, no network, no clock of its own.
///
/// ```
/// state       leaves when                              to
/// ready       a request was settled for good           ready
///             an answer asks for another try           waiting (backoff, or longer if asked)
///             an operator must mend something          waiting (until looked at again), held
/// waiting     the time has come, or it is nudged       ready
/// ```
///
/// Order within the lane is kept: what waits for another try holds back what comes after it, until it is
/// parked. Only a plan and the live flow pass each other, turn by turn, so that neither starves (R3).
public struct LaneMachine: Equatable, Sendable {
    /// How long a held lane waits before it looks whether it was mended.
    static let holdMilliseconds = 5_000

    private var backoff: Backoff
    /// Tries in a row that asked for another.
    private var failures = 0
    /// Not before then; nil while ready.
    public private(set) var waitingUntil: Timestamp?
    /// Why an operator is needed, while one is.
    public private(set) var hold: LaneHold?
    /// Since when nothing got through; nil while things do.
    public private(set) var blockedSince: Timestamp?
    private var lastWasPlan = false
    /// A plan's own rate lets it send nothing before then.
    private var planUntil: Timestamp?

    public init(backoff: Backoff = .standard) { self.backoff = backoff }

    /// Milliseconds until the lane may act; 0 when it may now.
    public mutating func wait(at now: Timestamp) -> Int {
        guard let waitingUntil else { return 0 }
        let left = waitingUntil.microseconds - now.microseconds
        guard left > 0 else {
            self.waitingUntil = nil
            return 0
        }
        return Int((left + 999) / 1000)
    }

    /// Ends a wait early: an operator resumed, redrove, or mended something.
    public mutating func nudge() { waitingUntil = nil }

    /// Takes note that nothing is there to be sent, so nothing is blocked.
    public mutating func rest() {
        hold = nil
        blockedSince = nil
    }

    // MARK: What to take up

    /// What goes into the next request.
    public enum Choice: Equatable, Sendable {
        case nothing
        /// First tries, in order.
        case fresh([PendingEffect])
        /// What is left of an earlier attempt. It is tried again as a whole and under the same request id,
        /// so that a receiver which knows the id never sees half of it as something new.
        case again(attempt: Offset)
        /// Asks for the live flow alone: it is its turn, or the plan's rate is used up.
        case liveFirst
    }

    /// Chooses among the oldest open effects.
    ///
    /// - Parameters:
    ///   - oldest: in order, as the outbox gives them.
    ///   - planRatePerSecond: how many effects of the first one's plan may leave a second.
    public mutating func choose(
        from oldest: [PendingEffect], planRatePerSecond: Int? = nil, at now: Timestamp
    ) -> Choice {
        guard let first = oldest.first else { return .nothing }
        var limit = oldest.count
        if first.plan != nil {
            if lastWasPlan || planWait(at: now) > 0 {
                lastWasPlan = false
                return .liveFirst
            }
            if let planRatePerSecond { limit = min(limit, max(1, planRatePerSecond)) }
        }
        lastWasPlan = first.plan != nil
        if let attempt = first.lastAttempt { return .again(attempt: attempt) }
        return .fresh(
            Array(
                oldest.prefix(limit).prefix {
                    $0.lastAttempt == nil && $0.plan == first.plan
                        && $0.correction == first.correction
                }))
    }

    /// Takes note that so many effects of a plan leave now.
    public mutating func pacePlan(count: Int, ratePerSecond: Int?, at now: Timestamp) {
        guard let ratePerSecond, ratePerSecond > 0 else { return }
        planUntil = Timestamp(
            microseconds: now.microseconds + Int64(count) * 1_000_000 / Int64(ratePerSecond))
    }

    /// Milliseconds until a plan may send again; 0 when it may now.
    public mutating func planWait(at now: Timestamp) -> Int {
        guard let planUntil else { return 0 }
        let left = planUntil.microseconds - now.microseconds
        guard left > 0 else {
            self.planUntil = nil
            return 0
        }
        return Int((left + 999) / 1000)
    }

    /// Whether the members' outcome is to be looked up before they are sent again.
    public static func mustLookUp(_ effects: [PendingEffect], _ uncertainty: Uncertainty) -> Bool {
        uncertainty == .lookup && effects.contains(where: \.isUnknown)
    }

    // MARK: What came of it

    /// What is to be recorded of a request, beside its result.
    public struct Verdict: Equatable, Sendable {
        /// Whether tries are used up.
        public var parked: Bool
        /// Whether the destination is to be paused, since it said that it is gone.
        public var pauses: Bool

        public init(parked: Bool, pauses: Bool) {
            self.parked = parked
            self.pauses = pauses
        }
    }

    /// Takes note of a request's result and says what to record.
    ///
    /// - Parameters:
    ///   - tries: with this one.
    ///   - uncertainty: what the destination declares. Where an unknown outcome is looked up or left to an
    ///     operator it is never parked: a redrive would send it again unasked.
    ///   - random: from 0 up to 1.
    public mutating func settle(
        _ result: SendResult, tries: Int, maximumAttempts: Int, uncertainty: Uncertainty,
        at now: Timestamp, random: Double
    ) -> Verdict {
        hold = nil
        switch result.outcome {
        case .delivered, .rejected:
            failures = 0
            waitingUntil = nil
            blockedSince = nil
            return Verdict(parked: false, pauses: result.isGone)
        case .retry, .unknown:
            failures += 1
            let delay = backoff.delay(
                failures: failures, retryAfterMilliseconds: result.retryAfterMilliseconds,
                random: random)
            wait(milliseconds: delay, from: now)
            let mayPark = result.outcome == .retry || uncertainty == .idempotent
            return Verdict(parked: mayPark && tries >= maximumAttempts, pauses: false)
        }
    }

    /// Takes note that nothing can be sent until somebody mends something.
    public mutating func hold(_ hold: LaneHold, at now: Timestamp) {
        self.hold = hold
        wait(milliseconds: Self.holdMilliseconds, from: now)
    }

    private mutating func wait(milliseconds: Int, from now: Timestamp) {
        waitingUntil = Timestamp(
            microseconds: now.microseconds + Int64(milliseconds) * 1_000)
        if blockedSince == nil { blockedSince = now }
    }
}
