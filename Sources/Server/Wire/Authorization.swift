internal import HTTPTypes
internal import Hashing

/// What an `Authorization` header says.
enum Authorization: Equatable {
    /// Segment's clients put the write key into the user part, with an empty password, and old ones leave
    /// out the colon; mParticle's put the secret beside it.
    case basic(user: String, password: String)
    case bearer(token: String)

    /// nil when there is no header, or one that is neither.
    init?(_ fields: HTTPFields) {
        guard let header = fields[.authorization] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let credentials = parts[1].drop { $0 == " " }
        switch parts[0].lowercased() {
        case "basic":
            guard let bytes = Base64.decode(String(credentials)),
                let text = String(validating: bytes, as: UTF8.self)
            else { return nil }
            let user = text.prefix { $0 != ":" }
            self = .basic(
                user: String(user), password: String(text.dropFirst(user.count + 1)))
        case "bearer":
            self = .bearer(token: String(credentials))
        default:
            return nil
        }
    }
}
