public import JSONText

/// What somebody said outside of any event, and who answers for it: a letter, a call, a form (C1).
public struct ConsentRecord: ControlRecord {
    public static let kind = RecordKind.consent
    /// The longest document or method, in bytes of UTF-8.
    public static let maximumTextBytes = 4_096

    /// The identifier's type.
    public var type: String
    /// The identifier's value, as it was given.
    public var value: String
    /// Names of purposes; none stands in both lists.
    public var granted: [String]
    public var denied: [String]
    /// When the person said so; nil for when the record was made. Clipped to that (C2).
    public var asserted: Timestamp?
    /// Where it is written down.
    public var document: String?
    /// How it came: `letter`, `phone`, `form`.
    public var method: String?
    public var by: String

    public init(
        type: String, value: String, granted: [String], denied: [String],
        asserted: Timestamp? = nil, document: String? = nil, method: String? = nil, by: String
    ) {
        self.type = type
        self.value = value
        self.granted = granted
        self.denied = denied
        self.asserted = asserted
        self.document = document
        self.method = method
        self.by = by
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        type = try reader.string("type")
        value = try reader.string("value")
        granted = try reader.texts("granted") { $0 }
        denied = try reader.texts("denied") { $0 }
        asserted = try reader.ifPresent("asserted", reader.time)
        document = try reader.ifPresent("document", reader.string)
        method = try reader.ifPresent("method", reader.string)
        by = try reader.string("by")
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("type", type)
        out.member("value", value)
        out.member("granted", granted)
        out.member("denied", denied)
        if let asserted { out.member("asserted", asserted) }
        if let document { out.member("document", document) }
        if let method { out.member("method", method) }
        out.member("by", by)
        out.endObject()
    }
}
