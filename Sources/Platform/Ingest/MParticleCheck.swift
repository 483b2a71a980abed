internal import CustomerModel
internal import JSONText

/// What an mParticle batch, event or call of IDSync must be to be taken. Members that mParticle does not
/// name are let through: its own clients send some.
enum MParticleCheck {
    static func batch(_ batch: JSONView) throws(ItemRefusal) {
        guard batch.kind == .object else { throw .notAnObject }
        try kind(batch, "events", .array)
        for name in ["user_identities", "device_info", "application_info", "context"] {
            try kind(batch, name, .object)
        }
        try kind(batch, "user_attributes", .object)
        try kind(batch, "deleted_user_attributes", .array)
        for name in ["source_request_id", "mp_deviceid", "ip"] { try kind(batch, name, .string) }
        if let request = batch["source_request_id"], request.rawBytes.count > 1_024 {
            throw .badField("`source_request_id` is longer than 1,022 bytes")
        }
        if let names = batch["deleted_user_attributes"] {
            var areTexts = true
            names.forEachElement { if $0.kind != .string { areTexts = false } }
            guard areTexts else { throw .badField("`deleted_user_attributes` must hold texts") }
        }
        try environment(batch)
        try identities(batch["user_identities"], "user_identities")
        try identities(batch["device_info"].flatMap(advertising), "device_info")
        try time(batch, "timestamp_unixtime_ms")
        if let mpid = batch["mpid"], !mpid.isNull, MParticleForm.mpid(mpid) == nil {
            throw .badField("`mpid` must be a whole number of 64 bits")
        }
        guard let consent = batch["consent_state"], !consent.isNull else { return }
        do throws(MParticleConsentError) {
            _ = try MParticleConsent(consent)
        } catch {
            throw .badField("\(error)")
        }
    }

    private static func advertising(_ device: JSONView) -> JSONView? {
        device.kind == .object ? device : nil
    }

    private static func environment(_ view: JSONView) throws(ItemRefusal) {
        guard let environment = view["environment"], !environment.isNull else { return }
        guard ["development", "production", "unknown"].contains(environment.string) else {
            throw .badField("`environment` must be development or production")
        }
    }

    private static func kind(
        _ view: JSONView, _ name: String, _ wanted: JSONView.Kind
    ) throws(ItemRefusal) {
        guard let member = view.member(name), !member.isNull, member.kind != wanted else { return }
        let word =
            switch wanted {
            case .object: "an object"
            case .array: "an array"
            case .string: "a text"
            case .number: "a number"
            case .bool: "true or false"
            case .null: "null"
            }
        throw .badField("`\(name)` must be \(word)")
    }

    /// Identities are texts; numbers are let through, as for Segment's external ids.
    static func identities(_ object: JSONView?, _ name: String) throws(ItemRefusal) {
        guard let object, !object.isNull else { return }
        var refusal: ItemRefusal?
        let isDevice = name == "device_info"
        object.forEachMember { key, value in
            if isDevice, !deviceIdentities.contains(where: { key.string == $0 }) { return }
            switch value.kind {
            case .null, .number: break
            case .string:
                if value.rawBytes.count - 2 > ItemRefusal.longestIdentifier {
                    refusal = .identifierTooLong
                }
            case .object, .array, .bool:
                refusal = .badField("the identities in `\(name)` must be texts")
            }
        }
        if let refusal { throw refusal }
    }

    private static let deviceIdentities = [
        "android_uuid", "ios_advertising_id", "push_token", "ios_idfv", "android_advertising_id",
        "amp_id", "roku_advertising_id", "roku_publisher_id", "microsoft_advertising_id",
        "microsoft_publisher_id", "fire_advertising_id",
    ]

    static func time(_ view: JSONView, _ name: String) throws(ItemRefusal) {
        guard let time = view.member(name), !time.isNull else { return }
        guard MParticleForm.time(time) != nil else {
            throw .badField("`\(name)` must be a whole number of milliseconds since 1970")
        }
    }

    // MARK: Events

    /// The members that a type of event cannot do without, and their kinds.
    private static let needed: [String: [(name: String, kind: JSONView.Kind)]] = [
        "session_start": [], "session_end": [], "first_run": [], "uninstall": [],
        "pre_attribution": [], "profile": [], "push_reaction": [], "unknown": [],
        "custom_event": [("event_name", .string)],
        "screen_view": [("screen_name", .string)],
        "commerce_event": [],
        "opt_out": [("is_opted_out", .bool)],
        "push_registration": [],
        "push_message": [],
        "application_state_transition": [("application_transition_type", .string)],
        "network_performance": [("url", .string)],
        "crash_report": [("message", .string)],
        "breadcrumb": [("label", .string)],
        "user_attribute_change": [("user_attribute_name", .string)],
        "user_identity_change": [],
        "media": [],
    ]

    private static let withoutData = ["session_start", "first_run", "uninstall", "pre_attribution"]

    static func event(_ event: JSONView) throws(ItemRefusal) {
        guard event.kind == .object else { throw .notAnObject }
        guard let kind = event["event_type"], !kind.isNull, kind.rawBytes.count > 2 else {
            throw .badField(#"Required event field "event_type" is missing or empty."#)
        }
        guard let name = kind.string else { throw .badField("`event_type` must be a text") }
        guard let needed = needed[name] else {
            throw .badField("`event_type` is none of mParticle's")
        }
        guard let data = event["data"], !data.isNull else {
            guard withoutData.contains(name) else {
                throw .badField(#"Required event field "data" is missing or empty."#)
            }
            return
        }
        guard data.kind == .object else { throw .badField("`data` must be an object") }
        for (member, wanted) in needed {
            guard let value = data.member(member), !value.isNull,
                wanted != .string || value.kind != .string || value.rawBytes.count > 2
            else {
                throw .badField("Required event field \"\(member)\" is missing or empty.")
            }
            try kindOf(data, member, wanted)
        }
        try kindOf(data, "custom_attributes", .object)
        try kindOf(data, "custom_event_type", .string)
        try kindOf(data, "event_name", .string)
        try time(data, "timestamp_unixtime_ms")
        if name == "commerce_event" { try commerce(data) }
    }

    private static func kindOf(
        _ data: JSONView, _ name: String, _ wanted: JSONView.Kind
    ) throws(ItemRefusal) { try kind(data, name, wanted) }

    private static func commerce(_ data: JSONView) throws(ItemRefusal) {
        try kind(data, "product_action", .object)
        try kind(data, "promotion_action", .object)
        try kind(data, "product_impressions", .array)
        let parts = ["product_action", "promotion_action", "product_impressions"].compactMap {
            data.member($0)
        }.filter { !$0.isNull }
        guard parts.count == 1 else {
            // One of mParticle's own clients calls its crash reports so.
            if parts.isEmpty, data["message"]?.kind == .string, data["severity"]?.kind == .string {
                return
            }
            throw .badField(
                "A commerce_event holds exactly one of product_action, promotion_action and product_impressions."
            )
        }
        guard parts[0].kind == .object else { return }
        guard let action = parts[0]["action"], action.kind == .string, action.rawBytes.count > 2
        else { throw .badField(#"Required event field "action" is missing or empty."#) }
        guard let products = parts[0]["products"], !products.isNull else { return }
        guard products.kind == .array else { throw .badField("`products` must be an array") }
    }

    // MARK: History

    /// History is at least this old.
    static let historicalAge: Int64 = 72 * 3_600_000_000

    /// What a batch of `/bulkevents/historical` must be besides.
    static func historical(_ batch: JSONView, received: Timestamp) throws(ItemRefusal) {
        guard let events = batch["events"], events.kind == .array, events.count > 0 else {
            throw .badField("a historical batch must have events")
        }
        var refusal: ItemRefusal?
        events.forEachElement { event in
            guard let stated = event["data"]?["timestamp_unixtime_ms"],
                let time = MParticleForm.time(stated)
            else {
                refusal = .badField(
                    "every event of a historical batch must have `timestamp_unixtime_ms`")
                return
            }
            if received.microseconds - time.microseconds < historicalAge {
                refusal = .badField(
                    "a historical batch holds events that are 72 hours old or older")
            }
        }
        if let refusal { throw refusal }
    }
}
