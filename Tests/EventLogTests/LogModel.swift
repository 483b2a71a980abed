import EventLog
import Testing

/// What a log must hold, kept beside it by a test that crashes it.
struct LogModel {
    /// The number of the draft at an offset, of everything that was given one.
    private(set) var numbers: [UInt64: Int] = [:]
    /// What was promised to be there: below this offset.
    private(set) var acknowledged: UInt64 = 0
    /// Offsets whose erasure was asked for, and those of calls that returned.
    private(set) var erasing: Set<UInt64> = []
    private(set) var erased: Set<UInt64> = []
    /// By the digits of its base, the file of a segment after its last erasure that returned.
    private var rewritten: [String: String] = [:]
    /// The next draft's number.
    private(set) var next = 0

    /// Some more drafts, never made before.
    mutating func drafts(_ count: Int) -> [RecordDraft] {
        defer { next += count }
        return (next..<next + count).map(Self.draft)
    }

    /// The last `ticket.count` drafts were given the ticket's offsets.
    mutating func appended(_ ticket: AppendTicket) {
        for place in 0..<ticket.count {
            numbers[ticket.first.value + UInt64(place)] = next - ticket.count + place
        }
    }

    mutating func acknowledge(_ ticket: AppendTicket) {
        acknowledged = max(acknowledged, ticket.end.value)
    }

    /// Somebody saw everything below `end`: that is a promise, too (L5).
    mutating func acknowledge(upTo end: UInt64) { acknowledged = max(acknowledged, end) }

    mutating func erasing(_ offsets: [Offset]) { erasing.formUnion(offsets.map(\.value)) }

    /// The erasure of `offsets` returned.
    mutating func erased(_ offsets: [Offset], in log: EventLog) {
        erased.formUnion(offsets.map(\.value))
        for segment in log.stat().segments
        where offsets.contains(where: {
            segment.base <= $0 && $0 < segment.base + Int(segment.count)
        }) {
            rewritten[String(segment.file.prefix(20))] = segment.file
        }
    }

    /// Files on a disk, not opened yet, that still hold a line whose erasure returned.
    func filesWithErasedLines(on disk: MemoryStorage) throws -> [String] {
        try disk.list().filter { name in
            guard name.hasSuffix(".lz4"), let now = rewritten[String(name.prefix(20))] else {
                return false
            }
            return name.hasSuffix(".open.lz4") || name < now
        }
    }

    /// A log was opened again: what it does not have now is gone, and what it has is there for good.
    /// What nobody was promised may have been lost by an open that a crash stopped in turn, which then gave the
    /// offset to a record of the log's own. Returns what is wrong with that.
    mutating func reopened(_ log: EventLog) -> [String] {
        let end = log.recovery.durableEnd.value
        if numbers.keys.contains(where: { acknowledged <= $0 && $0 < end }) {
            for record in (try? log.readAll())?.records ?? []
            where record.offset >= acknowledged && record.kind >= 240 && record.kind != 242 {
                numbers[record.offset] = nil
            }
        }
        defer {
            numbers = numbers.filter { $0.key < end }
            acknowledged = end
        }
        return end < acknowledged ? ["\(end) of \(acknowledged) records are there"] : []
    }

    /// Everything in `log` that is not as it must be.
    func problems(in log: EventLog) throws -> [String] {
        var problems: [String] = []
        // What is announced meanwhile may be read as well.
        let end = log.durableEnd.value
        let (records, damages) = try log.readAll()
        problems += damages.map { "\($0)" }
        if end < acknowledged { problems.append("\(end) of \(acknowledged) records are there") }
        if UInt64(records.count) < end || records.enumerated().contains(where: { $0 != $1.offset })
        {
            problems.append("the \(records.count) records are not dense, in order, once")
        }
        for record in records { problems += problem(record).map { [$0] } ?? [] }
        return problems
    }

    /// Why `record` is not the one that must be at its offset, or nil. It may have been read before its
    /// line was erased.
    func problem(_ record: Seen, beforeErasure: Bool = false) -> String? {
        let offset = record.offset
        switch record.kind {
        case 242:
            return erasing.contains(offset) ? nil : "offset \(offset) is a tombstone unasked"
        case 240...: return numbers[offset] == nil ? nil : "offset \(offset) is the log's own"
        default:
            if erased.contains(offset), !beforeErasure {
                return "offset \(offset) was erased and is back"
            }
            guard let number = numbers[offset] else {
                return "offset \(offset) was never appended"
            }
            return record.matches(Self.draft(number)) ? nil : "offset \(offset) is a wrong record"
        }
    }

    /// A draft of 150 to 500 bytes, now and then 3,000, that do not compress away.
    static func draft(_ number: Int) -> RecordDraft {
        var random = SeededRandom(seed: UInt64(number))
        let words = number % 40 == 39 ? 180 : Int.random(in: 0...20, using: &random)
        let noise = (0..<words).map { _ in String(random.next(), radix: 16) }.joined()
        let name = "Event \(number % 7)"
        let tail =
            "\"kind\":\"event\",\"source\":\"web\",\"received\":\"2026-01-01T00:00:00.000000Z\","
            + "\"changed\":[],\"body\":{\"number\":\(number),\"noise\":\"\(noise)\"}}"
        return RecordDraft(
            kind: UInt8(number % 3 + 1), source: "web", name: name,
            occurred: Int64(number) * 1_000_003 - 50, keys: Make.keys(number),
            tail: Array(tail.utf8))
    }
}

extension EventLog {
    /// Files that are there and need not be, and files that are not and must be, while the log is open and
    /// has nothing to seal. It may roll just now: then it is looked at again.
    func unexpectedFiles(on storage: MemoryStorage) throws -> [String] {
        var found: [String] = []
        _ = try eventually {
            let must = Set(stat().segments.map(\.file) + ["manifest"])
            found = Set(try storage.list()).symmetricDifference(must).sorted()
            return found.isEmpty
        }
        return found
    }
}

/// Records an issue that says what was found, and where, unless nothing was.
func expectNone(
    _ problems: [some CustomStringConvertible], _ what: @autoclosure () -> String,
    at location: SourceLocation = #_sourceLocation
) {
    guard let first = problems.first else { return }
    Issue.record("\(what()): \(first) (\(problems.count) in all)", sourceLocation: location)
}
