package import JSONText

/// Where a tail stands, and what of a new connection's lines was handed over before. Pure.
///
/// | line | at the cursor it resumed from | otherwise |
/// |---|---|---|
/// | handed over since that cursor | left out, once | – |
/// | `snapshot` | – | begins one if none has begun |
/// | `heartbeat` | ends a snapshot | ends a snapshot |
/// | any other | moves the cursor | moves the cursor |
package struct TailPlace {
    /// Where the next connection begins; nil for the start.
    package private(set) var cursor: String?
    /// Whether a snapshot has begun that a heartbeat has not ended.
    private(set) var isInSnapshot = false
    /// Lines without their cursor that were handed over since `cursor`: the server says them again from there.
    private var since: [JSONValue] = []
    /// Of `since`, what this connection has not said again yet.
    private var expected: [JSONValue] = []
    private let isSnapshotFirst: Bool

    package init(stream: String, cursor: String?) {
        self.cursor = cursor
        isSnapshotFirst = stream != "events" && cursor == nil
    }

    /// A new connection from ``cursor``.
    ///
    /// - Returns: what to hand over before its lines.
    package mutating func connected() -> TailItem? {
        expected = since
        guard isSnapshotFirst, cursor == nil else { return nil }
        // A snapshot that broke off says nothing about who was missing from it.
        isInSnapshot = true
        since = []
        expected = []
        return .snapshotBegins
    }

    /// - Returns: the item to hand over; nil for one that was.
    package mutating func received(_ line: JSONValue) -> TailItem? {
        let item = TailItem(line)
        if item.kind == .snapshot { return item }
        if isInSnapshot {
            guard item.kind == .heartbeat else { return item }
            isInSnapshot = false
        }
        let bare = Self.bare(line)
        let isKnown = expected.firstIndex(of: bare)
        if let isKnown { expected.remove(at: isKnown) }
        if let moved = item.cursor, moved != cursor {
            cursor = moved
            since = []
            expected = []
        } else if isKnown == nil, item.kind != .heartbeat {
            since.append(bare)
        }
        return isKnown == nil ? item : nil
    }

    private static func bare(_ line: JSONValue) -> JSONValue {
        guard let members = line.object else { return line }
        return .object(JSONObject(members.filter { $0.key != "cursor" }))
    }
}
