public import Hashing
public import JSONText

/// A generation was adopted. It sends nothing by itself (D3).
public struct PromotedRecord: ControlRecord {
    public static let kind = RecordKind.promoted

    /// What a policy version can govern (P1).
    public enum Stage: String, CaseIterable, Equatable, Sendable {
        case identity
        case consent
        case decisions
        case attributes
        case audiences
    }

    /// From an offset on, a policy version governs a stage.
    public struct ScheduleEntry: Equatable, Sendable {
        public var stage: Stage
        public var version: Int
        public var from: UInt64

        public init(stage: Stage, version: Int, from: UInt64) {
            self.stage = stage
            self.version = version
            self.from = from
        }
    }

    public var generation: Int
    /// The offset up to which old and new generation were compared.
    public var at: UInt64
    /// The new generation's digest there (P2).
    public var digest: Digest256
    public var codeVersion: Int
    public var schedule: [ScheduleEntry]
    public var reason: String

    public init(
        generation: Int, at: UInt64, digest: Digest256, codeVersion: Int,
        schedule: [ScheduleEntry], reason: String
    ) {
        self.generation = generation
        self.at = at
        self.digest = digest
        self.codeVersion = codeVersion
        self.schedule = schedule
        self.reason = reason
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        generation = try reader.int("generation")
        at = try reader.offset("at")
        digest = try reader.digest("digest")
        codeVersion = try reader.int("codeVersion")
        schedule = try reader.list("schedule") { (entry) throws(RecordError) in
            ScheduleEntry(
                stage: try entry.word("stage"), version: try entry.int("version", from: 1),
                from: try entry.offset("from"))
        }
        reason = try reader.string("reason")
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("generation", generation)
        out.member("at", at)
        out.member("digest", digest.hex)
        out.member("codeVersion", codeVersion)
        out.list("schedule", schedule) { entry, out in
            out.member("stage", entry.stage.rawValue)
            out.member("version", entry.version)
            out.member("from", entry.from)
        }
        out.member("reason", reason)
        out.endObject()
    }
}
