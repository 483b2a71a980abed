public import JSONText

/// The first record of a restored log, written by the log itself (L3).
///
/// Offsets `from..<to` may have been given out by an older incarnation after the backup was made; nothing of
/// them is known here.
public struct RestoredRecord: ControlRecord {
    public static let kind = RecordKind.restored

    /// The incarnation that begins here; from 2.
    public var incarnation: UInt64
    public var previous: UInt64
    /// The first offset that is missing.
    public var from: UInt64
    /// The record's own offset.
    public var to: UInt64
    /// When the backup was made.
    public var backup: Timestamp?

    public init(
        incarnation: UInt64, previous: UInt64, from: UInt64, to: UInt64, backup: Timestamp?
    ) {
        self.incarnation = incarnation
        self.previous = previous
        self.from = from
        self.to = to
        self.backup = backup
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        incarnation = try reader.offset("incarnation")
        previous = try reader.offset("previous")
        from = try reader.offset("from")
        to = try reader.offset("to")
        backup = try reader.ifPresent("backup", reader.time)
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("incarnation", incarnation)
        out.member("previous", previous)
        out.member("from", from)
        out.member("to", to)
        if let backup { out.member("backup", backup) }
        out.endObject()
    }
}
