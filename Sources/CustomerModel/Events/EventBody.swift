public import JSONText

/// One collected message together with what its request said around it (L1).
///
/// The item is the client's own object, for mParticle's clients in the form of the six calls (see
/// ``MParticleForm``); the shared context and integrations are those of the batch it came in. The item
/// wins, member by member. Valid only inside the closure that parsed the text.
public struct EventBody {
    /// The client's message.
    public let item: JSONView
    /// The batch's `context`, when it had one.
    public let sharedContext: JSONView?
    /// The batch's `integrations`, when it had one.
    public let sharedIntegrations: JSONView?
    /// When the request was sent, as the client's text; nil when it did not say.
    public let sentAt: JSONView?
    /// When the line was taken, as its text; nil where no line was read.
    public let received: JSONView?
    /// Whether the request carried `Sec-GPC: 1`.
    public let hasGPC: Bool
    /// Whether it is history from a file, rather than live or played as if live (T2).
    public let isImport: Bool
    /// The six types' one, from the item or from the path it was posted to; nil when neither says.
    public let type: EventType?
    /// The message id: the item's own, or the one the server gave it; nil while neither exists.
    public let messageID: JSONView?
    /// The item's members that nearly everybody asks for, found in one walk.
    private let members: JSONMembers

    /// Places in ``itemNames``.
    private enum Place {
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
    }

    private static let itemNames = JSONNames([
        "sentAt", "messageId", "type", "userId", "anonymousId", "previousId", "groupId", "traits",
        "context", "integrations",
    ])
    private static let lineNames = JSONNames([
        "body", "type", "context", "integrations", "sentAt", "messageId", "gpc", "import",
        "asIfLive", "robot", "received",
    ])
    /// What only mParticle's events say of themselves; nil for all others.
    public let mparticle: MParticleMarks?
    /// `true` where its user agent named itself a robot when it was taken; otherwise nil.
    private let robot: JSONView?

    /// Reads the envelope of one line of the log and hands the event to `visit`, whatever its dialect.
    ///
    /// - Returns: nil when the line has no `body` object, or lacks what its dialect's lines have; no line of an
    ///   event that was taken in does.
    public static func read<R, E: Error>(
        line: JSONView, _ visit: (EventBody) throws(E) -> R
    ) throws(E) -> R? {
        let found = lineNames.members(of: line)
        guard let item = found[0], item.kind == .object else { return nil }
        switch MParticleForm.read(line: line, item: item) {
        case .unreadable: return nil
        case .otherDialect: return try visit(EventBody(item: item, line: found))
        case .form(let form):
            return try form.read { (common) throws(E) in
                try visit(EventBody(item: common, line: found, mparticle: form.marks))
            }
        }
    }

    /// - Parameter line: the envelope's ``lineNames``.
    private init(item: JSONView, line: JSONMembers, mparticle: MParticleMarks? = nil) {
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
        members = Self.itemNames.members(of: item)
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

    /// The event's name: `event` of a track, `name` of a page or screen; nil where there is none.
    public var name: JSONView? {
        switch type {
        case .track: item["event"]
        case .page, .screen: item["name"]
        case .identify, .group, .alias, nil: nil
        }
    }

    /// The item's `userId`.
    public var userID: JSONView? { members[Place.userID] }
    /// The item's `anonymousId`.
    public var anonymousID: JSONView? { members[Place.anonymousID] }
    /// The item's `previousId`.
    public var previousID: JSONView? { members[Place.previousID] }
    /// The item's `groupId`.
    public var groupID: JSONView? { members[Place.groupID] }
    /// The item's `traits`.
    public var traits: JSONView? { members[Place.traits] }
    /// The item's own `integrations`.
    public var integrations: JSONView? { members[Place.integrations] }

    /// The identifiers that a RudderStack `merge` says are one person's: a list of objects with `type` and
    /// `value`. nil for every other message.
    public var mergeProperties: JSONView? {
        guard type == .alias, item["type"]?.equals("alias") != true else { return nil }
        return item["mergeProperties"]
    }

    /// A member of `context`, the item's own before the batch's.
    public func context(_ name: StaticString) -> JSONView? {
        if let own = members[Place.context]?[name] { return own }
        return sharedContext?[name]
    }

    /// What stands at `path`, from the message's root. Under `context` and `integrations` the batch's
    /// members count where the item has none of that name.
    public func value(at path: FieldPath) -> JSONView? {
        if path.names == ["robot"] { return robot }
        if let own = item.value(at: path.names) { return own }
        guard path.names.count > 1 else { return nil }
        let shared: JSONView?
        switch path.names[0] {
        case "context": shared = sharedContext
        case "integrations": shared = sharedIntegrations
        default: return nil
        }
        // Member by member: an own member of that name hides the batch's whole member.
        if item[path.names[0] == "context" ? "context" : "integrations"]?
            .member(path.names[1]) != nil
        {
            return nil
        }
        return shared?.value(at: Array(path.names.dropFirst()))
    }
}
