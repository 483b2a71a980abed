import EventLog
import Foundation
import Hashing
import Synchronization
import Testing

@Suite struct `Backup and restore` {
    static let stripe: UInt64 = 1 << 44

    static func configuration() -> LogConfiguration {
        var configuration = Make.configuration(sealing: .background)
        configuration.rollRawBytes = 8_000
        configuration.frameBytes = 600
        configuration.sealedFrameBytes = 1_500
        return configuration
    }

    static func filled(_ storage: MemoryStorage, _ count: Int) throws -> EventLog {
        let log = try EventLog.open(storage: storage, configuration: configuration())
        try fill(log, 0..<count)
        return log
    }

    static func fill(_ log: EventLog, _ numbers: Range<Int>) throws {
        for number in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 10) {
            try log.write(Make.drafts(number..<min(numbers.upperBound, number + 10)))
        }
    }

    static func restore(
        _ backup: MemoryStorage, to target: MemoryStorage, incarnation: UInt64? = nil,
        damaged: DamagedBackup = .refuse
    ) throws -> RestoreReport {
        try EventLog.restore(
            from: backup, to: target, incarnation: incarnation, damaged: damaged,
            configuration: configuration())
    }

    @Test func `L3: a restored log holds what the backup held and goes on where the old cannot be`()
        throws
    {
        let backup = MemoryStorage()
        let log = try Self.filled(MemoryStorage(), 123)
        let report = try log.backup(to: backup)
        let before = try log.readAll().records.filter { $0.offset < report.durableEnd.value }
        // The old log goes on; nothing of that may be taken for the new log's.
        try Self.fill(log, 123..<200)
        let target = MemoryStorage()
        let restored = try Self.restore(backup, to: target)
        #expect(restored.incarnation == 2)
        #expect(restored.backupEnd == report.durableEnd)
        #expect(restored.firstOffset == Offset(Self.stripe))
        let new = try EventLog.open(storage: target, configuration: Self.configuration())
        #expect(new.identity.id == log.identity.id)
        #expect(new.identity.incarnation == 2)
        let ticket = try new.write(Make.drafts(0..<3))
        #expect(ticket.first >= Offset(Self.stripe + 1))
        let (records, damages) = try new.readAll()
        #expect(damages.isEmpty)
        #expect(Array(records.prefix(before.count)) == before)
        let mark = try #require(records.dropFirst(before.count).first)
        #expect(mark.offset == Self.stripe && mark.kind == 241 && mark.name == "restored")
        #expect(mark.line.contains("\"incarnation\":2,\"previous\":1,\"from\":\(before.count),"))
        #expect(mark.line.contains("\"to\":\(Self.stripe),\"backup\":\"2026-"))
        #expect(records.count(where: { $0.kind == 241 }) == 1)
        var reader = new.makeReader()
        #expect(try reader.line(at: Offset(UInt64(before.count) + 5)) == nil)
        #expect(try new.verify().problems.isEmpty)
        new.close()
        log.close()
    }

    @Test func `L3: two restores of one backup never share an incarnation`() throws {
        let backup = MemoryStorage()
        let log = try Self.filled(MemoryStorage(), 30)
        _ = try log.backup(to: backup)
        log.close()
        #expect(try Self.restore(backup, to: MemoryStorage()).incarnation == 2)
        #expect(try Self.restore(backup, to: MemoryStorage()).incarnation == 3)
        let read = MemoryStorage()
        let third = try Self.restore(backup, to: read)
        #expect(third.firstOffset == Offset(3 * Self.stripe))
        // And a restored log is backed up and restored again.
        let again = try EventLog.open(storage: read, configuration: Self.configuration())
        try again.write(Make.drafts(0..<20))
        let second = MemoryStorage()
        _ = try again.backup(to: second)
        again.close()
        let deeper = MemoryStorage()
        #expect(try Self.restore(second, to: deeper).incarnation == 5)
        let last = try EventLog.open(storage: deeper, configuration: Self.configuration())
        let marks = try last.readAll().records.filter { $0.kind == 241 }
        #expect(marks.map(\.offset) == [3 * Self.stripe, 4 * Self.stripe])
        #expect(marks[1].line.contains("\"previous\":4"))
        #expect(try last.verify().problems.isEmpty)
        last.close()
    }

    @Test func `a backup into the same directory copies what is new and drops what was erased`()
        throws
    {
        let backup = MemoryStorage()
        let log = try Self.filled(MemoryStorage(), 200)
        try log.seal()
        let first = try log.backup(to: backup)
        #expect(first.keptFiles == 0 && first.copiedFiles > 2)
        try Self.fill(log, 200..<220)
        let second = try log.backup(to: backup)
        #expect(second.keptFiles == first.copiedFiles - 1)
        #expect(second.durableEnd > first.durableEnd)
        try log.erase([Offset(0)], reference: "x")
        _ = try log.backup(to: backup)
        let names = backup.state.withLock { $0.names.keys.sorted() }
        #expect(names.contains("00000000000000000000-0001.lz4"))
        #expect(!names.contains("00000000000000000000-0000.lz4"))
        let target = MemoryStorage()
        _ = try Self.restore(backup, to: target)
        let new = try EventLog.open(storage: target, configuration: Self.configuration())
        #expect(try new.readAll().records.first?.kind == 242)
        new.close()
        log.close()
    }

    @Test func `a backup taken while segments roll, seal and are rewritten is a true prefix`()
        throws
    {
        let log = try Self.filled(MemoryStorage(), 10)
        let isDone = Flag()
        let writer = Thread {
            for number in stride(from: 10, to: 600, by: 10) {
                do {
                    try log.write(Make.drafts(number..<number + 10))
                    if number % 150 == 0 {
                        try log.erase([Offset(UInt64(number) / 2)], reference: "x")
                    }
                } catch { Issue.record(error) }
            }
            isDone.set()
        }
        var rounds = 0
        let backup = MemoryStorage()
        writer.start()
        repeat {
            rounds += 1
            let report = try log.backup(to: rounds % 2 == 0 ? backup : MemoryStorage())
            #expect(report.missing.isEmpty)
        } while !isDone.isSet
        _ = try log.backup(to: backup)
        let target = MemoryStorage()
        let report = try Self.restore(backup, to: target)
        let new = try EventLog.open(storage: target, configuration: Self.configuration())
        let restored = try new.readAll()
        let original = try log.readAll().records.prefix(Int(report.backupEnd.value))
        #expect(restored.damages.isEmpty)
        #expect(Array(restored.records.prefix(original.count)) == Array(original))
        #expect(original.count >= 600)
        new.close()
        log.close()
    }

    @Test func `a backup is no log, and a log is no place for a backup or a restore`() throws {
        let backup = MemoryStorage()
        let storage = MemoryStorage()
        let log = try Self.filled(storage, 30)
        _ = try log.backup(to: backup)
        #expect(throws: LogError.self) {
            try EventLog.open(storage: backup, configuration: Self.configuration())
        }
        let other = MemoryStorage()
        var random = Self.configuration()
        random.randomBytes = { Array(repeating: 9, count: $0) }
        let second = try EventLog.open(storage: other, configuration: random)
        #expect(throws: LogError.self) { try second.backup(to: backup) }
        second.close()
        #expect(throws: LogError.self) { try log.backup(to: other) }
        log.close()
        #expect(throws: LogError.self) { try Self.restore(backup, to: storage) }
        #expect(throws: LogError.self) { try Self.restore(backup, to: backup) }
        #expect(throws: LogError.self) { try Self.restore(MemoryStorage(), to: MemoryStorage()) }
        #expect(throws: LogError.self) {
            try Self.restore(backup, to: MemoryStorage(), incarnation: 1)
        }
        #expect(throws: LogError.self) {
            try Self.restore(backup, to: MemoryStorage(), incarnation: 513)
        }
    }

    @Test func `a damaged backup is refused, or restored with its damage named`() throws {
        let backup = MemoryStorage()
        let log = try Self.filled(MemoryStorage(), 120)
        try log.seal()
        _ = try log.backup(to: backup)
        log.close()
        let name = try #require(
            backup.state.withLock { $0.names.keys.sorted().first { $0.hasSuffix("-0000.lz4") } })
        var bytes = try #require(backup.contents(name))
        // Inside the first data frame: after the empty one at the file's front.
        let frame = try #require(bytes.dropFirst(11).firstRange(of: [0x04, 0x22, 0x4D, 0x18]))
        bytes[frame.lowerBound + 60] ^= 1
        backup.replace(name, with: bytes)
        #expect(throws: LogError.self) { try Self.restore(backup, to: MemoryStorage()) }
        let target = MemoryStorage()
        let report = try Self.restore(backup, to: target, damaged: .restoreWhatIsWhole)
        #expect(report.damages.first?.file == name)
        let new = try EventLog.open(storage: target, configuration: Self.configuration())
        let (records, damages) = try new.readAll()
        #expect(!damages.isEmpty && records.count > 60)
        new.close()
    }

    @Test func `a crash at any sync of a restore leaves nothing that could be taken for a log`()
        throws
    {
        let log = try Self.filled(MemoryStorage(), 60)
        let source = MemoryStorage()
        _ = try log.backup(to: source)
        log.close()
        var sync = 0
        while true {
            sync += 1
            let target = MemoryStorage()
            target.state.withLock { $0.freezeAtSync = sync }
            do {
                _ = try Self.restore(source.afterPowerCut(), to: target)
                break
            } catch {}
            for image in [target.afterPowerCut(), target.afterPowerCut(.everything)] {
                if image.contents("manifest") == nil {
                    _ = try Self.restore(source.afterPowerCut(), to: image)
                }
                let new = try EventLog.open(storage: image, configuration: Self.configuration())
                let (records, damages) = try new.readAll()
                // The record that says so is there, or comes first at the next open.
                try new.write(Make.drafts(0..<1))
                let own = records.filter { $0.kind < 240 }
                #expect(damages.isEmpty && own.count == 60, "crash at sync \(sync)")
                let marks = try new.readAll().records.filter { $0.kind == 241 }
                #expect(marks.map(\.offset) == [Self.stripe], "crash at sync \(sync)")
                new.close()
            }
        }
        #expect(sync > 5)
    }

    @Test func `the last offset of an incarnation is given out, and then appends are refused`()
        throws
    {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Self.configuration())
        log.close()
        // A restored log whose first segment begins four offsets before the end of its incarnation.
        let end = Self.stripe
        try storage.moveActive(to: end - 4)
        let late = try EventLog.open(storage: storage, configuration: Self.configuration())
        try late.write(Make.drafts(0..<3))
        #expect(throws: AppendRefusal.exhausted) { try late.append(Make.drafts(3..<5)) }
        let last = try late.write(Make.drafts(3..<4))
        #expect(last.first == Offset(end - 1))
        #expect(throws: AppendRefusal.exhausted) { try late.append(Make.drafts(4..<5)) }
        #expect(try late.holds(4))
        late.close()
        let again = try EventLog.open(storage: storage, configuration: Self.configuration())
        #expect(again.durableEnd == Offset(end))
        #expect(try again.holds(4))
        again.close()
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}

extension MemoryStorage {
    /// Lets the empty log of one segment begin at another offset: as bytes, as the format says.
    func moveActive(to base: UInt64) throws {
        let old = "00000000000000000000.open.lz4"
        var segment = try #require(contents(old))
        segment.put(base, at: 11 + 8 + 32)
        segment.putCRC(over: 19..<19 + 124, at: 19 + 124)
        let digits = String(base)
        replace(
            String(repeating: "0", count: 20 - digits.count) + digits + ".open.lz4", with: segment)
        replace(old, with: nil)
        var manifest = try #require(contents("manifest"))
        manifest.put(base, at: 72)
        manifest.putCRC(over: 0..<manifest.count - 4, at: manifest.count - 4)
        replace("manifest", with: manifest)
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ value: some FixedWidthInteger, at place: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) {
            replaceSubrange(place..<place + $0.count, with: $0)
        }
    }

    fileprivate mutating func putCRC(over range: Range<Int>, at place: Int) {
        put(self[range].withUnsafeBytes { CRC32C.of($0) }, at: place)
    }
}
