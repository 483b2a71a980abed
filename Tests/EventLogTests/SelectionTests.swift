import EventLog
import Synchronization
import Testing

@Suite struct `A selection` {
    /// Sealed segments, closed ones, and an active one with more records than frames.
    private static func filled() throws -> (log: EventLog, all: [Seen]) {
        let storage = MemoryStorage()
        var configuration = Make.configuration(sealing: .background)
        configuration.rollRawBytes = 9_000
        configuration.frameBytes = 700
        configuration.sealedFrameBytes = 1_500
        let log = try EventLog.open(storage: storage, configuration: configuration)
        for number in stride(from: 0, to: 240, by: 8) {
            try log.write(Make.drafts(number..<number + 8))
            if number == 160 { try log.seal() }
        }
        return (log, try log.readAll().records)
    }

    private static func read(
        _ log: EventLog, _ selection: Selection, from: UInt64 = 0, to: UInt64 = .max
    ) throws -> [Seen] {
        var reader = log.makeReader()
        var seen: [Seen] = []
        _ = try reader.forEach(
            of: selection, from: Offset(from), to: Offset(to), needs: .lines
        ) { record in
            seen.append(Seen(record))
            return .next
        }
        return seen
    }

    @Test func `gives just the records of a name, a kind, a key, a time, and of all together`()
        throws
    {
        let (log, all) = try Self.filled()
        let key = Make.keys(33)[1]
        let times = all.map(\.recorded)
        let range = times[60]..<times[170]
        // Segments are sealed meanwhile, and each seal appends a record: stop at what was seen.
        let end = UInt64(all.count)
        for (from, to) in [(0, end), (17, 200), (100, 101), (250, 240)] as [(UInt64, UInt64)] {
            let inRange = all.filter { $0.offset >= from && $0.offset < to }
            #expect(
                try Self.read(log, Selection(name: "Event 3"), from: from, to: to)
                    == inRange.filter { $0.name == "Event 3" })
            #expect(
                try Self.read(log, Selection(kinds: [2, 240]), from: from, to: to)
                    == inRange.filter { $0.kind == 2 || $0.kind == 240 })
            #expect(
                try Self.read(log, Selection(key: key), from: from, to: to)
                    == inRange.filter { $0.keys.contains(key) })
            #expect(
                try Self.read(log, Selection(recorded: range), from: from, to: to)
                    == inRange.filter { range.contains($0.recorded) })
            let together = Selection(kinds: [1], name: "Event 3", key: key, recorded: range)
            #expect(
                try Self.read(log, together, from: from, to: to)
                    == inRange.filter {
                        $0.kind == 1 && $0.name == "Event 3" && $0.keys.contains(key)
                            && range.contains($0.recorded)
                    })
        }
        #expect(try Self.read(log, Selection(name: "Nobody")).isEmpty)
        #expect(try Self.read(log, Selection(key: 4)).isEmpty)
        log.close()
    }

    @Test func `does not read frames that hold none`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration(sealing: .background)
        configuration.frameBytes = 700
        configuration.sealedFrameBytes = 1_500
        let log = try EventLog.open(storage: storage, configuration: configuration)
        var rare = Make.draft(0)
        rare.name = "Rare"
        rare.kind = 9
        try log.write(Make.drafts(0..<200) + [rare] + Make.drafts(200..<400))
        for round in 0..<2 {
            if round == 1 { try log.seal() }
            for selection in [
                Selection(name: "Rare"), Selection(kinds: [9]), Selection(key: rare.keys[0]),
            ] {
                var reader = log.makeReader()
                _ = try reader.line(at: Offset(0))
                _ = try Self.read(log, selection)
                let before = storage.state.withLock { $0.bytesRead }
                var found: [UInt64] = []
                _ = try reader.forEach(
                    of: selection, from: Offset(0), to: log.durableEnd,
                    needs: .columnsWithoutKeys
                ) { record in
                    found.append(record.offset.value)
                    return .next
                }
                let bytes = storage.state.withLock { $0.bytesRead } - before
                #expect(found.contains(200))
                #expect(found.count <= 2)
                // Two frames of columns, and from a sealed segment a few pages of its index.
                #expect(bytes < 12_000, "\(bytes) bytes were read")
            }
        }
        log.close()
    }

    @Test func `a name that no dictionary could hold is handed out by its line`() throws {
        let storage = MemoryStorage()
        let log = try EventLog.open(
            storage: storage, configuration: Make.configuration(sealing: .background))
        var long = Make.draft(3)
        long.name = String(repeating: "n", count: 600)
        try log.write([Make.draft(0), long, Make.draft(1)])
        for round in 0..<2 {
            if round == 1 { try log.seal() }
            let found = try Self.read(log, Selection(name: long.name))
            #expect(found.map(\.offset) == [1])
            #expect(found.first?.name == nil)
        }
        log.close()
    }

    @Test func `L9: damaged columns are no absence: the reader says that it cannot know`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration()
        configuration.frameBytes = 600
        let log = try EventLog.open(storage: storage, configuration: configuration)
        for number in stride(from: 0, to: 60, by: 6) {
            try log.write(Make.drafts(number..<number + 6))
        }
        log.close()
        let file = try #require(
            storage.state.withLock { $0.names.keys.first { $0.hasSuffix("open.lz4") } })
        var bytes = try #require(storage.contents(file))
        // Inside the columns of the third frame or so.
        bytes[bytes.count / 3] ^= 0x40
        storage.replace(file, with: bytes)
        let again = try EventLog.open(storage: storage, configuration: configuration)
        let damage = try #require(again.recovery.damages.first)
        var reader = again.makeReader()
        let known = reader.quarantine(damage)
        #expect(known.offsets == damage.offsets)
        if known.keys == nil {
            #expect(throws: LogError.self) { try Self.read(again, Selection(key: 4)) }
        } else {
            #expect(known.keys == Set(damage.offsets.flatMap { Make.keys(Int($0)) }).sorted())
            #expect(known.kinds == Set(damage.offsets.map { UInt8($0 % 3 + 1) }).sorted())
        }
        again.close()
    }
}

@Suite struct `A quarantine` {
    /// One sealed segment of several frames, and the names of its file.
    private static func sealed() throws -> (MemoryStorage, LogConfiguration, String) {
        let storage = MemoryStorage()
        var configuration = Make.configuration(sealing: .background)
        configuration.frameBytes = 700
        configuration.sealedFrameBytes = 1_500
        let log = try EventLog.open(storage: storage, configuration: configuration)
        try log.write(Make.drafts(0..<60))
        try log.seal()
        log.close()
        let file = try #require(
            storage.state.withLock { $0.names.keys.first { $0.hasSuffix("-0000.lz4") } })
        return (storage, configuration, file)
    }

    private static func expectedKeys(_ offsets: Range<UInt64>) -> [UInt64] {
        Set(offsets.flatMap { Make.keys(Int($0)) }).sorted()
    }

    @Test(arguments: [200, 400, 800, 1_600, 2_400])
    func `L9: of a sealed segment's frame, columns or index still name every key and kind`(
        _ position: Int
    ) throws {
        let (storage, configuration, file) = try Self.sealed()
        var bytes = try #require(storage.contents(file))
        bytes[min(position, bytes.count - 200)] ^= 0x21
        storage.replace(file, with: bytes)
        let log = try EventLog.open(storage: storage, configuration: configuration)
        var reader = log.makeReader()
        for damage in try log.readAll().damages {
            let known = reader.quarantine(damage)
            if let keys = known.keys {
                #expect(Set(Self.expectedKeys(damage.offsets)).isSubset(of: keys))
            }
            if let kinds = known.kinds {
                #expect(Set(damage.offsets.map { UInt8($0 % 3 + 1) }).isSubset(of: kinds))
            }
            // The data frame is bad and the footer is not: everything is known.
            #expect(known.keys == Self.expectedKeys(damage.offsets))
        }
        log.close()
    }

    @Test func `L9: of a missing file nothing is known`() throws {
        let (storage, configuration, file) = try Self.sealed()
        storage.replace(file, with: nil)
        let log = try EventLog.open(storage: storage, configuration: configuration)
        let damage = try #require(log.recovery.damages.first)
        var reader = log.makeReader()
        let known = reader.quarantine(damage)
        #expect(known.keys == nil)
        #expect(known.kinds == nil)
        log.close()
    }
}
