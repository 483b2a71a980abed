public import JSONText

/// How an attempt ended for one of its members (E7).
public enum ReceiptOutcome: String, CaseIterable, Equatable, Sendable {
    case delivered
    /// Refused for good.
    case rejected
    /// Certainly not taken; worth trying again.
    case retry
    /// Bytes may have left and no answer is recorded.
    case unknown
}

/// How one request ended.
public struct ReceiptRecord: ControlRecord {
    public static let kind = RecordKind.receipt

    /// A member that ended differently from the request.
    public struct Exception: Equatable, Sendable {
        /// Its place among the attempt's members.
        public var member: Int
        public var outcome: ReceiptOutcome

        public init(member: Int, outcome: ReceiptOutcome) {
            self.member = member
            self.outcome = outcome
        }
    }

    /// The offset of the attempt.
    public var attempt: UInt64
    /// Of every member but the exceptions.
    public var outcome: ReceiptOutcome
    /// The HTTP status, when there was one.
    public var status: Int?
    /// What the destination asked to wait.
    public var retryAfterMilliseconds: Int?
    /// Short, static words; no personal data.
    public var reason: String
    public var settled: Timestamp
    public var exceptions: [Exception]
    /// Whether tries are used up, so that members to be tried again are parked.
    public var parked: Bool

    public init(
        attempt: UInt64, outcome: ReceiptOutcome, status: Int? = nil,
        retryAfterMilliseconds: Int? = nil, reason: String, settled: Timestamp,
        exceptions: [Exception] = [], parked: Bool = false
    ) {
        self.attempt = attempt
        self.outcome = outcome
        self.status = status
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.reason = reason
        self.settled = settled
        self.exceptions = exceptions
        self.parked = parked
    }

    /// How the member at a place among the attempt's ended.
    public func outcome(ofMember place: Int) -> ReceiptOutcome {
        exceptions.first { $0.member == place }?.outcome ?? outcome
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        attempt = try reader.offset("attempt")
        outcome = try reader.word("outcome")
        status = try reader.ifPresent("status") { (key) throws(RecordError) in try reader.int(key) }
        retryAfterMilliseconds = try reader.ifPresent("retryAfterMilliseconds") {
            (key) throws(RecordError) in try reader.int(key)
        }
        reason = try reader.string("reason")
        settled = try reader.time("settled")
        exceptions = try reader.list("exceptions") { (element) throws(RecordError) in
            Exception(member: try element.int("member"), outcome: try element.word("outcome"))
        }
        parked = try reader.bool("parked")
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("attempt", attempt)
        out.member("outcome", outcome.rawValue)
        if let status { out.member("status", status) }
        if let retryAfterMilliseconds {
            out.member("retryAfterMilliseconds", retryAfterMilliseconds)
        }
        out.member("reason", reason)
        out.member("settled", settled)
        out.list("exceptions", exceptions) { exception, out in
            out.member("member", exception.member)
            out.member("outcome", exception.outcome.rawValue)
        }
        out.member("parked", parked)
        out.endObject()
    }
}

/// An operator settled an effect whose outcome nobody could find out (E7).
public struct SettledRecord: ControlRecord {
    public static let kind = RecordKind.settled

    public enum Outcome: String, CaseIterable, Equatable, Sendable {
        case delivered
        case rejected
        /// Certainly not taken; to be tried again.
        case pending
    }

    public var destination: String
    public var epoch: Int
    public var slot: String
    /// The event's offset, or where the membership changed.
    public var at: UInt64
    /// Of a membership, which one.
    public var audience: String?
    public var profile: ProfileID?
    /// Of a correction, its plan.
    public var plan: String?
    public var outcome: Outcome
    public var by: String

    public init(
        destination: String, epoch: Int, slot: String, at: UInt64, audience: String? = nil,
        profile: ProfileID? = nil, plan: String? = nil, outcome: Outcome, by: String
    ) {
        self.destination = destination
        self.epoch = epoch
        self.slot = slot
        self.at = at
        self.audience = audience
        self.profile = profile
        self.plan = plan
        self.outcome = outcome
        self.by = by
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        destination = try reader.string("destination")
        epoch = try reader.int("epoch", from: 1)
        slot = try reader.string("slot")
        at = try reader.offset("at")
        audience = try reader.ifPresent("audience", reader.string)
        profile = try reader.ifPresent("profile", reader.profile)
        plan = try reader.ifPresent("plan", reader.string)
        outcome = try reader.word("outcome")
        by = try reader.string("by")
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("destination", destination)
        out.member("epoch", epoch)
        out.member("slot", slot)
        out.member("at", at)
        if let audience { out.member("audience", audience) }
        if let profile { out.member("profile", profile.description) }
        if let plan { out.member("plan", plan) }
        out.member("outcome", outcome.rawValue)
        out.member("by", by)
        out.endObject()
    }
}
