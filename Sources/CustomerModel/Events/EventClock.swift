public import JSONText

/// The client's time, corrected (T1).
public enum EventClock {
    /// `received - (sentAt - timestamp)` where the client said both; its `timestamp` as it is where it did
    /// not say when it sent; `received` where it said nothing. Differences that leave the range of a
    /// `Timestamp` fall back to `received`.
    ///
    /// The raw text stays in the line; this is what the log's `occurred` column holds, unclipped: a rule
    /// that must not believe the future clips it to `received` itself.
    public static func occurred(of body: EventBody, received: Timestamp) -> Timestamp {
        let stamps = body.timestamps
        guard let stamped = time(stamps.own) ?? time(stamps.original) else { return received }
        guard let sent = time(body.sentAt) else { return stamped }
        let (age, overflowed) = sent.microseconds.subtractingReportingOverflow(
            stamped.microseconds)
        guard !overflowed else { return received }
        let (moment, left) = received.microseconds.subtractingReportingOverflow(age)
        return left ? received : Timestamp(microseconds: moment)
    }

    /// The time that a JSON string holds; nil when absent, null or not a time.
    public static func time(_ view: JSONView?) -> Timestamp? {
        guard let view else { return nil }
        return view.withUTF8 { Timestamp(utf8: $0) } ?? nil
    }
}
