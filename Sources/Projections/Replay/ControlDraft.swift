public import CustomerModel
public import EventLog
public import JSONText

/// Control records as drafts of the log: one way to write them, so that `verify` makes the same columns
/// again (L7).
public enum ControlDraft {
    /// The draft of `record`, received at `now`.
    public static func make(_ record: some ControlRecord, at now: Timestamp) -> RecordDraft {
        RecordDraft(
            kind: type(of: record).kind.rawValue, source: RecordTail.controlSource,
            name: type(of: record).kind.name, occurred: now.microseconds,
            keys: (record as? AttemptRecord)?.columnKeys ?? [], tail: record.tail(received: now))
    }

    /// The keys of a control record, from its line's body.
    public static func keys(kind: RecordKind, body: JSONView) throws -> [UInt64] {
        kind == .attempt ? try AttemptRecord(body).columnKeys : []
    }
}
