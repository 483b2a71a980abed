import EventLog
import Foundation
import Synchronization
import Testing

@Suite struct `Appending and reading` {
    @Test func `what was appended is read back, also after reopening`() throws {
        let storage = MemoryStorage()
        let configuration = Make.configuration()
        let log = try EventLog.open(storage: storage, configuration: configuration)
        #expect(log.recovery.findings == [.created])
        #expect(log.durableEnd == Offset(0))
        for start in stride(from: 0, to: 300, by: 30) {
            let ticket = try log.write(Make.drafts(start..<start + 30))
            #expect(ticket.first == Offset(UInt64(start)) && ticket.count == 30)
        }
        #expect(try log.holds(300))
        log.close()
        let again = try EventLog.open(storage: storage, configuration: configuration)
        #expect(again.recovery.findings.isEmpty)
        #expect(again.durableEnd == Offset(300))
        #expect(try again.holds(300))
        try again.write(Make.drafts(300..<320))
        #expect(try again.holds(320))
        again.close()
    }

    @Test func `a directory of the operating system works the same`() throws {
        let directory = TemporaryDirectory()
        let log = try EventLog.open(directory: directory.path, configuration: Make.configuration())
        try log.write(Make.drafts(0..<1000))
        log.close()
        let again = try EventLog.open(
            directory: directory.path, configuration: Make.configuration())
        #expect(try again.holds(1000))
        again.close()
    }

    @Test func `a task waits for durability without blocking`() async throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        let ticket = try log.append(Make.drafts(0..<10))
        try await log.waitDurable(ticket)
        #expect(log.durableEnd == Offset(10))
        try await log.waitDurable(through: Offset(9))
        try await log.waitDurable(AppendTicket(first: Offset(10), count: 0, recorded: 0))
        log.close()
        await #expect(throws: LogError.closed) { try await log.waitDurable(through: Offset(10)) }
        #expect(throws: AppendRefusal.closed) { try log.append(Make.drafts(0..<1)) }
    }

    @Test func `one line is read by its offset, and none past the durable end`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        for start in stride(from: 0, to: 100, by: 10) {
            try log.write(Make.drafts(start..<start + 10))
        }
        var reader = log.makeReader()
        for number in [0, 99, 50, 51, 9, 10, 0] {
            let line = try #require(try reader.line(at: Offset(UInt64(number))))
            let text = String(decoding: line, as: UTF8.self)
            #expect(text.contains("\"offset\":\(number),"))
            #expect(text.hasSuffix(String(decoding: Make.draft(number).tail, as: UTF8.self)))
        }
        #expect(try reader.line(at: Offset(100)) == nil)
        log.close()
    }

    @Test func `candidates are the offsets that carry a key, ascending`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        for start in stride(from: 0, to: 200, by: 8) {
            try log.write(Make.drafts(start..<start + 8))
        }
        var reader = log.makeReader()
        let shared = try reader.candidates(
            for: Make.spread(3), from: Offset(0), to: Offset(1000))
        let every: [UInt64] = (0..<200).filter { $0 % 5 == 3 }
        #expect(shared.map(\.value) == every)
        let own = try reader.candidates(
            for: Make.keys(77)[0], from: Offset(0), to: log.durableEnd)
        #expect(own == [Offset(77)])
        let part = try reader.candidates(for: Make.spread(3), from: Offset(10), to: Offset(20))
        #expect(part.map(\.value) == [13, 18])
        #expect(try reader.candidates(for: 12345, from: Offset(0), to: log.durableEnd).isEmpty)
        log.close()
    }

    @Test func `a walk keeps to its range, its kinds, and stops when told`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        try log.write(Make.drafts(0..<100))
        var reader = log.makeReader()
        var seen: [UInt64] = []
        let end = try reader.forEach(
            from: Offset(10), to: Offset(40), needs: .columns, kinds: [2]
        ) { record in
            seen.append(record.offset.value)
            #expect(record.line.isEmpty && record.kind == 2 && record.lineLength > 100)
            #expect(Array(record.keys) == Make.keys(Int(record.offset.value)))
            return .next
        }
        #expect(end == Offset(40))
        let second: [UInt64] = (10..<40).filter { $0 % 3 == 1 }
        #expect(seen == second)
        let stopped = try reader.forEach(from: Offset(0), to: Offset(90), needs: .lines) { record in
            record.offset == Offset(25) ? .stop : .next
        }
        #expect(stopped == Offset(26))
        #expect(
            try reader.forEach(from: Offset(500), to: Offset(600), needs: .lines) { _ in .next }
                == Offset(500))
        log.close()
    }

    @Test func `L6: recorded never goes backwards with the clock, and is searched by time`() throws
    {
        let storage = MemoryStorage()
        let now = Mutex<Int64>(0)
        var configuration = Make.configuration()
        configuration.clock = { now.withLock { $0 } }
        let log = try EventLog.open(storage: storage, configuration: configuration)
        let clock: [Int64] = [1_000_000, 5_000_000, 3_000_000, 4_000_000, 9_000_000]
        for (number, time) in clock.enumerated() {
            now.withLock { $0 = time }
            let ticket = try log.write([Make.draft(number)])
            #expect(ticket.recorded == clock[...number].max())
        }
        log.close()
        now.withLock { $0 = 2_000_000 }
        let again = try EventLog.open(storage: storage, configuration: configuration)
        #expect(try again.write([Make.draft(5)]).recorded == 9_000_000)
        var recorded: [Int64] = []
        var reader = again.makeReader()
        _ = try reader.forEach(from: Offset(0), to: Offset(6), needs: .columns) { record in
            recorded.append(record.recorded)
            return .next
        }
        #expect(recorded == [1, 5, 5, 5, 9, 9].map { $0 * 1_000_000 })
        #expect(try reader.firstOffset(recordedAtOrAfter: 5_000_000) == Offset(1))
        #expect(try reader.firstOffset(recordedAtOrAfter: 5_000_001) == Offset(4))
        #expect(try reader.firstOffset(recordedAtOrAfter: 0) == Offset(0))
        #expect(try reader.firstOffset(recordedAtOrAfter: 10_000_000) == Offset(6))
        let line = String(decoding: try #require(try reader.line(at: Offset(2))), as: UTF8.self)
        #expect(line.contains("\"recorded\":\"1970-01-01T00:00:05.000000Z\""))
        again.close()
    }

    @Test func `L3: offsets are dense, and each of many appenders finds its records at its own`()
        throws
    {
        let storage = MemoryStorage()
        let log = try EventLog.open(
            storage: storage, configuration: `Rolling and sealing`.configuration())
        let tickets = Mutex<[(ticket: AppendTicket, first: Int)]>([])
        let threads = (0..<8).map { thread in
            Thread {
                for round in 0..<20 {
                    let first = thread * 1000 + round * 7
                    do {
                        let ticket = try log.write(Make.drafts(first..<first + 7))
                        tickets.withLock { $0.append((ticket, first)) }
                    } catch { Issue.record("\(error)") }
                }
            }
        }
        for thread in threads { thread.start() }
        #expect(eventually { tickets.withLock { $0.count } == 160 })
        let records = try log.readAll().records
        for (ticket, first) in tickets.withLock({ $0 }) {
            for number in 0..<7 {
                let record = records[Int(ticket.first.value) + number]
                #expect(record.matches(Make.draft(first + number)))
            }
        }
        log.close()
    }

    @Test func `a copy of a reader has buffers of its own`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        try log.write(Make.drafts(0..<50))
        var reader = log.makeReader()
        var inner = reader
        var number = 0
        _ = try reader.forEach(from: Offset(0), to: Offset(50), needs: .lines) { record in
            let other = try inner.line(at: Offset(49 - record.offset.value))
            #expect(other != nil)
            #expect(Seen(record).matches(Make.draft(number)))
            number += 1
            return .next
        }
        #expect(number == 50)
        log.close()
    }

    @Test func `drafts over a limit are refused before any has an offset`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        func refused(_ change: (inout RecordDraft) -> Void) -> Bool {
            var draft = Make.draft(1)
            change(&draft)
            do throws(AppendRefusal) { _ = try log.append([Make.draft(0), draft]) } catch {
                if case .invalid(index: 1, _) = error { return true }
            }
            return false
        }
        #expect(refused { $0.kind = 240 })
        #expect(refused { $0.keys = Array(repeating: 1, count: 33) })
        #expect(refused { $0.tail = [] })
        #expect(refused { $0.tail = Array("\"kind\":1".utf8) })
        #expect(refused { $0.tail = Array("{}".utf8) })
        #expect(refused { $0.tail.insert(0x0A, at: 20) })
        #expect(
            refused {
                $0.tail.insert(contentsOf: repeatElement(0x20, count: 5 << 20), at: 20)
            })
        #expect(log.durableEnd == Offset(0))
        try log.write([Make.draft(0)])
        #expect(try log.holds(1))
        log.close()
    }

    @Test func `the largest line, a nameless and an unprintable name are kept`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        var large = Make.draft(0)
        large.tail.insert(contentsOf: repeatElement(0x20, count: 4 << 20), at: large.tail.count - 2)
        var odd = Make.draft(1)
        odd.name = ""
        var control = Make.draft(2)
        control.name = "a\u{18}b"
        var long = Make.draft(3)
        long.name = String(repeating: "x", count: 513)
        try log.write([large, odd, control, long])
        let (records, damages) = try log.readAll()
        #expect(damages.isEmpty)
        #expect(records.map(\.name) == ["Event 0", "", nil, nil])
        #expect(records[0].line.utf8.count > 4 << 20)
        log.close()
    }

    @Test func `past 65,535 names the line has to be read`() throws {
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        let drafts = (0..<65_540).map { number in
            var draft = Make.draft(number, padding: 0)
            draft.name = "name \(number)"
            draft.keys = []
            return draft
        }
        try log.write(drafts)
        var reader = log.makeReader()
        var last: [String?] = []
        _ = try reader.forEach(from: Offset(65_530), to: log.durableEnd, needs: .columns) {
            record in
            last.append(record.name)
            return .next
        }
        // Number 0 is the source "web".
        let named: [String?] = (65_530..<65_534).map { "name \($0)" }
        #expect(last == named + [nil, nil, nil, nil, nil, nil])
        log.close()
    }
}
