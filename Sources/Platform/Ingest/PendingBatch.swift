internal import CustomerModel
internal import EventLog
internal import Hashing
internal import JSONText

/// The items of one request that were let in, on their way to the log.
///
/// Filled while the request's text is parsed, without a suspension, and handed to
/// ``Collector/commit(_:)``. An item's bytes are copied once, into its line.
public struct PendingBatch: Sendable {
    let context: CollectContext
    let limits: CollectLimits
    let suppressions: SuppressionList
    var extractor: EventExtractor
    private let keyMask: UInt64

    /// `"kind":"event","source":"…","received":"…"`, the same for all items but for those that
    /// bring their own time.
    let head: [UInt8]
    /// What the request says around each item: `,"sentAt":"…","context":{…},…`.
    private(set) var envelope: [UInt8]
    /// When the request was sent, where the request says so.
    let sharedSent: Timestamp?

    /// What was let in.
    var drafts = DraftBatch()
    /// When each draft was received: all the same unless the pace is as if live.
    private(set) var received: [Int64] = []
    private(set) var ids = MessageIDs()
    /// CRC-32C of each draft's `body`, to see whether what comes with a known id says the same.
    private(set) var bodySums: [UInt32] = []
    /// Where each draft's `body` stands in the tails.
    private var bodies: [Range<Int>] = []
    /// How an item of Segment's is stored.
    let form: StoredForm
    var agents = UserAgent.Memory()
    /// Whether the shared context is stored otherwise than it came.
    let isSharedContextChanged: Bool
    /// Places in requests that name themselves (see ``MParticleMarks/place``), one for each draft; empty for
    /// those without. Empty itself where no draft has one.
    private(set) var places = MessageIDs()
    /// For each draft, the first one of this request with the same message id: itself unless it repeats.
    private(set) var firstSame: [Int32] = []
    private var sameTable: [Int32] = []
    /// Where each draft stood in the request.
    private(set) var itemIndexes: [Int32] = []
    private(set) var rejected: [RejectedItem] = []
    private(set) var rejects: [RejectEntry] = []
    /// How many were refused for what, listed or not.
    private(set) var refusals = RefusalCounts()
    private(set) var suppressedCount = 0
    private(set) var repeatedCount = 0
    /// Names of the requests in this one (see ``MParticleMarks/place``).
    var requests: Set<String> = []
    /// How many items were offered, taken or not.
    public private(set) var itemCount = 0
    /// Bytes that it writes to the log.
    public var draftBytes: Int { drafts.tails.count }
    /// Whether it would write more than one request may. Nothing of it is taken then, so that what comes
    /// later in the request is not even copied.
    private(set) var isTooLarge = false

    init(
        context: CollectContext, shared: SharedParts, limits: CollectLimits,
        suppressions: SuppressionList, key: SipKey, keyMask: UInt64
    ) {
        self.context = context
        self.limits = limits
        self.suppressions = suppressions
        extractor = EventExtractor(key: key)
        self.keyMask = keyMask
        form = context.segmentForm
        head = Self.head(source: context.source, received: context.received)
        envelope = Self.envelope(context, shared)
        sharedSent = EventClock.time(shared.sentAt)
        isSharedContextChanged =
            shared.context.map { !context.sharedContextForm.changes(in: $0).isEmpty } ?? false
    }

    /// Makes room for this many items at once.
    ///
    /// - Parameter bytes: of all of them as the client wrote them.
    public mutating func reserve(_ items: Int, bytes: Int) {
        let around = head.count + envelope.count + Self.fieldBytes
        drafts.reserve(items, tailBytes: min(bytes + items * around, limits.requestBytes))
        bodies.reserveCapacity(items)
        bodySums.reserveCapacity(items)
        firstSame.reserveCapacity(items)
        itemIndexes.reserveCapacity(items)
        ids.reserve(items)
    }

    /// About how many bytes it holds.
    public var memoryBytes: Int { draftBytes + ids.bytes.count + drafts.count * 256 }

    /// Why the first item that was not let in was not.
    public var firstRefusal: ItemRefusal? { rejected.first?.refusal }

    // MARK: What admission finds

    mutating func nextIndex() -> Int {
        defer { itemCount += 1 }
        return itemCount
    }

    mutating func suppress() { suppressedCount += 1 }

    /// Items that repeat others of the same request as a whole.
    mutating func repeatItems(_ count: Int) {
        itemCount += count
        repeatedCount += count
    }

    /// Goes on with items that have other parts around them.
    mutating func surround(with envelope: [UInt8]) { self.envelope = envelope }

    /// Ends a draft whose tail and keys were appended to ``drafts``.
    ///
    /// - Parameters:
    ///   - body: where its `body` stands in the tails.
    ///   - placed: its place in a request that names itself.
    mutating func end(
        _ event: EventBody, body: Range<Int>, occurred: Timestamp, received: Timestamp,
        id: UnsafeRawBufferPointer, placed: [UInt8]? = nil, item: Int
    ) {
        guard draftBytes <= limits.requestBytes else {
            drafts.dropUnended()
            isTooLarge = true
            return
        }
        let place = Int32(drafts.count)
        drafts.keys[drafts.openKeys] &= keyMask
        EventExtractor.withColumnName(of: event) { name in
            drafts.endRecord(
                kind: RecordKind.event.rawValue, source: context.source, name: name,
                occurred: occurred.microseconds)
        }
        bodies.append(body)
        bodySums.append(
            drafts.tails.withUnsafeBytes { CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[body])) })
        ids.append(id)
        if placed != nil || places.count > 0 {
            while places.count < Int(place) {
                places.append(UnsafeRawBufferPointer(start: nil, count: 0))
            }
            (placed ?? []).withUnsafeBytes { places.append($0) }
        }
        itemIndexes.append(Int32(item))
        if context.pace == .asIfLive { self.received.append(received.microseconds) }
        firstSame.append(firstWithSameID(as: place))
    }

    /// What the reject file says of a draft whose message id stands with another payload.
    func conflict(ofDraft place: Int) -> RejectEntry {
        drafts.tails.withUnsafeBytes { tails in
            RejectEntry(
                time: context.received, source: context.source, refusal: .messageIDConflict,
                recordNumber: nil, bytes: UnsafeRawBufferPointer(rebasing: tails[bodies[place]]))
        }
    }

    /// Notes an item that is not taken, for the answer and for the reject file.
    public mutating func reject(
        _ refusal: ItemRefusal, bytes: UnsafeRawBufferPointer, recordNumber: UInt64? = nil
    ) {
        reject(refusal, at: nextIndex(), bytes: bytes, recordNumber: recordNumber)
    }

    mutating func reject(
        _ refusal: ItemRefusal, at index: Int, bytes: UnsafeRawBufferPointer,
        recordNumber: UInt64?
    ) {
        refusals.add(refusal.code)
        guard rejected.count < context.listedRefusals else { return }
        rejected.append(RejectedItem(index: index, recordNumber: recordNumber, refusal: refusal))
        rejects.append(
            RejectEntry(
                time: context.received, source: context.source, refusal: refusal,
                recordNumber: recordNumber, bytes: bytes))
    }

    /// Of a draft's message id.
    func hash(of place: Int) -> UInt64 { drafts.keys[drafts.keyRange(place).lowerBound] }

    /// A table of places by hash, for this request only: open addressing, twice as long as it is full.
    private mutating func firstWithSameID(as place: Int32) -> Int32 {
        if sameTable.count < drafts.count * 2 { growSameTable() }
        let hash = hash(of: Int(place))
        let mask = sameTable.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while sameTable[slot] >= 0 {
            let other = Int(sameTable[slot])
            if self.hash(of: other) == hash, ids.equal(other, Int(place)) { return Int32(other) }
            slot = (slot + 1) & mask
        }
        sameTable[slot] = place
        return place
    }

    private mutating func growSameTable() {
        let size = max(64, sameTable.count * 4)
        sameTable = [Int32](repeating: -1, count: size)
        for place in firstSame.indices where firstSame[place] == Int32(place) {
            var slot = Int(truncatingIfNeeded: hash(of: place)) & (size - 1)
            while sameTable[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            sameTable[slot] = Int32(place)
        }
    }

    // MARK: The line's envelope (L1)

    static func head(source: String, received: Timestamp) -> [UInt8] {
        var out = Array("\"kind\":\"event\",\"source\":\"".utf8)
        // Source names are plain, so they need no escapes (see AccessList.isName).
        out.append(contentsOf: source.utf8)
        out.append(contentsOf: "\",\"received\":\"".utf8)
        received.write(into: &out)
        out.append(0x22)
        return out
    }

    private static func envelope(_ context: CollectContext, _ shared: SharedParts) -> [UInt8] {
        var out: [UInt8] = []
        func add(
            _ name: StaticString, _ view: JSONView?, kind: JSONView.Kind,
            _ form: StoredForm = StoredForm(leftOut: [], addresses: [])
        ) {
            guard let view, view.kind == kind, kind == .string || view.count > 0 else { return }
            out.append(contentsOf: ",\"\(name)\":".utf8)
            form.write(view, into: &out)
        }
        // A sent time that nobody can read corrects nothing and is not kept.
        if EventClock.time(shared.sentAt) != nil { add("sentAt", shared.sentAt, kind: .string) }
        add("context", shared.context, kind: .object, context.sharedContextForm)
        add("integrations", shared.integrations, kind: .object)
        writeCircumstances(context, into: &out)
        return out
    }

    static func writeCircumstances(_ context: CollectContext, into out: inout [UInt8]) {
        if context.hasGPC { out.append(contentsOf: ",\"gpc\":true".utf8) }
        switch context.pace {
        case .live: break
        case .imported: out.append(contentsOf: ",\"import\":true".utf8)
        case .asIfLive: out.append(contentsOf: ",\"asIfLive\":true".utf8)
        }
    }
}
