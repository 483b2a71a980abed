public import EventLog

/// The log that a read model's rows come from.
public struct ModelOrigin: Equatable, Sendable {
    /// The log's random id, in hexadecimal.
    public var logID: String
    /// Which life of it (L3).
    public var incarnation: UInt64

    public init(logID: String, incarnation: UInt64) {
        self.logID = logID
        self.incarnation = incarnation
    }
}

/// What the rows of a read model stand for (A1).
public struct ModelStanding: Equatable, Sendable {
    /// Every record below it is in the rows. A row may be newer, never older.
    public var applied: Offset
    public var generation: Int
    /// `FoldState.codeVersion` of the fold that the rows were read from.
    public var foldVersion: Int
    public var origin: ModelOrigin
    /// A digest of the fold and the offset it was taken at, when one was told (P2). Never one of SQLite.
    public var digest: Digest?

    public struct Digest: Equatable, Sendable {
        public var hex: String
        public var at: Offset

        public init(hex: String, at: Offset) {
            self.hex = hex
            self.at = at
        }
    }

    public init(
        applied: Offset, generation: Int, foldVersion: Int, origin: ModelOrigin,
        digest: Digest? = nil
    ) {
        self.applied = applied
        self.generation = generation
        self.foldVersion = foldVersion
        self.origin = origin
        self.digest = digest
    }
}

/// One request to a destination: its attempt and, once there is one, its receipt.
///
/// One row a request, never one an effect: how many effects it carried is a number.
public struct DeliveryRow: Equatable, Sendable {
    /// The offset of the attempt's record.
    public var attempt: Offset
    /// The offset of the receipt's record; nil while the outcome is open.
    public var receipt: Offset?
    public var destination: String
    public var epoch: Int
    /// A word of MEANINGS.md E7: `attempting`, `delivered`, `rejected`, `retry`, `unknown`.
    public var outcome: String
    /// How many effects the request carried.
    public var members: Int
    /// Microseconds.
    public var started: Int64
    /// Microseconds; nil while the outcome is open.
    public var settled: Int64?

    public init(
        attempt: Offset, receipt: Offset?, destination: String, epoch: Int, outcome: String,
        members: Int, started: Int64, settled: Int64?
    ) {
        self.attempt = attempt
        self.receipt = receipt
        self.destination = destination
        self.epoch = epoch
        self.outcome = outcome
        self.members = members
        self.started = started
        self.settled = settled
    }
}
