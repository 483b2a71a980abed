import EventLog
import Foundation
import Hashing
import Testing

/// A directory of files under `Tests/GoldenFiles/v1` that some build has written, and that is read for ever.
///
/// To add one: write a maker, and run the suite once with `SLUICE_WRITE_GOLDEN_FILES=<name>`. A directory that is
/// there is never written to (and of the tests only the one that makes it passes in that run); to make one anew, for a format that nobody has used yet, remove it first.
enum GoldenFiles {
    static let root =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("GoldenFiles/v1")

    /// The files, as a log's directory. Made first when the environment asks for it.
    static func read(
        _ name: String, making make: (() throws -> MemoryStorage)? = nil
    ) throws -> MemoryStorage {
        let directory = root.appendingPathComponent(name)
        if let make, ProcessInfo.processInfo.environment["SLUICE_WRITE_GOLDEN_FILES"] == name {
            try write(try make(), to: directory)
        }
        let storage = MemoryStorage()
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            let data = try Data(contentsOf: directory.appendingPathComponent(name))
            storage.replace(name, with: Array(data))
        }
        return storage
    }

    private static func write(_ storage: MemoryStorage, to directory: URL) throws {
        // Throws when it is there.
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        for name in try storage.list() {
            let bytes = try #require(storage.contents(name))
            try Data(bytes).write(to: directory.appendingPathComponent(name))
        }
    }
}

@Suite struct `Golden files` {
    /// The format as the first builds wrote it: two sealed segments without an index of names, and an active one;
    /// 120 records of ``Make/draft(_:padding:)``.
    @Test func `version 1 is read for ever`() throws {
        let storage = try GoldenFiles.read("log")
        try ByteReader.check(storage)
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        #expect(log.recovery.findings.isEmpty)
        #expect(log.identity.hex == "afc1ceedca5a00d73664ca9d03ff3e05")
        #expect(try log.holds(120, padding: 20))
        #expect(try log.verify(extractor: Verification.extractor(7)).problems.isEmpty)
        let sealed = log.stat().segments.filter { $0.state == .sealed }
        #expect(sealed.map(\.base) == [Offset(0), Offset(48)])
        #expect(sealed.first?.merkleRoot == Self.firstRoot)
        #expect(sealed.first?.columnsHash == Self.firstColumnsHash)
        var reader = log.makeReader()
        #expect(
            try reader.candidates(for: Make.keys(17)[0], from: Offset(0), to: log.durableEnd)
                == [Offset(17)])
        // It goes on as any log.
        try log.write(Make.drafts(120..<125, padding: 20))
        #expect(try log.holds(125, padding: 20))
        log.close()
    }

    static let firstRoot = "02a0d1140227e04c8466aa32e97ee5da5f7d72da49810ab3be8d3fbc81c18a1b"
    static let firstColumnsHash =
        "d0e5b1e1b9713d9bec748a444af8df26f2d803cd9c15efa5897e538d1381d3ef"

    // MARK: - Editions

    static let erased: Set<UInt64> = [1, 2, 17]

    /// Two sealed segments with an index of names, one of them in its second edition with tombstones; what a backup
    /// found active, closed by a restore; and the second incarnation, which begins with its `restored` record.
    static func editions() throws -> MemoryStorage {
        var configuration = Make.configuration(sealing: .background)
        configuration.frameBytes = 1_500
        configuration.sealedFrameBytes = 3_000
        // How often the log asks for the time is not part of the format.
        configuration.clock = { 1_767_225_600_000_000 }
        let log = try EventLog.open(storage: MemoryStorage(), configuration: configuration)
        for start in stride(from: 0, to: 90, by: 6) {
            try log.write(Make.drafts(start..<start + 6, padding: 20))
            guard start % 30 == 24, start < 60 else { continue }
            try log.seal()
            #expect(`Rolling and sealing`.settle(log))
        }
        try log.erase(erased.map(Offset.init), reference: "golden")
        let backup = MemoryStorage()
        _ = try log.backup(to: backup)
        log.close()
        let storage = MemoryStorage()
        configuration.sealing = .off
        _ = try EventLog.restore(
            from: backup, to: storage, incarnation: 2, damaged: .refuse,
            configuration: configuration)
        return storage
    }

    /// The second one is what builds write since appends are compressed with an acceleration of 4.
    @Test(arguments: ["log-editions", "log-editions-light"])
    func `names, tombstones, editions and incarnations of version 1 are read for ever`(
        _ directory: String
    ) throws {
        let storage = try GoldenFiles.read(directory, making: Self.editions)
        try ByteReader.check(storage)
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        defer { log.close() }
        #expect(log.recovery.findings.isEmpty && log.identity.incarnation == 2)
        #expect(try log.verify(extractor: Verification.extractor(7)).problems.isEmpty)
        #expect(log.stat().segments.map(\.state) == [.sealed, .sealed, .closed, .active])
        #expect(log.stat().segments.map(\.edition) == [1, 0, 0, 0])
        #expect(log.stat().segments.first?.merkleRoot == Self.editionsRoot)
        let (records, damages) = try log.readAll()
        #expect(damages.isEmpty)
        var number = 0
        for record in records where record.kind < 240 || record.kind == 242 {
            if Self.erased.contains(record.offset) {
                #expect(record.kind == 242 && record.keys.isEmpty && record.name == "tombstone")
                #expect(record.line.contains("\"reference\":\"golden\""))
            } else {
                #expect(record.matches(Make.draft(number, padding: 20)))
            }
            number += 1
        }
        #expect(number == 90)
        #expect(records.first { $0.offset == 1 << 44 }?.kind == 241)
        var reader = log.makeReader()
        var named: [UInt64] = []
        _ = try reader.forEach(
            of: Selection(name: "Event 3"), from: Offset(0), to: log.durableEnd, needs: .columns
        ) { record in
            named.append(record.offset.value)
            return .next
        }
        #expect(named == records.filter { $0.name == "Event 3" }.map(\.offset))
    }

    static let editionsRoot =
        "b3e7184ce7cd91ff93ae167fed5c6eb55ae59aaf6de26286315e14b13d439ebe"

    @Test func `this build writes the same bytes`() throws {
        let golden = try GoldenFiles.read("log-editions-light")
        let now = try Self.editions()
        #expect(try now.list().filter { $0 != "LOCK" } == golden.list())
        for name in try golden.list() {
            let isSame = now.contents(name) == golden.contents(name)
            #expect(isSame, "\(name)")
        }
    }
}
