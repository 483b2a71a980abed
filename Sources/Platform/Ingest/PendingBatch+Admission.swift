internal import CustomerModel
internal import EventLog
public import JSONText

/// The door: one item at a time, each judged on its own (L2).
extension PendingBatch {
    /// Takes one item, or notes why not.
    ///
    /// - Parameters:
    ///   - item: a view into a text that was parsed strictly.
    ///   - shared: the same as at the batch's beginning.
    public mutating func admit(
        _ item: JSONView, shared: SharedParts = SharedParts(), recordNumber: UInt64? = nil
    ) {
        let index = nextIndex()
        do throws(ItemRefusal) {
            try take(item, shared: shared, index: index)
        } catch {
            reject(error, at: index, bytes: item.rawBytes, recordNumber: recordNumber)
        }
    }

    private mutating func take(
        _ item: JSONView, shared: SharedParts, index: Int
    ) throws(ItemRefusal) {
        guard item.kind == .object else { throw .notAnObject }
        guard !isTooLarge else { return }
        let limit = context.itemBytes ?? limits.itemBytes
        guard item.rawBytes.count <= limit else { throw .tooLarge(limitBytes: limit) }
        let ownType = item["type"]
        let ownID = try Self.messageID(item)
        let parts = EventParts(
            item: item, envelopeType: nil, pathType: context.typeFromPath,
            sharedContext: shared.context,
            sharedIntegrations: shared.integrations, sentAt: shared.sentAt, serverMessageID: nil,
            hasGPC: context.hasGPC, isImport: context.pace == .imported)
        try parts.withBody { (body) throws(ItemRefusal) in
            try admit(body, ownType: ownType, ownID: ownID, index: index)
        }
    }

    private mutating func admit(
        _ body: EventBody, ownType: JSONView?, ownID: JSONView?, index: Int
    ) throws(ItemRefusal) {
        let item = body.item
        try check(body, ownType: ownType)
        if isSuppressed(body) {
            suppress()
            return
        }
        let received = context.pace == .asIfLive ? ownTime(of: body) : context.received
        var columns = extractor.columns(
            of: body, source: context.source, received: received)
        let made = ownID == nil ? Self.newMessageID() : []
        if ownID == nil {
            // The extractor took a blank id for one, or found none: the server's comes first either way.
            if item["messageId"]?.kind == .string { columns.keys.removeFirst() }
            let key = made.withUnsafeBytes {
                extractor.messageKey(source: context.source, messageID: $0)
            }
            columns.keys.insert(key, at: 0)
        }
        let isRobot = UserAgent.isRobot(body.context("userAgent"))
        let tail = tail(
            of: item, hasType: ownType != nil, made: made, received: received, isRobot: isRobot)
        let draft = RecordDraft(
            kind: RecordKind.event.rawValue, source: context.source, name: columns.name,
            occurred: columns.occurred.microseconds, keys: columns.keys, tail: tail.bytes)
        if let ownID {
            _ = ownID.withUTF8 {
                append(
                    draft, body: tail.body, received: received.microseconds, id: $0, item: index)
            }
        } else {
            made.withUnsafeBytes {
                append(
                    draft, body: tail.body, received: received.microseconds, id: $0, item: index)
            }
        }
    }

    /// `sentAt`, or else `timestamp`, or else now: when it would have arrived.
    private func ownTime(of body: EventBody) -> Timestamp {
        EventClock.time(body.sentAt) ?? EventClock.time(body.timestamps.own)
            ?? EventClock.time(body.timestamps.original) ?? context.received
    }

    // MARK: What an item must be

    private func check(_ body: EventBody, ownType: JSONView?) throws(ItemRefusal) {
        guard let type = body.type else {
            throw ownType == nil ? .missingType : .unknownType
        }
        if let wanted = context.typeFromPath, wanted != type { throw .typeMismatch }
        let item = body.item
        if type == .alias, ownType?.equals("merge") == true || item["mergeProperties"] != nil {
            try Self.checkMerge(body)
        }
        if type == .track {
            guard let event = body.name, event.kind == .string, event.rawBytes.count > 2 else {
                throw .missingEvent
            }
            if event.equals("Segment Consent Preference Updated") {
                let preferences = body.context(.consent)?["categoryPreferences"]
                guard preferences?.kind == .object else { throw .consentPreferencesMissing }
            }
        }
        let user = try Self.isIdentifier(body.userID)
        let anonymous = try Self.isIdentifier(body.anonymousID)
        guard user || anonymous else { throw .missingIdentifier }
        try Self.checkNUL(body)
        try Self.checkTime(body.timestamps.own)
        try Self.checkTime(body.timestamps.original)
    }

    /// RudderStack's merge names two identifiers, each by a text.
    private static func checkMerge(_ body: EventBody) throws(ItemRefusal) {
        guard body.item["type"]?.equals("alias") != true else { return }
        let refusal = ItemRefusal.badField(
            "`mergeProperties` must be two objects, each with `type` and `value`")
        guard let merged = body.mergeProperties, merged.kind == .array, merged.count == 2 else {
            throw refusal
        }
        var areTwo = true
        var isTooLong = false
        merged.forEachElement { entry in
            guard let type = entry["type"], type.kind == .string, type.rawBytes.count > 2,
                let value = entry["value"], value.kind == .string, value.rawBytes.count > 2
            else {
                areTwo = false
                return
            }
            let longest = max(type.rawBytes.count, value.rawBytes.count) - 2
            if longest > ItemRefusal.longestIdentifier { isTooLong = true }
        }
        guard areTwo else { throw refusal }
        guard !isTooLong else { throw .identifierTooLong }
    }

    /// Whether it identifies anybody; clients send the id they have not as null.
    private static func isIdentifier(_ view: JSONView?) throws(ItemRefusal) -> Bool {
        guard let view, !view.isNull else { return false }
        guard view.kind == .string else { throw .identifierNotText }
        let length = view.rawBytes.count - 2
        guard length <= ItemRefusal.longestIdentifier else { throw .identifierTooLong }
        return length > 0
    }

    static func checkNUL(_ body: EventBody) throws(ItemRefusal) {
        var found = false
        EventIdentifiers.forEach(in: body) { _, value in
            if hasNUL(value) { found = true }
        }
        if found { throw .nulInIdentifier }
    }

    /// JSON can only spell U+0000 with an escape.
    private static func hasNUL(_ view: JSONView) -> Bool {
        view.hasEscapes && view.withUTF8 { $0.contains(0) } == true
    }

    private static func checkTime(_ view: JSONView?) throws(ItemRefusal) {
        guard let view, !view.isNull else { return }
        guard EventClock.time(view) != nil else { throw .badTimestamp }
    }

    func isSuppressed(_ body: EventBody) -> Bool {
        guard !suppressions.isEmpty else { return false }
        var found = false
        EventIdentifiers.forEach(in: body) { type, value in
            if suppressions.contains(type: type, value: value) { found = true }
        }
        return found
    }

    // MARK: Message ids

    /// The client's message id; nil when the server has to make one: absent, null or blank.
    private static func messageID(_ item: JSONView) throws(ItemRefusal) -> JSONView? {
        try checkedID(item["messageId"])
    }

    /// The same for the member that a dialect keeps it in.
    static func checkedID(_ view: JSONView?) throws(ItemRefusal) -> JSONView? {
        guard let view, !view.isNull else { return nil }
        guard view.kind == .string else { throw .messageIDNotText }
        let judged = view.withUTF8 { id -> Result<Bool, ItemRefusal> in
            if id.contains(0) { return .failure(.nulInIdentifier) }
            if id.count > ItemRefusal.longestMessageID {
                // Characters are counted by their first bytes.
                let characters = id.count { $0 & 0xC0 != 0x80 }
                if characters > ItemRefusal.longestMessageID { return .failure(.messageIDTooLong) }
            }
            return .success(id.contains { $0 > 0x20 })
        }
        guard let judged else { return nil }
        return try judged.get() ? view : nil
    }

    /// A random UUID (RFC 9562, version 4) as text.
    static func newMessageID() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        var words = (random.next() as UInt64, random.next() as UInt64)
        words.0 = words.0 & ~0xF000 | 0x4000
        words.1 = words.1 & ~(0b11 << 62) | 0b10 << 62
        let digits: StaticString = "0123456789abcdef"
        var out: [UInt8] = []
        out.reserveCapacity(36)
        for place in 0..<32 {
            if place == 8 || place == 12 || place == 16 || place == 20 { out.append(0x2D) }
            let word = place < 16 ? words.0 : words.1
            out.append(digits.utf8Start[Int((word >> UInt64(60 - place % 16 * 4)) & 15)])
        }
        return out
    }

    // MARK: The line

    private func tail(
        of item: JSONView, hasType: Bool, made: [UInt8], received: Timestamp, isRobot: Bool
    ) -> (bytes: [UInt8], body: Range<Int>) {
        let form = context.segmentForm
        var changes = form.changes(in: item)
        if isSharedContextChanged, !changes.contains("context.ip") { changes.append("context.ip") }
        return line(
            received: received, changes: changes, type: hasType ? nil : context.typeFromPath,
            made: made, isRobot: isRobot, bodyBytes: item.rawBytes.count
        ) { out in
            if changes.isEmpty {
                item.writeMinified(into: &out)
            } else {
                form.write(item, into: &out)
            }
        }
    }

    /// A line of either dialect, but for its offset (L1).
    ///
    /// - Parameters:
    ///   - type: the type that only the path said.
    ///   - batchIndex: the event's place in its mParticle batch.
    ///   - made: the message id that the server made; empty where the client's stands.
    ///   - bodyBytes: about how long the body will be.
    /// - Returns: the bytes, and where the body stands in them.
    func line(
        received: Timestamp, changes: [String], type: EventType? = nil, batchIndex: Int64? = nil,
        made: [UInt8], isRobot: Bool, bodyBytes: Int, writeBody: (inout [UInt8]) -> Void
    ) -> (bytes: [UInt8], body: Range<Int>) {
        var out: [UInt8] = []
        out.reserveCapacity(head.count + envelope.count + bodyBytes + 128)
        if context.pace == .asIfLive {
            out.append(contentsOf: Self.head(source: context.source, received: received))
        } else {
            out.append(contentsOf: head)
        }
        out.append(contentsOf: ",\"changed\":[".utf8)
        out.append(contentsOf: changes.map { "\"\($0)\"" }.joined(separator: ",").utf8)
        out.append(0x5D)
        if let type {
            out.append(contentsOf: ",\"type\":\"".utf8)
            out.append(contentsOf: type.name.utf8)
            out.append(0x22)
        }
        out.append(contentsOf: envelope)
        if let batchIndex { out.append(contentsOf: ",\"batchIndex\":\(batchIndex)".utf8) }
        if !made.isEmpty {
            out.append(contentsOf: ",\"messageId\":\"".utf8)
            out.append(contentsOf: made)
            out.append(0x22)
        }
        if isRobot { out.append(contentsOf: ",\"robot\":true".utf8) }
        out.append(contentsOf: ",\"body\":".utf8)
        let start = out.count
        writeBody(&out)
        let body = start..<out.count
        out.append(0x7D)
        return (out, body)
    }
}
