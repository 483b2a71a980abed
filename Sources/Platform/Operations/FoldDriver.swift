import CustomerModel
import EventLog
import JSONText
import Logging
import Projections
import Synchronization

/// The fold's own thread: applies what is durable, closes releases, ends plans, and runs whatever must see
/// the fold stand still.
final class FoldDriver: Sendable {
    private struct Shared {
        var isStarted = false
        var isStopping = false
        var hasStopped = false
        var work: [@Sendable (inout Replayer) -> Void] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let shared = Mutex(Shared())
    private let log: EventLog
    private let projection: LiveProjection
    private let logger: Logger
    /// Where the last release that was written of each lane ends; the fold learns of it a moment later.
    private let releasedTo = Mutex<[Lane: UInt64]>([:])
    /// Plans whose end was written and not yet applied.
    private let endedPlans = Mutex<Set<String>>([])

    /// Records applied between two looks at everything else.
    private static let batch = 4096

    /// Called before the log is folded anew: what was derived from more than it still holds must go.
    private let forget: @Sendable () -> Void

    init(
        log: EventLog, projection: LiveProjection, logger: Logger,
        forget: @escaping @Sendable () -> Void
    ) {
        self.log = log
        self.projection = projection
        self.logger = logger
        self.forget = forget
    }

    /// Starts the thread; once is enough.
    func start() {
        let isFirst = shared.withLock { shared in
            defer { shared.isStarted = true }
            return !shared.isStarted
        }
        if isFirst { OwnThread.start("sluice.fold", .following) { self.loop() } }
    }

    private func loop() {
        var replayer = Replayer(log: log)
        // What is due can only change with what was applied, or with room in the log's queue.
        var mustLook = true
        while !shared.withLock({ $0.isStopping }) {
            for work in shared.withLock({ shared in
                let taken = shared.work
                shared.work = []
                return taken
            }) {
                work(&replayer)
            }
            do {
                try refoldWhereDamaged(&replayer)
                let applied = try projection.applyNext(&replayer, limit: Self.batch)
                if case .quarantined(let damage) = applied {
                    logger.error("a part of the log cannot be read", metadata: ["at": "\(damage)"])
                }
                if applied != .nothing || mustLook { mustLook = !(closeReleases() && endPlans()) }
                if applied == .nothing {
                    _ = log.blockingWait(past: projection.applied, milliseconds: 20)
                }
            } catch {
                // What cannot be read is withheld: nothing is handed out until an operator has looked.
                logger.error("folding stopped", metadata: ["reason": "\(error)"])
                projection.fail("\(error)")
                break
            }
        }
        let waiters = shared.withLock { shared in
            shared.hasStopped = true
            let taken = shared.waiters
            shared.waiters = []
            return taken
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Folds the log anew where readers met damage in what was applied (L9). Dispatch is held meanwhile;
    /// questions are answered from the state as it was.
    private func refoldWhereDamaged(_ replayer: inout Replayer) throws {
        let noticed = projection.takeNoticed()
        guard !noticed.isEmpty else { return }
        for damage in noticed {
            logger.error(
                "what was folded cannot be read any more; folding anew",
                metadata: ["at": "\(damage)"])
        }
        forget()
        var fresh = FoldState(key: log.identity.key)
        try replayer.advance(&fresh, to: projection.applied)
        projection.finishRefold(with: fresh)
    }

    /// Stops after the batch in hand.
    func stop() async {
        await withCheckedContinuation { continuation in
            let isDone = shared.withLock { shared in
                shared.isStopping = true
                if shared.hasStopped || !shared.isStarted { return true }
                shared.waiters.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    /// Runs `body` on the fold's thread between two batches, so that the state stands still meanwhile.
    func standingStill<R: Sendable>(
        _ body: @escaping @Sendable (inout Replayer) throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            let isStopped = shared.withLock { shared in
                if shared.hasStopped || !shared.isStarted { return true }
                shared.work.append { replayer in
                    continuation.resume(with: Result { try body(&replayer) })
                }
                return false
            }
            if isStopped { continuation.resume(throwing: LiveProjection.ProjectionStopped()) }
        }
    }

    // MARK: Facts for the log

    /// Writes the releases that are due (D2).
    ///
    /// - Returns: false when a full queue leaves some for the next round.
    private func closeReleases() -> Bool {
        guard projection.failure == nil, log.failure == nil else { return true }
        var isDone = true
        let lanes = projection.read { $0.currentLanes }
        for lane in lanes {
            let from = releasedTo.withLock { $0[lane] }
            guard let record = projection.read({ $0.dueRelease(of: lane, from: from) }) else {
                continue
            }
            do {
                _ = try log.append([ControlDraft.make(record)])
                releasedTo.withLock { $0[lane] = record.to }
            } catch {
                isDone = false
                logger.debug("a release waits for room in the log's queue")
            }
        }
        return isDone
    }

    private func endPlans() -> Bool {
        var isDone = true
        for record in projection.read({ $0.duePlanEnds() })
        where endedPlans.withLock({ !$0.contains(record.id) }) {
            do {
                _ = try log.append([ControlDraft.make(record)])
                endedPlans.withLock { _ = $0.insert(record.id) }
            } catch {
                isDone = false
                logger.debug("a plan's end waits for room in the log's queue")
            }
        }
        return isDone
    }
}

extension ControlDraft {
    /// The draft of `record`, received now.
    static func make(_ record: some ControlRecord) -> RecordDraft { make(record, at: .now()) }
}
