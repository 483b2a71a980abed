import EventLog
import Synchronization
import Testing

/// A workload with rolls, seals and rewrites that stops where its storage does, and what it then knows.
struct CrashWork {
    var model = LogModel()
    /// Whether the storage stopped it.
    var isStopped = false

    static func configuration(_ sealing: LogConfiguration.Sealing) -> LogConfiguration {
        var configuration = Make.configuration(sealing: sealing)
        configuration.rollRawBytes = 6_000
        configuration.frameBytes = 900
        configuration.sealedFrameBytes = 1_800
        return configuration
    }

    mutating func run(on storage: MemoryStorage, batches: Int) {
        do {
            let log = try EventLog.open(
                storage: storage, configuration: Self.configuration(.background))
            defer { log.close() }
            expectNone(model.reopened(log), "the workload begins")
            for batch in 1...batches {
                try append(4, to: log)
                // Of a segment that is sealed, of one that was rewritten before, and of the active one.
                if batch % 5 == 0 { try erase([3, 4, log.durableEnd.value / 2], in: log) }
            }
            try log.seal()
            try erase([log.durableEnd.value - 1, 7], in: log)
        } catch { isStopped = true }
    }

    private mutating func append(_ count: Int, to log: EventLog) throws {
        let ticket = try log.append(model.drafts(count))
        model.appended(ticket)
        try log.blockingWaitDurable(ticket)
        model.acknowledge(ticket)
    }

    private mutating func erase(_ offsets: [UInt64], in log: EventLog) throws {
        let own = offsets.filter { model.numbers[$0] != nil }.map { Offset($0) }
        model.erasing(own)
        try log.erase(own, reference: "request 7")
        model.erased(own)
    }
}

@Suite struct `A crash anywhere` {
    /// Runs the workload on a disk that stops at its first sync, its second, and so on until it is done.
    static func stopped(
        batches: Int, _ body: (MemoryStorage, CrashWork, _ sync: Int) throws -> Void
    ) rethrows -> Int {
        for sync in 1... {
            let storage = MemoryStorage()
            storage.state.withLock { $0.freezeAtSync = sync }
            var work = CrashWork()
            work.run(on: storage, batches: batches)
            try body(storage, work, sync)
            if !work.isStopped { return sync }
        }
        return 0
    }

    /// Every sector boundary of the last write as a cut, every prefix of the directory's changes, and some
    /// random sectors.
    static func survivals(of storage: MemoryStorage, seed: UInt64) -> [Survival] {
        let names = storage.unsyncedDirectoryChanges
        var all = [Survival.nothing, .everything]
        all += storage.cutsOfLastWrite.map { Survival(.cut(bytes: $0), directoryChanges: nil) }
        for kept in 0...names {
            all.append(Survival(.nothing, directoryChanges: kept))
            all.append(Survival(.everything, directoryChanges: kept))
            all.append(Survival(.sectors(seed: seed + UInt64(kept)), directoryChanges: kept))
        }
        return all
    }

    @Test
    func
        `L4: at any sync, whatever survived, nothing acknowledged is lost or wrong, nothing erased comes back`()
        throws
    {
        var images = 0
        let syncs = try Self.stopped(batches: 28) { storage, work, sync in
            for survival in Self.survivals(of: storage, seed: UInt64(sync) << 8) {
                images += 1
                try check(
                    storage.afterPowerCut(survival), work.model, survival,
                    "crash at sync \(sync), \(survival)")
            }
        }
        #expect(syncs > 80, "only \(syncs) syncs were tried")
        print("crash suite: \(syncs) syncs, \(images) disks")
    }

    private func check(
        _ image: MemoryStorage, _ model: LogModel, _ survival: Survival, _ what: String
    ) throws {
        let log = try EventLog.open(
            storage: image, configuration: CrashWork.configuration(.off))
        var model = model
        expectNone(model.reopened(log), what)
        expectNone(try model.problems(in: log), what)
        expectNone(log.recovery.damages, what)
        expectNone(try log.unexpectedFiles(on: image), what)
        for finding in log.recovery.findings {
            // Sectors out of order look like rot in the last commit, and it is reported as such.
            if case .possiblyAcknowledged = finding, case .sectors = survival.writes { continue }
            if case .possiblyAcknowledged = finding { Issue.record("\(what): \(finding)") }
        }
        log.close()
        // And it goes on, erases, seals what is left over, and is whole.
        var work = CrashWork(model: model)
        work.run(on: image, batches: 2)
        #expect(!work.isStopped, "\(what): the log does not go on")
        let again = try EventLog.open(
            storage: image, configuration: CrashWork.configuration(.off))
        expectNone(try work.model.problems(in: again), "\(what), later")
        expectNone(try again.verify().problems, "\(what), later")
        #expect(again.recovery.damages.isEmpty, "\(what), later")
        again.close()
    }

    @Test
    func `a crash at any sync of the recovery, and of the recovery after that, changes nothing`()
        throws
    {
        var recoveries = 0
        _ = try Self.stopped(batches: 8) { storage, work, sync in
            let seed = UInt64(sync) << 16
            for first in [Survival.everything, Survival(.sectors(seed: seed), directoryChanges: 1)]
            {
                for one in 1... {
                    let image = storage.afterPowerCut(first)
                    let isDone = recover(image, stoppingAt: one)
                    let second = [
                        Survival.nothing, .everything,
                        Survival(.sectors(seed: seed + UInt64(one)), directoryChanges: 1),
                    ][one % 3]
                    for two in 1... {
                        recoveries += 1
                        let again = image.afterPowerCut(second)
                        if recover(again, stoppingAt: two) {
                            let what = "sync \(sync), \(first); \(one), \(second); \(two)"
                            try look(again.afterPowerCut(), work.model, what)
                            break
                        }
                        try look(
                            again.afterPowerCut(), work.model,
                            "sync \(sync), \(first); recovery \(one), \(second); \(two)")
                    }
                    if isDone { break }
                }
            }
        }
        #expect(recoveries > 500, "only \(recoveries) recoveries were tried")
    }

    /// Opens and closes; false when the disk stopped it.
    private func recover(_ storage: MemoryStorage, stoppingAt sync: Int) -> Bool {
        storage.state.withLock { $0.freezeAtSync = sync }
        do {
            try EventLog.open(
                storage: storage, configuration: CrashWork.configuration(.off)
            ).close()
        } catch {}
        return storage.state.withLock { !$0.isFrozen }
    }

    private func look(_ image: MemoryStorage, _ model: LogModel, _ what: String) throws {
        let log = try EventLog.open(
            storage: image, configuration: CrashWork.configuration(.off))
        var model = model
        expectNone(model.reopened(log), what)
        expectNone(try model.problems(in: log), what)
        expectNone(log.recovery.damages, what)
        expectNone(try log.unexpectedFiles(on: image), what)
        log.close()
    }
}
