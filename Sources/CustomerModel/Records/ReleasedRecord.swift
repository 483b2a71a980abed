public import Hashing
public import JSONText

/// A range of offsets was released to one destination, as one generation decided it (D2).
///
/// Only what a release or a plan names is ever attempted.
public struct ReleasedRecord: ControlRecord {
    public static let kind = RecordKind.released

    /// A change of membership that is released with the range.
    public struct Membership: Equatable, Sendable {
        public var audience: String
        public var profile: ProfileID
        public var change: MembershipChange
        /// The offset at which it changed.
        public var at: UInt64

        public init(audience: String, profile: ProfileID, change: MembershipChange, at: UInt64) {
            self.audience = audience
            self.profile = profile
            self.change = change
            self.at = at
        }
    }

    public var destination: String
    public var epoch: Int
    public var slot: String
    public var generation: Int
    public var policyVersion: Int
    /// SHA-256 over the range's decision bits for this destination, two bytes little-endian an offset;
    /// 0xFFFF for a record that is no event.
    public var digest: Digest256
    /// How many events the range holds.
    public var considered: Int
    /// Which offsets are allowed. Its range is the release's.
    public var allowed: OffsetBitmap
    public var memberships: [Membership]

    /// The first offset released.
    public var from: UInt64 { allowed.from }
    /// The first offset after the range.
    public var to: UInt64 { allowed.to }

    public init(
        destination: String, epoch: Int, slot: String, generation: Int, policyVersion: Int,
        digest: Digest256, considered: Int, allowed: OffsetBitmap, memberships: [Membership]
    ) {
        self.destination = destination
        self.epoch = epoch
        self.slot = slot
        self.generation = generation
        self.policyVersion = policyVersion
        self.digest = digest
        self.considered = considered
        self.allowed = allowed
        self.memberships = memberships
    }

    /// - Throws: ``RecordError`` also when `allowed` is not the number of bits set.
    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        destination = try reader.string("destination")
        epoch = try reader.int("epoch", from: 1)
        slot = try reader.string("slot")
        generation = try reader.int("generation")
        policyVersion = try reader.int("policyVersion", from: 1)
        digest = try reader.digest("digest")
        considered = try reader.int("considered")
        let from = try reader.offset("from")
        let to = try reader.offset("to")
        allowed = try reader.bitmap("bitmap", from: from, to: to)
        guard try reader.int("allowed") == allowed.count else {
            throw reader.error("allowed", .lengthMismatch)
        }
        memberships = try reader.list("memberships") { (element) throws(RecordError) in
            Membership(
                audience: try element.string("audience"), profile: try element.profile("profile"),
                change: try element.word("change"), at: try element.offset("at"))
        }
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("destination", destination)
        out.member("epoch", epoch)
        out.member("slot", slot)
        out.member("from", from)
        out.member("to", to)
        out.member("generation", generation)
        out.member("policyVersion", policyVersion)
        out.member("digest", digest.hex)
        out.member("considered", considered)
        out.member("allowed", allowed.count)
        out.member("bitmap", allowed.base64)
        out.list("memberships", memberships) { membership, out in
            out.member("audience", membership.audience)
            out.member("profile", membership.profile.description)
            out.member("change", membership.change.rawValue)
            out.member("at", membership.at)
        }
        out.endObject()
    }
}
