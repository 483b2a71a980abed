public import JSONText

/// What a tail says at one time.
public struct TailItem: Equatable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// A snapshot begins, the first or a new one after the connection broke within one: forget what came
        /// before. The client's own word; it has no line.
        case snapshotBegins
        /// One member or person of the snapshot.
        case snapshot
        /// Nothing is new up to `safe`. The first one after a snapshot says that it is whole.
        case heartbeat
        /// One collected event: its record under `record`.
        case event
        /// A person as they are by now: may come again, and replaces what is known of them.
        case changed
        case merged, split
        /// Offsets that never held anything, or that cannot be read: what they held is unknown.
        case restored, unreadable
        case generationChanged
        /// The cursor is of another log, or what it stood on was worked out anew. The tail ends with it; begin
        /// again from the snapshot, or for events from the start.
        case cursorExpired
        /// By its own name, such as `entered`, `exited` and `withdrawn`.
        case other(String)
    }

    public var kind: Kind
    /// The server's line; an empty object for ``Kind/snapshotBegins``.
    public var line: JSONValue
    /// Where to go on once this item and all before it were taken in. Within a snapshot nil: it is taken
    /// whole or not at all.
    public var cursor: String?

    init(_ line: JSONValue) {
        self.line = line
        cursor = line["cursor"]?.string
        kind =
            switch line["type"]?.string ?? "" {
            case "snapshot": .snapshot
            case "heartbeat": .heartbeat
            case "event": .event
            case "changed": .changed
            case "merged": .merged
            case "split": .split
            case "restored": .restored
            case "unreadable": .unreadable
            case "generation_changed": .generationChanged
            case "cursor_expired": .cursorExpired
            case let name: .other(name)
            }
        if kind == .snapshot { cursor = nil }
    }

    static let snapshotBegins: TailItem = {
        var item = TailItem([:])
        item.kind = .snapshotBegins
        return item
    }()
}

/// Why a tail ended for good.
public enum TailError: Error, Equatable, Sendable {
    /// The server will not say it to this token: its own code and sentence.
    case refused(code: String, message: String)
    /// A line that is no JSON object, or longer than 8 MiB.
    case unreadableLine(String)
}
