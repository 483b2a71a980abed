import EventLog
import Synchronization
import Testing

@Suite struct `Crashes` {
    @Test func `L5: a failed fsync is final, and nothing that it did not cover is ever seen`()
        throws
    {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        try log.write(Make.drafts(0..<10))
        storage.state.withLock { $0.failSync = $0.syncs + 1 }
        let ticket = try log.append(Make.drafts(10..<20))
        #expect(throws: LogError.self) { try log.blockingWaitDurable(ticket) }
        #expect(log.durableEnd == Offset(10))
        #expect(log.failure != nil)
        #expect(throws: AppendRefusal.self) { try log.append(Make.drafts(20..<21)) }
        #expect(try log.holds(10))
        log.close()
        let again = try EventLog.open(storage: storage, configuration: Make.configuration())
        #expect(again.durableEnd >= Offset(10))
        #expect(try again.holds(Int(again.durableEnd.value)))
        again.close()
    }

    @Test func `a failed write is final too, and fails those who wait without blocking`()
        async throws
    {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        try log.write(Make.drafts(0..<10))
        storage.state.withLock { $0.failWriteIn = 1 }
        let ticket = try log.append(Make.drafts(10..<20))
        await #expect(throws: LogError.self) { try await log.waitDurable(ticket) }
        #expect(log.failure != nil)
        #expect(log.blockingWait(past: Offset(10), milliseconds: 60_000) == Offset(10))
        log.close()
    }

    @Test func `short writes are completed`() throws {
        let storage = MemoryStorage()
        storage.state.withLock { $0.longestWrite = 7 }
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        try log.write(Make.drafts(0..<50))
        #expect(try log.holds(50))
        log.close()
    }

    @Test func `a full disk refuses, keeps reading, and recovers when there is space`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration(sealing: .background)
        configuration.fullDiskRetryMilliseconds = 2
        configuration.rollRawBytes = 5_000
        let log = try EventLog.open(storage: storage, configuration: configuration)
        try log.write(Make.drafts(0..<40))
        for round in 1...10 {
            storage.state.withLock { $0.space = 100 * round }
            var waiting: [AppendTicket] = []
            let refused = eventually {
                do throws(AppendRefusal) {
                    let next = 40 * round + waiting.count
                    waiting.append(try log.append([Make.draft(next)]))
                    return false
                } catch { return error == .diskFull }
            }
            #expect(refused && log.stat().isDiskFull)
            #expect(log.failure == nil)
            let end = Int(log.durableEnd.value)
            #expect(try log.readAll().records.count == end)
            storage.state.withLock { $0.space = nil }
            for ticket in waiting { try log.blockingWaitDurable(ticket) }
            let written = 40 * round + waiting.count
            if written < 40 * (round + 1) {
                try log.write(Make.drafts(written..<40 * (round + 1)))
            } else {
                // More was queued than a round is wide: stop here, the rest is told by verify.
                break
            }
        }
        let (records, damages) = try log.readAll()
        let own = records.filter { $0.kind < 240 }
        #expect(damages.isEmpty)
        #expect(own.enumerated().allSatisfy { $1.matches(Make.draft($0)) })
        #expect(`Rolling and sealing`.settle(log))
        #expect(try log.verify().problems.isEmpty)
        log.close()
    }

    @Test func `closing on a full disk tells those who wait`() throws {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        try log.write(Make.drafts(0..<10))
        storage.state.withLock { $0.space = 10 }
        let ticket = try log.append(Make.drafts(10..<20))
        #expect(eventually { log.stat().isDiskFull })
        log.close()
        #expect(throws: LogError.self) { try log.blockingWaitDurable(ticket) }
        storage.state.withLock { $0.space = nil }
        let again = try EventLog.open(storage: storage, configuration: Make.configuration())
        #expect(again.recovery.findings.isEmpty)
        #expect(try again.holds(10))
        again.close()
    }

    @Test func `a second opener is refused and told who holds the log`() throws {
        let directory = TemporaryDirectory()
        let log = try EventLog.open(directory: directory.path, configuration: Make.configuration())
        let own = ProcessInfoPid.current
        #expect(throws: LogError.locked(holder: own)) {
            try EventLog.open(directory: directory.path, configuration: Make.configuration())
        }
        log.close()
        let again = try EventLog.open(
            directory: directory.path, configuration: Make.configuration())
        again.close()
    }

    @Test func `a full queue refuses without giving an offset`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration()
        configuration.queueBytes = 2_000
        configuration.fullDiskRetryMilliseconds = 1
        let log = try EventLog.open(storage: storage, configuration: configuration)
        #expect(throws: AppendRefusal.full) {
            // The first is taken whatever its size; while it waits, the second is too much.
            while true { _ = try log.append(Make.drafts(0..<5)) }
        }
        let end = log.stat().nextOffset
        try log.waitUntilDurable(end)
        #expect(log.durableEnd == end)
        log.close()
    }
}
