public import JSONText

/// Where identifiers stand in a message.
///
/// The order is fixed: an identifier's place in it is the ordinal of its birth (I6), so it must never
/// change. New places are added at the end. Source of the places: Segment's identity resolution pages.
public enum EventIdentifiers {
    /// The most identifiers read from one message; more are ignored, so that an event cannot be made a
    /// merge of thousands.
    public static let limit = 16

    /// The same for one event: mParticle's know more kinds.
    public static func limit(of body: EventBody) -> Int {
        body.mparticle == nil ? limit : MParticleIdentities.limit
    }

    /// Calls `visit` with type name and value, in order, for every identifier of `body`; the value is
    /// a JSON string or number. Empty and null values are left out. `alias` gives its `previousId` as an
    /// `anonymous_id`, and a RudderStack `merge` its two as what it calls them.
    public static func forEach(in body: EventBody, _ visit: (String, JSONView) -> Void) {
        var count = 0
        let limit = limit(of: body)
        func offer(_ type: String, _ value: JSONView?) {
            guard let value, count < limit else { return }
            switch value.kind {
            case .string where value.rawBytes.count > 2: break
            case .number: break
            default: return
            }
            count += 1
            visit(type, value)
        }
        offer("user_id", body.userID)
        offer("anonymous_id", body.anonymousID)
        if body.type == .alias { offer("anonymous_id", body.previousID) }
        if body.type != .group { offer("email", body.traits?["email"]) }
        offer("email", body.context(.traits)?["email"])
        offer("group_id", body.groupID)
        if let device = body.context(.device) {
            let platform = device["type"]
            let isIOS = platform?.equals("ios") == true
            if isIOS || platform?.equals("android") == true {
                offer(isIOS ? "ios.id" : "android.id", device["id"])
                if device["adTrackingEnabled"]?.bool == true {
                    offer(isIOS ? "ios.idfa" : "android.idfa", device["advertisingId"])
                }
                offer(isIOS ? "ios.push_token" : "android.push_token", device["token"])
            }
        }
        if let external = body.context(.externalIds), external.kind == .array {
            forEachExternal(external, offer)
        }
        guard let merged = body.mergeProperties, merged.kind == .array else { return }
        merged.forEachElement { entry in
            guard let type = entry["type"]?.string, !type.isEmpty else { return }
            offer(ownName[type] ?? type, entry["value"])
        }
    }

    /// What RudderStack calls the identifiers that have names here.
    private static let ownName = [
        "userId": "user_id", "anonymousId": "anonymous_id", "groupId": "group_id",
    ]

    private static func forEachExternal(
        _ external: JSONView, _ offer: (String, JSONView?) -> Void
    ) {
        external.forEachElement { entry in
            guard entry["collection"]?.equals("users") == true,
                entry["encoding"]?.equals("none") == true,
                let type = entry["type"]?.string, !type.isEmpty
            else { return }
            offer(type, entry["id"])
        }
    }
}
