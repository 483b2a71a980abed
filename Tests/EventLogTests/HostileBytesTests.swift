import EventLog
import Hashing
import Testing

/// Bits that flip and files that end early, everywhere, where ``RecoveryTests`` looks at some.
///
/// Every test reads all that can be read and verifies, so that a wrong record, an offset that nobody names, and an
/// error that does not say where are failures wherever they come up.
@Suite struct `Every bit and every cut` {
    private static let allBits: [UInt8] = (0..<8).map { 1 << $0 }

    /// What the log's files say once `file` has `bytes`: true records, and damage with its place.
    static func examine(
        _ whole: DamagedLog, _ file: String, _ bytes: [UInt8], _ what: String
    ) throws -> (report: RecoveryReport, problems: [Damage])? {
        switch try whole.outcome(file, bytes, what) {
        case .refused(let error):
            switch error {
            case .damaged(let damage): check(damage, file, bytes.count, what)
            case .manifest(let reason):
                #expect(file == "manifest" && reason.contains("(byte "), "\(what): \(reason)")
            default: Issue.record("\(what): \(error) names no file and position")
            }
            return nil
        case .opened(let report, _, let damages, let verified):
            for damage in try damages.get() { check(damage, file, bytes.count, what) }
            for damage in verified.problems { check(damage, file, bytes.count, what) }
            return (report, verified.problems)
        }
    }

    private static func check(_ damage: Damage, _ file: String, _ size: Int, _ what: String) {
        #expect(damage.file == file, "\(what): \(damage)")
        #expect(damage.position <= UInt64(size) && !damage.reason.isEmpty, "\(what): \(damage)")
    }

    /// The places of the segment header and of all frame headers.
    static func headers(of bytes: [UInt8]) -> [Int] {
        Array(0..<Forge.firstPair)
            + Forge.pairs(of: bytes).flatMap { $0..<$0 + Forge.prefixBytes }
    }

    @Test func `every flipped bit of an open segment's headers is reported`() throws {
        let whole = try DamagedLog.active()
        let bytes = try #require(whole.storage.contents(DamagedLog.activeFile))
        for place in Self.headers(of: bytes) {
            for bit in Self.allBits {
                var changed = bytes
                changed[place] ^= bit
                let what = "bit \(bit) at \(place)"
                let found = try Self.examine(whole, DamagedLog.activeFile, changed, what)
                #expect(found.map { !$0.report.findings.isEmpty } ?? true, "\(what) passed")
            }
        }
    }

    /// A sealed segment of few bytes, and one with tombstones.
    private static func sealedFiles() throws -> [(whole: DamagedLog, file: String)] {
        let plain = try DamagedLog.sealed()
        let erased = plain.storage.afterPowerCut()
        let log = try EventLog.open(
            storage: erased, configuration: Make.configuration(sealing: .background))
        try log.erase([Offset(1), Offset(2)], reference: "test")
        log.close()
        // What the log itself appends is there only once it is closed.
        let again = try EventLog.open(storage: erased, configuration: Make.configuration())
        let lines = try again.readAll().records.map(\.line)
        again.close()
        return [
            (plain, try #require(try plain.storage.list().first { $0.hasSuffix("-0000.lz4") })),
            (
                DamagedLog(storage: erased, lines: lines),
                try #require(try erased.list().first { $0.hasSuffix("-0001.lz4") })
            ),
        ]
    }

    @Test(arguments: [0, 1])
    func `verify finds every flipped bit of a sealed segment`(_ number: Int) throws {
        let (whole, file) = try Self.sealedFiles()[number]
        let bytes = try #require(whole.storage.contents(file))
        let fixed = Set(Self.headers(of: bytes)).union(bytes.count - 128..<bytes.count)
        for place in bytes.indices {
            for bit in number == 0 && fixed.contains(place) ? Self.allBits : [0x04] {
                var changed = bytes
                changed[place] ^= bit
                let found = try Self.examine(whole, file, changed, "bit \(bit) at \(place)")
                #expect(found?.problems.isEmpty == false, "bit \(bit) at \(place) passed")
            }
        }
    }

    @Test func `verify finds every cut of a sealed segment, also when the manifest agrees with it`()
        throws
    {
        let (whole, file) = try Self.sealedFiles()[0]
        let bytes = try #require(whole.storage.contents(file))
        for cut in bytes.indices {
            let short = Array(bytes[..<cut])
            let honest = try Self.examine(whole, file, short, "cut at \(cut)")
            #expect(honest?.problems.isEmpty == false, "cut at \(cut) passed")
            var manifest = Forge(try #require(whole.storage.contents("manifest")))
            manifest.put(UInt64(cut), at: 72 + 24)
            manifest.mendManifest()
            let agreeing = DamagedLog(storage: whole.storage.afterPowerCut(), lines: whole.lines)
            agreeing.storage.replace("manifest", with: manifest.bytes)
            let found = try Self.examine(agreeing, file, short, "agreed cut at \(cut)")
            #expect(found?.problems.isEmpty == false, "agreed cut at \(cut) passed")
        }
    }

    @Test func `every cut and every flipped byte of a closed segment is damage`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration()
        configuration.rollRawBytes = 1_500
        configuration.frameBytes = 400
        let log = try EventLog.open(storage: storage, configuration: configuration)
        for start in stride(from: 0, to: 16, by: 4) {
            try log.write(Make.drafts(start..<start + 4, padding: 0))
        }
        let whole = DamagedLog(storage: storage, lines: try log.readAll().records.map(\.line))
        let isClosed = eventually { log.stat().segments.first?.state == .closed }
        log.close()
        try #require(isClosed)
        let bytes = try #require(storage.contents(DamagedLog.activeFile))
        for place in bytes.indices {
            let what = "cut at \(place)"
            let cut = try Self.examine(whole, DamagedLog.activeFile, Array(bytes[..<place]), what)
            #expect(cut?.report.damages.isEmpty == false, "\(what) passed")
            var changed = bytes
            changed[place] ^= 0x20
            // Lines are checked when they are read, not when the log is opened.
            let flip = try Self.examine(whole, DamagedLog.activeFile, changed, "flip at \(place)")
            #expect(
                flip.map { !$0.report.damages.isEmpty || !$0.problems.isEmpty } == true,
                "flip at \(place) passed")
        }
    }

    @Test func `a closed segment that is cut inside its header is backed up as it is`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration()
        configuration.rollRawBytes = 1_500
        let log = try EventLog.open(storage: storage, configuration: configuration)
        for start in stride(from: 0, to: 16, by: 4) {
            try log.write(Make.drafts(start..<start + 4, padding: 0))
        }
        let isClosed = eventually { log.stat().segments.first?.state == .closed }
        log.close()
        try #require(isClosed)
        let bytes = try #require(storage.contents(DamagedLog.activeFile))
        storage.replace(DamagedLog.activeFile, with: Array(bytes[..<121]))
        let again = try EventLog.open(storage: storage, configuration: configuration)
        defer { again.close() }
        let backup = MemoryStorage()
        _ = try again.backup(to: backup)
        #expect(backup.contents(DamagedLog.activeFile) == Array(bytes[..<121]))
    }

    @Test func `every flipped bit of the manifest is refused with its place`() throws {
        let whole = try DamagedLog.sealed()
        let bytes = try #require(whole.storage.contents("manifest"))
        for place in bytes.indices {
            for bit in Self.allBits {
                var changed = bytes
                changed[place] ^= bit
                let found = try Self.examine(whole, "manifest", changed, "bit \(bit) at \(place)")
                #expect(found == nil, "bit \(bit) at \(place) passed")
            }
        }
    }
}
