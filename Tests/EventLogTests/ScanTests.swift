import EventLog
import Testing

@Suite struct `Batches of columns` {
    /// Sealed segments, a closed one, and an active one; frames of some records each.
    private static func filled() throws -> (log: EventLog, all: [Seen]) {
        var configuration = Make.configuration(sealing: .background)
        configuration.rollRawBytes = 9_000
        configuration.frameBytes = 900
        configuration.sealedFrameBytes = 1_800
        let log = try EventLog.open(storage: MemoryStorage(), configuration: configuration)
        for number in stride(from: 0, to: 240, by: 8) {
            try log.write(Make.drafts(number..<number + 8, padding: number % 5 * 20))
            if number == 160 { try log.seal() }
        }
        return (log, try log.readAll().records)
    }

    @Test func `hold what the records hold, whatever the range`() throws {
        let (log, all) = try Self.filled()
        var reader = log.makeReader()
        for (from, to) in [(0, UInt64.max), (17, 200), (100, 101), (250, 240)] as [(UInt64, UInt64)]
        {
            var next = from
            let end = try reader.forEachBatch(from: Offset(from), to: Offset(to)) { batch in
                #expect(batch.first == Offset(next))
                for row in 0..<batch.count {
                    let seen = all[Int(next)]
                    #expect(
                        batch.kinds[row] == seen.kind && batch.recorded[row] == seen.recorded
                            && batch.occurred[row] == seen.occurred
                            && batch.text(batch.sourceSymbols[row]) == seen.source
                            && batch.text(batch.nameSymbols[row]) == seen.name
                            && batch.lineLengths[row] == UInt32(seen.line.utf8.count + 1),
                        "offset \(next)")
                    next += 1
                }
                return .next
            }
            let last = max(from, min(to, UInt64(all.count)))
            #expect(next == last && end == Offset(last))
        }
    }

    @Test func `find a key in the records that carry it`() throws {
        let (log, all) = try Self.filled()
        var reader = log.makeReader()
        for key in [Make.keys(33)[1], Make.keys(200)[0], Make.keys(7)[0], 12345] {
            var found: [UInt64] = []
            _ = try reader.forEachBatch(from: Offset(3), to: Offset(236)) { batch in
                found += try batch.places(holding: key).map { batch.first.value + UInt64($0) }
                return .next
            }
            let expected = all.filter {
                $0.offset >= 3 && $0.offset < 236 && $0.keys.contains(key)
            }
            #expect(found == expected.map(\.offset))
        }
    }

    @Test func `pass over frames without a record of the kinds, and stop when told`() throws {
        let (log, _) = try Self.filled()
        var reader = log.makeReader()
        var batches = 0
        let end = try reader.forEachBatch(from: Offset(0), to: log.durableEnd, kinds: [240]) {
            batch in
            #expect(batch.kinds.contains(240))
            batches += 1
            return .next
        }
        #expect(batches > 0 && end == log.durableEnd)
        var first = 0
        let stopped = try reader.forEachBatch(from: Offset(0), to: log.durableEnd) { batch in
            first = batch.count
            return .stop
        }
        #expect(stopped == Offset(UInt64(first)))
    }
}

@Suite struct `Look-ups` {
    @Test func `give each line, in whatever order they are asked for`() throws {
        var configuration = Make.configuration(sealing: .background)
        configuration.sealedFrameBytes = 400_000
        let log = try EventLog.open(storage: MemoryStorage(), configuration: configuration)
        // Long enough that a frame has several LZ4 blocks, and compressible.
        for number in stride(from: 0, to: 3000, by: 100) {
            try log.write(Make.drafts(number..<number + 100, padding: 400))
            if number == 2000 { try log.seal() }
        }
        let all = try log.readAll().records
        var reader = log.makeReader()
        var seed: UInt64 = 5
        for _ in 0..<2000 {
            seed = Make.spread(seed)
            let offset = seed % UInt64(all.count)
            let line = try reader.line(at: Offset(offset))
            #expect(line.map { String(decoding: $0, as: UTF8.self) } == all[Int(offset)].line)
        }
    }

    @Test func `find keys that are not spread as hashes are`() throws {
        let log = try EventLog.open(
            storage: MemoryStorage(), configuration: Make.configuration(sealing: .background))
        // All in one bucket by their leading bits, by their trailing bits, at both ends, and repeated.
        let keys = (0..<500).map { number -> [UInt64] in
            let number = UInt64(number)
            let top: UInt64 = 0xFFFF_0000_0000_0000
            return [number, number << 17, number << 40 | 99, .max - number % 50, top | number]
        }
        let drafts = keys.enumerated().map { number, keys in
            var draft = Make.draft(number)
            draft.keys = keys
            return draft
        }
        for start in stride(from: 0, to: 500, by: 50) {
            try log.write(Array(drafts[start..<start + 50]))
        }
        func check() throws {
            var reader = log.makeReader()
            for key in Set(keys.joined()) {
                let found = try reader.candidates(for: key, from: Offset(0), to: Offset(500))
                let expected = keys.indices.filter { keys[$0].contains(key) }
                #expect(found == expected.map { Offset(UInt64($0)) }, "key \(key)")
            }
        }
        try check()
        try log.seal()
        try check()
    }
}
