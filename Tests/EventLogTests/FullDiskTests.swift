import EventLog
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Logs on disks that fail.
enum Failing {
    static func configuration(
        _ sealing: LogConfiguration.Sealing = .background
    ) -> LogConfiguration {
        var configuration = CrashWork.configuration(sealing)
        configuration.fullDiskRetryMilliseconds = 2
        return configuration
    }

    /// A log that rolls only when it is asked to, so that what its threads do follows from the test.
    static func calm(
        _ storage: MemoryStorage, _ sealing: LogConfiguration.Sealing = .background,
        salts: UInt8 = 0
    ) throws(LogError) -> EventLog {
        var configuration = configuration(sealing)
        configuration.rollRawBytes = 1 << 30
        let make = configuration.randomBytes
        configuration.randomBytes = { count in make(count).map { $0 ^ salts } }
        return try EventLog.open(storage: storage, configuration: configuration)
    }

    static func open(
        _ storage: MemoryStorage, _ sealing: LogConfiguration.Sealing = .background
    ) throws(LogError) -> EventLog {
        try EventLog.open(storage: storage, configuration: configuration(sealing))
    }

    /// A log with `count` records of ``LogModel/draft(_:)`` and what it must hold.
    static func filled(
        _ storage: MemoryStorage, _ count: Int = 60,
        _ sealing: LogConfiguration.Sealing = .background
    ) throws -> (log: EventLog, model: LogModel) {
        let log = try open(storage, sealing)
        var model = LogModel()
        while model.next < count { try model.write(5, to: log) }
        return (log, model)
    }
}

extension LogModel {
    /// Appends, waits, and notes what was promised.
    mutating func write(_ count: Int, to log: EventLog) throws {
        let ticket = try log.append(drafts(count))
        appended(ticket)
        try log.blockingWaitDurable(ticket)
        acknowledge(ticket)
    }
}

extension MemoryStorage {
    /// Fails the operation with `code` on files whose name ends so, until it is lifted.
    func refuse(_ operation: StorageError.Operation, _ ending: String, _ code: Int32) {
        state.withLock { state in
            state.refuse = { $0 == operation && $1.hasSuffix(ending) ? code : nil }
        }
    }

    func refuseNothing() { state.withLock { $0.refuse = nil } }
}

/// Who meets a full disk, or a quota, and what then holds.
struct FullPlace: CustomTestStringConvertible, Sendable {
    var operation: StorageError.Operation
    var ending: String
    var code: Int32
    var testDescription: String { "\(operation.rawValue) of *\(ending), errno \(code)" }

    static let ofTheWriter = [ENOSPC, EDQUOT].flatMap { code in
        [
            FullPlace(operation: .create, ending: ".open.lz4", code: code),
            FullPlace(operation: .create, ending: "manifest.tmp", code: code),
            FullPlace(operation: .write, ending: "manifest.tmp", code: code),
            FullPlace(operation: .rename, ending: "manifest.tmp", code: code),
        ]
    }
    static let ofTheSealer = [ENOSPC, EDQUOT].flatMap { code in
        [
            FullPlace(operation: .create, ending: "-0000.lz4.tmp", code: code),
            FullPlace(operation: .write, ending: "-0000.lz4.tmp", code: code),
            FullPlace(operation: .rename, ending: "-0000.lz4.tmp", code: code),
        ]
    }
}

@Suite struct `A full disk` {
    @Test(arguments: FullPlace.ofTheWriter)
    func `at a roll or a manifest leaves appends and reads alone, says so, and is waited out`(
        _ place: FullPlace
    ) throws {
        let storage = MemoryStorage()
        var (log, model) = try Failing.filled(storage)
        try log.seal()
        let segments = log.stat().segments.count
        storage.refuse(place.operation, place.ending, place.code)
        for _ in 0..<20 { try model.write(5, to: log) }
        #expect(log.stat().segments.count == segments, "the active segment goes on over its size")
        #expect(log.failure == nil)
        expectNone(try model.problems(in: log), "full")
        let error = #expect(throws: LogError.self) { try log.seal() }
        guard case .storage(let refused) = error, refused.code == place.code else {
            Issue.record("seal() says \(String(describing: error))")
            return
        }
        storage.refuseNothing()
        #expect(eventually { isSealed(log) })
        try model.write(5, to: log)
        expectNone(try model.problems(in: log), "space again")
        expectNone(try log.verify().problems, "space again")
        log.close()
        let again = try Failing.open(storage.afterPowerCut())
        expectNone(model.reopened(again), "later")
        expectNone(try model.problems(in: again), "later")
        again.close()
    }

    private func isSealed(_ log: EventLog) -> Bool {
        do { try log.seal() } catch { return false }
        return !log.stat().segments.contains { $0.state == .closed }
    }

    @Test(arguments: FullPlace.ofTheSealer)
    func `at a seal leaves appends, rolls and reads alone, and no half-written file in their way`(
        _ place: FullPlace
    ) throws {
        let storage = MemoryStorage()
        storage.refuse(place.operation, place.ending, place.code)
        var (log, model) = try Failing.filled(storage, 100)
        #expect(log.stat().segments.count > 2)
        #expect(eventually { log.stat().sealFailure != nil })
        #expect(log.failure == nil)
        #expect(eventually { storage.contents("00000000000000000000-0000.lz4.tmp") == nil })
        try model.write(5, to: log)
        expectNone(try model.problems(in: log), "full")
        storage.refuseNothing()
        #expect(eventually { isSealed(log) })
        expectNone(try model.problems(in: log), "space again")
        expectNone(try log.verify().problems, "space again")
        log.close()
    }

    @Test func `at an erasure leaves the old edition, and the erasure can be asked for again`()
        throws
    {
        let storage = MemoryStorage()
        var (log, model) = try Failing.filled(storage)
        try log.seal()
        for operation in [StorageError.Operation.create, .write, .rename] {
            storage.refuse(operation, "-0001.lz4.tmp", ENOSPC)
            #expect(throws: LogError.self) { try log.erase([Offset(3)], reference: "x") }
            expectNone(try model.problems(in: log), "\(operation)")
        }
        storage.refuseNothing()
        model.erasing([Offset(3)])
        try log.erase([Offset(3)], reference: "x")
        model.erased([Offset(3)])
        try model.write(5, to: log)
        expectNone(try model.problems(in: log), "erased")
        #expect(try log.verify().problems.isEmpty)
        log.close()
    }

    @Test func `does not keep a log from being opened and read`() throws {
        let storage = MemoryStorage()
        var (log, model) = try Failing.filled(storage)
        // Nothing is left whose removal gives space back.
        try log.seal()
        try model.write(3, to: log)
        log.close()
        let torn = storage.afterPowerCut()
        storage.state.withLock { $0.space = 0 }
        torn.state.withLock { $0.space = 0 }
        let file = try #require(try torn.list().first { $0.hasSuffix(".open.lz4") })
        torn.replace(file, with: try #require(torn.contents(file)) + [1, 2, 3])
        for image in [storage, torn] {
            let again = try Failing.open(image)
            expectNone(model.reopened(again), "full")
            expectNone(try model.problems(in: again), "full")
            _ = try again.append(model.drafts(1))
            #expect(eventually { again.stat().isDiskFull })
            #expect(throws: AppendRefusal.diskFull) { try again.append(model.drafts(1)) }
            again.close()
        }
    }

    @Test func `keeps a new log from being made, and leaves nothing that is taken for one`() throws
    {
        // Header and manifest need 351 bytes, and the names a little.
        for space in stride(from: 0, to: 351, by: 13) {
            let storage = MemoryStorage()
            storage.state.withLock { $0.space = space }
            #expect(throws: LogError.self, "space \(space)") { try Failing.open(storage) }
            storage.state.withLock { $0.space = nil }
            let (log, model) = try Failing.filled(storage, 10)
            expectNone(try model.problems(in: log), "space \(space)")
            log.close()
        }
    }

    @Test func `of any size: every byte up to which a disk may have filled up`() throws {
        for space in stride(from: 500, to: 12_000, by: 61) {
            let storage = MemoryStorage()
            storage.state.withLock { $0.space = space }
            var model = LogModel()
            let log = try Failing.open(storage)
            var isFull = false
            while !isFull {
                let ticket: AppendTicket
                do throws(AppendRefusal) { ticket = try log.append(model.drafts(3)) } catch {
                    #expect(error == .diskFull, "space \(space)")
                    isFull = true
                    continue
                }
                model.appended(ticket)
                _ = log.blockingWait(past: Offset(ticket.end.value - 1), milliseconds: 1)
            }
            expectNone(try model.problems(in: log), "space \(space)")
            // The machine stops, or there is space again.
            let image = storage.afterPowerCut(.sectorsOf(space))
            storage.state.withLock { $0.space = nil }
            try log.waitUntilDurable(log.stat().nextOffset)
            expectNone(try model.problems(in: log), "space \(space), later")
            log.close()
            let again = try Failing.open(image)
            expectNone(model.reopened(again), "space \(space), cut")
            expectNone(try model.problems(in: again), "space \(space), cut")
            again.close()
        }
    }
}

extension Survival {
    static func sectorsOf(_ seed: Int) -> Survival {
        Survival(.sectors(seed: UInt64(seed)), directoryChanges: nil)
    }
}
