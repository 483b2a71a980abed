public import Hashing
public import JSONText

/// One request is about to be made; durable before any of its bytes leave (E5).
public struct AttemptRecord: ControlRecord {
    public static let kind = RecordKind.attempt

    /// One effect in the request.
    public struct Member: Equatable, Sendable {
        public var key: EffectKey
        public var action: EffectAction
        /// The event's offset, or where the membership changed.
        public var at: UInt64
        /// Only of a membership.
        public var audience: String?
        /// Only of a membership.
        public var profile: ProfileID?
        /// Of this member's body alone.
        public var digest: Digest256
        /// The policy version that allowed it at the look.
        public var policy: Int
        /// The offset of the assertion of consent that was relied on, when one was.
        public var consent: UInt64?
        /// The offset of the ``FieldSetRecord`` that lists what left.
        public var fieldSet: UInt64
        /// The identifiers sent, as the log's keyed hashes.
        public var identifiers: [UInt64]

        public init(
            key: EffectKey, action: EffectAction, at: UInt64, audience: String? = nil,
            profile: ProfileID? = nil, digest: Digest256, policy: Int, consent: UInt64?,
            fieldSet: UInt64, identifiers: [UInt64]
        ) {
            self.key = key
            self.action = action
            self.at = at
            self.audience = audience
            self.profile = profile
            self.digest = digest
            self.policy = policy
            self.consent = consent
            self.fieldSet = fieldSet
            self.identifiers = identifiers
        }
    }

    public var destination: String
    public var epoch: Int
    /// The recipient's legal name at the time.
    public var recipient: String
    public var slot: String
    public var plan: String?
    /// The offset up to which the second look had read (E6).
    public var look: UInt64
    public var generation: Int
    /// 1 on the first.
    public var `try`: Int
    /// What the destination sees as the request's id: `webhook-id`.
    public var request: String
    public var bodyDigest: Digest256
    public var bodyBytes: Int
    public var started: Timestamp
    /// Only of a file: its size before the attempt, where a search for the attempt's keys may begin.
    public var position: Int?
    public var members: [Member]

    public init(
        destination: String, epoch: Int, recipient: String, slot: String, plan: String?,
        look: UInt64, generation: Int, try: Int, request: String, bodyDigest: Digest256,
        bodyBytes: Int, started: Timestamp, position: Int?, members: [Member]
    ) {
        self.destination = destination
        self.epoch = epoch
        self.recipient = recipient
        self.slot = slot
        self.plan = plan
        self.look = look
        self.generation = generation
        self.try = `try`
        self.request = request
        self.bodyDigest = bodyDigest
        self.bodyBytes = bodyBytes
        self.started = started
        self.position = position
        self.members = members
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        destination = try reader.string("destination")
        epoch = try reader.int("epoch", from: 1)
        recipient = try reader.string("recipient")
        slot = try reader.string("slot")
        plan = try reader.ifPresent("plan", reader.string)
        look = try reader.offset("look")
        generation = try reader.int("generation")
        `try` = try reader.int("try", from: 1)
        request = try reader.string("request")
        bodyDigest = try reader.digest("bodyDigest")
        bodyBytes = try reader.int("bodyBytes")
        started = try reader.time("started")
        position = try reader.ifPresent("position") { (key) throws(RecordError) in
            try reader.int(key)
        }
        members = try reader.list("members", Member.init)
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("destination", destination)
        out.member("epoch", epoch)
        out.member("recipient", recipient)
        out.member("slot", slot)
        if let plan { out.member("plan", plan) }
        out.member("look", look)
        out.member("generation", generation)
        out.member("try", `try`)
        out.member("request", request)
        out.member("bodyDigest", bodyDigest.hex)
        out.member("bodyBytes", bodyBytes)
        out.member("started", started)
        if let position { out.member("position", position) }
        out.list("members", members) { member, out in member.write(into: &out) }
        out.endObject()
    }
}

extension AttemptRecord.Member {
    init(_ reader: RecordReader) throws(RecordError) {
        guard let key = try reader.member("key").withUTF8({ EffectKey(hexUTF8: $0) }) ?? nil else {
            throw reader.error("key", .illTyped)
        }
        self.key = key
        action = try reader.word("action")
        at = try reader.offset("at")
        audience = try reader.ifPresent("audience", reader.string)
        profile = try reader.ifPresent("profile", reader.profile)
        digest = try reader.digest("digest")
        policy = try reader.int("policy", from: 1)
        consent = try reader.ifPresent("consent", reader.offset)
        fieldSet = try reader.offset("fieldSet")
        identifiers = try reader.texts("identifiers", HexWord.decode)
    }

    func write(into out: inout JSONWriter) {
        out.member("key", key.hex)
        out.member("action", action.rawValue)
        out.member("at", at)
        if let audience { out.member("audience", audience) }
        if let profile { out.member("profile", profile.description) }
        out.member("digest", digest.hex)
        out.member("policy", policy)
        if let consent { out.member("consent", consent) }
        out.member("fieldSet", fieldSet)
        out.member("identifiers", identifiers.lazy.map(HexWord.encode))
    }
}

/// What leaves in an effect, interned: attempts name it by offset (E5).
public struct FieldSetRecord: ControlRecord {
    public static let kind = RecordKind.fieldSet

    public var destination: String
    public var epoch: Int
    /// Dotted paths that left, sorted.
    public var fields: [String]
    /// Types of the identifiers that left, sorted.
    public var identifiers: [String]

    public init(destination: String, epoch: Int, fields: [String], identifiers: [String]) {
        self.destination = destination
        self.epoch = epoch
        self.fields = fields
        self.identifiers = identifiers
    }

    public init(_ body: JSONView) throws(RecordError) {
        let reader = RecordReader(body, kind: Self.kind)
        destination = try reader.string("destination")
        epoch = try reader.int("epoch", from: 1)
        fields = try reader.texts("fields") { $0 }
        identifiers = try reader.texts("identifiers") { $0 }
    }

    public func write(into out: inout JSONWriter) {
        out.beginObject()
        out.member("destination", destination)
        out.member("epoch", epoch)
        out.member("fields", fields)
        out.member("identifiers", identifiers)
        out.endObject()
    }
}
