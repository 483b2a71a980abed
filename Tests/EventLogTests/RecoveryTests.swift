import EventLog
import Testing

/// A small log whose bytes are then damaged in every way.
struct DamagedLog {
    static let activeFile = "00000000000000000000.open.lz4"
    let storage: MemoryStorage
    let lines: [String]

    /// Four commits of three records, in one active segment.
    static func active() throws -> DamagedLog {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        for start in stride(from: 0, to: 12, by: 3) {
            try log.write(Make.drafts(start..<start + 3, padding: 0))
        }
        defer { log.close() }
        return DamagedLog(storage: storage, lines: try log.readAll().records.map(\.line))
    }

    /// A few sealed segments and an active one.
    static func sealed() throws -> DamagedLog {
        let storage = MemoryStorage()
        var configuration = Make.configuration(sealing: .background)
        configuration.rollRawBytes = 1_500
        configuration.frameBytes = 400
        configuration.sealedFrameBytes = 700
        let log = try EventLog.open(storage: storage, configuration: configuration)
        for start in stride(from: 0, to: 20, by: 4) {
            try log.write(Make.drafts(start..<start + 4, padding: 0))
        }
        #expect(`Rolling and sealing`.settle(log))
        defer { log.close() }
        return DamagedLog(storage: storage, lines: try log.readAll().records.map(\.line))
    }

    enum Outcome {
        case refused(LogError)
        case opened(RecoveryReport, durableEnd: UInt64, Result<[Damage], LogError>, VerifyReport)
    }

    /// Opens the log with one file changed. Every record that can be read must be the true one, and
    /// every offset below the durable end must be read or named.
    func outcome(_ file: String, _ bytes: [UInt8], _ what: String) throws -> Outcome {
        let image = storage.afterPowerCut()
        image.replace(file, with: bytes)
        let log: EventLog
        do throws(LogError) {
            log = try EventLog.open(storage: image, configuration: Make.configuration())
        } catch { return .refused(error) }
        defer { log.close() }
        let (records, damages) = try log.readAll()
        var named = Set<UInt64>()
        for damage in damages {
            for offset in damage.offsets { named.insert(offset) }
        }
        for record in records {
            let isTrue = record.offset < lines.count && lines[Int(record.offset)] == record.line
            if !isTrue { Issue.record("\(what): a wrong record at offset \(record.offset)") }
            named.insert(record.offset)
        }
        let end = log.durableEnd.value
        if !(0..<end).allSatisfy(named.contains) {
            Issue.record("\(what): offsets below \(end) are neither read nor named")
        }
        return .opened(log.recovery, durableEnd: end, .success(damages), try log.verify())
    }
}

@Suite struct `Tail recovery` {
    @Test
    func `L4: every cut leaves a true prefix, and reports a tear unless it falls between commits`()
        throws
    {
        let whole = try DamagedLog.active()
        let bytes = try #require(whole.storage.contents(DamagedLog.activeFile))
        var clean = 0
        for cut in 0..<bytes.count {
            switch try whole.outcome(DamagedLog.activeFile, Array(bytes[..<cut]), "cut at \(cut)") {
            case .refused(let error):
                // Only inside the header, which was durable before the manifest named the file.
                guard case .damaged = error, cut < 147 else {
                    Issue.record("cut at \(cut): \(error)")
                    continue
                }
            case .opened(let report, let end, .success(let damages), let verified):
                #expect(damages.isEmpty && verified.problems.isEmpty, "cut at \(cut)")
                #expect(end % 3 == 0, "cut at \(cut)")
                if report.findings.isEmpty { clean += 1 }
                for finding in report.findings {
                    guard case .tear = finding else {
                        Issue.record("cut at \(cut): \(finding)")
                        continue
                    }
                }
            case .opened: break
            }
        }
        #expect(clean == 4, "the cuts between header, first, second, third and fourth commit")
    }

    @Test
    func `L4: every flipped byte of an active segment is reported, and none gives a wrong record`()
        throws
    {
        let whole = try DamagedLog.active()
        let bytes = try #require(whole.storage.contents(DamagedLog.activeFile))
        for flip in bytes.indices {
            for mask: UInt8 in [0x01, 0x80] {
                var changed = bytes
                changed[flip] ^= mask
                let what = "flip \(mask) at \(flip)"
                guard
                    case .opened(let report, let end, .success(let damages), _) =
                        try whole.outcome(DamagedLog.activeFile, changed, what)
                else {
                    Issue.record("\(what): the log does not open")
                    continue
                }
                #expect(!report.findings.isEmpty, "\(what) is not reported")
                // Whatever lies below a later commit is durable and must be damage, not a cut.
                if end < 12 {
                    #expect(end >= 9, "\(what) cut acknowledged records")
                    #expect(
                        report.findings.contains {
                            if case .possiblyAcknowledged(_, _, _, let offsets) = $0 {
                                offsets == end..<12 || offsets.lowerBound == end
                            } else {
                                false
                            }
                        }, "\(what)")
                } else if flip >= 147 {
                    #expect(!report.damages.isEmpty && !damages.isEmpty, "\(what)")
                }
            }
        }
    }

    @Test
    func
        `every flipped byte of a sealed segment is found by verify, and none gives a wrong record`()
        throws
    {
        let whole = try DamagedLog.sealed()
        let file = try #require(
            try whole.storage.list().first { $0.hasSuffix("-0000.lz4") })
        let bytes = try #require(whole.storage.contents(file))
        for flip in bytes.indices {
            var changed = bytes
            changed[flip] ^= 0x10
            let outcome = try whole.outcome(file, changed, "flip at \(flip)")
            guard case .opened(_, let end, _, let verified) = outcome else {
                Issue.record("flip at \(flip): the log does not open")
                continue
            }
            #expect(Int(end) >= whole.lines.count)
            #expect(!verified.problems.isEmpty, "flip at \(flip) passed verification")
        }
    }

    @Test func `every flipped or missing byte of the manifest is refused`() throws {
        let whole = try DamagedLog.sealed()
        let bytes = try #require(whole.storage.contents("manifest"))
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 0x04
            for image in [changed, Array(bytes[..<place])] {
                guard case .refused(.manifest) = try whole.outcome("manifest", image, "\(place)")
                else {
                    Issue.record("a manifest that is bad at \(place) was used")
                    continue
                }
            }
        }
    }

    @Test
    func
        `L4: bytes of zeros after the last commit are a tear, other bytes may have been acknowledged`()
        throws
    {
        let whole = try DamagedLog.active()
        let bytes = try #require(whole.storage.contents(DamagedLog.activeFile))
        let zeros = bytes + [UInt8](repeating: 0, count: 500)
        guard
            case .opened(let torn, 12, _, _) = try whole.outcome(
                DamagedLog.activeFile, zeros, "zeros")
        else { throw Unexpected() }
        #expect(
            torn.findings == [
                .tear(file: DamagedLog.activeFile, position: UInt64(bytes.count), bytes: 500)
            ])
        let noise = bytes + [UInt8](repeating: 0x55, count: 500)
        guard
            case .opened(let cut, 12, _, _) = try whole.outcome(
                DamagedLog.activeFile, noise, "noise")
        else { throw Unexpected() }
        #expect(
            cut.findings == [
                .possiblyAcknowledged(
                    file: DamagedLog.activeFile, position: UInt64(bytes.count), bytes: 500,
                    offsets: 12..<13)
            ])
    }

    @Test func `after a cut the log goes on and stays whole`() throws {
        let whole = try DamagedLog.active()
        let bytes = try #require(whole.storage.contents(DamagedLog.activeFile))
        for cut in stride(from: 200, to: bytes.count, by: 97) {
            let image = whole.storage.afterPowerCut()
            image.replace(DamagedLog.activeFile, with: Array(bytes[..<cut]))
            let log = try EventLog.open(storage: image, configuration: Make.configuration())
            let kept = Int(log.durableEnd.value)
            try log.write(Make.drafts(kept..<kept + 7, padding: 0))
            log.close()
            let again = try EventLog.open(storage: image, configuration: Make.configuration())
            #expect(again.recovery.findings.isEmpty)
            #expect(try again.holds(kept + 7, padding: 0))
            #expect(try again.verify().problems.isEmpty)
            again.close()
        }
    }

    @Test func `damage below the durable end stays where it is, and the log goes on behind it`()
        throws
    {
        let whole = try DamagedLog.active()
        var bytes = try #require(whole.storage.contents(DamagedLog.activeFile))
        // In the lines of the second frame, behind the head of their LZ4 frame.
        let head: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x68]
        let heads = bytes.indices.filter { bytes[$0...].starts(with: head) }
        bytes[heads[1] + 30] ^= 0xFF
        let image = whole.storage.afterPowerCut()
        image.replace(DamagedLog.activeFile, with: bytes)
        let log = try EventLog.open(storage: image, configuration: Make.configuration())
        #expect(log.recovery.damages.count == 1)
        let damage = try #require(log.recovery.damages.first)
        #expect(damage.offsets == 3..<6 && damage.file == DamagedLog.activeFile)
        #expect(log.durableEnd == Offset(12))
        try log.write(Make.drafts(12..<15, padding: 0))
        var reader = log.makeReader()
        #expect(throws: LogError.self) { try reader.line(at: Offset(4)) }
        #expect(try reader.line(at: Offset(2)) != nil)
        #expect(try reader.line(at: Offset(13)) != nil)
        log.close()
        let after = try #require(image.contents(DamagedLog.activeFile))
        #expect(Array(after[..<bytes.count]) == bytes)
    }

    @Test func `L4: a frame of the same commit proves nothing of the damage before it`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration()
        configuration.frameBytes = 1
        let log = try EventLog.open(storage: storage, configuration: configuration)
        try log.write(Make.drafts(0..<2, padding: 0))
        try log.write(Make.drafts(2..<3, padding: 0))
        log.close()
        var bytes = try #require(storage.contents(DamagedLog.activeFile))
        bytes[Forge.firstPair] ^= 1
        bytes[bytes.count - 1] ^= 1
        storage.replace(DamagedLog.activeFile, with: bytes)
        for _ in 0..<2 {
            let again = try EventLog.open(storage: storage, configuration: configuration)
            let (records, damages) = try again.readAll()
            #expect(again.durableEnd == Offset(2))
            #expect(damages.map(\.offsets) == [0..<1] && records.map(\.offset) == [1])
            again.close()
        }
    }

    @Test(arguments: [0, Forge.prefixBytes + 4])
    func `L4: damage stays durable when the commit that proves it is cut`(_ place: Int) throws {
        let whole = try DamagedLog.active()
        var bytes = try #require(whole.storage.contents(DamagedLog.activeFile))
        let pairs = Forge.pairs(of: bytes)
        // The third commit's header or columns, and the data of the fourth, whose header is good.
        bytes[pairs[2] + place] ^= 1
        bytes[bytes.count - 1] ^= 1
        let image = whole.storage.afterPowerCut()
        image.replace(DamagedLog.activeFile, with: bytes)
        for round in 0..<3 {
            let log = try EventLog.open(storage: image, configuration: Make.configuration())
            #expect(log.durableEnd >= Offset(9), "round \(round)")
            let (records, damages) = try log.readAll()
            #expect(damages.map(\.offsets) == [6..<9], "round \(round)")
            #expect(records.prefix(6).map(\.line) == Array(whole.lines[..<6]))
            if round == 1 { try log.write(Make.drafts(9..<12, padding: 0)) }
            if round == 2 { #expect(records.count == 9 && records[6].offset == 9) }
            log.close()
        }
    }

    struct Unexpected: Error {}
}

@Suite struct `Left-over files` {
    @Test func `temporary files and unnamed empty segments are removed, foreign files are left`()
        throws
    {
        let whole = try DamagedLog.active()
        let image = whole.storage.afterPowerCut()
        image.replace("manifest.tmp", with: [1, 2, 3])
        image.replace("00000000000000000000-0000.lz4.tmp", with: [1])
        image.replace("00000000000000000012.open.lz4", with: [4])
        image.replace("notes.txt", with: [5])
        let log = try EventLog.open(storage: image, configuration: Make.configuration())
        #expect(log.recovery.findings.count == 4)
        #expect(log.recovery.findings.contains(.foreign(file: "notes.txt")))
        #expect(try log.holds(12, padding: 0))
        #expect(try image.list() == [DamagedLog.activeFile, "manifest", "notes.txt"])
        log.close()
    }

    @Test func `an unnamed segment that holds records is refused, not removed`() throws {
        let whole = try DamagedLog.active()
        let image = whole.storage.afterPowerCut()
        let bytes = image.contents(DamagedLog.activeFile)
        image.replace("00000000000000000012.open.lz4", with: bytes)
        #expect(throws: LogError.self) {
            try EventLog.open(storage: image, configuration: Make.configuration())
        }
        #expect(image.contents("00000000000000000012.open.lz4") != nil)
        image.replace("00000000000000000012.open.lz4", with: nil)
        image.replace("manifest", with: nil)
        #expect(throws: LogError.self) {
            try EventLog.open(storage: image, configuration: Make.configuration())
        }
    }

    @Test func `a missing or cut sealed file is named, and the rest stays readable`() throws {
        let whole = try DamagedLog.sealed()
        let file = try #require(
            try whole.storage.list().first { $0.hasSuffix("-0000.lz4") })
        let bytes = try #require(whole.storage.contents(file))
        for kept in [nil, Array(bytes.dropLast())] {
            let image = whole.storage.afterPowerCut()
            image.replace(file, with: kept)
            let log = try EventLog.open(storage: image, configuration: Make.configuration())
            #expect(log.recovery.damages.map(\.file) == [file])
            let (records, damages) = try log.readAll()
            #expect(damages.count == 1 && !records.isEmpty)
            log.close()
        }
    }
}
