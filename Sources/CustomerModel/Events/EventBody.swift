public import JSONText

/// One collected message together with what its request said around it (L1).
///
/// The item is the client's own object, for mParticle's clients in the form of the six calls (see
/// ``MParticleForm``); the shared context and integrations are those of the batch it came in. The item
/// wins, member by member. Valid only inside the closure that parsed the text: it is a look at
/// ``EventParts``, and as small as a pointer.
public struct EventBody {
    private let parts: UnsafePointer<EventParts>

    /// `parts` must stay where they are for as long as this is used.
    public init(_ parts: UnsafePointer<EventParts>) { self.parts = parts }

    /// Reads the envelope of one line of the log and hands the event to `visit`, whatever its dialect.
    ///
    /// - Returns: nil when the line has no `body` object, or lacks what its dialect's lines have; no line of an
    ///   event that was taken in does.
    public static func read<R, E: Error>(
        line: JSONView, _ visit: (EventBody) throws(E) -> R
    ) throws(E) -> R? {
        let envelope = EventParts.Envelope(line)
        guard let item = envelope.item else { return nil }
        let form =
            envelope.hasDialect ? MParticleForm.read(line: line, item: item) : .otherDialect
        switch form {
        case .unreadable: return nil
        case .otherDialect: return try EventParts(item: item, envelope: envelope).withBody(visit)
        case .form(let form):
            return try form.read { (common) throws(E) in
                try EventParts(item: common, envelope: envelope, mparticle: form.marks)
                    .withBody(visit)
            }
        }
    }

    /// The client's message.
    public var item: JSONView { parts.pointee.item }
    /// The batch's `context`, when it had one.
    public var sharedContext: JSONView? { parts.pointee.sharedContext }
    /// The batch's `integrations`, when it had one.
    public var sharedIntegrations: JSONView? { parts.pointee.sharedIntegrations }
    /// When the request was sent, as the client's text; nil when it did not say.
    public var sentAt: JSONView? { parts.pointee.sentAt }
    /// When the line was taken, as its text; nil where no line was read.
    public var received: JSONView? { parts.pointee.received }
    /// Whether the request carried `Sec-GPC: 1`.
    public var hasGPC: Bool { parts.pointee.hasGPC }
    /// Whether it is history from a file, rather than live or played as if live (T2).
    public var isImport: Bool { parts.pointee.isImport }
    /// The six types' one, from the item or from the path it was posted to; nil when neither says.
    public var type: EventType? { parts.pointee.type }
    /// The message id: the item's own, or the one the server gave it; nil while neither exists.
    public var messageID: JSONView? { parts.pointee.messageID }
    /// What only mParticle's events say of themselves; nil for all others.
    public var mparticle: MParticleMarks? { parts.pointee.mparticle }

    /// What nearly everybody asks of a `context`.
    public enum ContextMember: Int, CaseIterable, Sendable {
        case traits, device, externalIds, consent, consentManagement

        var name: StaticString { Self.names[rawValue] }
        static let names: [StaticString] = [
            "traits", "device", "externalIds", "consent", "consentManagement",
        ]
    }

    /// The event's name: `event` of a track, `name` of a page or screen; nil where there is none.
    public var name: JSONView? {
        switch type {
        case .track: parts.pointee.members[EventParts.Place.event]
        case .page, .screen: parts.pointee.members[EventParts.Place.name]
        case .identify, .group, .alias, nil: nil
        }
    }

    /// The item's `userId`.
    public var userID: JSONView? { parts.pointee.members[EventParts.Place.userID] }
    /// The item's `anonymousId`.
    public var anonymousID: JSONView? { parts.pointee.members[EventParts.Place.anonymousID] }
    /// The item's `previousId`.
    public var previousID: JSONView? { parts.pointee.members[EventParts.Place.previousID] }
    /// The item's `groupId`.
    public var groupID: JSONView? { parts.pointee.members[EventParts.Place.groupID] }
    /// The item's `traits`.
    public var traits: JSONView? { parts.pointee.members[EventParts.Place.traits] }
    /// The item's own `integrations`.
    public var integrations: JSONView? { parts.pointee.members[EventParts.Place.integrations] }

    /// When the client says that it happened: its `timestamp`, and what a server's pipeline kept as it was.
    public var timestamps: (own: JSONView?, original: JSONView?) {
        (
            parts.pointee.members[EventParts.Place.timestamp],
            parts.pointee.members[EventParts.Place.originalTimestamp]
        )
    }

    /// The identifiers that a RudderStack `merge` says are one person's: a list of objects with `type` and
    /// `value`. nil for every other message.
    public var mergeProperties: JSONView? {
        guard type == .alias, item["type"]?.equals("alias") != true else { return nil }
        return item["mergeProperties"]
    }

    /// A member of `context`, the item's own before the batch's.
    public func context(_ name: StaticString) -> JSONView? {
        if let own = parts.pointee.members[EventParts.Place.context]?[name] { return own }
        return sharedContext?[name]
    }

    /// The same of a member that nearly everybody asks for.
    public func context(_ member: ContextMember) -> JSONView? {
        if let own = parts.pointee.ownContext?[member.rawValue] { return own }
        return sharedContext?[member.name]
    }

    /// What stands at `path`, from the message's root. Under `context` and `integrations` the batch's
    /// members count where the item has none of that name.
    public func value(at path: FieldPath) -> JSONView? {
        if path.names == ["robot"] { return parts.pointee.robot }
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
