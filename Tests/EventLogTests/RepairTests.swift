import EventLog
import Foundation
import Synchronization
import Testing

/// Logs that are broken in one way each, for salvage, inspect and reindex.
enum Broken {
    static func configuration() -> LogConfiguration {
        var configuration = Make.configuration(sealing: .background)
        configuration.rollRawBytes = 8_000
        configuration.frameBytes = 600
        configuration.sealedFrameBytes = 1_500
        return configuration
    }

    /// Three or more sealed segments and an active one; all records as they were read.
    static func make() throws -> (storage: MemoryStorage, records: [Seen]) {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: configuration())
        for number in stride(from: 0, to: 150, by: 10) {
            try log.write(Make.drafts(number..<number + 10))
        }
        try log.seal()
        try log.write(Make.drafts(150..<160))
        try log.write(Make.drafts(160..<170))
        let records = try log.readAll().records
        log.close()
        return (storage, records)
    }

    static func file(_ storage: MemoryStorage, _ ending: String) throws -> String {
        try #require(
            storage.state.withLock { $0.names.keys.sorted().first { $0.hasSuffix(ending) } })
    }

    /// Flips a bit `distance` bytes after the `number`-th place that holds `mark`.
    static func flip(
        _ storage: MemoryStorage, _ file: String, after mark: [UInt8], number: Int = 0,
        distance: Int
    ) throws {
        var bytes = try #require(storage.contents(file))
        let places = bytes.indices.dropLast(mark.count).filter {
            bytes[$0] == mark[0] && bytes[$0..<$0 + mark.count].elementsEqual(mark)
        }
        bytes[places[number] + distance] ^= 0x10
        storage.replace(file, with: bytes)
    }

    static let dataFrame: [UInt8] = [0x04, 0x22, 0x4D, 0x18]
    static func mark(_ text: String) -> [UInt8] { Array(text.utf8) }

    static func reindex(
        _ storage: MemoryStorage, scope: ReindexScope = .whatNeedsIt, number: UInt16 = 7
    ) throws -> ReindexReport {
        try EventLog.reindex(
            storage, scope: scope, configuration: configuration(),
            extractor: { _ in Verification.extractor(number) })
    }
}

@Suite struct `Reindex` {
    private func expectWhole(
        _ storage: MemoryStorage, _ records: [Seen], number: UInt16 = 7,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let log = try EventLog.open(storage: storage, configuration: Broken.configuration())
        let now = try log.readAll()
        #expect(now.damages.isEmpty, sourceLocation: location)
        #expect(Array(now.records.prefix(records.count)) == records, sourceLocation: location)
        let report = try log.verify(extractor: Verification.extractor(number))
        #expect(report.problems.isEmpty, sourceLocation: location)
        // It goes on.
        try log.write(Make.drafts(170..<180))
        log.close()
    }

    @Test func `a whole log needs nothing`() throws {
        let (storage, records) = try Broken.make()
        let report = try Broken.reindex(storage)
        #expect(report.rewritten.isEmpty && report.notHealed.isEmpty && report.kept > 3)
        try expectWhole(storage, records)
    }

    @Test(arguments: ["columns", "trailer", "directory"])
    func `a damaged footer is made anew from the lines, with the same root`(_ part: String) throws {
        let (storage, records) = try Broken.make()
        let file = try Broken.file(storage, "-0000.lz4")
        switch part {
        case "columns":
            try Broken.flip(storage, file, after: Broken.mark("SLft"), distance: 90)
        case "trailer":
            try Broken.flip(storage, file, after: Broken.mark("SLtr"), distance: 30)
        default:
            try Broken.flip(storage, file, after: Broken.mark("SLtr"), distance: -70)
        }
        #expect(try !EventLog.inspect(storage).report.problems.isEmpty)
        let report = try Broken.reindex(storage)
        #expect(report.rewritten == [file.replacing("-0000", with: "-0001")])
        #expect(report.notHealed.isEmpty)
        #expect(try EventLog.inspect(storage).report.problems.isEmpty)
        try expectWhole(storage, records)
    }

    @Test func `L7: another extractor's columns are made by this one`() throws {
        let (storage, records) = try Broken.make()
        let report = try Broken.reindex(storage, number: 8)
        #expect(report.notHealed.isEmpty && report.rewritten.count > 3)
        var configuration = Broken.configuration()
        configuration.extractor = 8
        let log = try EventLog.open(storage: storage, configuration: configuration)
        let verified = try log.verify(extractor: Verification.extractor(8))
        #expect(verified.problems.isEmpty && verified.notExtracted == 20)
        #expect(Array(try log.readAll().records.prefix(records.count)) == records)
        log.close()
    }

    @Test func `damaged columns of the active segment are made anew, with new salts`() throws {
        let (storage, records) = try Broken.make()
        let file = try Broken.file(storage, ".open.lz4")
        try Broken.flip(storage, file, after: Broken.mark("SLfr"), number: 1, distance: 100)
        #expect(try EventLog.inspect(storage).report.problems.count == 1)
        let report = try Broken.reindex(storage)
        #expect(report.rewritten.count == 1 && report.notHealed.isEmpty)
        try expectWhole(storage, records)
    }

    @Test func `a missing or broken manifest is made anew, under a new key`() throws {
        for isBroken in [false, true] {
            let (storage, records) = try Broken.make()
            if isBroken {
                var bytes = try #require(storage.contents("manifest"))
                bytes[80] ^= 1
                storage.replace("manifest", with: bytes)
            } else {
                storage.replace("manifest", with: nil)
            }
            #expect(throws: LogError.self) {
                try EventLog.open(storage: storage, configuration: Broken.configuration())
            }
            let report = try Broken.reindex(storage)
            #expect(report.madeManifest && report.notHealed.isEmpty)
            try expectWhole(storage, records)
        }
    }

    @Test func `without manifest and active segment the log goes on in the next incarnation`()
        throws
    {
        let (storage, records) = try Broken.make()
        storage.replace("manifest", with: nil)
        storage.replace(try Broken.file(storage, ".open.lz4"), with: nil)
        let report = try Broken.reindex(storage)
        #expect(report.madeManifest && report.notHealed.isEmpty)
        let log = try EventLog.open(storage: storage, configuration: Broken.configuration())
        #expect(log.identity.incarnation == 2)
        let now = try log.readAll().records
        let sealed = now.prefix { $0.offset < 1 << 44 }
        #expect(Array(sealed) == Array(records.prefix(sealed.count)))
        #expect(try log.write(Make.drafts(0..<1)).first > Offset(1 << 44))
        log.close()
    }

    @Test func `bad lines cannot be healed: the segment stays as it is and is named`() throws {
        let (storage, _) = try Broken.make()
        let file = try Broken.file(storage, "-0000.lz4")
        try Broken.flip(storage, file, after: Broken.dataFrame, number: 2, distance: 80)
        let report = try Broken.reindex(storage)
        #expect(report.rewritten.isEmpty)
        #expect(report.notHealed.count == 1)
        #expect(report.notHealed.first?.file == file)
        #expect(report.notHealed.first.map { !$0.offsets.isEmpty } ?? false)
        #expect(storage.contents(file) != nil)
    }

    @Test func `tombstones survive`() throws {
        let (storage, _) = try Broken.make()
        let log = try EventLog.open(storage: storage, configuration: Broken.configuration())
        try log.erase([Offset(3), Offset(4)], reference: "x")
        let records = try log.readAll().records
        log.close()
        let report = try Broken.reindex(storage, scope: .everything)
        #expect(report.notHealed.isEmpty && report.rewritten.count > 3)
        try expectWhole(storage, Array(records.prefix(140)))
    }

    @Test func `a crash at any sync leaves a log that can be reindexed again`() throws {
        let (whole, records) = try Broken.make()
        whole.replace("manifest", with: nil)
        var sync = 0
        var isFrozen = true
        while isFrozen {
            sync += 1
            let storage = whole.afterPowerCut()
            storage.state.withLock { $0.freezeAtSync = sync }
            do { _ = try Broken.reindex(storage) } catch {}
            isFrozen = storage.state.withLock { $0.isFrozen }
            for image in [storage.afterPowerCut(), storage.afterPowerCut(.everything)] {
                #expect(try Broken.reindex(image).notHealed.isEmpty, "crash at sync \(sync)")
                try expectWhole(image, records)
            }
        }
        #expect(sync > 5)
    }
}

@Suite struct `Salvage` {
    /// The lines in the output's files, read as NDJSON.
    static func lines(_ storage: MemoryStorage) throws -> [String] {
        let names = storage.state.withLock { $0.names.keys.sorted() }
        return try names.flatMap { name in
            try LZ4Tool.lines(try #require(storage.contents(name)))
        }
    }

    @Test func `a whole log is copied out whole`() throws {
        let (storage, records) = try Broken.make()
        let out = MemoryStorage()
        let report = try EventLog.salvage(from: storage, to: out)
        #expect(report.problems.isEmpty && report.lost.isEmpty)
        #expect(report.records >= UInt64(records.count))
        let lines = try Self.lines(out)
        #expect(Array(lines.prefix(records.count)) == records.map(\.line))
    }

    @Test func `what is bad is named, and all the rest is there`() throws {
        let (storage, records) = try Broken.make()
        let sealed = try Broken.file(storage, "-0000.lz4")
        try Broken.flip(storage, sealed, after: Broken.dataFrame, number: 2, distance: 80)
        let open = try Broken.file(storage, ".open.lz4")
        try Broken.flip(storage, open, after: Broken.mark("SLfr"), distance: 20)
        storage.replace("manifest", with: nil)
        let out = MemoryStorage()
        let report = try EventLog.salvage(from: storage, to: out)
        #expect(report.problems.map(\.file) == ["manifest", sealed, open])
        let lost = Set(report.lost.flatMap { Array($0) })
        let lines = try Self.lines(out)
        #expect(!lost.isEmpty && lost.count < 40)
        let expected = records.filter { !lost.contains($0.offset) }.map(\.line)
        #expect(Array(lines.prefix(expected.count)) == expected)
        #expect(throws: LogError.self) { try EventLog.salvage(from: storage, to: out) }
    }

    @Test func `a missing segment is lost, whole`() throws {
        let (storage, records) = try Broken.make()
        storage.replace(try Broken.file(storage, "-0000.lz4"), with: nil)
        let report = try EventLog.salvage(from: storage, to: MemoryStorage())
        #expect(report.lost.count == 1 && report.lost.first?.lowerBound == 0)
        #expect(report.records + report.lostRecords >= UInt64(records.count))
    }
}

/// `lz4 -dc` of Debian, so that what is written is read by somebody else.
enum LZ4Tool {
    static func lines(_ bytes: [UInt8]) throws -> [String] {
        let path = NSTemporaryDirectory() + "sluice-\(UUID().uuidString).lz4"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["lz4", "-dcq", path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try #require(try pipe.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
