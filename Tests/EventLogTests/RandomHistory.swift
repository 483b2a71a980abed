import EventLog
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// One random history of a log: what is asked of it follows from the seed; how its threads interleave
/// does not.
struct RandomHistory {
    let seed: UInt64
    private(set) var problems: [String] = []
    /// What was done, for whoever looks for the cause.
    private(set) var steps: [String] = []

    private var random: SeededRandom
    private var storage = MemoryStorage()
    private var configuration = LogConfiguration()
    private var model = LogModel()
    private var log: EventLog?
    private var tails: [TailReader] = []
    private var pending: [AppendTicket] = []
    private var backup = MemoryStorage()
    /// A fault was put into the storage since the log was opened: operations may fail.
    private var isFaulty = false
    /// The disk is full for now: what waits for it would wait for ever.
    private var isFull = false
    /// Sectors survived in no order, so the last commit may look like rot.
    private var mayLookRotten = false

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed &* 0x9E37_79B9)
        configure()
    }

    /// The steps, and at the end the whole.
    mutating func run() {
        open()
        for _ in 0..<Int.random(in: 4...24, using: &random) where problems.isEmpty {
            // Each step draws from numbers of its own, so that none depends on what another met.
            var draw = SeededRandom(seed: random.next())
            step(&draw)
        }
        if problems.isEmpty { end() }
        for tail in tails { _ = tail.finish() }
        log?.close()
    }

    private mutating func configure() {
        configuration = Make.configuration(
            sealing: Int.random(in: 0..<4, using: &random) == 0 ? .off : .background)
        func size(_ sizes: ClosedRange<Int>) -> Int { Int.random(in: sizes, using: &random) }
        configuration.frameBytes = size(200...4_000)
        configuration.sealedFrameBytes = size(300...6_000)
        configuration.commitBytes = size(500...20_000)
        configuration.rollRawBytes = size(0...3) == 0 ? 1 << 30 : size(1_500...30_000)
        configuration.rollStoredBytes = size(0...1) == 0 ? 1 << 30 : size(1_000...20_000)
        configuration.rollAgeSeconds = size(0...1) == 0 ? 1 << 30 : size(20...2_000)
        configuration.queueBytes = size(0...2) == 0 ? size(500...8_000) : 1 << 20
        configuration.fullDiskRetryMilliseconds = 1
        let ticks = Ticks()
        let jumps = random.next()
        configuration.clock = {
            let tick = UInt64(ticks.next())
            let jump = Make.spread(jumps &+ tick / 16) % 20
            let away: Int64 = jump == 0 ? 1 << 40 : jump == 1 ? -(1 << 40) : 0
            return 1_767_225_600_000_000 + Int64(tick) * 1_000_000 + away
        }
    }

    // MARK: - Steps

    private mutating func step(_ draw: inout SeededRandom) {
        switch Int.random(in: 0..<100, using: &draw) {
        case 0..<40: append(&draw, thenWait: Bool.random(using: &draw))
        case 40..<46: seal()
        case 46..<56: erase(&draw)
        case 56..<60: reopen()
        case 60..<72: crash(&draw)
        case 72..<84: fault(&draw)
        case 84..<90: look(&draw)
        case 90..<93: readWithFaults(&draw)
        case 93..<95: backUp(&draw)
        case 95..<97: verify()
        default: check()
        }
    }

    /// Does something that may fail only after a fault; opens anew when the log has failed.
    private mutating func attempt(
        _ what: String, _ body: (inout RandomHistory, EventLog) throws -> Void
    ) {
        guard let log else { return }
        steps.append(what)
        do { try body(&self, log) } catch {
            steps.append("  \(error)")
            if !isFaulty { problems.append("\(what): \(error)") }
        }
        if log.failure != nil {
            if !isFaulty { problems.append("\(what): the log failed") }
            reopen()
        }
    }

    private mutating func append(_ draw: inout SeededRandom, thenWait: Bool) {
        let batches = (0...Int.random(in: 0...3, using: &draw)).map { _ in
            Int.random(in: 1...12, using: &draw)
        }
        attempt("append \(batches), \(thenWait ? "wait" : "do not wait")") { history, log in
            for count in batches {
                guard try history.appendBatch(count, to: log) else { return }
            }
            if thenWait, !history.isFull { try history.waitForAll(log) }
        }
    }

    /// False when the log refused it for now.
    private mutating func appendBatch(_ count: Int, to log: EventLog) throws -> Bool {
        let drafts = model.drafts(count)
        do throws(AppendRefusal) {
            let ticket = try log.append(drafts)
            model.appended(ticket)
            pending.append(ticket)
            return true
        } catch {
            switch error {
            case .full: return false
            case .diskFull where isFull: return false
            default: throw error
            }
        }
    }

    private mutating func waitForAll(_ log: EventLog) throws {
        while let ticket = pending.first {
            try log.blockingWaitDurable(ticket)
            model.acknowledge(ticket)
            pending.removeFirst()
        }
    }

    private mutating func seal() {
        guard configuration.sealing == .background else { return }
        attempt("seal") { _, log in try log.seal() }
    }

    private mutating func erase(_ draw: inout SeededRandom) {
        let picks = (0...Int.random(in: 0...4, using: &draw)).map { _ in draw.next() }
        guard configuration.sealing == .background, !isFull else { return }
        let known = model.numbers.keys.filter { $0 < model.acknowledged }.sorted()
        guard !known.isEmpty else { return }
        let offsets = picks.map { Offset(known[Int($0 % UInt64(known.count))]) }
        attempt("erase \(offsets)") { history, log in
            history.model.erasing(offsets)
            try log.erase(offsets, reference: "request")
            history.model.erased(offsets)
        }
    }

    // MARK: - Opening and closing

    private mutating func open() {
        steps.append("open")
        do throws(LogError) {
            try opened(EventLog.open(storage: storage, configuration: configuration))
        } catch {
            guard isFaulty else { return problems.append("open: \(error)") }
            steps.append("  \(error)")
            lift()
            do throws(LogError) {
                try opened(EventLog.open(storage: storage, configuration: configuration))
            } catch { problems.append("open: \(error)") }
        }
    }

    private mutating func opened(_ log: EventLog) {
        self.log = log
        problems += model.reopened(log)
        problems += log.recovery.damages.map { "open: \($0)" }
        for finding in log.recovery.findings {
            if case .possiblyAcknowledged = finding, !mayLookRotten {
                problems.append("open: \(finding)")
            }
        }
        mayLookRotten = false
        tails = (0..<Int(seed % 3)).map { _ in
            TailReader(of: log, from: log.recovery.durableEnd)
        }
    }

    /// Ends tails and log. Whatever a tail saw must be true, and must be there for ever (L5).
    private mutating func close() {
        guard let log else { return }
        for tail in tails {
            let result = tail.finish()
            if let gap = result.gap { problems.append("a tail: \(gap)") }
            if let error = result.error, !isFaulty { problems.append("a tail: \(error)") }
            problems += result.seen.compactMap { model.problem($0, beforeErasure: true) }
            model.acknowledge(upTo: result.end)
        }
        tails = []
        log.close()
        self.log = nil
        pending = []
    }

    private mutating func reopen() {
        steps.append("close")
        close()
        lift()
        isFaulty = false
        open()
    }

    // MARK: - Crashes

    private mutating func crash(_ draw: inout SeededRandom) {
        let later = Int.random(in: 0...8, using: &draw)
        let batches = (0..<6).map { _ in Int.random(in: 1...8, using: &draw) }
        steps.append("crash, \(later) syncs from now, after \(batches)")
        isFaulty = true
        if later > 0, !isFull, let log {
            storage.state.withLock { $0.freezeAtSync = $0.syncs + later }
            do {
                for count in batches {
                    if try appendBatch(count, to: log), count % 2 == 0 { try waitForAll(log) }
                }
            } catch {}
        }
        var image = cut(storage, &draw)
        // And again while the log is being recovered.
        while Int.random(in: 0..<3, using: &draw) == 0 {
            let sync = Int.random(in: 1...4, using: &draw)
            steps.append("  crash at sync \(sync) of the recovery")
            image.state.withLock { $0.freezeAtSync = sync }
            do throws(LogError) {
                let log = try EventLog.open(storage: image, configuration: configuration)
                // It may have come far enough to append records of its own.
                problems += model.reopened(log)
                log.close()
            } catch {
                if image.state.withLock({ !$0.isFrozen }) { problems.append("recovery: \(error)") }
            }
            image = cut(image, &draw)
        }
        close()
        storage = image
        isFaulty = false
        isFull = false
        open()
    }

    /// Stops the machine of `storage`; what its disk then holds.
    private mutating func cut(
        _ storage: MemoryStorage, _ draw: inout SeededRandom
    ) -> MemoryStorage {
        let pick = draw.next()
        let way = Int.random(in: 0..<4, using: &draw)
        let allNames = Bool.random(using: &draw)
        storage.state.withLock { $0.isFrozen = true }
        let names = storage.unsyncedDirectoryChanges
        let cuts = storage.cutsOfLastWrite
        let writes: Survival.Writes =
            switch way {
            case 0: .nothing
            case 1: .everything
            case 2: .cut(bytes: cuts.isEmpty ? 0 : cuts[Int(pick % UInt64(cuts.count))])
            default: .sectors(seed: pick)
            }
        let survival = Survival(
            writes, directoryChanges: allNames ? nil : Int(pick % UInt64(names + 1)))
        if case .sectors = writes { mayLookRotten = true }
        steps.append("  \(survival)")
        return storage.afterPowerCut(survival)
    }

    // MARK: - Faults

    private mutating func fault(_ draw: inout SeededRandom) {
        let later = Int.random(in: 1...6, using: &draw)
        let pick = draw.next()
        let leaves: MemoryDisk.Leftover = Bool.random(using: &draw) ? .cached : .dropped
        let operation = [StorageError.Operation.create, .rename, .unlink][Int(pick % 3)]
        let code = [ENOSPC, EDQUOT, EACCES, EROFS, EIO][Int(pick / 3 % 5)]
        switch Int.random(in: 0..<7, using: &draw) {
        case 0:
            steps.append("fault: sync \(later) from now fails, the cache is \(leaves)")
            storage.state.withLock {
                $0.failSync = $0.syncs + later
                $0.failedSyncLeaves = leaves
            }
        case 1:
            steps.append("fault: write \(later) from now fails")
            storage.state.withLock { $0.failWriteIn = later }
        case 2:
            steps.append("fault: writes of at most \(later * 40) bytes")
            return storage.state.withLock { $0.longestWrite = later * 40 }
        case 3, 4:
            let space = Int(pick % 4_000)
            steps.append("fault: space for \(space) bytes")
            isFull = true
            storage.state.withLock { $0.space = space }
        case 5:
            steps.append("fault: \(operation) fails with \(code)")
            isFull = true
            storage.state.withLock { $0.refuse = { asked, _ in asked == operation ? code : nil } }
        default:
            steps.append("fault: lifted")
            return liftAndWait()
        }
        isFaulty = true
    }

    private mutating func lift() {
        isFull = false
        storage.state.withLock {
            $0.failSync = nil
            $0.failWriteIn = nil
            $0.longestWrite = nil
            $0.space = nil
            $0.refuse = nil
            $0.flips = [:]
            $0.unreadable = [:]
        }
    }

    private mutating func liftAndWait() {
        lift()
        attempt("wait") { try $0.waitForAll($1) }
    }

    /// A reader meets a place that cannot be read, or that lies, and says nothing wrong.
    private mutating func readWithFaults(_ draw: inout SeededRandom) {
        let (file, place) = (draw.next(), draw.next())
        let lies = Bool.random(using: &draw)
        isFaulty = true
        attempt("read with a \(lies ? "lie" : "bad place")") { history, log in
            let files = try history.storage.list().filter { $0.hasSuffix(".lz4") }
            guard !files.isEmpty else { return }
            let name = files[Int(file % UInt64(files.count))]
            let size = history.storage.contents(name)?.count ?? 0
            let position = Int(place % UInt64(max(size, 1)))
            history.storage.state.withLock {
                if lies {
                    $0.flips = [name: (position, 0x20)]
                } else {
                    $0.unreadable = [name: position..<position + 1]
                }
            }
            defer {
                history.storage.state.withLock {
                    $0.flips = [:]
                    $0.unreadable = [:]
                }
            }
            let (records, _) = try log.readAll()
            history.problems += records.compactMap { history.model.problem($0) }
        }
    }

    // MARK: - Looking

    private mutating func check() {
        guard let log else { return }
        steps.append("check")
        do { problems += try model.problems(in: log) } catch {
            if !isFaulty { problems.append("check: \(error)") }
        }
    }

    private mutating func verify() {
        guard !isFaulty else { return }
        attempt("verify") { history, log in
            history.problems += try log.verify().problems.map { "verify: \($0)" }
        }
    }

    /// Single records, by offset and by key.
    private mutating func look(_ draw: inout SeededRandom) {
        let picks = (0..<4).map { _ in draw.next() }
        attempt("look") { history, log in
            let model = history.model
            let known = model.numbers.filter { $0.key < model.acknowledged }.sorted {
                $0.key < $1.key
            }
            guard !known.isEmpty else { return }
            var reader = log.makeReader()
            for pick in picks {
                let (offset, number) = known[Int(pick % UInt64(known.count))]
                guard let line = try reader.line(at: Offset(offset)) else {
                    history.problems.append("no line at \(offset)")
                    return
                }
                let found = try reader.candidates(
                    for: Make.keys(number)[0], from: Offset(0), to: Offset(.max))
                if model.erased.contains(offset) {
                    if !found.isEmpty { history.problems.append("an erased key is found") }
                } else if !model.erasing.contains(offset) {
                    let tail = LogModel.draft(number).tail
                    if !line.suffix(tail.count).elementsEqual(tail) || found != [Offset(offset)] {
                        history.problems.append("offset \(offset) is not found as it is")
                    }
                }
            }
        }
    }

    private mutating func backUp(_ draw: inout SeededRandom) {
        let restores = Bool.random(using: &draw)
        attempt("back up\(restores ? " and restore" : "")") { history, log in
            let report = try log.backup(to: history.backup)
            guard restores, !history.isFaulty else { return }
            let target = MemoryStorage()
            let restored = try EventLog.restore(
                from: history.backup, to: target, incarnation: nil, damaged: .refuse,
                configuration: history.configuration)
            guard restored.backupEnd == report.durableEnd else {
                return history.problems.append("the backup ends at \(restored.backupEnd)")
            }
            let new = try EventLog.open(storage: target, configuration: history.configuration)
            let (records, damages) = try new.readAll()
            new.close()
            let old = records.prefix { $0.offset < report.durableEnd.value }
            history.problems += damages.map { "restored: \($0)" }
            history.problems += old.compactMap { history.model.problem($0) }
            if UInt64(old.count) != report.durableEnd.value {
                history.problems.append("the restored log lacks records")
            }
        }
    }

    /// The log is opened once more, sealed, and must be whole.
    private mutating func end() {
        reopen()
        check()
        seal()
        attempt("wait") { try $0.waitForAll($1) }
        verify()
        close()
        configuration.sealing = .off
        open()
        check()
        guard let log, problems.isEmpty else { return }
        do {
            problems += try log.unexpectedFiles(on: storage).map { "\($0) is left over or missing" }
        } catch { problems.append("\(error)") }
        problems += log.recovery.findings.compactMap {
            if case .removed = $0 { nil } else { "at the end: \($0)" }
        }
    }
}
