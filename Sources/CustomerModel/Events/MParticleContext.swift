import JSONText

/// What an mParticle batch says of device, application and place, as `context`.
///
/// First by the common names, then every other member of the batch, and of its own `context`, as it is. What
/// says who the person is stands elsewhere and is left out here.
struct MParticleContext {
    private let form: MParticleForm
    private let allowsAdvertising: Bool
    private var written: [String] = ["traits", "externalIds"]

    init(_ form: MParticleForm, _ identities: MParticleIdentities) {
        self.form = form
        allowsAdvertising = identities.allowsAdvertising
    }

    /// `platform`, for the two systems that Segment's clients name as they do.
    static func platform(_ device: JSONView?) -> String? {
        guard let name = device?["platform"]?.string else { return nil }
        switch name {
        case "iOS", "ios": return "ios"
        case "Android", "android": return "android"
        default: return name
        }
    }

    mutating func write(_ out: inout JSONWriter) {
        let device = form.batch["device_info"]
        let application = form.batch["application_info"]
        let isIOS = Self.platform(device) == "ios"
        if device?.kind == .object {
            writeDevice(device, isIOS: isIOS, &out)
            group("os", [("name", device?["platform"]), ("version", device?["os_version"])], &out)
            group(
                "screen",
                [
                    ("width", device?["screen_width"]), ("height", device?["screen_height"]),
                    ("density", device?["screen_dpi"]),
                ], &out)
            group("network", [("carrier", device?["network_carrier"])], &out)
            add("userAgent", device?["http_header_user_agent"], &out)
            writeLocale(device, &out)
        }
        group(
            "app",
            [
                ("name", application?["application_name"]),
                ("version", application?["application_version"]),
                ("build", application?["application_build_number"]),
                ("namespace", application?["package"]),
            ], &out)
        add("ip", form.batch["ip"], &out)
        add("location", form.data?["location"], &out)
        writeOwn(&out)
    }

    private mutating func writeDevice(
        _ device: JSONView?, isIOS: Bool, _ out: inout JSONWriter
    ) {
        written.append("device")
        out.key("device")
        out.beginObject()
        if let platform = Self.platform(device) { out.member("type", platform) }
        for (name, value) in [
            ("manufacturer", device?["device_manufacturer"]), ("model", device?["device_model"]),
            ("brand", device?["brand"]),
        ] {
            if let value, !value.isNull { out.member(name, value: value) }
        }
        out.member("adTrackingEnabled", allowsAdvertising)
        out.endObject()
    }

    private mutating func writeLocale(_ device: JSONView?, _ out: inout JSONWriter) {
        guard let language = device?["locale_language"]?.string, !language.isEmpty else { return }
        written.append("locale")
        let country = device?["locale_country"]?.string ?? ""
        out.member("locale", country.isEmpty ? language : "\(language)-\(country)")
    }

    private mutating func group(
        _ name: String, _ members: [(String, JSONView?)], _ out: inout JSONWriter
    ) {
        let there = members.filter { $0.1.map { !$0.isNull } == true }
        guard !there.isEmpty else { return }
        written.append(name)
        out.key(name)
        out.beginObject()
        for case (let name, let value?) in there { out.member(name, value: value) }
        out.endObject()
    }

    private mutating func add(_ name: String, _ value: JSONView?, _ out: inout JSONWriter) {
        guard let value, !value.isNull, !written.contains(name) else { return }
        written.append(name)
        out.member(name, value: value)
    }

    /// What says who the person is, and what no destination and no filter has any business with.
    private static let elsewhere = [
        "events", "user_identities", "known_identities", "user_attributes",
        "deleted_user_attributes", "mpid", "previous_mpid", "mp_deviceid", "api_key", "api_keys",
        "partner_identities", "context", "ip", "batch_id", "timestamp_unixtime_ms",
    ]

    private mutating func writeOwn(_ out: inout JSONWriter) {
        if let own = form.batch["context"], own.kind == .object {
            own.forEachMember { key, value in
                if let name = key.string { add(name, value, &out) }
            }
        }
        form.batch.forEachMember { key, value in
            guard let name = key.string, !Self.elsewhere.contains(name) else { return }
            add(name, value, &out)
        }
    }
}
