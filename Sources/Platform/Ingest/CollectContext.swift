public import CustomerModel
public import EventLog
public import JSONText

/// One message as the client wrote it.
public struct CollectItem: Sendable {
    /// One JSON text; where there is a ``problem``, the record as it stands in its file.
    public var bytes: [UInt8]
    /// Its place in the file it was read from, counted from 1; nil for what came over HTTP.
    public var recordNumber: UInt64?
    /// Why the record gave no message; it is only noted as refused.
    public var problem: String?

    public init(bytes: [UInt8], recordNumber: UInt64? = nil, problem: String? = nil) {
        self.bytes = bytes
        self.recordNumber = recordNumber
        self.problem = problem
    }
}

/// What one request says about all its items.
public struct CollectContext: Sendable {
    /// The source that the write key belongs to.
    public var source: String
    /// The type that the path implies (`/v1/track`); nil for a batch.
    public var typeFromPath: EventType?
    /// Whether the request carried `Sec-GPC: 1`.
    public var hasGPC: Bool
    /// When it arrived, by the wall clock.
    public var received: Timestamp
    /// How its time counts.
    public var pace: Pace
    /// The largest single event that its source may send; nil for the server's limit.
    public var itemBytes: Int?
    /// Whether addresses are cut before they are stored.
    public var truncatesIP: Bool

    /// What each item is.
    public var dialect: Dialect
    /// The most refused items that are named, in the answer and in the reject file; the others are counted.
    /// So a body of nothing but commas makes no answer and no file that is a hundred times as long.
    public var listedRefusals: Int

    /// Whose form an item has.
    public enum Dialect: Sendable, Equatable {
        /// One of the six messages.
        case segment
        /// A batch with its events.
        case mparticle
    }

    /// Where events come from, and what that means for time (T2).
    public enum Pace: Sendable, Equatable {
        /// From a client, now.
        case live
        /// From a file, now: membership changes that follow are not sent.
        case imported
        /// From a file, as if each event were arriving at its own time. Empty workspaces only.
        case asIfLive
    }

    public init(
        source: String, typeFromPath: EventType? = nil, hasGPC: Bool = false, received: Timestamp,
        pace: Pace = .live, dialect: Dialect = .segment, itemBytes: Int? = nil,
        truncatesIP: Bool = false, listedRefusals: Int = 1_000
    ) {
        self.source = source
        self.typeFromPath = typeFromPath
        self.hasGPC = hasGPC
        self.received = received
        self.pace = pace
        self.itemBytes = itemBytes
        self.truncatesIP = truncatesIP
        self.dialect = dialect
        self.listedRefusals = listedRefusals
    }
}

/// The parts of a batch request that stand beside its items (L1). Valid while the request's text is.
public struct SharedParts {
    public var context: JSONView?
    public var integrations: JSONView?
    public var sentAt: JSONView?

    public init(
        context: JSONView? = nil, integrations: JSONView? = nil, sentAt: JSONView? = nil
    ) {
        self.context = context
        self.integrations = integrations
        self.sentAt = sentAt
    }
}

/// An item that was not taken.
public struct RejectedItem: Sendable, Equatable {
    /// Its place in the request, counted from 0.
    public var index: Int
    public var recordNumber: UInt64?
    public var refusal: ItemRefusal

    public init(index: Int, recordNumber: UInt64? = nil, refusal: ItemRefusal) {
        self.index = index
        self.recordNumber = recordNumber
        self.refusal = refusal
    }
}

/// What became of the items of one request. Everything counted here is durable.
public struct CollectOutcome: Sendable, Equatable {
    /// New records.
    public var accepted = 0
    /// Items whose message id was known for this source.
    public var duplicates = 0
    /// Of the duplicates, those whose payload is another than that of the record with their message id. The
    /// first one stays.
    public var conflicts: [Int] = []
    /// Items about a suppressed subject: taken, and not stored (X1).
    public var suppressed = 0
    /// The items that were refused, as many as are named (see ``CollectContext/listedRefusals``).
    public var rejected: [RejectedItem] = []
    /// How many were refused for what, named or not.
    public var refusals = RefusalCounts()
    /// The largest offset written for this request; nil when nothing was new.
    public var lastOffset: Offset?

    public init() {}

    /// Adds a later request's outcome.
    public mutating func add(_ other: CollectOutcome) {
        accepted += other.accepted
        duplicates += other.duplicates
        conflicts += other.conflicts
        suppressed += other.suppressed
        rejected += other.rejected
        refusals.add(other.refusals)
        lastOffset = other.lastOffset ?? lastOffset
    }
}

/// Why a whole request was not taken. Nothing of it was stored, or it is not known to be durable; the client
/// sends it again and message ids keep that harmless.
public enum CollectRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    /// The log's queue, or its disk, is full.
    case busy(retryAfterSeconds: Int)
    /// The log cannot be written any more.
    case logFailed(String)
    /// The items with what stands around them are more than one request may write.
    case tooLarge(limitBytes: Int)
    /// `--as-if-live` into a workspace that has other events, or ticks (T2).
    case workspaceNotEmpty

    public var description: String {
        switch self {
        case .busy(let seconds):
            "the log takes nothing more at the moment: send again in \(seconds) s"
        case .logFailed(let reason):
            "the log cannot be written: \(reason)"
        case .tooLarge(let limit):
            "the request would write more than \(limit) bytes: send smaller batches"
        case .workspaceNotEmpty:
            "as-if-live needs a workspace without other events and ticks: use a new --data directory"
        }
    }
}

/// How much is taken at the door.
public struct CollectLimits: Sendable {
    /// Bytes of one item as the client wrote it.
    public var itemBytes: Int
    /// Bytes of a batch's shared `context` and `integrations` together; each item stores them.
    public var sharedBytes: Int
    /// Bytes that one request may write to the log.
    public var requestBytes: Int

    /// A line holds at most 4 MiB (L1); an item leaves room for its envelope.
    public static let largestItemBytes = (4 << 20) - (64 << 10)

    public init(
        itemBytes: Int = 32 << 10, sharedBytes: Int = 32 << 10, requestBytes: Int = 16 << 20
    ) {
        self.itemBytes = min(itemBytes, Self.largestItemBytes)
        self.sharedBytes = min(sharedBytes, 32 << 10)
        self.requestBytes = requestBytes
    }
}
