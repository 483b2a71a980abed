import EventLog
import Synchronization
import Testing

@Suite struct `Tombstones` {
    static func filled(
        _ storage: any LogStorage, _ count: Int = 200
    ) throws -> (log: EventLog, configuration: LogConfiguration) {
        var configuration = Make.configuration(sealing: .background)
        configuration.rollRawBytes = 8_000
        configuration.frameBytes = 600
        configuration.sealedFrameBytes = 1_500
        let log = try EventLog.open(storage: storage, configuration: configuration)
        for number in stride(from: 0, to: count, by: 10) {
            try log.write(Make.drafts(number..<min(count, number + 10)))
        }
        return (log, configuration)
    }

    /// The offset of draft `number`; the log's own records stand between.
    static func offset(of number: Int, in log: EventLog) throws -> Offset {
        let own = try log.readAll().records.filter { $0.kind < 240 }
        return Offset(own[number].offset)
    }

    static func roots(_ log: EventLog) -> [UInt64: String] {
        var roots: [UInt64: String] = [:]
        for segment in log.stat().segments { roots[segment.base.value] = segment.merkleRoot }
        return roots
    }

    @Test func `L8: an erased line is gone, its offset and the Merkle root stay`() throws {
        let storage = MemoryStorage()
        let (log, configuration) = try Self.filled(storage)
        try log.seal()
        let before = try log.readAll().records
        let roots = Self.roots(log)
        let victims = before.filter { $0.kind < 240 && $0.offset % 7 == 3 }.map {
            Offset($0.offset)
        }
        let report = try log.erase(victims, reference: "erasure-1")
        #expect(report.erased == victims.count)
        #expect(report.segments > 1)
        for log in [log, try reopened(log, storage, configuration)] {
            let after = try log.readAll()
            #expect(after.damages.isEmpty)
            for record in before {
                let now = after.records[Int(record.offset)]
                #expect(now.offset == record.offset)
                if victims.contains(Offset(record.offset)) {
                    #expect(now.kind == 242 && now.keys.isEmpty && now.name == "tombstone")
                    #expect(now.line.contains("\"reference\":\"erasure-1\""))
                    #expect(!now.line.contains("\"number\""))
                } else {
                    #expect(now == record)
                }
            }
            for segment in log.stat().segments where segment.merkleRoot != nil {
                if let root = roots[segment.base.value] { #expect(segment.merkleRoot == root) }
            }
            let verified = try log.verify()
            #expect(verified.problems.isEmpty)
            let names = Set(storage.state.withLock { Array($0.names.keys) })
            for segment in log.stat().segments where segment.edition > 0 {
                #expect(names.contains(segment.file))
                let old = segment.file.replacing("-0001.lz4", with: "-0000.lz4")
                #expect(!names.contains(old), "\(old) is still there")
            }
        }
    }

    private func reopened(
        _ log: EventLog, _ storage: MemoryStorage, _ configuration: LogConfiguration
    ) throws -> EventLog {
        log.close()
        let again = try EventLog.open(storage: storage, configuration: configuration)
        #expect(again.recovery.findings.isEmpty)
        return again
    }

    @Test func `a name that only erased records had is gone from the dictionary`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration(sealing: .background)
        configuration.sealedFrameBytes = 1_500
        let log = try EventLog.open(storage: storage, configuration: configuration)
        var draft = Make.draft(0)
        draft.name = "Secret Event Name"
        try log.write([draft] + Make.drafts(1..<30))
        try log.erase([Offset(0)], reference: "e")
        let name = try #require(
            storage.state.withLock { $0.names.keys.first { $0.hasSuffix("-0001.lz4") } })
        #expect(try #require(storage.contents(name)).contains(text: "Event 3"))
        #expect(!(try #require(storage.contents(name)).contains(text: "Secret Event Name")))
        #expect(try log.verify().problems.isEmpty)
        log.close()
    }

    @Test func `erasing again changes nothing, and erasing more makes a further edition`() throws {
        let storage = MemoryStorage()
        let (log, _) = try Self.filled(storage, 60)
        let first = try Self.offset(of: 5, in: log)
        #expect(try log.erase([first], reference: "a") == EraseReport(erased: 1, segments: 1))
        #expect(try log.erase([first], reference: "b") == EraseReport())
        let second = try Self.offset(of: 0, in: log)
        let more = try log.erase([first, second], reference: "c")
        #expect(more == EraseReport(erased: 1, segments: 1))
        #expect(log.stat().segments.first?.edition == 2)
        var reader = log.makeReader()
        let line = try #require(try reader.line(at: first))
        #expect(String(decoding: line, as: UTF8.self).contains("\"reference\":\"a\""))
        #expect(try log.verify().problems.isEmpty)
        log.close()
    }

    @Test func `what cannot be erased is refused, and nothing changes`() throws {
        let storage = MemoryStorage()
        let (log, _) = try Self.filled(storage)
        try log.seal()
        #expect(throws: LogError.self) { try log.erase([log.durableEnd], reference: "x") }
        #expect(throws: LogError.self) { try log.erase([Offset(0)], reference: "") }
        #expect(throws: LogError.self) { try log.erase([Offset(0)], reference: "a\"b") }
        let own = try #require(try log.readAll().records.first { $0.kind == 240 })
        #expect(throws: LogError.self) { try log.erase([Offset(own.offset)], reference: "x") }
        #expect(log.stat().segments.allSatisfy { $0.edition == 0 })
        log.close()
    }

    @Test func `a seal's record names each edition's columns, and the same root`() throws {
        let storage = MemoryStorage()
        let (log, _) = try Self.filled(storage, 30)
        try log.erase([Offset(1)], reference: "x")
        #expect(
            try eventually {
                try log.readAll().records.filter {
                    $0.kind == 240 && $0.line.contains("\"segment\":0,")
                }.count == 2
            })
        let seals = try log.readAll().records.filter {
            $0.kind == 240 && $0.line.contains("\"segment\":0,")
        }
        let root = try #require(log.stat().segments[0].merkleRoot)
        #expect(seals.allSatisfy { $0.line.contains("\"root\":\"\(root)\"") })
        #expect(seals[1].line.contains("\"edition\":1"))
        log.close()
    }

    @Test func `a reader that is inside a segment while it is rewritten sees no gap and no repeat`()
        throws
    {
        let storage = MemoryStorage()
        let (log, _) = try Self.filled(storage, 300)
        try log.seal()
        let end = log.durableEnd
        var reader = log.makeReader()
        // The log's own records cannot be erased, and the sealer puts them where it happens to be.
        let late = try Self.offset(of: 270, in: log)
        var seen: [UInt64] = []
        var erasures = 0
        _ = try reader.forEach(from: Offset(0), to: end, needs: .lines) { record in
            seen.append(record.offset.value)
            if record.kind < 240, seen.count >= erasures * 40 + 5 {
                erasures += 1
                try log.erase([record.offset, late], reference: "r")
            }
            return .next
        }
        #expect(erasures >= 7)
        #expect(seen == Array(0..<end.value))
        #expect(try log.verify().problems.isEmpty)
        log.close()
    }
}

extension [UInt8] {
    func contains(text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard count >= wanted.count else { return false }
        return indices.dropLast(wanted.count - 1).contains { place in
            self[place] == wanted[0] && self[place..<place + wanted.count].elementsEqual(wanted)
        }
    }
}
