import EventLog
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct `A failed fsync` {
    /// What the page cache shows of the writes afterwards. Either way they are clean, and a later sync
    /// "succeeds" without them.
    static let leftovers: [MemoryDisk.Leftover] = [.cached, .dropped]

    @Test(arguments: leftovers)
    func
        `of the active segment is final; what the next open shows is on the disk, whatever the cache says`(
            _ leaves: MemoryDisk.Leftover
        ) throws
    {
        let storage = MemoryStorage()
        storage.state.withLock { $0.failedSyncLeaves = leaves }
        let log = try Failing.calm(storage, .off)
        var model = LogModel()
        for _ in 0..<4 { try model.write(5, to: log) }
        storage.refuse(.sync, ".open.lz4", EIO)
        let ticket = try log.append(model.drafts(5))
        model.appended(ticket)
        #expect(throws: LogError.self) { try log.blockingWaitDurable(ticket) }
        #expect(throws: AppendRefusal.self) { try log.append(model.drafts(1)) }
        #expect(log.durableEnd == ticket.first)
        expectNone(try model.problems(in: log), "failed")
        log.close()
        // The same machine, whose cache was not lost.
        storage.refuseNothing()
        let again = try Failing.open(storage, .off)
        #expect(again.recovery.durableEnd == (leaves == .cached ? ticket.end : ticket.first))
        expectNone(model.reopened(again), "again")
        try model.write(5, to: again)
        expectNone(try model.problems(in: again), "again")
        again.close()
        let last = try Failing.open(storage.afterPowerCut(), .off)
        expectNone(model.reopened(last), "after a power cut")
        expectNone(last.recovery.findings, "after a power cut")
        expectNone(try model.problems(in: last), "after a power cut")
        expectNone(try last.verify().problems, "after a power cut")
        last.close()
    }

    @Test(arguments: leftovers)
    func `of the manifest, or of the directory, at a roll is final, and either manifest is whole`(
        _ leaves: MemoryDisk.Leftover
    ) throws {
        for (operation, ending) in [
            (StorageError.Operation.sync, "manifest.tmp"), (.syncDirectory, ""),
        ] {
            let storage = MemoryStorage()
            storage.state.withLock { $0.failedSyncLeaves = leaves }
            var (log, model) = try Failing.filled(storage, 5, .off)
            storage.refuse(operation, ending, EIO)
            #expect(throws: (any Error).self) { while true { try model.write(5, to: log) } }
            expectNone(try model.problems(in: log), "\(operation)")
            #expect(log.failure != nil)
            log.close()
            for names in 0...storage.unsyncedDirectoryChanges {
                var model = model
                let image = storage.afterPowerCut(Survival(.nothing, directoryChanges: names))
                let again = try Failing.open(image, .off)
                expectNone(model.reopened(again), "\(operation), \(names) names")
                expectNone(again.recovery.damages, "\(operation), \(names) names")
                try model.write(5, to: again)
                expectNone(try model.problems(in: again), "\(operation), \(names) names")
                again.close()
            }
        }
    }

    @Test func `of a sealed file gives a new file, not a new sync of the old one`() throws {
        for (operation, ending) in [
            (StorageError.Operation.sync, "-0000.lz4.tmp"), (.syncDirectory, ""),
        ] {
            let storage = MemoryStorage()
            var (log, model) = try Failing.filled(storage, 60, .off)
            log.close()
            // The sealer's first one after it has named its file, or the first one of that file.
            let isDue = Atomic(operation == .sync)
            storage.state.withLock { state in
                state.refuse = { asked, name in
                    if asked == .rename, name.hasSuffix("-0000.lz4.tmp"), operation != .sync {
                        isDue.store(true, ordering: .relaxed)
                    }
                    guard asked == operation, name.hasSuffix(ending) else { return nil }
                    return isDue.exchange(false, ordering: .relaxed) ? EIO : nil
                }
            }
            let again = try Failing.calm(storage)
            expectNone(model.reopened(again), "\(operation)")
            #expect(eventually { again.stat().sealFailure != nil })
            storage.refuseNothing()
            try model.write(5, to: again)
            #expect(
                eventually { !again.stat().segments.contains { $0.state == .closed } })
            expectNone(try again.verify().problems, "\(operation)")
            again.close()
            let last = try Failing.open(storage.afterPowerCut(), .off)
            expectNone(model.reopened(last), "\(operation)")
            expectNone(try model.problems(in: last), "\(operation)")
            expectNone(try last.verify().problems, "\(operation)")
            last.close()
        }
    }

    @Test func `of an erasure says that the line may still be there, and can be asked for again`()
        throws
    {
        for operation in [StorageError.Operation.sync, .syncDirectory] {
            let storage = MemoryStorage()
            let log = try Failing.calm(storage)
            var model = LogModel()
            try model.write(30, to: log)
            try log.seal()
            #expect(`Rolling and sealing`.settle(log))
            storage.refuse(operation, operation == .sync ? "-0001.lz4.tmp" : "", EIO)
            model.erasing([Offset(2)])
            #expect(throws: LogError.self) { try log.erase([Offset(2)], reference: "x") }
            storage.refuseNothing()
            try log.erase([Offset(2)], reference: "x")
            model.erased([Offset(2)])
            expectNone(try model.problems(in: log), "\(operation)")
            log.close()
            let image = storage.afterPowerCut()
            let last = try Failing.open(image, .off)
            expectNone(model.reopened(last), "\(operation)")
            expectNone(try model.problems(in: last), "\(operation)")
            expectNone(try last.unexpectedFiles(on: image), "\(operation)")
            last.close()
        }
    }

    @Test func `while a log is opened refuses the open, and the next one decides anew`() throws {
        let storage = MemoryStorage()
        let (log, model) = try Failing.filled(storage, 20, .off)
        log.close()
        for sync in 1...2 {
            var model = model
            let image = storage.afterPowerCut()
            image.state.withLock { $0.failSync = $0.syncs + sync }
            #expect(throws: LogError.self) { try Failing.open(image, .off) }
            let again = try Failing.open(image, .off)
            expectNone(model.reopened(again), "sync \(sync)")
            expectNone(try model.problems(in: again), "sync \(sync)")
            again.close()
        }
    }
}
