import EventLog
import Foundation
import Synchronization
import Testing

@Suite struct `Readers of a log that rolls, seals and rewrites fast` {
    private static func configuration() -> LogConfiguration {
        var configuration = Failing.configuration()
        configuration.rollRawBytes = 1_500
        configuration.frameBytes = 400
        configuration.sealedFrameBytes = 700
        return configuration
    }

    @Test func `see no gap, no repeat and no wrong record, with one rewrite after another`() throws
    {
        let log = try EventLog.open(
            storage: MemoryStorage(), configuration: Self.configuration())
        let tails = (0..<3).map { _ in TailReader(of: log, from: Offset(0)) }
        var model = LogModel()
        var random = SeededRandom(seed: 3)
        for round in 0..<200 {
            try model.write(Int.random(in: 1...6, using: &random), to: log)
            guard round % 4 == 3 else { continue }
            let known = model.numbers.keys.sorted()
            let offsets = (0..<3).compactMap { _ in known.randomElement(using: &random) }
            model.erasing(offsets.map { Offset($0) })
            try log.erase(offsets.map { Offset($0) }, reference: "r")
            model.erased(offsets.map { Offset($0) })
        }
        let end = log.durableEnd
        for tail in tails {
            #expect(eventually { tail.seenEnd >= end.value })
            let result = tail.finish()
            #expect(result.gap == nil && result.error == nil)
            expectNone(
                result.seen.compactMap { model.problem($0, beforeErasure: true) }, "a tail")
        }
        #expect(log.stat().segments.count > 50)
        expectNone(try model.problems(in: log), "at the end")
        log.close()
    }

    @Test func `and readers that begin anywhere at any time see the same`() throws {
        let log = try EventLog.open(
            storage: MemoryStorage(), configuration: Self.configuration())
        let progress = Mutex(LogModel())
        let isDone = Atomic(false)
        let writing = Thread {
            for round in 0..<150 {
                do {
                    let ticket = try progress.withLock { model in
                        let ticket = try log.append(model.drafts(4))
                        model.appended(ticket)
                        return ticket
                    }
                    try log.blockingWaitDurable(ticket)
                    if round % 5 == 4 {
                        let victim = Offset(ticket.first.value / 2)
                        let isOwn = progress.withLock { model in
                            guard model.numbers[victim.value] != nil else { return true }
                            model.erasing([victim])
                            return false
                        }
                        if !isOwn { try log.erase([victim], reference: "r") }
                    }
                } catch { Issue.record("\(error)") }
            }
            isDone.store(true, ordering: .releasing)
        }
        writing.start()
        var random = SeededRandom(seed: 4)
        var reader = log.makeReader()
        var rounds = 0
        while !isDone.load(ordering: .acquiring) || rounds < 20 {
            rounds += 1
            let end = log.durableEnd.value
            let from = UInt64.random(in: 0...end, using: &random)
            var seen: [Seen] = []
            _ = try reader.forEach(from: Offset(from), to: Offset(end), needs: .lines) {
                seen.append(Seen($0))
                return .next
            }
            #expect(seen.map(\.offset) == Array(from..<end))
            let problems = progress.withLock { model in
                seen.compactMap { model.problem($0, beforeErasure: true) }
            }
            expectNone(problems, "from \(from)")
            if rounds % 10 == 0 { expectNone(try log.verify().problems, "verify meanwhile") }
        }
        log.close()
    }

    @Test func `closing waits for a rewrite, so that the next writer never meets one`() throws {
        for round in 0..<30 {
            let storage = MemoryStorage()
            var (log, model) = try Failing.filled(storage, 60)
            try log.seal()
            let first = log
            let erasing = Thread {
                do { try first.erase([Offset(1), Offset(20)], reference: "first") } catch {}
            }
            erasing.start()
            for _ in 0..<round { usleep(20) }
            log.close()
            log = try Failing.open(storage)
            model.erasing([Offset(1), Offset(2), Offset(20)])
            expectNone(model.reopened(log), "round \(round)")
            try log.erase([Offset(2)], reference: "second")
            expectNone(try model.problems(in: log), "round \(round)")
            expectNone(try log.verify().problems, "round \(round)")
            log.close()
        }
    }
}
