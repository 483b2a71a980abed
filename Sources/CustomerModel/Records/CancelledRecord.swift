public import JSONText

/// Effects that the second look found may no longer leave, or need not (E6, E7).
public struct CancelledRecord: ControlRecord {
    public static let kind = RecordKind.cancelled

    /// A cancelled event effect.
    public struct Member: Equatable, Sendable {
        /// The event's offset.
        public var at: UInt64
        /// The gates that failed at the look; `allow` only of a correction that is not needed any more.
        public var gates: Decision

        public init(at: UInt64, gates: Decision) {
            self.at = at
            self.gates = gates
        }
    }

    /// A cancelled or superseded change of membership.
    public struct Membership: Equatable, Sendable {
        public var audience: String
        public var profile: ProfileID
        /// Where it changed.
        public var at: UInt64
        /// `allow` when it is superseded and nothing else stood against it.
        public var gates: Decision
        /// Whether a later change made it pointless.
        public var superseded: Bool

        public init(
            audience: String, profile: ProfileID, at: UInt64, gates: Decision, superseded: Bool
        ) {
            self.audience = audience
            self.profile = profile
            self.at = at
            self.gates = gates
            self.superseded = superseded
        }
    }

    public var destination: String
    public var epoch: Int
    public var slot: String
    public var plan: String?
    /// The offset up to which the look had read.
    public var look: UInt64
    public var members: [Member]
    public var memberships: [Membership]

    public init(
        destination: String, epoch: Int, slot: String, plan: String?, look: UInt64,
        members: [Member], memberships: [Membership]
    ) {
        self.destination = destination
        self.epoch = epoch
        self.slot = slot
        self.plan = plan
        self.look = look
        self.members = members
        self.memberships = memberships
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        destination = try reader.string("destination")
        epoch = try reader.int("epoch", from: 1)
        slot = try reader.string("slot")
        plan = try reader.ifPresent("plan", reader.string)
        look = try reader.offset("look")
        members = try reader.list("members") { (element) throws(RecordError) in
            Member(at: try element.offset("at"), gates: try element.decision("gates"))
        }
        memberships = try reader.list("memberships") { (element) throws(RecordError) in
            Membership(
                audience: try element.string("audience"), profile: try element.profile("profile"),
                at: try element.offset("at"), gates: try element.decision("gates"),
                superseded: try element.bool("superseded"))
        }
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("destination", destination)
        out.member("epoch", epoch)
        out.member("slot", slot)
        if let plan { out.member("plan", plan) }
        out.member("look", look)
        out.list("members", members) { member, out in
            out.member("at", member.at)
            out.member("gates", member.gates.bits)
        }
        out.list("memberships", memberships) { membership, out in
            out.member("audience", membership.audience)
            out.member("profile", membership.profile.description)
            out.member("at", membership.at)
            out.member("gates", membership.gates.bits)
            out.member("superseded", membership.superseded)
        }
        out.endObject()
    }
}

extension RecordReader {
    /// The bits of a ``Decision``.
    fileprivate func decision(_ key: StaticString) throws(RecordError) -> Decision {
        guard let bits = UInt16(exactly: try int(key)) else { throw error(key, .outOfRange) }
        return Decision(bits: bits)
    }
}
