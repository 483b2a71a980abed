internal import CustomerModel
internal import EventLog
internal import JSONText
internal import Projections

/// Reads out of the log what a collector knows (L5), past what cannot be read (L9).
struct CollectorOpener {
    private let log: EventLog
    private var reader: LogReader
    private var parser = JSONParser()
    private(set) var index: MessageIndex
    private var newestEvent: UInt64?
    /// When the newest tick happened.
    private(set) var newestTick: Int64?
    private var suppressionOffsets: [UInt64] = []
    /// What could not be read.
    private(set) var damages: [Damage]

    init(log: EventLog) {
        self.log = log
        reader = log.makeReader()
        let stat = log.stat()
        let records = stat.segments.reduce(0) { $0 + Int($1.count) }
        index = MessageIndex(expecting: records, space: OffsetSpace(of: stat))
        damages = log.recovery.damages.filter { !$0.offsets.isEmpty }
    }

    /// Reads every column.
    mutating func scan() throws {
        var lost: [Damage] = []
        _ = try reader.forEachReadable(
            from: Offset(0), to: log.durableEnd, needs: .columns
        ) { record in
            switch record.kind {
            case RecordKind.event.rawValue:
                if let hash = record.keys.first {
                    index.insert(hash: hash, offset: record.offset.value)
                }
                // Which of them are places shows when somebody asks for one.
                if let second = record.keys.dropFirst().first, EventExtractor.isPlaceKey(second) {
                    index.insert(hash: second, offset: record.offset.value)
                }
                newestEvent = record.offset.value
            case RecordKind.tick.rawValue:
                newestTick = record.occurred
            case RecordKind.suppression.rawValue:
                suppressionOffsets.append(record.offset.value)
            default:
                break
            }
            return .next
        } unreadable: { damage in
            lost.append(damage)
            return .next
        }
        for damage in lost {
            // A message that comes again may be one of these: nobody can tell, so it is refused until
            // somebody can (see ``RecordedMessages``).
            for key in reader.quarantine(damage).keys ?? [] {
                index.insert(hash: key, offset: damage.offsets.lowerBound)
            }
        }
        damages += lost
    }

    /// The log's suppressions; those whose records cannot be read are in ``damages``.
    mutating func suppressions() throws -> [SuppressionRecord] {
        var found: [SuppressionRecord] = []
        for offset in suppressionOffsets {
            try withLine(offset) { line in
                if let body = line["body"] { found.append(try SuppressionRecord(body)) }
            }
        }
        return found
    }

    /// How the newest event came (T2).
    mutating func newest() throws -> AsIfLivePace.Newest {
        guard let newestEvent else { return .none }
        // One that cannot be read was not played, for all that anybody knows.
        var newest = AsIfLivePace.Newest.other
        try withLine(newestEvent) { line in
            if line["asIfLive"]?.bool == true { newest = .asIfLive }
        }
        return newest
    }

    private mutating func withLine(_ offset: UInt64, _ body: (JSONView) throws -> Void) throws {
        let line: [UInt8]?
        do {
            line = try reader.line(at: Offset(offset))
        } catch LogError.damaged(let damage) {
            damages.append(damage)
            return
        }
        try line?.withUnsafeBytes { try parser.parseTrusted($0, body) }
    }
}

extension OffsetSpace {
    /// The offsets that a log has: gaps stand only between its segments (L3).
    init(of stat: LogStat) {
        self.init()
        var end: UInt64 = 0
        var count: UInt64 = 0
        for segment in stat.segments {
            if segment.base.value > end { begin(at: segment.base.value, row: count) }
            end = segment.base.value + segment.count
            count += segment.count
        }
    }
}
