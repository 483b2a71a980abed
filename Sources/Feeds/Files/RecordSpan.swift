/// One record in a ``FileWindow``, found by a splitter.
struct RecordSpan {
    /// The record without its line end is the first this many bytes of the window …
    var length: Int
    /// … and the next one begins after this many.
    var stride: Int
    /// Line ends within `stride`.
    var lineEnds: Int
    /// Why it is no record, nil when it is one.
    var problem: String?
}

/// How far one record may reach.
struct RecordLimits {
    /// The longest record, in bytes without its line end.
    var maximumBytes: Int
    /// What the window has to hold so that a record of that length is seen whole.
    var windowBytes: Int { maximumBytes + 2 }

    var tooLong: String { "longer than \(maximumBytes) bytes" }
}
