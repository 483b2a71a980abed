import EventLog
import Foundation
import Synchronization

/// Drafts, logs and helpers for the tests of the log.
enum Make {
    /// A draft whose content follows from `number`, so that a reader can be held against it.
    static func draft(_ number: Int, padding: Int = 40) -> RecordDraft {
        let pad = String(repeating: "abcdefghij", count: padding / 10)
        let name = "Event \(number % 7)"
        let tail =
            "\"kind\":\"event\",\"source\":\"web\",\"received\":\"2026-01-01T00:00:00.000000Z\","
            + "\"changed\":[],\"body\":{\"number\":\(number),\"event\":\"\(name)\","
            + "\"pad\":\"\(pad)\"}}"
        return RecordDraft(
            kind: UInt8(number % 3 + 1), source: "web", name: name,
            occurred: Int64(number) * 1_000_003 - 50, keys: keys(number), tail: Array(tail.utf8))
    }

    /// Two keys: one of its own, one shared by every fifth record.
    static func keys(_ number: Int) -> [UInt64] {
        [spread(UInt64(number) + 1000), spread(UInt64(number % 5))]
    }

    /// SplitMix64: spreads like SipHash does.
    static func spread(_ seed: UInt64) -> UInt64 {
        var z = seed &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    static func drafts(_ numbers: Range<Int>, padding: Int = 40) -> [RecordDraft] {
        numbers.map { draft($0, padding: padding) }
    }

    /// A clock that goes on by a second a call, and salts that follow from a counter.
    static func configuration(sealing: LogConfiguration.Sealing = .off) -> LogConfiguration {
        var configuration = LogConfiguration()
        configuration.sealing = sealing
        configuration.extractor = 7
        let ticks = Ticks()
        configuration.clock = { 1_767_225_600_000_000 + Int64(ticks.next()) * 1_000_000 }
        let salts = Ticks()
        configuration.randomBytes = { count in
            let start = salts.next()
            return (0..<count).map {
                UInt8(truncatingIfNeeded: spread(UInt64(start) << 32 | UInt64($0)))
            }
        }
        return configuration
    }
}

final class Ticks: Sendable {
    private let count = Atomic<Int>(0)
    func next() -> Int { count.add(1, ordering: .relaxed).oldValue }
}

/// What a test compares of a record.
struct Seen: Equatable {
    var offset: UInt64
    var kind: UInt8
    var recorded: Int64
    var occurred: Int64
    var source: String?
    var name: String?
    var keys: [UInt64]
    var line: String

    init(_ record: borrowing RecordView) {
        offset = record.offset.value
        kind = record.kind
        recorded = record.recorded
        occurred = record.occurred
        source = record.source
        name = record.name
        keys = Array(record.keys)
        line = String(decoding: record.line, as: UTF8.self)
    }

    /// Whether this is what came of draft `number` at its own offset.
    func matches(_ draft: RecordDraft) -> Bool {
        kind == draft.kind && occurred == draft.occurred && source == draft.source
            && name == draft.name && keys == draft.keys
            && line.hasPrefix("{\"v\":1,\"offset\":\(offset),\"recorded\":\"")
            && line.hasSuffix("\"," + String(decoding: draft.tail, as: UTF8.self))
    }
}

extension EventLog {
    /// All records that can be read, skipping damage; the damages come second.
    func readAll() throws -> (records: [Seen], damages: [Damage]) {
        var reader = makeReader()
        var records: [Seen] = []
        var damages: [Damage] = []
        var from = Offset(0)
        while from < durableEnd {
            do {
                from = try reader.forEach(from: from, to: durableEnd, needs: .lines) { record in
                    records.append(Seen(record))
                    return .next
                }
            } catch LogError.damaged(let damage) {
                damages.append(damage)
                let past = Offset(max(damage.offsets.upperBound, (records.last?.offset ?? 0) + 1))
                guard past > from else { break }
                from = past
            }
        }
        return (records, damages)
    }

    /// Appends and waits.
    @discardableResult
    func write(_ drafts: [RecordDraft]) throws -> AppendTicket {
        let ticket = try append(drafts)
        try blockingWaitDurable(ticket)
        return ticket
    }

    /// Whether the log reads back as drafts `0..<count`, ignoring the log's own records.
    func holds(_ count: Int, padding: Int = 40) throws -> Bool {
        let (records, damages) = try readAll()
        let own = records.filter { $0.kind < 240 }
        guard damages.isEmpty, own.count == count else { return false }
        return own.enumerated().allSatisfy { $1.matches(Make.draft($0, padding: padding)) }
    }
}

/// Polls until `condition` holds, at most ten seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
        if try condition() { return true }
        usleep(2000)
    }
    return try condition()
}

/// A directory of the operating system that is removed at the end.
final class TemporaryDirectory {
    let path: String
    init() {
        path = NSTemporaryDirectory() + "sluice-log-" + UUID().uuidString
    }
    deinit {
        // Left-over files of a test are no failure of it.
        do { try FileManager.default.removeItem(atPath: path) } catch {}
    }
}

enum ProcessInfoPid {
    static var current: Int32 { ProcessInfo.processInfo.processIdentifier }
}

extension EventLog {
    /// Waits for everything before `end`.
    func waitUntilDurable(_ end: Offset) throws {
        guard end > Offset(0) else { return }
        try blockingWaitDurable(AppendTicket(first: Offset(end.value - 1), count: 1, recorded: 0))
    }
}
