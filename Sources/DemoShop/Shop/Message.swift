import JSONText

/// One message on its way from a browser to the platform.
struct Message {
    /// When it arrives, microseconds; files are sorted by it.
    var arrives: Int64
    var id: String
    var json: JSONValue
}

/// Writes what a browser sends, as Segment's analytics.js does.
struct Browser {
    /// Whose browser it is, as far as it knows.
    var anonymousID: String
    var userID: String?
    /// Stands in every message once the banner was answered.
    var choice: Choice?
    /// How far the device's clock is off.
    var skewMicroseconds: Int64 = 0
    /// How long messages wait before they are sent.
    var delayMicroseconds: Int64 = 0

    /// - Parameters:
    ///   - at: true time, microseconds.
    ///   - fields: the members that are the type's own.
    func message(
        _ type: String, id: String, at: Int64, path: String,
        fields: [(key: String, value: JSONValue)]
    ) -> Message {
        var members: [(key: String, value: JSONValue)] = [
            ("type", .string(type)), ("messageId", .string(id)),
            ("anonymousId", .string(anonymousID)),
        ]
        if let userID { members.append(("userId", .string(userID))) }
        members += fields
        members.append(("context", context(path: path)))
        let sent = at + delayMicroseconds
        members.append(("timestamp", clock(at)))
        members.append(("sentAt", clock(sent)))
        return Message(arrives: sent, id: id, json: .object(JSONObject(members)))
    }

    private func clock(_ microseconds: Int64) -> JSONValue {
        .string(Timestamp(microseconds: microseconds + skewMicroseconds).description)
    }

    private func context(path: String) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [
            ("library", ["name": "analytics.js", "version": "next-1.81.0"]),
            (
                "page",
                [
                    "path": .string(path), "url": .string("https://shop.example.com" + path),
                    "referrer": "https://search.example.com/",
                ]
            ),
        ]
        if let choice {
            members.append(("consent", ["categoryPreferences": choice.json]))
        }
        return .object(JSONObject(members))
    }
}

extension Choice {
    /// The categories of the banner. What the shop itself needs to work is always on.
    var json: JSONValue {
        [
            "Functional": true, "Analytics": .bool(analytics), "Advertising": .bool(advertising),
        ]
    }
}
