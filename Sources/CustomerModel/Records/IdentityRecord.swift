public import JSONText

/// What somebody decided about the link between two identifiers (I4, I5).
public struct IdentityRecord: ControlRecord {
    public static let kind = RecordKind.identity

    public enum Act: String, CaseIterable, Equatable, Sendable {
        /// The two are no longer linked, and will not be before the pair is lifted.
        case retract
        /// They may be linked again, by events from here on.
        case lift
        /// A link that waited for a review counts from here on.
        case approve
        /// It does not; the pair is barred until lifted.
        case reject
    }

    /// An identifier as its type and value.
    public struct Identifier: Equatable, Sendable {
        public var type: String
        public var value: String

        public init(type: String, value: String) {
            self.type = type
            self.value = value
        }
    }

    public var act: Act
    public var first: Identifier
    public var second: Identifier
    public var by: String
    /// Why, in the words of whoever decided.
    public var reason: String?

    public init(
        act: Act, first: Identifier, second: Identifier, by: String, reason: String? = nil
    ) {
        self.act = act
        self.first = first
        self.second = second
        self.by = by
        self.reason = reason
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        act = try reader.word("act")
        first = try reader.object("first", Self.identifier)
        second = try reader.object("second", Self.identifier)
        by = try reader.string("by")
        reason = try reader.ifPresent("reason", reader.string)
    }

    private static func identifier(_ reader: RecordReader) throws(RecordError) -> Identifier {
        Identifier(type: try reader.string("type"), value: try reader.string("value"))
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("act", act.rawValue)
        for (name, identifier) in [("first", first), ("second", second)] {
            out.key(name)
            out.beginObject()
            out.member("type", identifier.type)
            out.member("value", identifier.value)
            out.endObject()
        }
        out.member("by", by)
        if let reason { out.member("reason", reason) }
        out.endObject()
    }
}
