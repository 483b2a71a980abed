import EventLog

/// One random history of a log: what is asked of it follows from the seed; how its threads interleave
/// does not.
struct RandomHistory {
    let seed: UInt64
    var problems: [String] = []
    /// What was done, for whoever looks for the cause.
    var steps: [String] = []

    var random: SeededRandom
    var storage = MemoryStorage()
    var configuration = LogConfiguration()
    var model = LogModel()
    var log: EventLog?
    var tails: [TailReader] = []
    var pending: [AppendTicket] = []
    var backup = MemoryStorage()
    /// A fault was put into the storage since the log was opened: operations may fail.
    var isFaulty = false
    /// The disk is full for now: what waits for it would wait for ever.
    var isFull = false
    /// Sectors survived in no order, so the last commit may look like rot.
    var mayLookRotten = false

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

    mutating func configure() {
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

    mutating func step(_ draw: inout SeededRandom) {
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
    mutating func attempt(
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

    mutating func append(_ draw: inout SeededRandom, thenWait: Bool) {
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
    mutating func appendBatch(_ count: Int, to log: EventLog) throws -> Bool {
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

    mutating func waitForAll(_ log: EventLog) throws {
        while let ticket = pending.first {
            try log.blockingWaitDurable(ticket)
            model.acknowledge(ticket)
            pending.removeFirst()
        }
    }

    mutating func seal() {
        guard configuration.sealing == .background else { return }
        attempt("seal") { _, log in try log.seal() }
    }

    mutating func erase(_ draw: inout SeededRandom) {
        let picks = (0...Int.random(in: 0...4, using: &draw)).map { _ in draw.next() }
        guard configuration.sealing == .background, !isFull else { return }
        let known = model.numbers.keys.filter { $0 < model.acknowledged }.sorted()
        guard !known.isEmpty else { return }
        let offsets = picks.map { Offset(known[Int($0 % UInt64(known.count))]) }
        attempt("erase \(offsets)") { history, log in
            history.model.erasing(offsets)
            try log.erase(offsets, reference: "request")
            history.model.erased(offsets, in: log)
        }
    }

    // MARK: - Opening and closing

    mutating func open() {
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

    mutating func opened(_ log: EventLog) {
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
    mutating func close() {
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

    mutating func reopen() {
        steps.append("close")
        close()
        lift()
        isFaulty = false
        open()
    }

    // MARK: - Looking

    mutating func check() {
        guard let log else { return }
        steps.append("check")
        do { problems += try model.problems(in: log) } catch {
            if !isFaulty { problems.append("check: \(error)") }
        }
    }

    mutating func verify() {
        guard !isFaulty else { return }
        attempt("verify") { history, log in
            history.problems += try log.verify().problems.map { "verify: \($0)" }
        }
    }

    /// Single records, by offset and by key.
    mutating func look(_ draw: inout SeededRandom) {
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

    mutating func backUp(_ draw: inout SeededRandom) {
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
    mutating func end() {
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
