public import JSONText

/// What one message says beside its call.
///
/// A message that names its own `userID` or `anonymousID` is about somebody else than the person who was
/// identified: it carries only the consent that it names itself. So a server that speaks for many people
/// gives both with each message.
public struct MessageOptions: Sendable {
    /// 1 to 256 characters; nil for the person who was identified.
    public var userID: String?
    public var anonymousID: String?
    /// Category to allowed; nil for the standing consent where the message is about the standing person.
    public var consent: [String: Bool]?
    /// Members of `context`; `library` and `consent` are the client's own.
    public var context: JSONObject
    public var integrations: JSONObject?
    /// When it happened; nil for now.
    public var timestamp: Timestamp?
    /// Counts once per source, for ever; nil for a new random one.
    public var messageID: String?

    public init(
        userID: String? = nil, anonymousID: String? = nil, consent: [String: Bool]? = nil,
        context: JSONObject = JSONObject(), integrations: JSONObject? = nil,
        timestamp: Timestamp? = nil, messageID: String? = nil
    ) {
        self.userID = userID
        self.anonymousID = anonymousID
        self.consent = consent
        self.context = context
        self.integrations = integrations
        self.timestamp = timestamp
        self.messageID = messageID
    }

    var isAboutAnother: Bool { userID != nil || anonymousID != nil }
}
