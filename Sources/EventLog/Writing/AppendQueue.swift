/// Drafts that one call appended, with the offsets and the time they were given.
struct QueuedBatch {
    var first: UInt64
    var recorded: Int64
    var drafts: DraftBatch
    var bytes: Int
}

/// Somebody who waits until everything before `end` is durable.
struct DurabilityWaiter {
    var end: UInt64
    var continuation: CheckedContinuation<Void, any Error>
}

/// What the log's state machine knows: offsets given out, what is queued, who waits. Pure: no I/O, no
/// clock, no thread.
///
/// | phase | an append is | the writer | legal exits |
/// |---|---|---|---|
/// | open | taken | commits | diskFull, failed, closing |
/// | diskFull | refused: diskFull | keeps the queue, tries again | open, failed, closing |
/// | failed | refused: failed | has ended | – |
/// | closing | refused: closed | commits what is queued, then ends | closed, failed |
/// | closed | refused: closed | has ended | – |
struct AppendQueue {
    enum Phase: Equatable {
        case open
        case diskFull
        case failed(LogError)
        case closing
        case closed
    }

    private(set) var phase = Phase.open
    /// What the next record will be given.
    private(set) var nextOffset: UInt64
    private(set) var durableEnd: UInt64
    private(set) var lastRecorded: Int64
    private(set) var queuedBytes = 0
    private(set) var syncs = SyncTimes()
    /// Of queued bytes, since the log was opened.
    private(set) var committedBytes: UInt64 = 0
    private let boundBytes: Int
    /// What the incarnation may give out ends here (L3).
    private let offsetLimit: UInt64
    private var batches: [QueuedBatch] = []
    private var waiters: [DurabilityWaiter] = []
    /// Seals that are done and wait to be put into the manifest.
    var finishedSeals: [Manifest.Entry] = []
    var sealing = SealBacklog()
    /// Whether somebody makes new editions of segments.
    var isRewriting = false
    /// By segment, the edition that was put into the manifest last, its old file gone.
    var installedEditions: [UInt64: UInt32] = [:]
    /// How often somebody asked for the active segment to be closed now, and up to which of these the
    /// writer has answered.
    var rollsAsked = 0
    var rollsAnswered = 0
    /// The full disk that keeps the writer from a roll or a manifest, until one succeeds.
    var postponed: LogError?
    /// Goes up at each change that a waiting writer must see.
    var hasWork: Bool { !batches.isEmpty || !finishedSeals.isEmpty }

    init(nextOffset: UInt64, lastRecorded: Int64, boundBytes: Int, offsetLimit: UInt64) {
        self.nextOffset = nextOffset
        self.offsetLimit = offsetLimit
        durableEnd = nextOffset
        self.lastRecorded = lastRecorded
        self.boundBytes = boundBytes
    }

    /// Whose drafts they are: the log's own are taken even when the queue is full.
    enum Origin { case caller, log }

    /// Gives offsets to checked drafts and queues them. `recorded` = max(clock, previous) (L6).
    mutating func admit(
        _ drafts: DraftBatch, clock: Int64, from origin: Origin
    ) throws(AppendRefusal) -> AppendTicket {
        let bytes = drafts.queueBytes
        switch phase {
        case .open: break
        case .diskFull where origin == .log: break
        case .diskFull: throw .diskFull
        case .failed(let error): throw .failed(error)
        case .closing, .closed: throw .closed
        }
        guard origin == .log || queuedBytes == 0 || queuedBytes + bytes <= boundBytes else {
            throw .full
        }
        guard UInt64(drafts.count) <= offsetLimit - min(nextOffset, offsetLimit) else {
            throw .exhausted
        }
        lastRecorded = max(clock, lastRecorded)
        let ticket = AppendTicket(
            first: Offset(nextOffset), count: drafts.count, recorded: lastRecorded)
        guard drafts.count > 0 else { return ticket }
        batches.append(
            QueuedBatch(first: nextOffset, recorded: lastRecorded, drafts: drafts, bytes: bytes))
        nextOffset += UInt64(drafts.count)
        queuedBytes += bytes
        return ticket
    }

    /// Takes what is queued, about `limit` bytes of it and at least one batch.
    mutating func drain(limit: Int) -> [QueuedBatch] {
        var bytes = 0
        let number = batches.firstIndex { batch in
            defer { bytes += batch.bytes }
            return bytes > 0 && bytes + batch.bytes > limit
        }
        guard let number else {
            defer { batches = [] }
            return batches
        }
        defer { batches.removeFirst(number) }
        return Array(batches[..<number])
    }

    /// A commit is durable, after a sync that took so long. Returns who waited for it.
    mutating func committed(
        through end: UInt64, bytes: Int, syncMicroseconds: UInt64
    ) -> [DurabilityWaiter] {
        precondition(end >= durableEnd && end <= nextOffset, "the durable end only moves forward")
        durableEnd = end
        syncs.add(microseconds: syncMicroseconds)
        committedBytes += UInt64(bytes)
        queuedBytes -= bytes
        let ready = waiters.filter { $0.end <= end }
        if !ready.isEmpty { waiters.removeAll { $0.end <= end } }
        return ready
    }

    /// The disk is full, or no longer.
    mutating func setDiskFull(_ full: Bool) {
        if full, phase == .open { phase = .diskFull }
        if !full, phase == .diskFull { phase = .open }
    }

    /// A write or fsync failed: final. Returns everybody who waits, to be told.
    mutating func fail(_ error: LogError) -> [DurabilityWaiter] {
        if case .failed = phase { return [] }
        phase = .failed(error)
        return dropAll()
    }

    mutating func close() {
        if phase == .open || phase == .diskFull { phase = .closing }
    }

    /// The writer has ended. Returns who will wait in vain.
    mutating func closed() -> [DurabilityWaiter] {
        if phase == .closing { phase = .closed }
        return dropAll()
    }

    private mutating func dropAll() -> [DurabilityWaiter] {
        defer {
            waiters = []
            batches = []
            queuedBytes = 0
        }
        return waiters
    }

    /// Where a wait for `end` stands.
    enum Durability {
        case durable
        case pending
        case never(LogError)
    }

    func durability(of end: UInt64) -> Durability {
        if end <= durableEnd { return .durable }
        switch phase {
        case .failed(let error): return .never(error)
        case .closed: return .never(.closed)
        case .open, .diskFull, .closing: return .pending
        }
    }

    mutating func add(_ waiter: DurabilityWaiter) { waiters.append(waiter) }

    /// Whether the writer's loop must end once the queue is empty.
    var isEnding: Bool {
        switch phase {
        case .closing, .closed, .failed: true
        case .open, .diskFull: false
        }
    }
}

/// Closed segments on their way to being sealed.
struct SealBacklog {
    var waiting: [SealJob] = []
    /// The one the sealer works on.
    var current: SealJob?
    /// What stopped the last try, until one succeeds.
    var failure: LogError?
    /// Files that were replaced. Their space comes back when the last reference to them goes, which takes
    /// the disk's time: the sealer's, not that of appends.
    var replaced: [any LogFile] = []
    var isStopped = false

    var count: Int { waiting.count + (current == nil ? 0 : 1) }
}
