public import JSONText

/// mParticle's events in the form of the six calls, so that identity, consent, filters, audiences and
/// destinations read one form. This is the only place where the two meet; the line keeps the client's own
/// tokens, and this is made from them whenever somebody looks.
///
/// A line of this dialect names it in its envelope, and holds one event of a batch, or a batch that has no
/// events, or a call of IDSync:
///
/// | `dialect` | `body` | beside it |
/// |---|---|---|
/// | `mparticle` | `{"event_type":…,"data":{…}}` | `batch`: the batch without its events; `batchIndex` |
/// | `mparticle` | the batch | - |
/// | `idsync` | the call's body | `call`; `anonymousId` where it made an anonymous person |
///
/// Where things go:
///
/// | mParticle | common form |
/// |---|---|
/// | `custom_event` | `track`, named by `event_name` |
/// | `screen_view` | `screen`, named by `screen_name` |
/// | `commerce_event` | `track`, named as Segment's clients name it: `Order Completed`, `Product Added` … |
/// | other event types | `track`, named by the type itself: `session_start` … |
/// | a batch without events, IDSync | `identify` |
/// | `source_message_id`, IDSync's `request_id` | `messageId` |
/// | `timestamp_unixtime_ms` | `timestamp` |
/// | `customer_id`, `customerid` | `userId` |
/// | `mp_deviceid`, `device_application_stamp` | `anonymousId` |
/// | other identities | `context.externalIds`, or the device's (see ``MParticleIdentities``) |
/// | `user_attributes`, those deleted as null | `traits`, or on other types `context.traits` |
/// | `data.custom_attributes`, and the rest of `data` | `properties` (see ``MParticleCommerce``) |
/// | device, application, the batch's own context | `context`, by the common names and as they are |
public struct MParticleForm {
    enum Content {
        case event(JSONView)
        case batch
        case idsync
    }

    /// What one form was made of.
    public enum Kind: Sendable { case event, batch, idsync }

    public var kind: Kind {
        switch content {
        case .event: .event
        case .batch: .batch
        case .idsync: .idsync
        }
    }

    let content: Content
    /// The batch, or IDSync's request.
    let batch: JSONView
    private let index: Int64
    /// The anonymous person that IDSync made for a device whose person is known.
    let made: JSONView?
    /// Whose identities IDSync changes.
    private let changed: JSONView?

    /// What a line of the log is to this dialect.
    enum Reading {
        case form(MParticleForm)
        case otherDialect
        /// It says that it is of this dialect and lacks what such a line has. Guessing the rest would give one
        /// event the place of another.
        case unreadable
    }

    static func read(line: JSONView, item: JSONView) -> Reading {
        guard let dialect = line["dialect"] else { return .otherDialect }
        if dialect.equals("mparticle") {
            let index = line["batchIndex"]
            guard let batch = line["batch"] else {
                return index == nil ? .form(MParticleForm(batch: item)) : .unreadable
            }
            guard batch.kind == .object, let place = index?.int, place >= 0 else {
                return .unreadable
            }
            return .form(MParticleForm(event: item, batch: batch, index: place))
        }
        guard dialect.equals("idsync") else { return .otherDialect }
        return .form(
            MParticleForm(request: item, made: line["anonymousId"], changed: line["mpid"]))
    }

    /// One event of a batch, the `index`th from 0.
    public init(event: JSONView, batch: JSONView, index: Int64) {
        content = .event(event)
        self.batch = batch
        self.index = index
        made = nil
        changed = nil
    }

    /// A batch without events.
    public init(batch: JSONView) {
        content = .batch
        self.batch = batch
        index = 0
        made = nil
        changed = nil
    }

    /// A call of IDSync.
    ///
    /// - Parameter changed: whose identities it changes.
    public init(request: JSONView, made: JSONView?, changed: JSONView?) {
        content = .idsync
        batch = request
        index = 0
        self.made = made
        self.changed = changed
    }

    public var marks: MParticleMarks {
        var marks = MParticleMarks()
        if case .idsync = content {
            marks.mpid = changed.flatMap(Self.mpid)
            return marks
        }
        if let request = batch["source_request_id"]?.string, !request.isEmpty {
            marks.place = MParticleMarks.place(request: request, index: index)
        }
        marks.mpid = batch["mpid"].flatMap(Self.mpid)
        return marks
    }

    /// Signed, as a number or as a text.
    public static func mpid(_ view: JSONView) -> MPID? {
        (view.int ?? view.string.flatMap { Int64($0) }).map(MPID.init)
    }

    /// The type of identifier that one of mParticle's names of identities means; nil for names that are none.
    public static func identifierType(of name: String) -> String? {
        switch name {
        case "customer_id", "customerid": "user_id"
        case "mp_deviceid", "device_application_stamp": "anonymous_id"
        default: MParticleIdentities.names.contains(name) ? MParticleIdentities.type(of: name) : nil
        }
    }

    /// Whether identifiers of this type are a device's, which may pass from one person to another.
    public static func isOfDevice(_ type: String) -> Bool {
        MParticleIdentities.deviceTypes.contains(type)
    }

    /// Hands the common form to `visit`; it is valid only inside.
    ///
    /// - Returns: nil when the parts do not make one, which no checked ones do.
    public func read<R, E: Error>(_ visit: (JSONView) throws(E) -> R) throws(E) -> R? {
        var outcome: Result<R, E>?
        var parser = JSONParser()
        do {
            try text.withUnsafeBytes { bytes in
                try parser.parseTrusted(bytes) { view in
                    do throws(E) {
                        outcome = .success(try visit(view))
                    } catch {
                        outcome = .failure(error)
                    }
                }
            }
        } catch {
            return nil
        }
        return try outcome?.get()
    }

    /// The event's own members; nil for what is no event.
    var data: JSONView? {
        guard case .event(let event) = content, let data = event["data"], data.kind == .object
        else { return nil }
        return data
    }

    private var text: [UInt8] {
        var out = JSONWriter(reserving: 1_024)
        out.beginObject()
        let type = writeName(&out)
        let id: JSONView? =
            switch content {
            case .event: data?["source_message_id"]
            case .batch: nil
            case .idsync: batch["request_id"]
            }
        if let id, id.kind == .string { out.member("messageId", value: id) }
        writeTime(&out)
        let identities = MParticleIdentities(self)
        if let user = identities.userID { out.member("userId", value: user) }
        if let anonymous = identities.anonymousID { out.member("anonymousId", value: anonymous) }
        if type == .identify {
            out.key("traits")
            writeTraits(&out)
        } else {
            out.key("properties")
            writeProperties(&out)
        }
        out.key("context")
        writeContext(&out, identities, hasTraits: type == .identify)
        out.endObject()
        return out.bytes
    }

    // MARK: Type and name

    /// The longest name of an event, in characters: longer ones are cut, as mParticle does.
    static let longestName = 256

    private func writeName(_ out: inout JSONWriter) -> EventType {
        guard case .event(let event) = content, let kind = event["event_type"]?.string else {
            out.member("type", "identify")
            return .identify
        }
        switch kind {
        case "custom_event":
            writeName("event", data?["event_name"]?.string ?? kind, .track, &out)
            return .track
        case "screen_view":
            writeName("name", data?["screen_name"]?.string ?? "", .screen, &out)
            return .screen
        case "commerce_event":
            writeName("event", data.flatMap(MParticleCommerce.name) ?? kind, .track, &out)
            return .track
        default:
            writeName("event", kind, .track, &out)
            return .track
        }
    }

    private func writeName(
        _ key: String, _ name: String, _ type: EventType, _ out: inout JSONWriter
    ) {
        out.member("type", type.name)
        let scalars = name.unicodeScalars
        out.member(
            key,
            name.utf8.count > Self.longestName && scalars.count > Self.longestName
                ? String(String.UnicodeScalarView(scalars.prefix(Self.longestName))) : name)
    }

    private func writeTime(_ out: inout JSONWriter) {
        let stated: JSONView? =
            switch content {
            case .event: data?["timestamp_unixtime_ms"] ?? batch["timestamp_unixtime_ms"]
            case .batch: batch["timestamp_unixtime_ms"]
            case .idsync: batch["request_timestamp_ms"]
            }
        guard let stated, let time = Self.time(stated) else { return }
        out.member("timestamp", time.description)
    }

    /// A time in milliseconds since 1970; nil for what is none.
    public static func time(_ view: JSONView) -> Timestamp? {
        guard let milliseconds = view.int, milliseconds >= 0,
            milliseconds <= Timestamp.latest.microseconds / 1_000
        else { return nil }
        return Timestamp(microseconds: milliseconds * 1_000)
    }

    // MARK: Traits

    /// What the person is said to be: a later statement stands before an earlier one of the same name.
    private func writeTraits(_ out: inout JSONWriter) {
        out.beginObject()
        var written: [String] = []
        func add(_ name: String, _ value: JSONView?) {
            guard !name.isEmpty, !written.contains(name) else { return }
            written.append(name)
            out.key(name)
            if let value { out.value(value) } else { out.null() }
        }
        if let data, case .event(let event) = content,
            event["event_type"]?.equals("user_attribute_change") == true,
            let name = data["user_attribute_name"]?.string
        {
            let isDeleted = data["deleted"]?.bool == true
            add(name, isDeleted ? nil : data["new"])
        }
        if let deleted = batch["deleted_user_attributes"] {
            deleted.forEachElement { if let name = $0.string { add(name, nil) } }
        }
        batch["user_attributes"]?.forEachMember { key, value in add(key.string ?? "", value) }
        out.endObject()
    }

    /// Whether anything is said of what the person is.
    private var hasTraits: Bool {
        if batch["user_attributes"].map({ $0.count > 0 }) == true { return true }
        if batch["deleted_user_attributes"].map({ $0.count > 0 }) == true { return true }
        guard case .event(let event) = content else { return false }
        return event["event_type"]?.equals("user_attribute_change") == true
    }

    // MARK: Properties

    /// What stands elsewhere in the form.
    private func isPlaced(_ key: JSONView) -> Bool {
        if key.equals("custom_attributes") || key.equals("source_message_id") { return true }
        if key.equals("timestamp_unixtime_ms") { return true }
        guard case .event(let event) = content, let kind = event["event_type"] else { return false }
        return key.equals("event_name") && kind.equals("custom_event")
            || key.equals("screen_name") && kind.equals("screen_view")
    }

    private func writeProperties(_ out: inout JSONWriter) {
        out.beginObject()
        let attributes = data?["custom_attributes"]
        attributes?.forEachMember { key, value in
            out.key(key.string ?? "")
            out.value(value)
        }
        var commerce = MParticleCommerce(data, besides: attributes)
        commerce.write(&out)
        data?.forEachMember { key, value in
            guard !isPlaced(key), let name = key.string, attributes?.member(name) == nil,
                !commerce.written.contains(name)
            else { return }
            out.key(name)
            out.value(value)
        }
        out.endObject()
    }

    // MARK: Context

    private func writeContext(
        _ out: inout JSONWriter, _ identities: MParticleIdentities, hasTraits isElsewhere: Bool
    ) {
        out.beginObject()
        if !isElsewhere, hasTraits {
            out.key("traits")
            writeTraits(&out)
        }
        identities.writeExternal(&out)
        var context = MParticleContext(self, identities)
        context.write(&out)
        out.endObject()
    }
}

extension JSONWriter {
    mutating func member(_ key: String, value: JSONView) {
        self.key(key)
        self.value(value)
    }
}
