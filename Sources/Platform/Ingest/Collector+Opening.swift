internal import CustomerModel
public import EventLog
internal import JSONText
internal import Synchronization

extension Collector {
    /// Rebuilds what the collector knows from the log's columns, up to its durable end (L5): every message
    /// id's hash, the suppressed subjects, and what the newest event is.
    ///
    /// Blocks for about a second per ten million events; call it on a thread of your own.
    ///
    public static func open(
        log: EventLog, rejects: RejectFile, limits: CollectLimits = CollectLimits()
    ) throws -> Collector {
        try open(log: log, rejects: rejects, limits: limits, keyMask: .max)
    }

    /// The same; a test narrows `keyMask`, so that unlike message ids share a hash.
    package static func open(
        log: EventLog, rejects: RejectFile, limits: CollectLimits, keyMask: UInt64
    ) throws -> Collector {
        let end = log.durableEnd
        var index = MessageIndex(expecting: Int(end.value))
        var newestEvent: UInt64?
        var newestTick: Int64?
        var suppressionOffsets: [UInt64] = []
        var reader = log.makeReader()
        _ = try reader.forEach(from: Offset(0), to: end, needs: .columns) { record in
            switch record.kind {
            case RecordKind.event.rawValue:
                if let hash = record.keys.first {
                    index.insert(hash: hash, offset: record.offset.value)
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
        }
        let suppressions = SuppressionList()
        var newest = AsIfLivePace.Newest.none
        var parser = JSONParser()
        for offset in suppressionOffsets {
            try Self.withLine(offset, &reader, &parser) { line in
                guard let body = line["body"] else { return }
                let record = try SuppressionRecord(body)
                suppressions.insert(type: record.type, value: record.value)
            }
        }
        if let newestEvent {
            try Self.withLine(newestEvent, &reader, &parser) { line in
                newest = line["asIfLive"]?.bool == true ? .asIfLive : .other
            }
        }
        return Collector(
            log: log, rejects: rejects, suppressions: suppressions, limits: limits,
            keyMask: keyMask,
            state: CollectorState(
                index: index, recent: RecentMessages(),
                pace: AsIfLivePace(newest: newest, lastTick: newestTick)))
    }

    private static func withLine(
        _ offset: UInt64, _ reader: inout LogReader, _ parser: inout JSONParser,
        _ body: (JSONView) throws -> Void
    ) throws {
        guard let line = try reader.line(at: Offset(offset)) else { return }
        try line.withUnsafeBytes { try parser.parseTrusted($0, body) }
    }
}
