import JSONText

/// Whom the client speaks for until somebody else is named: kept over restarts.
struct Person: Equatable, Sendable {
    var userID: String?
    var anonymousID: String
    /// Nil before anything was said.
    var consent: [String: Bool]?

    init(anonymousID: String) { self.anonymousID = anonymousID }

    var json: JSONValue {
        var object: JSONObject = ["anonymousId": .string(anonymousID)]
        if let userID { object["userId"] = .string(userID) }
        if let consent { object["consent"] = Message.categories(consent) }
        return .object(object)
    }

    /// Nil for what is none: a person that cannot be read is forgotten, with what they allowed.
    init?(_ json: JSONValue) {
        guard let anonymousID = json["anonymousId"]?.string else { return nil }
        self.anonymousID = anonymousID
        userID = json["userId"]?.string
        guard let members = json["consent"]?.object else { return }
        var consent: [String: Bool] = [:]
        for (name, value) in members {
            guard let isAllowed = value.bool else { return nil }
            consent[name] = isAllowed
        }
        self.consent = consent
    }
}
