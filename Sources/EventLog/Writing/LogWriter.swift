/// The thread that owns the log's files: it commits, rolls, and puts finished seals into the manifest.
///
/// `@unchecked Sendable`: after ``run()`` has begun on its thread, nobody else touches it.
final class LogWriter: @unchecked Sendable {
    private let storage: any LogStorage
    private let configuration: LogConfiguration
    private let monitor: Monitor<AppendQueue>
    private let catalog: LogCatalog
    private let builder: CommitBuilder
    private var manifest: Manifest
    private var active: LiveSegment
    private var symbols: SymbolTable
    private var position: Int
    private var chain: UInt32
    private var durableEnd: UInt64
    /// Of the active segment's first record, by the log's clock.
    private var activeSince: Int64?
    private var activeRawBytes: Int
    /// Not before this time, after a full disk prevented a roll or a manifest. Not by the wall clock, which
    /// may be set back.
    private var retryAt = ContinuousClock.now
    private var waitingSeals: [Manifest.Entry] = []
    /// Where the `sealed` records of segments stand that the manifest does not yet call announced.
    private var announcements: [UInt64: UInt64] = [:]

    init(
        _ opened: OpenedLog, storage: any LogStorage, configuration: LogConfiguration,
        monitor: Monitor<AppendQueue>, catalog: LogCatalog
    ) {
        self.storage = storage
        self.configuration = configuration
        self.monitor = monitor
        self.catalog = catalog
        builder = CommitBuilder(configuration)
        manifest = opened.manifest
        active = opened.active.live
        symbols = SymbolTable(names: opened.active.live.names.all)
        position = opened.active.length
        chain = opened.active.chain
        durableEnd = opened.active.end
        activeSince = opened.active.firstRecorded
        activeRawBytes = Int(opened.active.rawBytes)
    }

    private enum Work {
        case commit([QueuedBatch])
        case seals([Manifest.Entry])
        case idle
        case end
    }

    /// The thread's body; returns when the log is closed or has failed.
    func run() {
        for entry in manifest.entries where entry.state == .sealed && !entry.isAnnounced {
            announce(entry)
        }
        while true {
            switch next() {
            case .commit(let batches): commit(batches)
            case .seals(let entries): waitingSeals += entries
            case .idle: break
            case .end:
                recordAnnouncements()
                finish(monitor.withLock { $0.closed() }, .failure(LogError.closed))
                return
            }
            rollIfDue()
            installSeals()
        }
    }

    private func next() -> Work {
        monitor.wait(on: .work, milliseconds: 1000) { queue -> Work? in
            if case .failed = queue.phase { return .end }
            if !queue.finishedSeals.isEmpty {
                defer { queue.finishedSeals = [] }
                return .seals(queue.finishedSeals)
            }
            let batches = queue.drain(limit: self.configuration.commitBytes)
            if !batches.isEmpty { return .commit(batches) }
            if queue.rollsAsked > queue.rollsAnswered { return .idle }
            return queue.isEnding ? .end : nil
        } ?? .idle
    }

    // MARK: - Committing

    /// One write, one fdatasync, one publication.
    private func commit(_ batches: [QueuedBatch]) {
        let commit = builder.build(
            batches, symbols: &symbols,
            from: CommitBuilder.Start(
                position: position, chain: chain, durableEnd: durableEnd,
                incarnation: manifest.identity.incarnation))
        let start: ContinuousClock.Instant
        do throws(StorageError) {
            guard try writeWaitingForSpace() else { return }
            start = .now
            try active.file.sync()
        } catch { return fail(.storage(error)) }
        publish(commit, batches, syncTook: .now - start)
    }

    /// Writes the built commit. On a full disk takes the partial write back, refuses appends, and
    /// tries again until there is space; false when the log is closed meanwhile.
    private func writeWaitingForSpace() throws(StorageError) -> Bool {
        while true {
            do throws(StorageError) {
                try active.file.writeAll(builder.bytes, at: position)
                monitor.withLock { queue in
                    // What is postponed meanwhile is tried again now.
                    if queue.phase == .diskFull { queue.postponed = nil }
                    queue.setDiskFull(false)
                }
                return true
            } catch {
                guard error.isDiskFull else { throw error }
                try active.file.truncate(to: position)
                let error = LogError.storage(error)
                let isClosing = monitor.wait(
                    on: .work, milliseconds: configuration.fullDiskRetryMilliseconds
                ) { queue -> Bool? in
                    queue.setDiskFull(true)
                    queue.postponed = error
                    return queue.isEnding ? true : nil
                }
                if isClosing != nil {
                    fail(error)
                    return false
                }
            }
        }
    }

    /// Everything of the commit is durable: show it to readers, then move the durable end (L5).
    private func publish(
        _ commit: CommitBuilder.Commit, _ batches: [QueuedBatch], syncTook: Duration
    ) {
        active.names.set(
            Array(symbols.names[commit.firstNewSymbol...]), from: commit.firstNewSymbol)
        for (entry, contents) in commit.frames {
            let length = entry.dataPosition + UInt64(entry.dataLength)
            active.publish(entry, contents, fileLength: length)
        }
        position += builder.bytes.count
        chain = commit.chainEnd
        durableEnd = commit.end
        activeRawBytes += commit.rawBytes
        if activeSince == nil { activeSince = batches.first?.recorded }
        catalog.setDurableEnd(commit.end)
        let bytes = batches.reduce(0) { $0 + $1.bytes }
        let waiters = monitor.withLock {
            $0.committed(
                through: commit.end, bytes: bytes,
                syncMicroseconds: UInt64(max(0, syncTook / .microseconds(1))))
        }
        finish(waiters, .success(()))
    }

    private func finish(_ waiters: [DurabilityWaiter], _ result: Result<Void, any Error>) {
        monitor.wake(.progress)
        for waiter in waiters { waiter.continuation.resume(with: result) }
    }

    /// Pins the failure: nothing is written after it.
    private func fail(_ error: LogError) {
        finish(monitor.withLock { $0.fail(error) }, .failure(error))
        monitor.wake(.sealing)
    }

    // MARK: - Rolling

    private func rollIfDue() {
        let (asked, answered, isEnding) = monitor.withLock {
            ($0.rollsAsked, $0.rollsAnswered, $0.isEnding)
        }
        let isAsked = asked > answered
        // Answered once the roll is done, so that whoever asked finds the segment closed.
        defer {
            if isAsked {
                monitor.withLock { $0.rollsAnswered = asked }
                monitor.wake(.progress)
            }
        }
        guard var since = activeSince, !isEnding else { return }
        let now = configuration.clock()
        if since > now {
            // The clock was ahead and was set back: the age begins anew.
            since = now
            activeSince = now
        }
        // The first record's time is what the file says, and files may say anything.
        let (age, isFarAway) = now.subtractingReportingOverflow(since)
        let isDue =
            isAsked || position >= configuration.rollStoredBytes
            || activeRawBytes >= configuration.rollRawBytes
            || isFarAway || age >= Int64(configuration.rollAgeSeconds) * 1_000_000
        guard isDue, isAsked || ContinuousClock.now >= retryAt else { return }
        do throws(StorageError) { try roll(at: now) } catch { postponeOrFail(error) }
    }

    /// A full disk is waited out; anything else is final.
    private func postponeOrFail(_ error: StorageError) {
        guard error.isDiskFull else { return fail(.storage(error)) }
        retryAt = .now + .milliseconds(configuration.fullDiskRetryMilliseconds)
        monitor.withLock { $0.postponed = .storage(error) }
    }

    /// Closes the active segment and begins the next.
    ///
    /// - Crash: a new file that no manifest names holds no record; it is removed at open.
    private func roll(at now: Int64) throws(StorageError) {
        let header = SegmentHeader(
            isSealed: false, logID: manifest.identity.id,
            incarnation: manifest.identity.incarnation, base: durableEnd, created: now,
            chainSeed: chain, edition: 0)
        let created = try OpenSegmentFile.create(header, in: storage)
        var next = manifest
        let closed = closedEntry()
        next.entries[next.entries.count - 1] = closed
        next.entries.append(Manifest.Entry(base: durableEnd, state: .active))
        do throws(StorageError) { try write(&next) } catch {
            if error.isDiskFull { try storage.unlink(created.file.name) }
            throw error
        }
        let old = active
        active = LiveSegment(
            base: durableEnd, incarnation: header.incarnation, file: created.file,
            fileLength: UInt64(created.length), chain: created.chain)
        symbols = SymbolTable()
        position = created.length
        chain = created.chain
        activeSince = nil
        activeRawBytes = 0
        var handles = catalog.snapshot
        // Only the segment closed last keeps its index: a long backlog must not cost memory.
        for handle in handles.dropLast() {
            if case .live(let waiting) = handle.content { waiting.dropIndex() }
        }
        handles[handles.count - 1].end = durableEnd
        handles[handles.count - 1].closed = closed
        handles.append(SegmentHandle(base: durableEnd, end: nil, content: .live(active)))
        catalog.replace(with: handles)
        guard configuration.sealing == .background, handles[handles.count - 2].damages.isEmpty
        else { return }
        monitor.withLock { $0.sealing.waiting.append(SealJob(live: old, entry: closed)) }
        monitor.wake(.sealing)
    }

    private func closedEntry() -> Manifest.Entry {
        let (first, last, raw) = active.withState { state in
            (state.frames.first?.firstRecorded, state.frames.last?.lastRecorded, state.rawBytes)
        }
        guard let first, let last else { preconditionFailure("an empty segment is not rolled") }
        return Manifest.Entry(
            base: active.base, state: .closed, count: durableEnd - active.base,
            fileLength: UInt64(position), firstRecorded: first, lastRecorded: last, rawBytes: raw,
            chainEnd: chain)
    }

    /// Writes `next` and makes it the manifest.
    private func write(_ next: inout Manifest) throws(StorageError) {
        for index in next.entries.indices {
            guard let at = announcements[next.entries[index].base], at < durableEnd else {
                continue
            }
            next.entries[index].isAnnounced = true
        }
        next.generation += 1
        try ManifestStore(storage: storage).write(next)
        for entry in next.entries where entry.isAnnounced { announcements[entry.base] = nil }
        manifest = next
        monitor.withLock { $0.postponed = nil }
    }

    // MARK: - Seals

    /// Puts finished seals into the manifest, in front of the readers, and into the log itself (L8).
    private func installSeals() {
        guard !waitingSeals.isEmpty, ContinuousClock.now >= retryAt,
            !monitor.withLock({ $0.isEnding })
        else { return }
        var next = manifest
        var replaced: [String] = []
        for sealed in waitingSeals {
            guard let index = next.entries.firstIndex(where: { $0.base == sealed.base }) else {
                preconditionFailure("a seal of a segment that the manifest does not know")
            }
            replaced.append(next.entries[index].fileName)
            next.entries[index] = sealed
            announcements[sealed.base] = nil
        }
        do throws(StorageError) {
            try write(&next)
            var handles = catalog.snapshot
            for sealed in waitingSeals {
                guard let index = handles.firstIndex(where: { $0.base == sealed.base }) else {
                    continue
                }
                if case .live(let live) = handles[index].content { leave(live.file) }
                handles[index].content = .sealed(sealed)
            }
            catalog.replace(with: handles, forgetting: replaced)
            // Readers that still use it hold it open; the space comes back when they let go.
            for name in replaced { try storage.unlink(name) }
            // An erased line must not come back with an old file's name.
            try storage.syncDirectory()
        } catch { return postponeOrFail(error) }
        for sealed in waitingSeals { announce(sealed) }
        monitor.withLock { queue in
            for sealed in waitingSeals { queue.installedEditions[sealed.base] = sealed.edition }
        }
        waitingSeals = []
        monitor.wake(.progress)
        monitor.wake(.sealing)
    }

    /// Has the sealer's thread be the last who holds a file that is about to be unlinked: to give its space
    /// back took 13 ms here, in which no append became durable.
    private func leave(_ file: any LogFile) {
        guard configuration.sealing == .background else { return }
        monitor.withLock { $0.sealing.replaced.append(file) }
    }

    /// Appends the record that names a seal's root and columns hash. It may come twice after a crash.
    private func announce(_ sealed: Manifest.Entry) {
        let draft = SealRecord.draft(for: sealed, at: configuration.clock())
        do throws(AppendRefusal) {
            let ticket = try monitor.withLock { queue throws(AppendRefusal) in
                try queue.admit(
                    DraftBatch([draft]), clock: self.configuration.clock(), from: .log)
            }
            announcements[sealed.base] = ticket.first.value
        } catch {
            // The log is failing or closing: the next open announces it.
        }
    }

    /// At a clean end, so that the next open need not announce again.
    private func recordAnnouncements() {
        guard announcements.contains(where: { $0.value < durableEnd }) else { return }
        if case .failed = monitor.withLock({ $0.phase }) { return }
        var next = manifest
        do throws(StorageError) { try write(&next) } catch { postponeOrFail(error) }
    }
}
