import EventLog
import Foundation
import JSONText
import Platform
import Projections
import Testing

@Suite struct `A message id` {
    @Test func `counts once within a source and again in another`() async throws {
        let desk = try Desk()
        let first = try await desk.collect(track("m1"), track("m2"))
        #expect(first.accepted == 2)
        let again = try await desk.collect(track("m2"), track("m3"))
        #expect(again.accepted == 1)
        #expect(again.duplicates == 1)
        let elsewhere = try await desk.collect(track("m1"), source: "app")
        #expect(elsewhere.accepted == 1)
        #expect(try desk.lines().count == 4)
    }

    @Test func `counts once within a batch, the first winning`() async throws {
        let desk = try Desk()
        let outcome = try await desk.collect(
            track("m1", event: "First"), track("m1", event: "Second"), track("m2"),
            track("m1", event: "Third"))
        #expect(outcome.accepted == 2)
        #expect(outcome.duplicates == 2)
        #expect(try desk.lines()[0]["body"]?["event"]?.string == "First")
    }

    @Test func `L7: is told from another whose hash is the same`() async throws {
        // With eight bits of hash, a thousand ids share 256 hashes.
        let mask: UInt64 = 0xFF << 40
        let desk = try Desk(keyMask: mask)
        let ids = (0..<1_000).map { track("id-\($0)") }
        #expect(try await desk.collect(ids).accepted == 1_000)
        #expect(try await desk.collect(ids).duplicates == 1_000)
        // And once more when only the log remembers them.
        let later = try desk.reopened(keyMask: mask)
        let outcome = try await later.collect(Array(ids[0..<50]) + [track("new")])
        #expect(outcome.duplicates == 50)
        #expect(outcome.accepted == 1)
    }

    @Test func `is known after a restart`() async throws {
        let desk = try Desk()
        try await desk.collect(track("m1"), track("m2"))
        let later = try desk.reopened()
        let outcome = try await later.collect(track("m1"), track("m3"))
        #expect(outcome.accepted == 1)
        #expect(outcome.duplicates == 1)
    }

    @Test func `that many requests bring at once is stored by one of them`() async throws {
        let desk = try Desk()
        let outcomes = try await withThrowingTaskGroup(of: CollectOutcome.self) { group in
            for _ in 0..<32 {
                group.addTask { try await desk.collect(track("same"), track("other")) }
            }
            var all: [CollectOutcome] = []
            for try await outcome in group { all.append(outcome) }
            return all
        }
        #expect(outcomes.reduce(0) { $0 + $1.accepted } == 2)
        #expect(outcomes.reduce(0) { $0 + $1.duplicates } == 62)
        #expect(try desk.lines().count == 2)
    }

    @Test func `L5: of a duplicate is acknowledged when its record is durable`() async throws {
        let desk = try Desk()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 0..<50 {
                for _ in 0..<2 {
                    group.addTask {
                        let outcome = try await desk.collect(track("m\(round)"))
                        #expect(outcome.accepted + outcome.duplicates == 1)
                        // Whoever is answered can read it.
                        var reader = desk.log.makeReader()
                        var found = false
                        for offset in 0..<desk.log.durableEnd.value {
                            guard let line = try reader.line(at: Offset(offset)) else { continue }
                            let value = try JSONValue(parsing: line)
                            if value["body"]?["messageId"]?.string == "m\(round)" { found = true }
                        }
                        #expect(found)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `is made by the server where it is absent, null or blank`() async throws {
        let desk = try Desk()
        let outcome = try await desk.collect(
            #"{"type":"track","event":"A","userId":"u"}"#,
            #"{"type":"track","event":"A","userId":"u","messageId":null}"#,
            #"{"type":"track","event":"A","userId":"u","messageId":"  "}"#)
        #expect(outcome.accepted == 3)
        let made = try desk.lines().compactMap { $0["messageId"]?.string }
        #expect(Set(made).count == 3)
        #expect(made.allSatisfy { $0.count == 36 && $0.split(separator: "-").count == 5 })
    }
}

@Suite struct `The message index` {
    @Test func `finds every entry while it grows`() {
        var index = MessageIndex()
        var seed: UInt64 = 7
        var entries: [(hash: UInt64, offset: UInt64)] = []
        for offset in 0..<200_000 as Range<UInt64> {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let hash = seed ^ (seed >> 31)
            entries.append((hash, offset))
            index.insert(hash: hash, offset: offset)
        }
        #expect(index.count == 200_000)
        var missing = 0
        var wrong = 0
        for entry in entries {
            var found = false
            index.forEachCandidate(entry.hash) { offset in
                if offset == entry.offset { found = true } else { wrong += 1 }
            }
            if !found { missing += 1 }
        }
        #expect(missing == 0)
        #expect(wrong < 20, "38 bits of hash are kept")
    }

    @Test(arguments: [1_000, 100_000, 1_000_000])
    func `takes eight bytes a slot, and at most three slots an id`(_ count: Int) {
        var grown = MessageIndex()
        Self.fill(&grown, count)
        #expect(grown.count == count)
        // Four thousand small tables stand from the beginning.
        let least = 4_096 * 16 * 8
        #expect(grown.bytes <= max(least, count * 24), "\(grown.bytes)")
        #expect(grown.bytes >= count * 8)
    }

    private static let ids = ProcessInfo.processInfo.environment["SLUICE_IDS"].flatMap { Int($0) }

    /// Alone in its process: what others take meanwhile would count as its own.
    @Test(.enabled(if: ids != nil, "SLUICE_IDS says how many"))
    func `is all that the process holds for an id`() throws {
        let count = try #require(Self.ids)
        let before = try Self.residentBytes()
        // As it grows while messages come, and as a restart makes it.
        var grown = MessageIndex()
        Self.fill(&grown, count)
        let middle = try Self.residentBytes()
        var opened = MessageIndex(expecting: count)
        Self.fill(&opened, count)
        let after = try Self.residentBytes()
        for (name, bytes, slots) in [
            ("grown", middle - before, grown.bytes), ("opened", after - middle, opened.bytes),
        ] {
            let each = Double(bytes) / Double(count)
            print("\(count) ids, \(name): \(each) resident bytes an id, \(slots) of slots")
            #expect(each > 8 && each < 30)
        }
    }

    private static func fill(_ index: inout MessageIndex, _ count: Int) {
        for offset in 0..<UInt64(count) {
            var hash = (offset &+ 1) &* 0x9E37_79B9_7F4A_7C15
            hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
            hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
            index.insert(hash: hash ^ (hash >> 31), offset: offset)
        }
    }

    private static func residentBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.filter(\.isNumber))) << 10
    }

    @Test func `L3: holds offsets on both sides of a gap, however wide`() {
        var space = OffsetSpace()
        space.begin(at: 1 << 44, row: 3)
        space.begin(at: 511 << 44, row: 5)
        var index = MessageIndex(space: space)
        let offsets: [UInt64] = [0, 2, 1 << 44, 1 << 44 | 1, 511 << 44, 511 << 44 | 77]
        for offset in offsets { index.insert(hash: 42, offset: offset) }
        var found: [UInt64] = []
        index.forEachCandidate(42) { found.append($0) }
        #expect(found.sorted() == offsets)
    }

    @Test func `keeps all offsets of one hash`() {
        var index = MessageIndex()
        for offset in 0..<100 as Range<UInt64> { index.insert(hash: 42, offset: offset) }
        var found: [UInt64] = []
        index.forEachCandidate(42) { found.append($0) }
        #expect(found.sorted() == Array(0..<100))
        index.forEachCandidate(43 << 40) { _ in Issue.record("nothing has this hash") }
    }
}
