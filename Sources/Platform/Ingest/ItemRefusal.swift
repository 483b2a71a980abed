public import JSONText

/// Why one item was not taken, while the rest of its request was (L2).
public enum ItemRefusal: Error, Equatable, Sendable {
    case invalidJSON(JSONError)
    case notAnObject
    case tooLarge(limitBytes: Int)
    case missingType
    case unknownType
    /// The body says another type than the path.
    case typeMismatch
    case missingEvent
    /// Neither `userId` nor `anonymousId` is a text with something in it.
    case missingIdentifier
    /// `userId` or `anonymousId` is there, and neither a text nor null.
    case identifierNotText
    case identifierTooLong
    case nulInIdentifier
    case messageIDNotText
    case messageIDTooLong
    case badTimestamp
    case consentPreferencesMissing
    /// A record of a file that gave no message; the reason names the column or path, and no value.
    case badRecord(String)
    /// A member of an mParticle batch, event or call that is missing or of the wrong kind; the sentence names
    /// the member, and no value.
    case badField(String)
    /// A request of which no item could be told.
    case request(code: String, message: String)
    /// It stands beyond the most items that one batch may hold.
    case tooManyItems(limit: Int)
    /// The record that it may repeat cannot be read, so nobody can tell.
    case originalUnreadable
    /// Another payload came with this message id before. The first one stays.
    case messageIDConflict

    /// The longest `userId` or `anonymousId`, in bytes.
    static let longestIdentifier = 1_024
    /// The longest `messageId`, in characters, as Segment has it.
    static let longestMessageID = 100

    /// A word for programs.
    public var code: String {
        switch self {
        case .invalidJSON: "invalid_json"
        case .notAnObject: "not_an_object"
        case .tooLarge: "item_too_large"
        case .missingType: "missing_type"
        case .unknownType: "unknown_type"
        case .typeMismatch: "type_mismatch"
        case .missingEvent: "missing_event"
        case .missingIdentifier: "no_user_anon_id"
        case .identifierNotText: "identifier_not_text"
        case .identifierTooLong: "identifier_too_long"
        case .nulInIdentifier: "nul_in_identifier"
        case .messageIDNotText: "message_id_not_text"
        case .messageIDTooLong: "message_id_too_long"
        case .badTimestamp: "bad_timestamp"
        case .consentPreferencesMissing: "consent_preferences_missing"
        case .badRecord: "bad_record"
        case .badField: "bad_field"
        case .request(let code, _): code
        case .tooManyItems: "too_many_items"
        case .originalUnreadable: "original_unreadable"
        case .messageIDConflict: "message_id_conflict"
        }
    }

    /// A sentence for people; never holds what the client sent.
    public var message: String {
        switch self {
        case .invalidJSON(let error): "the item is not valid JSON: \(error)"
        case .notAnObject: "an item must be a JSON object"
        case .tooLarge(let limit): "the item is larger than \(limit) bytes"
        case .missingType: "`type` is required"
        case .unknownType:
            "`type` must be one of identify, track, page, screen, group, alias, merge"
        case .typeMismatch: "`type` differs from the path"
        case .missingEvent: "`event` is required of a track call, as a text"
        case .missingIdentifier: "`userId` or `anonymousId` is required"
        case .identifierNotText: "`userId` and `anonymousId` must be texts"
        case .identifierTooLong:
            "an identifier is longer than \(Self.longestIdentifier) bytes"
        case .nulInIdentifier: "an identifier holds the character U+0000"
        case .messageIDNotText: "`messageId` must be a text"
        case .messageIDTooLong:
            "`messageId` is longer than \(Self.longestMessageID) characters"
        case .badTimestamp: "`timestamp` is not an ISO 8601 time between the years 1 and 9999"
        case .consentPreferencesMissing:
            "context.consent.categoryPreferences object is required"
        case .badRecord(let reason), .badField(let reason): reason
        case .request(_, let message): message
        case .tooManyItems(let limit): "a batch holds at most \(limit) items"
        case .originalUnreadable:
            "the record that this message may repeat cannot be read: send it again later"
        case .messageIDConflict:
            "its message id was taken before with another payload, which stays"
        }
    }
}
