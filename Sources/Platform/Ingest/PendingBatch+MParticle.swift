internal import CustomerModel
internal import EventLog
public import JSONText

/// The door for mParticle's batches: what stands around the events is judged once, and each event on its
/// own (L2).
extension PendingBatch {
    /// mParticle's limit of one batch.
    public static let largestMParticleBatch = 128 << 10

    /// Takes a batch's events, each as a record of its own with the rest of the batch beside it; a batch
    /// without events is one record.
    ///
    /// - Parameter batch: a view into a text that was parsed strictly.
    public mutating func admit(mparticle batch: JSONView, recordNumber: UInt64? = nil) {
        do throws(ItemRefusal) {
            try checkSize(of: batch)
            try MParticleCheck.batch(batch)
        } catch {
            reject(error, bytes: batch.rawBytes, recordNumber: recordNumber)
            return
        }
        let events = batch["events"].flatMap { $0.isNull ? nil : $0 }
        guard isFirst(batch) else {
            repeatItems(max(1, events?.count ?? 0))
            return
        }
        guard let events, events.count > 0 else {
            admit(MParticleForm(batch: batch), of: batch, item: batch, recordNumber: recordNumber)
            return
        }
        begin(mparticle: batch)
        var index: Int64 = 0
        events.forEachElement { event in
            admit(event, at: index, of: batch, recordNumber: recordNumber)
            index += 1
        }
    }

    /// Takes a batch whose text had a mistake that may be one event's: its events are parsed one by one.
    ///
    /// - Parameter batch: a view into a text of which only the structure was checked.
    public mutating func admit(loose batch: JSONView) {
        var around = JSONParser()
        do {
            let parts = Self.parts(batch)
            guard let events = parts.events else {
                try around.parse(batch.rawBytes) { admit(mparticle: $0) }
                return
            }
            try around.parse(parts.rest) { rest in
                do throws(ItemRefusal) {
                    try checkSize(of: batch)
                    try MParticleCheck.batch(rest)
                } catch {
                    reject(error, bytes: batch.rawBytes)
                    return
                }
                guard isFirst(rest) else {
                    repeatItems(max(1, events.count))
                    return
                }
                begin(mparticle: rest)
                var index: Int64 = 0
                events.forEachElement { event in
                    var strict = JSONParser()
                    do {
                        try strict.parse(event.rawBytes) { admit($0, at: index, of: rest) }
                    } catch let error as JSONError {
                        reject(.invalidJSON(error), bytes: event.rawBytes)
                    } catch {
                        preconditionFailure("only the parser throws here")
                    }
                    index += 1
                }
            }
        } catch let error as JSONError {
            reject(.invalidJSON(error), bytes: batch.rawBytes)
        } catch {
            preconditionFailure("only the parser throws here")
        }
    }

    /// The one list of events with something in it, and everything beside it as a text of its own.
    private static func parts(_ batch: JSONView) -> (rest: [UInt8], events: JSONView?) {
        var lists = 0
        var events: JSONView?
        batch.forEachMember { key, value in
            guard key.equals("events") else { return }
            lists += 1
            events = value.kind == .array && value.count > 0 ? value : nil
        }
        guard lists == 1, let events else { return ([], nil) }
        var rest: [UInt8] = []
        StoredForm(leftOut: ["events"], addresses: []).write(batch, into: &rest)
        return (rest, events)
    }

    /// Takes a batch of `/bulkevents/historical`: whole or not at all.
    public mutating func admit(historical batch: JSONView) {
        do throws(ItemRefusal) {
            guard batch.kind == .object else { throw .notAnObject }
            try MParticleCheck.historical(batch, received: context.received)
        } catch {
            reject(error, bytes: batch.rawBytes)
            return
        }
        admit(mparticle: batch)
    }

    /// Whether no other batch of this request has the same name.
    mutating func isFirst(_ batch: JSONView) -> Bool {
        guard let request = batch["source_request_id"]?.string, !request.isEmpty else {
            return true
        }
        return requests.insert(request).inserted
    }

    func checkSize(of batch: JSONView) throws(ItemRefusal) {
        let limit = max(context.itemBytes ?? limits.itemBytes, Self.largestMParticleBatch)
        guard batch.rawBytes.count <= limit else { throw .tooLarge(limitBytes: limit) }
    }

    /// Sets what every event of this batch has around it.
    mutating func begin(mparticle batch: JSONView) {
        var out = Array(",\"dialect\":\"mparticle\",\"batch\":".utf8)
        StoredForm(leftOut: Self.leftOut + ["events"], addresses: addresses)
            .write(batch, into: &out)
        Self.writeCircumstances(context, into: &out)
        surround(with: out)
    }

    /// Takes one event of a batch that was begun.
    mutating func admit(
        _ event: JSONView, at index: Int64, of batch: JSONView, recordNumber: UInt64? = nil
    ) {
        do throws(ItemRefusal) {
            try MParticleCheck.event(event)
        } catch {
            reject(error, bytes: event.rawBytes, recordNumber: recordNumber)
            return
        }
        admit(
            MParticleForm(event: event, batch: batch, index: index), of: batch, item: event,
            index: index, recordNumber: recordNumber)
    }

    /// Takes a call of IDSync.
    ///
    /// - Parameters:
    ///   - anonymous: the anonymous person that the platform makes for it.
    ///   - changed: whose identities it changes.
    mutating func admit(
        idsync request: JSONView, call: String, anonymous: JSONView?, changed: JSONView?
    ) {
        var out = Array(",\"dialect\":\"idsync\",\"call\":\"\(call)\"".utf8)
        if let anonymous {
            out.append(contentsOf: ",\"anonymousId\":".utf8)
            out.append(contentsOf: anonymous.rawBytes)
        }
        if let changed {
            out.append(contentsOf: ",\"mpid\":".utf8)
            out.append(contentsOf: changed.rawBytes)
        }
        Self.writeCircumstances(context, into: &out)
        surround(with: out)
        admit(
            MParticleForm(request: request, made: anonymous, changed: changed), of: request,
            item: request)
    }

    // MARK: One record

    private mutating func admit(
        _ form: MParticleForm, of batch: JSONView, item: JSONView, index: Int64? = nil,
        recordNumber: UInt64? = nil
    ) {
        let place = nextIndex()
        guard !isTooLarge else { return }
        if index == nil, case .batch = form.kind {
            var out = Array(",\"dialect\":\"mparticle\"".utf8)
            Self.writeCircumstances(context, into: &out)
            surround(with: out)
        }
        do throws(ItemRefusal) {
            let read: Void? = try form.read { (common) throws(ItemRefusal) in
                try take(common, form, of: batch, item: item, index: index, place: place)
            }
            guard read != nil else { throw .badField("the item cannot be read") }
        } catch {
            reject(error, at: place, bytes: item.rawBytes, recordNumber: recordNumber)
        }
    }

    private mutating func take(
        _ common: JSONView, _ form: MParticleForm, of batch: JSONView, item: JSONView,
        index: Int64?, place: Int
    ) throws(ItemRefusal) {
        let marks = form.marks
        let ownID = try Self.checkedID(common["messageId"])
        let made = ownID == nil ? Self.newMessageID() : []
        let parts = EventParts(
            item: common, envelopeType: nil, sharedContext: nil, sharedIntegrations: nil,
            sentAt: nil, serverMessageID: nil, hasGPC: context.hasGPC,
            isImport: context.pace == .imported, mparticle: marks)
        let received =
            context.pace == .asIfLive
            ? EventClock.time(common["timestamp"]) ?? context.received : context.received
        let found = try parts.withBody { (body) throws(ItemRefusal) -> EventExtractor.Columns? in
            try Self.checkNUL(body)
            if isSuppressed(body) { return nil }
            return extractor.columns(of: body, source: context.source, received: received)
        }
        guard var columns = found else {
            suppress()
            return
        }
        if ownID == nil {
            if common["messageId"]?.kind == .string { columns.keys.removeFirst() }
            let key = made.withUnsafeBytes {
                extractor.messageKey(source: context.source, messageID: $0)
            }
            columns.keys.insert(key, at: 0)
        }
        let tail = tail(of: item, batch: batch, index: index, made: made, received: received)
        let draft = RecordDraft(
            kind: RecordKind.event.rawValue, source: context.source, name: columns.name,
            occurred: columns.occurred.microseconds, keys: columns.keys, tail: tail.bytes)
        if let ownID {
            _ = ownID.withUTF8 {
                append(
                    draft, body: tail.body, received: received.microseconds, id: $0,
                    placed: marks.place, item: place)
            }
        } else {
            made.withUnsafeBytes {
                append(
                    draft, body: tail.body, received: received.microseconds, id: $0,
                    placed: marks.place, item: place)
            }
        }
    }

    // MARK: The line

    /// Secrets are never in the log (DESIGN.md, section 3).
    private static let leftOut = ["api_key", "api_keys"]

    private func tail(
        of item: JSONView, batch: JSONView, index: Int64?, made: [UInt8], received: Timestamp
    ) -> (bytes: [UInt8], body: Range<Int>) {
        let form = StoredForm(leftOut: Self.leftOut, addresses: addresses)
        let prefix = index == nil ? "" : "batch."
        return line(
            received: received, changes: form.changes(in: batch).map { prefix + $0 },
            batchIndex: index, made: made,
            isRobot: UserAgent.isRobot(batch["device_info"]?["http_header_user_agent"]),
            bodyBytes: item.rawBytes.count
        ) { out in
            if index == nil { form.write(item, into: &out) } else { item.writeMinified(into: &out) }
        }
    }

    /// Where a batch holds an address.
    private var addresses: [[String]] { context.truncatesIP ? [["ip"]] : [] }

    /// Whether a draft has a place in a request that names itself.
    func hasPlace(_ draft: Int) -> Bool { draft < places.count && !places.range(draft).isEmpty }
}
