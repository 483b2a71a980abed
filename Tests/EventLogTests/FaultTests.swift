import EventLog
import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct `Lost permission` {
    static let codes = [EACCES, EPERM, EROFS]

    @Test(arguments: codes)
    func `while a log runs ends appends at the next roll; reads go on, and the next open is whole`(
        _ code: Int32
    ) throws {
        for (operation, ending) in [
            (StorageError.Operation.create, ".open.lz4"), (.create, "manifest.tmp"),
            (.rename, "manifest.tmp"),
        ] {
            let storage = MemoryStorage()
            var (log, model) = try Failing.filled(storage, 20)
            storage.refuse(operation, ending, code)
            var refusal: LogError?
            do { while true { try model.write(5, to: log) } } catch let error as LogError {
                refusal = error
            } catch AppendRefusal.failed(let error) { refusal = error }
            guard case .storage(let error)? = refusal else {
                Issue.record("\(operation): \(String(describing: refusal))")
                continue
            }
            #expect(error.code == code && error.file.hasSuffix(ending))
            #expect(log.failure == .storage(error))
            expectNone(try model.problems(in: log), "\(operation)")
            log.close()
            storage.refuseNothing()
            let again = try Failing.open(storage)
            expectNone(model.reopened(again), "\(operation)")
            try model.write(5, to: again)
            expectNone(try model.problems(in: again), "\(operation)")
            again.close()
        }
    }

    @Test(arguments: codes)
    func `to remove a replaced file ends appends after a seal, and loses nothing`(_ code: Int32)
        throws
    {
        let storage = MemoryStorage()
        var (log, model) = try Failing.filled(storage, 60, .off)
        log.close()
        storage.refuse(.unlink, ".open.lz4", code)
        let again = try Failing.open(storage)
        expectNone(model.reopened(again), "again")
        #expect(eventually { again.failure != nil })
        expectNone(try model.problems(in: again), "failed")
        again.close()
        // What could not be removed cannot be removed at open either.
        #expect(throws: LogError.self) { try Failing.open(storage) }
        storage.refuseNothing()
        let last = try Failing.open(storage)
        expectNone(model.reopened(last), "last")
        try last.seal()
        expectNone(try model.problems(in: last), "last")
        last.close()
    }

    @Test(arguments: codes)
    func `to make sealed files leaves segments closed, and appends go on`(_ code: Int32) throws {
        let storage = MemoryStorage()
        storage.refuse(.create, "-0000.lz4.tmp", code)
        var (log, model) = try Failing.filled(storage, 60)
        #expect(eventually { log.stat().sealFailure != nil })
        try model.write(5, to: log)
        #expect(throws: LogError.self) { try log.seal() }
        #expect(log.failure == nil)
        expectNone(try model.problems(in: log), "refused")
        log.close()
    }

    @Test(arguments: codes)
    func `to read a sealed file is an error of the storage, not damage, and passes`(_ code: Int32)
        throws
    {
        let storage = MemoryStorage()
        var (log, model) = try Failing.filled(storage, 60)
        try log.seal()
        log.close()
        let again = try Failing.open(storage)
        expectNone(model.reopened(again), "again")
        storage.refuse(.open, "-0000.lz4", code)
        var reader = again.makeReader()
        let error = #expect(throws: LogError.self) { try reader.line(at: Offset(0)) }
        guard case .storage(let refused) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(refused.code == code)
        try model.write(5, to: again)
        storage.refuseNothing()
        expectNone(try model.problems(in: again), "readable again")
        again.close()
    }

    @Test(arguments: codes)
    func `at open refuses the open, names the file, and changes nothing`(_ code: Int32) throws {
        let storage = MemoryStorage()
        let (log, model) = try Failing.filled(storage, 60)
        log.close()
        let active = try #require(try storage.list().last { $0.hasSuffix(".open.lz4") })
        for file in ["manifest", active] {
            storage.refuse(.open, file, code)
            let error = #expect(throws: LogError.self) { try Failing.open(storage) }
            guard case .storage(let refused) = error else {
                Issue.record("\(file): \(String(describing: error))")
                continue
            }
            #expect(refused.file == file && refused.code == code)
        }
        storage.refuseNothing()
        var known = model
        let again = try Failing.open(storage)
        expectNone(known.reopened(again), "again")
        expectNone(try known.problems(in: again), "again")
        again.close()
    }
}

@Suite struct `Reads that fail or lie` {
    /// A sealed log, its files, and what it must hold.
    private func sealed() throws -> (storage: MemoryStorage, model: LogModel, files: [String]) {
        let storage = MemoryStorage()
        let (log, model) = try Failing.filled(storage, 40)
        try log.seal()
        try log.waitUntilDurable(log.stat().nextOffset)
        log.close()
        return (storage, model, try storage.list().filter { $0.hasSuffix("lz4") })
    }

    @Test
    func `EIO at any place is an error or hidden by a cache, never a wrong record, and passes`()
        throws
    {
        let (storage, model, files) = try sealed()
        for file in files + ["manifest"] {
            let size = try #require(storage.contents(file)).count
            for position in stride(from: 0, to: size, by: 157) {
                let what = "\(file) unreadable at \(position)"
                storage.state.withLock { $0.unreadable = [file: position..<position + 1] }
                look(storage, model, what)
                storage.state.withLock { $0.unreadable = [:] }
            }
        }
        let log = try Failing.open(storage, .off)
        var whole = model
        expectNone(whole.reopened(log), "readable again")
        expectNone(try whole.problems(in: log), "readable again")
        #expect(try log.verify().problems.isEmpty)
        log.close()
    }

    @Test func `a flipped bit at any place of a sealed segment is named, never a wrong record`()
        throws
    {
        let (storage, model, files) = try sealed()
        for file in files where file.hasSuffix("-0000.lz4") {
            let size = try #require(storage.contents(file)).count
            for position in stride(from: 0, to: size, by: 31) {
                storage.state.withLock { $0.flips = [file: (position, 0x08)] }
                look(storage, model, "\(file) lies at \(position)")
            }
        }
        storage.state.withLock { $0.flips = [:] }
        let log = try Failing.open(storage, .off)
        expectNone(try model.problems(in: log), "true again")
        log.close()
    }

    /// Opens and reads: errors are fine, wrong or missing records without an error are not.
    private func look(_ storage: MemoryStorage, _ model: LogModel, _ what: String) {
        let before = storage.state.withLock { $0.syncs }
        do {
            let log = try Failing.open(storage, .off)
            defer { log.close() }
            var reader = log.makeReader()
            var next: UInt64 = 0
            while next < log.durableEnd.value {
                do {
                    let end = try reader.forEach(
                        from: Offset(next), to: log.durableEnd, needs: .lines
                    ) { record in
                        let seen = Seen(record)
                        expectNone(
                            [seen.offset == next ? nil : "a gap", model.problem(seen)]
                                .compactMap { $0 }, what)
                        next += 1
                        return .next
                    }
                    next = end.value
                } catch LogError.damaged(let damage) {
                    guard damage.offsets.upperBound > next else { return }
                    next = damage.offsets.upperBound
                }
            }
        } catch is LogError {
            // Refused to open, or to read on: nothing was said.
        } catch { Issue.record("\(what): \(error)") }
        #expect(storage.state.withLock { $0.syncs } - before < 6)
    }
}

@Suite struct `Clocks` {
    /// A wall clock that is set by hand.
    final class Wall: Sendable {
        private let now = Atomic<Int64>(1_767_225_600_000_000)
        var value: Int64 { now.load(ordering: .relaxed) }
        func set(_ time: Int64) { now.store(time, ordering: .relaxed) }
        func advance(seconds: Int64) { now.add(seconds * 1_000_000, ordering: .relaxed) }
    }

    static let year: Int64 = 365 * 24 * 3600

    private func configuration(_ wall: Wall) -> LogConfiguration {
        var configuration = Failing.configuration(.off)
        configuration.rollRawBytes = 1 << 30
        configuration.rollAgeSeconds = 3600
        configuration.clock = { wall.value }
        return configuration
    }

    private func recorded(_ log: EventLog) throws -> [Int64] {
        try log.readAll().records.map(\.recorded)
    }

    @Test func `L6: recorded never goes backwards, whatever the clock does, nor across an open`()
        throws
    {
        let wall = Wall()
        let storage = MemoryStorage()
        var model = LogModel()
        var random = SeededRandom(seed: 6)
        for _ in 0..<10 {
            let log = try EventLog.open(storage: storage, configuration: configuration(wall))
            expectNone(model.reopened(log), "opened")
            for _ in 0..<10 {
                let jump = [-100 * Self.year, -3600, -1, 0, 0, 1, 3600, 100 * Self.year]
                wall.advance(seconds: jump.randomElement(using: &random) ?? 0)
                try model.write(1, to: log)
            }
            let times = try recorded(log)
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
            expectNone(try log.verify().problems, "verify")
            log.close()
        }
    }

    @Test func `a clock that was far ahead and is set back rolls by age again after one age`()
        throws
    {
        let wall = Wall()
        let storage = MemoryStorage()
        var log = try EventLog.open(storage: storage, configuration: configuration(wall))
        var model = LogModel()
        let start = wall.value
        wall.set(start + 10 * Self.year * 1_000_000)
        try model.write(1, to: log)
        wall.set(start)
        for round in 0..<3 {
            let segments = log.stat().segments.count
            var seconds = 0
            repeat {
                try model.write(1, to: log)
                wall.advance(seconds: 100)
                seconds += 100
            } while log.stat().segments.count == segments && seconds < 10_000
            // The writer may see the clock an append or two later than the test.
            #expect(seconds >= 3600 && seconds < 5000, "round \(round): \(seconds)")
            // What recovery says of the active segment's age is as far ahead.
            try model.write(1, to: log)
            log.close()
            log = try EventLog.open(storage: storage, configuration: configuration(wall))
            expectNone(model.reopened(log), "round \(round)")
        }
        log.close()
    }

    @Test func `a jump ahead rolls once, and not at every append`() throws {
        let wall = Wall()
        let log = try EventLog.open(storage: MemoryStorage(), configuration: configuration(wall))
        var model = LogModel()
        try model.write(1, to: log)
        wall.advance(seconds: 10 * Self.year)
        for _ in 0..<20 { try model.write(1, to: log) }
        #expect(log.stat().segments.count == 2)
        log.close()
    }

    @Test func `a clock that is set back while the disk is full does not put the retry off`() throws
    {
        let wall = Wall()
        let storage = MemoryStorage()
        var configuration = configuration(wall)
        configuration.sealing = .background
        let log = try EventLog.open(storage: storage, configuration: configuration)
        var model = LogModel()
        try model.write(5, to: log)
        storage.refuse(.create, "manifest.tmp", ENOSPC)
        #expect(throws: LogError.self) { try log.seal() }
        wall.advance(seconds: -Self.year)
        storage.refuseNothing()
        #expect(
            eventually {
                do { try log.seal() } catch { return false }
                return log.stat().segments.first?.state == .sealed
            })
        log.close()
    }
}

@Suite struct `Two writers` {
    @Test func `a second process is refused, told who writes, and leaves the log alone`()
        async throws
    {
        let directory = TemporaryDirectory()
        var (log, model) = try Failing.filledDirectory(directory.path)
        let path = directory.path
        let writer = ProcessInfo.processInfo.processIdentifier
        await #expect(processExitsWith: .exitCode(17)) {
            [path = path as String, writer = writer as Int32] in
            do throws(LogError) {
                try EventLog.restricted(path).close()
            } catch { exit(error == .locked(holder: writer) ? 17 : 18) }
            exit(19)
        }
        try model.write(5, to: log)
        log.close()
        // And with the writer gone the other process may write.
        await #expect(processExitsWith: .exitCode(21)) { [path = path as String] in
            let log = try EventLog.restricted(path)
            try log.write(Make.drafts(0..<3))
            log.close()
            exit(21)
        }
        log = try EventLog.restricted(directory.path)
        #expect(log.recovery.durableEnd.value == UInt64(model.next + 3))
        log.close()
    }

    @Test func `a process that was killed holds no lock`() async throws {
        let directory = TemporaryDirectory()
        let path = directory.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let log = try EventLog.restricted(path)
            try log.write(Make.drafts(0..<7))
            _ = try log.append(Make.drafts(7..<9))
            kill(getpid(), SIGKILL)
        }
        let log = try EventLog.restricted(directory.path)
        #expect(log.recovery.durableEnd >= Offset(7))
        #expect(try log.holds(Int(log.recovery.durableEnd.value)))
        log.close()
    }
}

extension EventLog {
    static func restricted(_ path: String) throws(LogError) -> EventLog {
        do { return try open(directory: path, configuration: Make.configuration()) } catch {
            guard let error = error as? LogError else { throw .manifest("\(error)") }
            throw error
        }
    }
}

extension Failing {
    static func filledDirectory(_ path: String) throws -> (log: EventLog, model: LogModel) {
        let log = try EventLog.restricted(path)
        var model = LogModel()
        try model.write(10, to: log)
        return (log, model)
    }
}
