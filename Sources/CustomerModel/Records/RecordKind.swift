public import JSONText

/// What a record of the log is about. The number stands in the log's columns, the name in the line (L1).
///
/// Numbers are never reused. Those from 240 on are written by the log itself and say nothing about customers.
public enum RecordKind: UInt8, CaseIterable, Equatable, Sendable {
    case event = 1
    case policy = 2
    case released = 3
    case attempt = 4
    case receipt = 5
    case cancelled = 6
    case tick = 7
    case `operator` = 8
    case suppression = 9
    case promoted = 10
    case plan = 11
    case planEnded = 12
    case auditRead = 13
    case fieldSet = 14
    case settled = 15
    case identity = 16
    /// Numbers between are others' to take.
    case consent = 24
    case sealed = 240
    case restored = 241
    case tombstone = 242

    /// As the line's `kind` spells it.
    public var name: String {
        switch self {
        case .event: "event"
        case .policy: "policy"
        case .released: "released"
        case .attempt: "attempt"
        case .receipt: "receipt"
        case .cancelled: "cancelled"
        case .tick: "tick"
        case .operator: "operator"
        case .suppression: "suppression"
        case .promoted: "promoted"
        case .plan: "plan"
        case .planEnded: "planEnded"
        case .auditRead: "auditRead"
        case .fieldSet: "fieldSet"
        case .settled: "settled"
        case .identity: "identity"
        case .consent: "consent"
        case .sealed: "sealed"
        case .restored: "restored"
        case .tombstone: "tombstone"
        }
    }

    /// The kind that a line calls `name`; nil for any other text.
    public init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

/// A record that the platform writes about its own work: the body of a line whose source is `sluice`.
///
/// Reading is strict about what it knows and blind to what it does not: a missing or ill-typed member
/// throws with its name, an unknown member is passed over, so that an older binary reads a newer log.
public protocol ControlRecord: Equatable, Sendable {
    static var kind: RecordKind { get }

    /// Reads the line's `body`.
    init(_ body: JSONView) throws(RecordError)

    /// Writes the line's `body`: one object.
    func write(into out: inout JSONWriter)
}

extension ControlRecord {
    /// The line from `"kind":` on, as the log takes it in a draft.
    public func tail(received: Timestamp) -> [UInt8] {
        RecordTail.bytes(kind: Self.kind, received: received) { write(into: &$0) }
    }
}

/// The end of a line: everything after the offset and the recorded time, which only the log knows.
public enum RecordTail {
    /// The source of every control record.
    public static let controlSource = "sluice"

    /// `"kind":"released","source":"sluice","received":"…","changed":[],"body":{…}}`, without line feed.
    ///
    /// - Parameter body: writes exactly one value.
    public static func bytes(
        kind: RecordKind, source: String = controlSource, received: Timestamp,
        body: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        writer.beginObject()
        writer.member("kind", kind.name)
        writer.member("source", source)
        writer.member("received", received.description)
        writer.key("changed")
        writer.beginArray()
        writer.endArray()
        writer.key("body")
        body(&writer)
        writer.endObject()
        // The opening brace is the log's own.
        return Array(writer.bytes.dropFirst())
    }
}
