import CustomerModel
import EventLog
import JSONText

/// Reads from the log what a look judges. Blocking.
struct Lookout {
    let projection: LiveProjection
    /// The attempt that was read last: many events were told by one request.
    private var attempt: (offset: Offset, record: AttemptRecord?)?

    init(projection: LiveProjection) { self.projection = projection }

    /// The record at an offset; nil where it cannot be read, which the projection is told (L9).
    func line(at offset: Offset, _ reader: inout LogReader) throws -> (
        line: [UInt8], meta: FoldLine
    )? {
        var found: (line: [UInt8], meta: FoldLine)?
        _ = try reader.forEachReadable(from: offset, to: offset + 1, needs: .lines) { view in
            found = (
                Array(view.line),
                FoldLine(
                    source: view.knownSource, occurred: view.occurred, keys: Array(view.keys))
            )
            return .next
        } unreadable: { damage in
            projection.notice(damage)
            return .stop
        }
        return found
    }

    /// An event with what the attempt at `attempt` told of it.
    mutating func line(at offset: Offset, toldBy attempt: Offset, _ reader: inout LogReader) throws
        -> (line: [UInt8], meta: FoldLine)?
    {
        guard var found = try line(at: offset, &reader) else { return nil }
        let record = try record(of: attempt, &reader)
        found.meta.told = record?.told(at: offset.value)
        return found
    }

    private mutating func record(of offset: Offset, _ reader: inout LogReader) throws
        -> AttemptRecord?
    {
        if let attempt, attempt.offset == offset { return attempt.record }
        var record: AttemptRecord?
        if let line = try line(at: offset, &reader)?.line {
            var parser = JSONParser(limits: JSONLimits(maximumBytes: 64 << 20))
            record = try parser.parse(line) { try $0["body"].map { try AttemptRecord($0) } }
        }
        attempt = (offset, record)
        return record
    }
}

extension AttemptRecord {
    /// What it says of an event.
    package func told(at offset: UInt64) -> ToldMember? {
        members.first { $0.at == offset && $0.audience == nil }
            .map { ToldMember(plan: plan, member: $0) }
    }
}
