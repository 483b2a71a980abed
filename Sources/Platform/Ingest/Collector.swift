internal import CustomerModel
internal import EventLog
internal import Hashing
public import JSONText
internal import Synchronization

/// Takes messages from clients and files into the log: each judged on its own, each message id once.
///
/// What it answers is durable (DESIGN.md, section 3). Deciding which items are new and appending them is one
/// step under one lock, so that two requests with the same message cannot both win; the lock is never held
/// across I/O. Thread-safe.
public final class Collector: Sendable {
    let log: EventLog
    /// What was refused, with its bytes.
    public let rejects: RejectFile
    /// Whose events are not stored.
    public let suppressions: SuppressionList
    /// How much is taken.
    public let limits: CollectLimits
    private let key: SipKey
    /// All ones; a test narrows it, so that unlike message ids share a hash.
    let keyMask: UInt64
    let recorded: RecordedMessages
    let state: Mutex<CollectorState>
    /// Parsers keep their tapes between texts; whoever parses borrows one.
    private let parsers = Mutex<[JSONParser]>([])

    init(
        log: EventLog, rejects: RejectFile, suppressions: SuppressionList, limits: CollectLimits,
        keyMask: UInt64, state: consuming CollectorState
    ) {
        self.log = log
        self.rejects = rejects
        self.suppressions = suppressions
        self.limits = limits
        key = log.identity.key
        self.keyMask = keyMask
        recorded = RecordedMessages(reader: log.makeReader())
        self.state = Mutex(state)
    }

    // MARK: Collecting

    /// Admits each item on its own and appends what is new; returns when that, and whatever a duplicate
    /// repeats, is durable (L5).
    ///
    /// - Throws: ``CollectRefusal`` when nothing of it counts as taken.
    public func collect(
        _ items: [CollectItem], _ context: CollectContext
    ) async throws -> CollectOutcome {
        var batch = begin(context)
        batch.reserve(items.count, bytes: items.reduce(0) { $0 + $1.bytes.count })
        try withParser { parser in
            for item in items { try admit(item, to: &batch, by: &parser) }
        }
        return try await commit(batch)
    }

    private func admit(
        _ item: CollectItem, to batch: inout PendingBatch, by parser: inout JSONParser
    ) throws {
        if let problem = item.problem {
            item.bytes.withUnsafeBytes {
                batch.reject(.badRecord(problem), bytes: $0, recordNumber: item.recordNumber)
            }
            return
        }
        do {
            try parser.parse(item.bytes) { view in
                switch batch.context.dialect {
                case .segment: batch.admit(view, recordNumber: item.recordNumber)
                case .mparticle: batch.admit(mparticle: view, recordNumber: item.recordNumber)
                }
            }
        } catch let error as JSONError {
            item.bytes.withUnsafeBytes {
                batch.reject(.invalidJSON(error), bytes: $0, recordNumber: item.recordNumber)
            }
        }
    }

    /// Starts a batch for a request whose text the caller parses itself. See ``PendingBatch``.
    public func begin(_ context: CollectContext, shared: SharedParts = SharedParts())
        -> PendingBatch
    {
        PendingBatch(
            context: context, shared: shared, limits: limits, suppressions: suppressions,
            key: key, keyMask: keyMask)
    }

    /// Lends a parser that keeps its memory between requests.
    public func withParser<R>(_ body: (inout JSONParser) throws -> R) rethrows -> R {
        var parser = parsers.withLock { $0.popLast() } ?? JSONParser()
        defer { parsers.withLock { if $0.count < 16 { $0.append(parser) } } }
        return try body(&parser)
    }

    /// Appends what is new of a batch; returns when it is durable.
    ///
    /// - Throws: ``CollectRefusal``.
    public func commit(_ batch: PendingBatch) async throws(CollectRefusal) -> CollectOutcome {
        guard !batch.isTooLarge else { throw .tooLarge(limitBytes: limits.requestBytes) }
        var outcome = refused(batch)
        outcome.suppressed = batch.suppressedCount
        let appended = try await append(batch)
        // They are not kept in the reject file: their source still has them and is told so.
        for item in appended.unreadable {
            outcome.rejected.append(
                RejectedItem(index: Int(batch.itemIndexes[item]), refusal: .originalUnreadable))
            outcome.refusals.add(ItemRefusal.originalUnreadable.code)
        }
        outcome.accepted = appended.accepted
        outcome.duplicates = appended.duplicates + batch.repeatedCount
        outcome.conflicts = appended.conflicts.map { Int(batch.itemIndexes[$0]) }
        outcome.lastOffset = appended.last
        if let through = appended.durableThrough {
            do {
                try await log.waitDurable(through: through)
            } catch {
                throw .logFailed("\(error)")
            }
        }
        note(
            outcome,
            batch.rejects + appended.conflicts.map { batch.conflict(ofDraft: $0) })
        return outcome
    }

    private func refused(_ batch: borrowing PendingBatch) -> CollectOutcome {
        var outcome = CollectOutcome()
        outcome.rejected = batch.rejected
        outcome.refusals = batch.refusals
        return outcome
    }

    private func note(_ outcome: CollectOutcome, _ entries: [RejectEntry]) {
        rejects.add(entries, unlisted: outcome.rejectedCount - outcome.rejected.count)
        state.withLock { $0.counts.add(outcome) }
    }

    /// Notes why the items of a batch that is not taken at all were refused.
    public func refuse(_ batch: PendingBatch) {
        note(refused(batch), batch.rejects)
    }

    /// Asks the lock until it has decided every item, reading records in between where a hash is not enough.
    private func append(
        _ batch: PendingBatch
    ) async throws(CollectRefusal) -> CollectorState.Appended {
        var known = RecordedMessages.Verdicts()
        while true {
            let step = state.withLock { $0.append(batch, known, to: log) }
            switch step {
            case .appended(let result):
                return result
            case .refused(let refusal):
                throw refusal
            case .asks(let questions):
                known.merge(
                    await recorded.answer(
                        questions, ids: batch.ids, places: batch.places, sums: batch.bodySums,
                        source: batch.context.source))
            }
        }
    }

    // MARK: As if live (T2)

    /// Whether a file is being played as if its events were arriving. Nothing else may move projection time
    /// meanwhile. Ends with ``finishAsIfLive()``, or after a minute without a batch.
    public var isPlayingAsIfLive: Bool { state.withLock { $0.pace.isPlaying } }

    /// Appends the last tick, at the newest time that the file brought; returns when it is durable. Does
    /// nothing when nothing was played.
    public func finishAsIfLive() async throws(CollectRefusal) {
        let result: Result<Offset?, CollectRefusal> = state.withLock { state in
            var ended = state.pace
            let tick = ended.finish()
            do throws(AppendRefusal) {
                let offset = try tick.map { (tick) throws(AppendRefusal) in
                    try log.append([tick]).first
                }
                state.pace = ended
                return .success(offset)
            } catch {
                return .failure(CollectRefusal(error))
            }
        }
        guard let offset = try result.get() else { return }
        do {
            try await log.waitDurable(through: offset)
        } catch {
            throw .logFailed("\(error)")
        }
    }

    /// Notes a request that was refused as a whole, for the counts and the reject file.
    public func noteRefused(
        _ refusal: ItemRefusal, _ body: [UInt8], source: String, received: Timestamp
    ) {
        var batch = begin(CollectContext(source: source, received: received))
        body.withUnsafeBytes { batch.reject(refusal, bytes: $0) }
        refuse(batch)
    }

    /// What was collected since the collector was opened.
    public var counts: CollectCounts { state.withLock { $0.counts } }

    /// How many message ids are known, and the memory that takes.
    var knownIDs: (count: Int, bytes: Int) {
        state.withLock { ($0.index.count, $0.index.bytes) }
    }
}
