public import CustomerModel

/// One of the two seams that tests may replace: how bytes reach a destination, and how it is asked about them.
///
/// A transport serves one lane, which makes one call at a time. It never reads the log and never
/// decides what may leave; it gets finished bodies and says what became of them.
public protocol DestinationTransport: Sendable {
    /// What to do about an effect whose outcome nobody recorded (E7).
    var uncertainty: Uncertainty { get }

    /// Gets ready for a request: whatever takes time, or can fail for reasons that an operator must mend,
    /// is done here, before the second look and before an attempt is recorded.
    func prepare() async throws(LaneHold) -> Readiness

    /// Joins the members' bodies to one request. Pure: the same members give the same bytes.
    ///
    /// - Parameter requestID: the id of the earlier attempt when this is a retry of it.
    func compose(_ members: [RequestMember], requestID: String?) -> ComposedRequest

    /// Sends a request that was recorded as an attempt.
    ///
    /// - Parameter handedOver: called at most once, when the request's bytes have left and before what
    ///   came back is looked at.
    func send(_ request: ComposedRequest, handedOver: @Sendable () -> Void) async -> SendResult

    /// Which of `keys` the destination holds.
    ///
    /// - Parameter position: where to begin, as ``Readiness/position`` said before the attempt.
    /// - Precondition: ``uncertainty`` is `lookup`.
    func find(_ keys: Set<EffectKey>, from position: Int?) async throws(LaneHold) -> Set<EffectKey>

    /// Lets go of connections. No other call follows.
    func close() async
}

/// How an unknown outcome is resolved, as the destination declares (E7).
public enum Uncertainty: Equatable, Sendable {
    /// It takes a repeated key as the same effect: send again.
    case idempotent
    /// It can be asked for a key.
    case lookup
    /// Neither: the effect stays unknown until an operator settles it.
    case none
}

/// Why nothing can be sent until somebody mends something: a sentence for the operator, without personal
/// data and without secrets.
public struct LaneHold: Error, Equatable, Sendable, CustomStringConvertible {
    public var reason: String
    public init(_ reason: String) { self.reason = reason }
    public var description: String { reason }
}

/// What ``DestinationTransport/prepare()`` found.
public struct Readiness: Equatable, Sendable {
    /// The file's size before the attempt; nil where there is none.
    public var position: Int?
    /// Bytes of a torn last line that were cut; 0 when there was none.
    public var tornBytes: Int

    public init(position: Int? = nil, tornBytes: Int = 0) {
        self.position = position
        self.tornBytes = tornBytes
    }
}

/// One effect of a request.
public struct RequestMember: Equatable, Sendable {
    public var key: EffectKey
    /// One JSON object on one line, holding `"id":"<key>"`.
    public var body: [UInt8]

    public init(key: EffectKey, body: [UInt8]) {
        self.key = key
        self.body = body
    }
}

/// A request as it will leave.
public struct ComposedRequest: Equatable, Sendable {
    /// What the destination tells requests apart by; the same on every try.
    public var id: String
    public var body: [UInt8]
    /// Set when it says how to correct what was told before (E3).
    public var correction: CorrectionNote?

    /// What a request that corrects is, and by whose plan.
    public struct CorrectionNote: Equatable, Sendable {
        public var correction: Correction
        public var plan: String
    }

    public init(id: String, body: [UInt8]) {
        self.id = id
        self.body = body
    }
}

/// What became of one request.
public struct SendResult: Equatable, Sendable {
    public var outcome: ReceiptOutcome
    public var status: Int?
    public var retryAfterMilliseconds: Int?
    /// Short, static words.
    public var reason: String
    /// Whether the destination said that it is gone for good, so that its lane pauses.
    public var isGone: Bool

    public init(
        _ outcome: ReceiptOutcome, reason: String, status: Int? = nil,
        retryAfterMilliseconds: Int? = nil, isGone: Bool = false
    ) {
        self.outcome = outcome
        self.reason = reason
        self.status = status
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.isGone = isGone
    }
}
