/// Policies that tests judge by. Names are short; meanings are in `PolicyFile`.
enum Policies {
    static let identity = """
        identity:
          types:
            - { type: user_id, limit: 1 }
            - { type: email, limit: 5, normalise: email }
            - { type: anonymous_id, limit: 5 }
          block:
            - { only: "0-" }
            - { value: "null" }
            - { value: "anonymous" }
            - { value: "-1" }
        """

    /// One warehouse that needs analytics and takes orders, one ads network that needs advertising.
    static let shop = shop()

    static func shop(
        resolve: String = "strictest", warehouse: String = "", ads: String = "",
        purposes: String = "", audiences: String = "", adsEpoch: Int = 1
    ) -> String {
        """
        policy: test
        \(identity)
        consent:
          resolve: \(resolve)
        purposes:
          analytics: { segment: [Analytics], expires: 30d }
          advertising: { segment: [Advertising], deniedByGPC: true }
        \(purposes)
        destinations:
          warehouse:
            recipient: Warehouse Ltd
            file: warehouse.ndjson
            purposes: [analytics]
            identifiers: [user_id, anonymous_id]
            events:
              - track: Order Completed
                properties: [order_id, revenue]
              - track: Product Viewed
                properties: all
        \(warehouse)
          ads:
            recipient: Ads Inc
            epoch: \(adsEpoch)
            file: ads.ndjson
            purposes: [advertising]
            identifiers: [email]
            events:
              - track: Order Completed
                properties: [revenue]
        \(ads)
        \(audiences)
        """
    }
}

/// Messages that tests send.
enum Message {
    static func track(
        _ event: String, id: String, user: String? = nil, anonymous: String? = nil,
        properties: String = "{}", consent: [String: Bool]? = nil, more: String = ""
    ) -> String {
        body("track", id: id, user: user, anonymous: anonymous, consent: consent)
            + ",\"event\":\"\(event)\",\"properties\":\(properties)\(more)}"
    }

    static func identify(
        id: String, user: String? = nil, anonymous: String? = nil, traits: String = "{}",
        consent: [String: Bool]? = nil
    ) -> String {
        body("identify", id: id, user: user, anonymous: anonymous, consent: consent)
            + ",\"traits\":\(traits)}"
    }

    /// Segment Consent Preference Updated.
    static func preference(
        id: String, user: String? = nil, anonymous: String? = nil, _ consent: [String: Bool],
        timestamp: String? = nil
    ) -> String {
        body("track", id: id, user: user, anonymous: anonymous, consent: consent)
            + (timestamp.map { ",\"timestamp\":\"\($0)\"" } ?? "")
            + ",\"event\":\"Segment Consent Preference Updated\",\"properties\":{}}"
    }

    private static func body(
        _ type: String, id: String, user: String?, anonymous: String?, consent: [String: Bool]?
    ) -> String {
        var text = "{\"type\":\"\(type)\",\"messageId\":\"\(id)\""
        if let user { text += ",\"userId\":\"\(user)\"" }
        if let anonymous { text += ",\"anonymousId\":\"\(anonymous)\"" }
        if let consent {
            let categories = consent.keys.sorted().map { "\"\($0)\":\(consent[$0] == true)" }
            text +=
                ",\"context\":{\"consent\":{\"categoryPreferences\":{\(categories.joined(separator: ","))}}}"
        }
        return text
    }
}
