public import JSONText

/// What an event is joined from, found once; ``EventBody`` looks at it where it stands.
///
/// Everybody who reads an event asks for the same few members. Each is found in one walk, and the whole of it
/// is too large to be handed on by value. Valid only as long as the texts that its views point into.
public struct EventParts {
    let item: JSONView
    let sharedContext: JSONView?
    let sharedIntegrations: JSONView?
    let sentAt: JSONView?
    let received: JSONView?
    let hasGPC: Bool
    let isImport: Bool
    let type: EventType?
    let messageID: JSONView?
    let mparticle: MParticleMarks?
    /// `true` where its user agent named itself a robot when it was taken; otherwise nil.
    let robot: JSONView?
    /// The item's members that nearly everybody asks for.
    let members: JSONMembers
    /// The same of its own `context`.
    let ownContext: JSONMembers?

    /// Places in ``itemNames``.
    enum Place {
        static let sentAt = 0
        static let messageID = 1
        static let type = 2
        static let userID = 3
        static let anonymousID = 4
        static let previousID = 5
        static let groupID = 6
        static let traits = 7
        static let context = 8
        static let integrations = 9
        static let event = 10
        static let name = 11
        static let timestamp = 12
        static let originalTimestamp = 13
    }

    private static let itemNames = JSONNames([
        "sentAt", "messageId", "type", "userId", "anonymousId", "previousId", "groupId", "traits",
        "context", "integrations", "event", "name", "timestamp", "originalTimestamp",
    ])
    private static let contextNames = JSONNames(EventBody.ContextMember.names)

    /// The members of a line's envelope.
    public struct Envelope {
        private static let names = JSONNames([
            "body", "type", "context", "integrations", "sentAt", "messageId", "gpc", "import",
            "asIfLive", "robot", "received", "dialect",
        ])
        fileprivate let found: JSONMembers

        public init(_ line: JSONView) { found = Self.names.members(of: line) }

        /// The client's message; nil where there is none.
        public var item: JSONView? { found[0].flatMap { $0.kind == .object ? $0 : nil } }
        /// Whether it names a dialect, whose items may need another form: ``EventBody/read(line:_:)`` knows.
        public var hasDialect: Bool { found[11] != nil }
    }

    /// - Parameter item: the envelope's, or what stands for it in the common form.
    public init(item: JSONView, envelope: Envelope, mparticle: MParticleMarks? = nil) {
        let line = envelope.found
        self.init(
            item: item, envelopeType: line[1], sharedContext: line[2],
            sharedIntegrations: line[3], sentAt: line[4], serverMessageID: line[5],
            hasGPC: line[6]?.bool == true,
            isImport: line[7]?.bool == true && line[8]?.bool != true, mparticle: mparticle,
            robot: line[9], received: line[10])
    }

    /// Joins an item with the parts of its request.
    public init(
        item: JSONView, envelopeType: JSONView?, pathType: EventType? = nil,
        sharedContext: JSONView?, sharedIntegrations: JSONView?, sentAt: JSONView?,
        serverMessageID: JSONView?, hasGPC: Bool, isImport: Bool, mparticle: MParticleMarks? = nil,
        robot: JSONView? = nil, received: JSONView? = nil
    ) {
        let members = Self.itemNames.members(of: item)
        self.members = members
        ownContext = members[Place.context].map { Self.contextNames.members(of: $0) }
        self.item = item
        self.sharedContext = sharedContext
        self.sharedIntegrations = sharedIntegrations
        self.sentAt = sentAt ?? members[Place.sentAt]
        self.hasGPC = hasGPC
        self.robot = robot
        self.received = received
        self.isImport = isImport
        self.mparticle = mparticle
        messageID = serverMessageID ?? members[Place.messageID]
        let own = members[Place.type]
        type = Self.type(own ?? envelopeType) ?? (own == nil ? pathType : nil)
    }

    private static func type(_ view: JSONView?) -> EventType? {
        guard let view else { return nil }
        if view.equals("track") { return .track }
        if view.equals("identify") { return .identify }
        if view.equals("page") { return .page }
        if view.equals("screen") { return .screen }
        if view.equals("group") { return .group }
        // RudderStack's merge says the same of any two identifiers (see ``mergeProperties``).
        if view.equals("alias") || view.equals("merge") { return .alias }
        return nil
    }

    /// Hands it out as an event.
    public func withBody<R, E: Error>(_ visit: (EventBody) throws(E) -> R) throws(E) -> R {
        try withUnsafePointer(to: self) { (parts) throws(E) in try visit(EventBody(parts)) }
    }
}
