/// A record before it has an offset.
public struct RecordDraft: Sendable {
    /// What sort of record, 0…47: so a frame's 64 bits say exactly which kinds it holds. 240 and above are
    /// the log's own.
    public var kind: UInt8
    /// Who sent it. Interned per segment.
    public var source: String
    /// What it is called (an event's name). Interned per segment.
    public var name: String
    /// When it happened, in microseconds since 1970.
    public var occurred: Int64
    /// ``EventLog/keyHash(_:_:)`` of each key by which it must be found; at most 32.
    public var keys: [UInt64]
    /// The line from `"kind":` to its closing brace, without a line feed.
    public var tail: [UInt8]

    public init(
        kind: UInt8, source: String, name: String, occurred: Int64, keys: [UInt64], tail: [UInt8]
    ) {
        self.kind = kind
        self.source = source
        self.name = name
        self.occurred = occurred
        self.keys = keys
        self.tail = tail
    }
}

/// The offsets that an append was given: `first`, `first + 1`, … `count` of them.
public struct AppendTicket: Hashable, Sendable {
    public var first: Offset
    public var count: Int
    /// The `recorded` time that all of them carry, in microseconds since 1970.
    public var recorded: Int64

    /// The first offset after the ticket's.
    public var end: Offset { first + count }

    public init(first: Offset, count: Int, recorded: Int64) {
        self.first = first
        self.count = count
        self.recorded = recorded
    }
}
