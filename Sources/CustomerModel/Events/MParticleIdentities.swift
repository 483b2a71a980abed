import JSONText

/// Whom an mParticle batch, or a call of IDSync, is about.
///
/// | mParticle | identifier |
/// |---|---|
/// | `customer_id`, `customerid` | `user_id` |
/// | `email` | `email` |
/// | `mobile_number`, `phone_number_2`, `phone_number_3` | `phone` |
/// | `mp_deviceid`, `device_application_stamp` | `anonymous_id` |
/// | iOS: IDFV, IDFA, push token | `ios.id`, `ios.idfa`, `ios.push_token` |
/// | Android: `android_uuid`, advertising id, push token | `android.id`, `android.idfa`, `android.push_token` |
/// | everything else | under mParticle's own name: `facebook`, `other_id_2`, `roku_aid` … |
///
/// An advertising id counts only where tracking is not limited and, on iOS, was not refused.
struct MParticleIdentities {
    /// As many as a record has keys, but for its message id and its place (`LogFormat`): more than any one
    /// client sends. Those further back in the order above are not read.
    static let limit = 30

    let userID: JSONView?
    let anonymousID: JSONView?
    private let form: MParticleForm
    private let device: JSONView?

    init(_ form: MParticleForm) {
        self.form = form
        device = form.batch["device_info"]
        if let made = form.made {
            // The device's own identities belong to a known person, who is not the one that acts.
            userID = nil
            anonymousID = made
            return
        }
        let users = Self.users(form)
        userID =
            Self.value(users?["customer_id"]) ?? Self.value(users?["customerid"])
            ?? Self.changed(form, to: "user_id")
        anonymousID =
            Self.value(form.batch["mp_deviceid"])
            ?? Self.value(users?["device_application_stamp"])
            ?? Self.changed(form, to: "anonymous_id")
    }

    /// The first new identity of a type among IDSync's changes.
    private static func changed(_ form: MParticleForm, to type: String) -> JSONView? {
        var found: JSONView?
        forEachChange(of: form) { if found == nil, $0 == type { found = $1 } }
        return found
    }

    private static func forEachChange(of form: MParticleForm, _ visit: (String, JSONView) -> Void) {
        guard case .idsync = form.content else { return }
        form.batch["identity_changes"]?.forEachElement { change in
            guard let name = change["identity_type"]?.string,
                let type = MParticleForm.identifierType(of: name),
                let value = Self.value(change["new_value"])
            else { return }
            visit(type, value)
        }
    }

    private static func users(_ form: MParticleForm) -> JSONView? {
        switch form.content {
        case .event, .batch: form.batch["user_identities"]
        case .idsync: form.batch["known_identities"]
        }
    }

    private static func value(_ view: JSONView?) -> JSONView? {
        guard let view else { return nil }
        switch view.kind {
        case .string: return view.rawBytes.count > 2 ? view : nil
        case .number: return view
        case .object, .array, .bool, .null: return nil
        }
    }

    /// The type of identifier that one of mParticle's names means; nil for the ones that are no external
    /// ids here.
    static func type(of name: String) -> String? {
        switch name {
        case "customer_id", "customerid", "mp_deviceid", "device_application_stamp": nil
        case "mobile_number", "phone_number_2", "phone_number_3": "phone"
        case "facebookcustomaudienceid": "facebook_custom_audience_id"
        case "ios_idfa", "ios_advertising_id": "ios.idfa"
        case "ios_idfv": "ios.id"
        case "android_aaid", "android_advertising_id": "android.idfa"
        case "android_uuid": "android.id"
        case "roku_advertising_id": "roku_aid"
        case "fire_advertising_id": "fire_aid"
        case "microsoft_advertising_id": "microsoft_aid"
        default: name
        }
    }

    /// Every name of an identity that is read; an identity of another name stays in the line.
    static let names = [
        "email", "mobile_number", "phone_number_2", "phone_number_3", "other", "facebook",
        "twitter", "google", "microsoft", "yahoo", "alias", "facebook_custom_audience_id",
        "facebookcustomaudienceid", "other_id_2", "other_id_3", "other_id_4", "other_id_5",
        "other_id_6", "other_id_7", "other_id_8", "other_id_9", "other_id_10", "ios_idfa",
        "ios_idfv", "android_aaid", "android_uuid", "amp_id", "push_token", "roku_aid",
        "roku_publisher_id", "fire_aid", "microsoft_aid", "microsoft_publisher_id",
    ]

    static let deviceTypes = [
        "anonymous_id", "ios.id", "ios.idfa", "ios.push_token", "android.id", "android.idfa",
        "android.push_token", "push_token", "amp_id", "roku_aid", "roku_publisher_id", "fire_aid",
        "microsoft_aid", "microsoft_publisher_id",
    ]

    private static let deviceNames = [
        "ios_idfv", "android_uuid", "amp_id", "roku_advertising_id", "roku_publisher_id",
        "fire_advertising_id", "microsoft_advertising_id", "microsoft_publisher_id",
    ]

    /// Whether the device lets its advertising id be used.
    var allowsAdvertising: Bool {
        guard device?["limit_ad_tracking"]?.bool != true else { return false }
        guard let status = device?["att_authorization_status"], !status.isNull else { return true }
        return status.equals("authorized")
    }

    func writeExternal(_ out: inout JSONWriter) {
        guard form.made == nil else { return }
        var found: [(type: String, value: JSONView)] = []
        func add(_ type: String, _ value: JSONView?) {
            guard let value = Self.value(value) else { return }
            found.append((type, value))
        }
        let users = Self.users(form)
        for name in Self.names {
            if let type = Self.type(of: name) { add(type, users?.member(name)) }
        }
        for name in Self.deviceNames {
            if let type = Self.type(of: name) { add(type, device?.member(name)) }
        }
        if allowsAdvertising {
            add("ios.idfa", device?["ios_advertising_id"])
            add("android.idfa", device?["android_advertising_id"])
        }
        switch MParticleContext.platform(device) {
        case "ios": add("ios.push_token", device?["push_token"])
        case "android": add("android.push_token", device?["push_token"])
        default: add("push_token", device?["push_token"])
        }
        addChange(add)
        Self.forEachChange(of: form) { type, value in
            if type != "user_id", type != "anonymous_id" { add(type, value) }
        }
        guard !found.isEmpty else { return }
        out.key("externalIds")
        out.beginArray()
        for (type, value) in found {
            out.beginObject()
            out.member("id", value: value)
            out.member("type", type)
            out.member("collection", "users")
            out.member("encoding", "none")
            out.endObject()
        }
        out.endArray()
    }

    /// An identity that the event itself says is new.
    private func addChange(_ add: (String, JSONView?) -> Void) {
        guard case .event(let event) = form.content,
            event["event_type"]?.equals("user_identity_change") == true,
            let new = form.data?["new"], let name = new["identity_type"]?.string
        else { return }
        add(name.hasPrefix("customer") ? "user_id" : Self.type(of: name) ?? name, new["identity"])
    }
}
