public import Hashing
public import JSONText

/// A policy was activated: its rules are in force from this record's own offset on (P1).
public struct PolicyRecord: ControlRecord {
    public static let kind = RecordKind.policy

    /// 1, 2, … without gaps.
    public var version: Int
    /// The YAML, as the approver saw it.
    public var text: String
    /// Of `text`.
    public var sha256: Digest256
    public var approver: String
    public var note: String?

    public init(version: Int, text: String, sha256: Digest256, approver: String, note: String?) {
        self.version = version
        self.text = text
        self.sha256 = sha256
        self.approver = approver
        self.note = note
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        version = try reader.int("version", from: 1)
        text = try reader.string("text")
        sha256 = try reader.digest("sha256")
        approver = try reader.string("approver")
        note = try reader.ifPresent("note", reader.string)
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("version", version)
        out.member("text", text)
        out.member("sha256", sha256.hex)
        out.member("approver", approver)
        if let note { out.member("note", note) }
        out.endObject()
    }
}
