import Hashing

/// A segmented, LZ4-compressed, append-only log of NDJSON records: bytes and offsets; it knows no
/// customer. The format, the promises and the assumptions stand in `Format/LogFormat.swift`.
///
/// One object writes a directory; a second process is refused. All methods may be called from any
/// thread. Those called `blocking…` block their thread and are for own threads, not for tasks.
///
/// - Crash: nothing that was acknowledged is lost; what was not may be there or not, as a prefix.
///
/// | fault while it runs | appends | readers | afterwards |
/// |---|---|---|---|
/// | full disk or quota at a write | refused: `.diskFull`; what is queued waits | go on | taken again when there is space |
/// | the same at a roll, a manifest or a seal | go on, into the active segment over its size | go on | tried again; ``seal()`` says so |
/// | a failed write | refused for good: `.failed` | go on | open anew |
/// | a failed fsync of segment, manifest or directory | refused for good: `.failed` | go on, and see nothing that it did not cover | open anew: the last commit is read, written and synced again |
/// | a failed fsync of a file that is being sealed | go on | go on | a new file is made |
/// | permission lost to create, rename or remove | refused for good at the next roll or seal | go on in files that are open | open anew |
/// | a read fails | go on | ``LogError/storage(_:)``, and it can be tried again | |
/// | a read returns wrong bytes | go on | ``LogError/damaged(_:)``, never a wrong record | |
/// | short writes, interrupted calls | completed | | |
/// | the clock is set back or jumps | go on; `recorded` stands still or jumps, and never goes back (L6) | | a roll by age comes at most one age late |
/// | a second writer | the second is refused: ``LogError/locked(holder:)`` | | |
public final class EventLog: Sendable {
    /// What opening found.
    public let recovery: RecoveryReport
    public let identity: LogIdentity

    let catalog: LogCatalog
    let configuration: LogConfiguration
    let monitor: Monitor<AppendQueue>
    private let lock: any LogLock
    private let writer: OwnThread
    private let sealer: OwnThread?
    private let ending = Monitor<Ending>(.running)

    private enum Ending { case running, ending, ended }

    /// Opens the log in `directory`, made when absent, and recovers it.
    ///
    /// - Throws: ``LogError/locked(holder:)`` while another process (or object) has it open.
    public static func open(
        directory: String, configuration: LogConfiguration = LogConfiguration()
    ) throws -> EventLog {
        let storage: PosixStorage
        do throws(StorageError) { storage = try PosixStorage(directory: directory) } catch {
            throw LogError.storage(error)
        }
        return try open(storage: storage, configuration: configuration)
    }

    package static func open(
        storage: any LogStorage, configuration: LogConfiguration
    ) throws(LogError) -> EventLog {
        let lock = try storage.lock("LOCK")
        var opener = LogOpener(storage: storage, configuration: configuration)
        return EventLog(
            try opener.open(), storage: storage, configuration: configuration, lock: lock)
    }

    private init(
        _ opened: OpenedLog, storage: any LogStorage, configuration: LogConfiguration,
        lock: any LogLock
    ) {
        recovery = opened.report
        identity = opened.manifest.identity
        self.configuration = configuration
        self.lock = lock
        var queue = AppendQueue(
            nextOffset: opened.active.end, lastRecorded: opened.lastRecorded,
            boundBytes: configuration.queueBytes,
            offsetLimit: LogFormat.offsets(ofIncarnation: opened.manifest.identity.incarnation)
                .upperBound)
        queue.sealing.waiting = opened.jobs
        Self.announceRestore(opened, to: &queue, at: configuration.clock)
        let monitor = Monitor(queue)
        self.monitor = monitor
        catalog = LogCatalog(
            storage: storage, segments: opened.handles, durableEnd: opened.active.end)
        let writer = LogWriter(
            opened, storage: storage, configuration: configuration, monitor: monitor,
            catalog: catalog)
        self.writer = OwnThread(.normal, name: "sluice.log") { writer.run() }
        switch configuration.sealing {
        case .off: sealer = nil
        case .background:
            let loop = SealerLoop(storage: storage, configuration: configuration, monitor: monitor)
            sealer = OwnThread(.background, name: "sluice.seal") { loop.run() }
        }
    }

    /// A restored log's first record says so. It comes before anything that a caller appends (L3).
    private static func announceRestore(
        _ opened: OpenedLog, to queue: inout AppendQueue, at clock: () -> Int64
    ) {
        let incarnation = opened.manifest.identity.incarnation
        let first = LogFormat.offsets(ofIncarnation: incarnation).lowerBound
        guard incarnation > 1, opened.active.end == first else { return }
        let now = clock()
        let draft = RestoredRecord.draft(
            incarnation: incarnation, previousEnd: opened.handles.dropLast().last?.end ?? 0,
            ownOffset: first, lastRecorded: max(opened.lastRecorded, 0), at: now)
        do throws(AppendRefusal) {
            _ = try queue.admit(DraftBatch([draft]), clock: now, from: .log)
        } catch { preconditionFailure("an empty queue takes the log's own record") }
    }

    deinit { close() }

    // MARK: - Appending

    /// Gives `drafts` dense offsets, in the order of calls, and queues them for the disk.
    ///
    /// All or none. They are not durable yet: wait for the ticket before acknowledging anything.
    public func append(_ drafts: [RecordDraft]) throws(AppendRefusal) -> AppendTicket {
        try append(DraftBatch(drafts))
    }

    /// The same.
    public func append(_ drafts: DraftBatch) throws(AppendRefusal) -> AppendTicket {
        if let (record, reason) = drafts.problem(kinds: LogFormat.callerKinds) {
            throw .invalid(index: record, reason: reason)
        }
        let ticket = try monitor.withLock { queue throws(AppendRefusal) in
            try queue.admit(drafts, clock: self.configuration.clock(), from: .caller)
        }
        monitor.wake(.work)
        return ticket
    }

    /// Returns after an fdatasync covered the ticket's records. Cancelling the task does not end the
    /// wait: the log answers, or is closed.
    public func waitDurable(_ ticket: AppendTicket) async throws {
        guard ticket.count > 0 else { return }
        try await waitDurable(before: ticket.end.value)
    }

    /// Returns after an fdatasync covered the record at `offset` and all before it.
    public func waitDurable(through offset: Offset) async throws {
        try await waitDurable(before: offset.value + 1)
    }

    private func waitDurable(before end: UInt64) async throws {
        try await withCheckedThrowingContinuation {
            (waiting: CheckedContinuation<Void, any Error>) in
            let now = monitor.withLock { queue -> AppendQueue.Durability in
                let now = queue.durability(of: end)
                if case .pending = now {
                    queue.add(DurabilityWaiter(end: end, continuation: waiting))
                }
                return now
            }
            switch now {
            case .durable: waiting.resume()
            case .never(let error): waiting.resume(throwing: error)
            case .pending: break
            }
        }
    }

    /// As ``waitDurable(_:)``, blocking the calling thread.
    public func blockingWaitDurable(_ ticket: AppendTicket) throws {
        guard ticket.count > 0 else { return }
        let end = ticket.end.value
        let outcome = monitor.wait(on: .progress, milliseconds: nil) {
            queue -> Result<Void, LogError>? in
            switch queue.durability(of: end) {
            case .durable: .success(())
            case .never(let error): .failure(error)
            case .pending: nil
            }
        }
        try outcome?.get()
    }

    // MARK: - State

    /// The first offset that is not durable.
    public var durableEnd: Offset { Offset(catalog.durableEnd) }

    /// Waits until the durable end is past `offset`, the log ends, or the time is over; returns the
    /// durable end then.
    public func blockingWait(past offset: Offset, milliseconds: Int) -> Offset {
        _ = monitor.wait(on: .progress, milliseconds: milliseconds) { queue -> Bool? in
            if queue.durableEnd > offset.value { return true }
            switch queue.phase {
            case .failed, .closed: return true
            case .open, .diskFull, .closing: return nil
            }
        }
        return durableEnd
    }

    /// What made the log refuse appends for good, or nil.
    public var failure: LogError? {
        monitor.withLock { queue in
            if case .failed(let error) = queue.phase { error } else { nil }
        }
    }

    /// Refuses further appends, makes durable what is queued, ends the threads, and lets go of the
    /// lock. Blocks. Readers go on working. Closing again does nothing.
    public func close() {
        let isMine = ending.withLock { ending -> Bool in
            guard ending == .running else { return false }
            ending = .ending
            return true
        }
        guard isMine else {
            _ = ending.wait(on: .progress, milliseconds: nil) { $0 == .ended ? true : nil }
            return
        }
        monitor.withLock { queue in
            queue.close()
            queue.sealing.isStopped = true
        }
        monitor.wake(.work)
        monitor.wake(.sealing)
        sealer?.join()
        writer.join()
        // Whoever opens the log next must not meet a rewrite that is still writing.
        _ = monitor.wait(on: .progress, milliseconds: nil) { $0.isRewriting ? nil : true }
        lock.release()
        ending.withLock { $0 = .ended }
        ending.wake(.progress)
    }

    // MARK: - Reading

    /// A reader of its own for one thread.
    public func makeReader() -> LogReader { LogReader(catalog: catalog) }

    /// SipHash of `type`, a zero byte and `value` under the log's own key (L7).
    public func keyHash(_ type: String, _ value: UnsafeRawBufferPointer) -> UInt64 {
        let typeBytes = type.utf8.count
        return withUnsafeTemporaryAllocation(
            byteCount: typeBytes + 1 + value.count, alignment: 8
        ) { room in
            room.copyBytes(from: type.utf8)
            room[typeBytes] = 0
            UnsafeMutableRawBufferPointer(rebasing: room[(typeBytes + 1)...]).copyMemory(
                from: value)
            return SipHash.hash(UnsafeRawBufferPointer(room), key: identity.key)
        }
    }

    /// As ``keyHash(_:_:)``, of a text.
    public func keyHash(_ type: String, _ value: String) -> UInt64 {
        var value = value
        return value.withUTF8 { keyHash(type, UnsafeRawBufferPointer($0)) }
    }
}
