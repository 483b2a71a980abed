/// What a feed gives for one record of its file.
public enum FeedItem: Equatable, Sendable {
    /// One message in Segment's shape: a JSON object on one line, without line end. With a mapping
    /// it was made from the record; without one it is the line itself.
    case message([UInt8], record: Int, position: FeedPosition)
    /// A record that gave no message. The feed goes on behind it.
    case reject(FeedReject)
}

/// Where a record begins.
public struct FeedPosition: Equatable, Sendable {
    /// Lines of the text, counted from 1; a CSV file's header is one of them.
    public var line: Int
    /// Bytes of the text (uncompressed) before it, a byte order mark included.
    public var byte: Int64

    public init(line: Int, byte: Int64) {
        self.line = line
        self.byte = byte
    }
}

/// A record that could not be turned into a message, with all that the reject file needs.
public struct FeedReject: Equatable, Sendable {
    /// Counted from 1, over messages and rejects alike; the header and empty lines do not count.
    public var record: Int
    public var position: FeedPosition
    /// One sentence that names the column or path, and no value: those are in `bytes`.
    public var reason: String
    /// The record as it stands in the file, without its line end. Of a record over the limit, the
    /// first bytes up to the limit.
    public var bytes: [UInt8]

    public init(record: Int, position: FeedPosition, reason: String, bytes: [UInt8]) {
        self.record = record
        self.position = position
        self.reason = reason
        self.bytes = bytes
    }
}

/// How far a feed has come, for a progress bar.
public struct FeedProgress: Equatable, Sendable {
    /// Bytes of the file as it lies on disk (compressed) that were used up.
    public var consumed: Int64
    /// The file's size on disk; nil for pipes and the like.
    public var total: Int64?
}
