public import CustomerModel
public import EventLog
public import JSONText
import Synchronization

/// The generation that is served: a fold that follows the log, and who waits for it.
///
/// One thread applies records (``applyNext(_:limit:)``); anybody reads, under one lock that is held for one
/// question or some sixty records and never across I/O.
public final class LiveProjection: Sendable {
    private struct Shared {
        var state: FoldState
        var changes: UInt64 = 0
        var nextWaiter: UInt64 = 0
        var offsetWaiters:
            [UInt64: (offset: UInt64, resume: CheckedContinuation<Void, any Error>)] = [:]
        var changeWaiters: [UInt64: (since: UInt64, resume: CheckedContinuation<Void, Never>)] = [:]
        var failure: String?
        var hold: String?
        /// Damage that readers met in what the state had applied, by its offsets, and whether the fold has
        /// looked into it.
        var noticed: [Range<UInt64>: (damage: Damage, isTaken: Bool)] = [:]
        var refolds = 0
        /// How often another state was put in place of the one before.
        var replacements: UInt64 = 0
    }

    private let shared: Mutex<Shared>
    public let log: EventLog

    /// `state` is handed over whole; nobody else may use it afterwards.
    public init(log: EventLog, state: sending FoldState) {
        self.log = log
        shared = Mutex(Shared(state: state))
    }

    /// Asks the state one question.
    ///
    /// The closure runs under the lock: no I/O, nothing long.
    public func read<R: Sendable>(
        _ body: @Sendable (borrowing FoldState) throws -> R
    ) rethrows -> R {
        try shared.withLock { try body($0.state) }
    }

    /// As ``read(_:)``, with a number that tells apart the states that were ever put in place.
    public func readNumbered<R: Sendable>(
        _ body: @Sendable (borrowing FoldState) throws -> R
    ) rethrows -> (answer: R, state: UInt64) {
        try shared.withLock { (try body($0.state), $0.replacements) }
    }

    /// Changes what is no part of the derived state (the journal), under the lock.
    public func takeJournal() -> [ProjectionChange] {
        shared.withLock { shared in
            guard shared.state.journal != nil else { return [] }
            let taken = shared.state.journal ?? []
            shared.state.journal = []
            return taken
        }
    }

    /// Starts keeping changes for followers.
    public func keepJournal() {
        shared.withLock { if $0.state.journal == nil { $0.state.journal = [] } }
    }

    /// The first offset that is not applied.
    public var applied: Offset { shared.withLock { Offset($0.state.next) } }

    /// Why folding stopped, when it did.
    public var failure: String? { shared.withLock { $0.failure } }

    /// Why nothing is handed to dispatchers at the moment; nil when nothing is in the way but what the state
    /// itself says.
    public var hold: String? { shared.withLock { $0.hold } }

    // MARK: Damage that is met late (L9)

    /// Notes that a part of the log cannot be read any more.
    ///
    /// Where the state had applied it, dispatch is held until the log was folded anew: the state would
    /// otherwise know what no rebuild can know again (P2), and withhold nobody. May be called by any reader,
    /// as often as it likes.
    public func notice(_ damage: Damage) {
        let isNew = shared.withLock { shared in
            guard !damage.offsets.isEmpty, damage.offsets.lowerBound < shared.state.next,
                shared.noticed[damage.offsets] == nil, !shared.state.knows(damage.offsets)
            else { return false }
            shared.noticed[damage.offsets] = (damage, false)
            shared.hold = "a part of the log cannot be read any more; it is folded anew"
            return true
        }
        if isNew { announce() }
    }

    /// Takes the damage that was noticed since the last call; once each.
    public func takeNoticed() -> [Damage] {
        shared.withLock { shared in
            let fresh = shared.noticed.values.filter { !$0.isTaken }.map(\.damage)
            for damage in fresh { shared.noticed[damage.offsets]?.isTaken = true }
            return fresh
        }
    }

    /// Damage that was noticed and that the fold can do without: an index, a footer.
    public var noticedDamage: [Damage] {
        shared.withLock { shared in
            shared.noticed.values.map(\.damage).filter { !shared.state.knows($0.offsets) }
                .sorted { $0.offsets.lowerBound < $1.offsets.lowerBound }
        }
    }

    /// How often the log was folded anew because of damage: whoever follows changes begins again then.
    public var refoldCount: Int { shared.withLock { $0.refolds } }

    /// Ends the hold that ``notice(_:)`` began, with the state that the damaged log folds to.
    public func finishRefold(with state: FoldState) {
        replace(with: state)
        shared.withLock { shared in
            shared.refolds += 1
            if shared.noticed.values.allSatisfy(\.isTaken) { shared.hold = nil }
            // People are numbered anew: what changed before says nothing of them.
            if shared.state.journal != nil { shared.state.journal = [] }
        }
        announce()
    }

    /// Puts another state in place of this one: the same log, the same offset, another generation.
    ///
    /// Called on the fold's thread, while no record is applied.
    /// - Precondition: `state` stands at the same offset, or further on.
    public func replace(with state: FoldState) {
        shared.withLock { shared in
            precondition(
                state.next >= shared.state.next, "a generation is promoted where it stands")
            var state = state
            state.journal = shared.state.journal
            shared.state = state
            shared.replacements += 1
        }
        announce()
    }

    // MARK: Applying

    /// Applies what is durable, at most `limit` records, or quarantines the one range that cannot be read
    /// (L9). Blocking; called by the fold's own thread only.
    ///
    /// - Returns: what it came to.
    public func applyNext(_ replayer: inout Replayer, limit: Int) throws -> Applied {
        let end = log.durableEnd
        guard applied < end else { return .nothing }
        var count = 0
        while count < limit {
            let start = applied
            guard start < end else { break }
            let batch: BatchOutcome
            do {
                batch = try applyBatch(&replayer, from: start, to: end, limit: limit - count)
            } catch LogError.damaged(let damage)
                where damage.offsets.upperBound > start.value && count == 0
            {
                let quarantine = replayer.quarantine(damage)
                shared.withLock { $0.state.quarantine(quarantine) }
                // Where the range began before, its first records were read earlier and are lost since.
                notice(damage)
                announce()
                return .quarantined(damage)
            } catch {
                // It is met again by whoever calls next; what was applied before it is announced first.
                guard count > 0 else { throw error }
                break
            }
            count += batch.count
            if !batch.history.isEmpty {
                try countHistory(batch.history, &replayer)
            } else if !batch.foundAny {
                // Only a restore leaves offsets that hold nothing (L3).
                shared.withLock { $0.state.skip(to: end.value) }
            }
        }
        announce()
        return .records(count)
    }

    private struct BatchOutcome {
        var foundAny = false
        /// Records of the groups that were applied whole.
        var count = 0
        /// Metrics that have to count the past before the next record is applied.
        var history: [Int] = []
    }

    /// Reads one batch and applies it, up to a record that leaves something to do.
    private func applyBatch(
        _ replayer: inout Replayer, from start: Offset, to end: Offset, limit: Int
    ) throws -> BatchOutcome {
        let (policy, keepsKeys) = shared.withLock {
            ($0.state.governing(start.value), $0.state.asksKeys)
        }
        var outcome = BatchOutcome()
        try replayer.withBatch(
            from: start, to: end, limit: limit, policy: policy, keepsKeys: keepsKeys
        ) { batch in
            outcome.foundAny = true
            for group in 0..<batch.groupCount {
                let step = shared.withLock { $0.state.apply(group: group, of: batch) }
                switch step {
                case .done: outcome.count += batch.records(ofGroup: group).count
                case .needsKeys: return
                case .needsHistory(let metrics):
                    outcome.history = metrics
                    return
                }
            }
        }
        return outcome
    }

    public enum Applied: Equatable, Sendable {
        case nothing
        case records(Int)
        /// A range that cannot be read was passed; what it withholds stands in the state.
        case quarantined(Damage)
    }

    /// The past is read once more, in slices, so that questions are answered meanwhile.
    private func countHistory(_ metrics: [Int], _ replayer: inout Replayer) throws {
        let activation = applied
        try replayer.forEachReadable(to: activation) { record in
            shared.withLock { $0.state.count(record, in: metrics) }
        }
        shared.withLock { $0.state.finishActivation(at: activation.value - 1) }
    }

    /// Notes that folding cannot go on; waiters learn of it.
    public func fail(_ reason: String) {
        shared.withLock { $0.failure = reason }
        announce()
    }

    private func announce() {
        let (reached, failed, changed) = shared.withLock { shared in
            shared.changes += 1
            let next = shared.state.next
            var reached: [CheckedContinuation<Void, any Error>] = []
            var failed: [CheckedContinuation<Void, any Error>] = []
            for (id, waiter) in shared.offsetWaiters {
                if waiter.offset <= next {
                    reached.append(waiter.resume)
                } else if shared.failure != nil {
                    failed.append(waiter.resume)
                } else {
                    continue
                }
                shared.offsetWaiters[id] = nil
            }
            let changed = shared.changeWaiters.values.map(\.resume)
            shared.changeWaiters = [:]
            return (reached, failed, changed)
        }
        for waiter in reached { waiter.resume() }
        for waiter in failed { waiter.resume(throwing: ProjectionStopped()) }
        for waiter in changed { waiter.resume() }
    }

    /// Folding stopped; `status` says why.
    public struct ProjectionStopped: Error, CustomStringConvertible {
        public init() {}

        public var description: String {
            "the projection has stopped applying records; see `sluice status`"
        }
    }

    // MARK: Waiting

    /// Returns once every record below `offset` is applied.
    public func waitApplied(through offset: Offset) async throws {
        let id = shared.withLock { shared in
            shared.nextWaiter += 1
            return shared.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = shared.withLock { shared in
                    if shared.state.next >= offset.value { return .success(()) }
                    if shared.failure != nil { return .failure(ProjectionStopped()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    shared.offsetWaiters[id] = (offset.value, continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = shared.withLock { $0.offsetWaiters.removeValue(forKey: id) }
            waiter?.resume.resume(throwing: CancellationError())
        }
    }

    /// A number that moves with every applied batch.
    public var changeCount: UInt64 { shared.withLock { $0.changes } }

    /// Returns once ``changeCount`` differs from `since`, or its task is cancelled.
    public func waitChange(since: UInt64) async -> UInt64 {
        let id = shared.withLock { shared in
            shared.nextWaiter += 1
            return shared.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = shared.withLock { shared in
                    if shared.changes != since || Task.isCancelled { return true }
                    shared.changeWaiters[id] = (since, continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let waiter = shared.withLock { $0.changeWaiters.removeValue(forKey: id) }
            waiter?.resume.resume()
        }
        return changeCount
    }

    // MARK: For dispatchers

    /// Effects that wait, oldest first: memberships and events merged by offset. None while the
    /// destination is paused, the lane disagrees with its released decisions, or everything is held.
    public func pendingEffects(
        in lane: Lane, limit: Int, skipping: @Sendable (PendingEffect) -> Bool
    ) -> [PendingEffect] {
        shared.withLock { shared in
            shared.hold != nil
                ? [] : shared.state.pendingEffects(in: lane, limit: limit, skipping: skipping)
        }
    }

    /// Attempts of a lane without a receipt.
    public func openAttempts(in lane: Lane) -> [Offset] {
        read { $0.openAttempts(in: lane) }
    }

    /// A destination of the policy in force.
    public func destination(named name: String) -> (Destination, policyVersion: Int)? {
        read { state in
            guard let policy = state.policy, let index = policy.destinationIndex(name) else {
                return nil
            }
            return (policy.policy.destinations[index], policy.version)
        }
    }

    /// The second look (E6). The caller has waited until everything durable was applied.
    ///
    /// An effect whose record cannot be read is withheld (L9).
    /// - Parameter now: the wall clock; it only narrows.
    /// - Throws: when the log cannot be read; nothing may be sent then.
    public func look(
        _ effects: [PendingEffect], in lane: Lane, now: Timestamp, reader: inout LogReader
    ) throws -> Look {
        var lines: [[UInt8]?] = []
        var metas: [FoldLine?] = []
        var lookout = Lookout(projection: self)
        for effect in effects {
            let found: (line: [UInt8], meta: FoldLine)?
            switch effect.subject {
            case .event(let at), .membership(_, _, _, let at):
                found = try lookout.line(at: at, &reader)
            case .correction(_, let at, let corrects):
                found = try lookout.line(at: at, toldBy: corrects, &reader)
            }
            lines.append(found?.line)
            metas.append(found?.meta)
        }
        return try shared.withLock { shared in
            var look = try shared.state.look(
                effects, lines: lines, metas: metas, lane: lane, now: now)
            look.isHeld = look.isHeld || shared.hold != nil
            return look
        }
    }
}

/// What the columns say of a line that is looked at again.
package struct FoldLine: Sendable {
    package var source: String
    /// Microseconds.
    package var occurred: Int64
    package var keys: [UInt64]
    /// What the destination was told of it; nil where nothing is corrected, or its attempt cannot be read.
    package var told: ToldMember?

    package init(source: String, occurred: Int64, keys: [UInt64], told: ToldMember? = nil) {
        self.source = source
        self.occurred = occurred
        self.keys = keys
        self.told = told
    }
}
