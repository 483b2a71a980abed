@testable import EventLog

/// Small real logs, the same at every run.
enum SmallLog {
    static let records = 15

    static func draft(_ number: Int) -> RecordDraft {
        let body = String(repeating: "\(number % 4)", count: number * 7 % 40)
        let tail =
            "\"kind\":\"event\",\"source\":\"web\",\"changed\":[],\"body\":{\"n\":\(number),\"b\":\"\(body)\"}}"
        return RecordDraft(
            kind: UInt8(number % 3 + 1), source: number % 2 == 0 ? "web" : "app",
            name: "Event \(number % 4)", occurred: Int64(number) * 1_000_003 - 50,
            keys: [spread(number + 1000), spread(number % 5)], tail: Array(tail.utf8))
    }

    /// Makes the columns of any line, after a fashion.
    static let extractor = Extractor(number: 7) { line in
        Extractor.Extracted(
            kind: 1, source: "web", name: "Event \(line.count % 4)", occurred: Int64(line.count),
            keys: [spread(line.count)])
    }

    private static func spread(_ number: Int) -> UInt64 {
        var random = Random(seed: UInt64(number))
        return random.next()
    }

    static func configuration(_ sealing: LogConfiguration.Sealing) -> LogConfiguration {
        var configuration = LogConfiguration()
        configuration.sealing = sealing
        configuration.extractor = 7
        configuration.frameBytes = 400
        configuration.sealedFrameBytes = 900
        configuration.clock = { 1_767_225_600_000_000 }
        configuration.randomBytes = { count in
            (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37) }
        }
        return configuration
    }

    /// One active segment of five commits, and the lines in it.
    static func open() throws -> (storage: MemoryStorage, lines: [[UInt8]]) {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: configuration(.off))
        for first in stride(from: 0, to: records, by: 3) {
            try log.blockingWaitDurable(try log.append((first..<first + 3).map(draft)))
        }
        defer { log.close() }
        return (storage, try lines(of: log))
    }

    /// Two sealed segments and an active one.
    static func sealed() throws -> (storage: MemoryStorage, lines: [[UInt8]]) {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: configuration(.background))
        for first in stride(from: 0, to: records, by: 5) {
            for number in first..<first + 5 {
                try log.blockingWaitDurable(try log.append([draft(number)]))
            }
            if first < 10 { try log.seal() }
        }
        defer { log.close() }
        return (storage, try lines(of: log))
    }

    /// The sealed one with tombstones in it.
    static func erased() throws -> MemoryStorage {
        let storage = try sealed().storage.afterPowerCut()
        let log = try EventLog.open(storage: storage, configuration: configuration(.background))
        defer { log.close() }
        try log.erase([Offset(1), Offset(2), Offset(8)], reference: "request 7")
        return storage
    }

    /// The sealed one in its second incarnation.
    static func restored() throws -> MemoryStorage {
        let storage = MemoryStorage()
        _ = try EventLog.restore(
            from: sealed().storage.afterPowerCut(), to: storage, incarnation: nil, damaged: .refuse,
            configuration: configuration(.off))
        return storage
    }

    private static func lines(of log: EventLog) throws -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var reader = log.makeReader()
        _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: .lines) { record in
            lines.append(Array(record.line))
            return .next
        }
        return lines
    }

    static func file(_ storage: MemoryStorage, ending: String) throws -> [UInt8] {
        guard let name = try storage.list().first(where: { $0.hasSuffix(ending) }),
            let bytes = storage.contents(name)
        else { stop("the small log has no file \(ending)") }
        return bytes
    }
}
