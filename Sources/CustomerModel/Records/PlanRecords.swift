public import JSONText

/// A stored plan: what a replay will send, pinned and counted before it sends anything (R1).
public struct PlanRecord: ControlRecord {
    public static let kind = RecordKind.plan

    public enum Act: String, CaseIterable, Equatable, Sendable {
        case backfill
        case repair
        case correct
    }

    /// What the dry run found. A correction considers what was delivered: `allowed` is what may be amended or
    /// is to be deleted, `alreadyTold` what stands as it is.
    public struct Counts: Equatable, Sendable {
        public var considered: Int
        public var allowed: Int
        public var alreadyTold: Int
        public var deniedNow: Int
        public var planned: Int

        public init(
            considered: Int, allowed: Int, alreadyTold: Int, deniedNow: Int, planned: Int
        ) {
            self.considered = considered
            self.allowed = allowed
            self.alreadyTold = alreadyTold
            self.deniedNow = deniedNow
            self.planned = planned
        }
    }

    public var id: String
    public var act: Act
    public var destination: String
    public var epoch: Int
    public var slot: String
    public var policyVersion: Int
    public var approver: String
    public var ratePerSecond: Int?
    public var counts: Counts
    /// Which offsets are to be sent. Its range is the plan's.
    public var planned: OffsetBitmap
    /// Of a correction, those of ``planned`` that the destination is asked to delete; the others are amended.
    public var retracted: OffsetBitmap?
    /// Of a correction, people whom the destination was told to be in an audience and is to be told have left
    /// it (E2). Each `at` is an offset that the plan had read up to.
    public var exits: [ReleasedRecord.Membership]
    /// Whether it may send what was unknown or expired at the event, where the policy says so (R2).
    public var isRetroactive: Bool
    /// What the plan was narrowed to.
    public var narrowing: Narrowing?

    /// A part of a range, by what events are. Empty lists narrow nothing.
    public struct Narrowing: Equatable, Sendable {
        public var sources: [String]
        public var events: [String]
        /// The keyed hash of one of the person's identifiers.
        public var person: UInt64?

        public init(sources: [String], events: [String], person: UInt64?) {
            self.sources = sources
            self.events = events
            self.person = person
        }
    }

    /// The first offset of the plan's range.
    public var from: UInt64 { planned.from }
    /// The first offset after the range.
    public var to: UInt64 { planned.to }

    public init(
        id: String, act: Act, destination: String, epoch: Int, slot: String, policyVersion: Int,
        approver: String, ratePerSecond: Int?, counts: Counts, planned: OffsetBitmap,
        retracted: OffsetBitmap? = nil, exits: [ReleasedRecord.Membership] = [],
        isRetroactive: Bool = false, narrowing: Narrowing? = nil
    ) {
        self.id = id
        self.act = act
        self.destination = destination
        self.epoch = epoch
        self.slot = slot
        self.policyVersion = policyVersion
        self.approver = approver
        self.ratePerSecond = ratePerSecond
        self.counts = counts
        self.planned = planned
        self.retracted = retracted
        self.exits = exits
        self.isRetroactive = isRetroactive
        self.narrowing = narrowing
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        id = try reader.string("id")
        act = try reader.word("act")
        destination = try reader.string("destination")
        epoch = try reader.int("epoch", from: 1)
        slot = try reader.string("slot")
        policyVersion = try reader.int("policyVersion", from: 1)
        approver = try reader.string("approver")
        ratePerSecond = try reader.ifPresent("ratePerSecond") { (key) throws(RecordError) in
            try reader.int(key, from: 1)
        }
        counts = try reader.object("counts") { (counts) throws(RecordError) in
            Counts(
                considered: try counts.int("considered"), allowed: try counts.int("allowed"),
                alreadyTold: try counts.int("alreadyTold"), deniedNow: try counts.int("deniedNow"),
                planned: try counts.int("planned"))
        }
        let from = try reader.offset("from")
        let to = try reader.offset("to")
        planned = try reader.bitmap("bitmap", from: from, to: to)
        retracted = try reader.ifPresent("retract") { (key) throws(RecordError) in
            try reader.bitmap(key, from: from, to: to)
        }
        exits =
            try reader.ifPresent("exits") { (key) throws(RecordError) in
                try reader.list(key) { (element) throws(RecordError) in
                    ReleasedRecord.Membership(
                        audience: try element.string("audience"),
                        profile: try element.profile("profile"), change: .exited,
                        at: try element.offset("at"))
                }
            } ?? []
        isRetroactive = try reader.ifPresent("retroactive", reader.bool) ?? false
        narrowing = try reader.ifPresent("narrowing") { (key) throws(RecordError) in
            try reader.object(key, Narrowing.init)
        }
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("id", id)
        out.member("act", act.rawValue)
        out.member("destination", destination)
        out.member("epoch", epoch)
        out.member("slot", slot)
        out.member("from", from)
        out.member("to", to)
        out.member("policyVersion", policyVersion)
        out.member("approver", approver)
        if let ratePerSecond { out.member("ratePerSecond", ratePerSecond) }
        out.key("counts")
        out.beginObject()
        out.member("considered", counts.considered)
        out.member("allowed", counts.allowed)
        out.member("alreadyTold", counts.alreadyTold)
        out.member("deniedNow", counts.deniedNow)
        out.member("planned", counts.planned)
        out.endObject()
        out.member("bitmap", planned.base64)
        if let retracted { out.member("retract", retracted.base64) }
        if !exits.isEmpty {
            out.list("exits", exits) { exit, out in
                out.member("audience", exit.audience)
                out.member("profile", exit.profile.description)
                out.member("at", exit.at)
            }
        }
        if isRetroactive { out.member("retroactive", true) }
        if let narrowing {
            out.key("narrowing")
            narrowing.write(into: &out)
        }
        out.endObject()
    }
}

extension PlanRecord.Narrowing {
    init(_ reader: RecordReader) throws(RecordError) {
        sources = try reader.texts("sources") { $0 }
        events = try reader.texts("events") { $0 }
        person = try reader.ifPresent("person") { (key) throws(RecordError) in
            guard let word = HexWord.decode(try reader.string(key)) else {
                throw reader.error(key, .illTyped)
            }
            return word
        }
    }

    func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("sources", sources)
        out.member("events", events)
        if let person { out.member("person", HexWord.encode(person)) }
        out.endObject()
    }
}

/// How a plan ended. With an effect unsettled it is never `complete` (R1, R3).
public struct PlanEndedRecord: ControlRecord {
    public static let kind = RecordKind.planEnded

    public enum Outcome: String, CaseIterable, Equatable, Sendable {
        case complete
        case incomplete
        case cancelled
    }

    /// What became of the planned effects.
    public struct Counts: Equatable, Sendable {
        public var delivered: Int
        public var rejected: Int
        public var unknown: Int
        public var cancelled: Int
        public var parked: Int

        public init(delivered: Int, rejected: Int, unknown: Int, cancelled: Int, parked: Int) {
            self.delivered = delivered
            self.rejected = rejected
            self.unknown = unknown
            self.cancelled = cancelled
            self.parked = parked
        }
    }

    public var id: String
    public var outcome: Outcome
    public var counts: Counts

    public init(id: String, outcome: Outcome, counts: Counts) {
        self.id = id
        self.outcome = outcome
        self.counts = counts
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        id = try reader.string("id")
        outcome = try reader.word("outcome")
        counts = try reader.object("counts") { (counts) throws(RecordError) in
            Counts(
                delivered: try counts.int("delivered"), rejected: try counts.int("rejected"),
                unknown: try counts.int("unknown"), cancelled: try counts.int("cancelled"),
                parked: try counts.int("parked"))
        }
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("id", id)
        out.member("outcome", outcome.rawValue)
        out.key("counts")
        out.beginObject()
        out.member("delivered", counts.delivered)
        out.member("rejected", counts.rejected)
        out.member("unknown", counts.unknown)
        out.member("cancelled", counts.cancelled)
        out.member("parked", counts.parked)
        out.endObject()
        out.endObject()
    }
}
