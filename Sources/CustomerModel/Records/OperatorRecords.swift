public import JSONText

/// The clock: the only thing that moves projection time (T2).
public struct TickRecord: ControlRecord {
    public static let kind = RecordKind.tick

    public var time: Timestamp
    /// Whether an import made it, at the pace of its data.
    public var asIfLive: Bool

    public init(time: Timestamp, asIfLive: Bool) {
        self.time = time
        self.asIfLive = asIfLive
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        time = try reader.time("time")
        asIfLive = try reader.bool("asIfLive")
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("time", time)
        out.member("asIfLive", asIfLive)
        out.endObject()
    }
}

/// Something that an operator did, or the platform in an operator's place.
public struct OperatorRecord: ControlRecord {
    public static let kind = RecordKind.operator

    public enum Act: String, CaseIterable, Equatable, Sendable {
        case pause
        case resume
        case redrive
        case keyCreated
        case keyRevoked
        case tokenCreated
        case tokenRevoked
        /// How a source's events are taken.
        case sourceChanged
        /// Lets dispatch go on past damage whose loss was listed (L9).
        case acceptLoss
    }

    public var act: Act
    /// The name of the destination, key or token; `log` when a loss is accepted.
    public var subject: String
    public var by: String
    public var note: String?
    /// The first offset of an accepted loss.
    public var from: UInt64?
    /// The first offset after it.
    public var to: UInt64?

    public init(
        act: Act, subject: String, by: String, note: String? = nil, from: UInt64? = nil,
        to: UInt64? = nil
    ) {
        self.act = act
        self.subject = subject
        self.by = by
        self.note = note
        self.from = from
        self.to = to
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        act = try reader.word("act")
        subject = try reader.string("subject")
        by = try reader.string("by")
        note = try reader.ifPresent("note", reader.string)
        from = try reader.ifPresent("from", reader.offset)
        to = try reader.ifPresent("to", reader.offset)
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("act", act.rawValue)
        out.member("subject", subject)
        out.member("by", by)
        if let note { out.member("note", note) }
        if let from { out.member("from", from) }
        if let to { out.member("to", to) }
        out.endObject()
    }
}

/// Nothing more is collected or dispatched about a subject, from this offset on (X1).
public struct SuppressionRecord: ControlRecord {
    public static let kind = RecordKind.suppression

    /// The identifier's type.
    public var type: String
    /// The identifier's normalised value.
    public var value: String
    public var by: String

    public init(type: String, value: String, by: String) {
        self.type = type
        self.value = value
        self.by = by
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        type = try reader.string("type")
        value = try reader.string("value")
        by = try reader.string("by")
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("type", type)
        out.member("value", value)
        out.member("by", by)
        out.endObject()
    }
}

/// Somebody read, which is a disclosure too (A3). Durable before the answer is given.
public struct AuditReadRecord: ControlRecord {
    public static let kind = RecordKind.auditRead

    /// The question: `explain`, `audit`, `tail`.
    public var what: String
    /// The keyed hash of the identifier asked about; nil when the question was about nobody in particular.
    public var subject: UInt64?
    public var by: String
    public var from: UInt64?
    public var to: UInt64?

    public init(what: String, subject: UInt64?, by: String, from: UInt64? = nil, to: UInt64? = nil)
    {
        self.what = what
        self.subject = subject
        self.by = by
        self.from = from
        self.to = to
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        what = try reader.string("what")
        let text = try reader.string("subject")
        subject = HexWord.decode(text)
        guard text.isEmpty || subject != nil else { throw reader.error("subject", .illTyped) }
        by = try reader.string("by")
        from = try reader.ifPresent("from", reader.offset)
        to = try reader.ifPresent("to", reader.offset)
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("what", what)
        out.member("subject", subject.map(HexWord.encode) ?? "")
        out.member("by", by)
        if let from { out.member("from", from) }
        if let to { out.member("to", to) }
        out.endObject()
    }
}
