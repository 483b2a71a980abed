import EventLog
import Testing

/// Bytes that say something impossible under right checksums. The log refuses them, or goes on; it does not trap,
/// allocate what no file justifies, or fail to come back.
@Suite struct `Forged bytes` {
    /// What hurts arithmetic.
    static let extremes: [UInt64] = [.max, .max >> 1, 1 << 63, 0, 0 &- 8, 1 << 60]

    /// Opens, reads in every way, verifies, appends and closes.
    static func use(_ storage: MemoryStorage, _ what: String) {
        do {
            let log = try EventLog.open(storage: storage, configuration: Make.configuration())
            defer { log.close() }
            let (_, damages) = try log.readAll()
            for damage in damages {
                #expect(!damage.offsets.isEmpty, "\(what): \(damage) does not say what to skip")
            }
            var reader = log.makeReader()
            for offset in [0, 1, 7, log.durableEnd.value] {
                do { _ = try reader.line(at: Offset(offset)) } catch LogError.damaged {}
            }
            for needs in [ReadNeeds.columnsWithoutKeys, .columns] {
                do {
                    _ = try reader.forEach(from: Offset(0), to: log.durableEnd, needs: needs) {
                        _ = ($0.lineLength, $0.keys.reduce(0, ^), $0.source, $0.name)
                        return .next
                    }
                } catch LogError.damaged {}
            }
            do {
                _ = try reader.candidates(
                    for: Make.keys(3)[1], from: Offset(0), to: log.durableEnd)
                _ = try reader.firstOffset(recordedAtOrAfter: 0)
            } catch LogError.damaged {}
            _ = try log.verify()
            _ = log.stat().rawBytes
            do { try log.write([Make.draft(1)]) } catch AppendRefusal.exhausted {}
        } catch is LogError {
            // Refused, with its reason.
        } catch { Issue.record("\(what): \(type(of: error)) \(error)") }
    }

    /// Puts each extreme at each of `places` of a file, makes the checksums right, and uses the log.
    private func forge(
        _ storage: MemoryStorage, _ file: String, _ places: some Sequence<Int>,
        mend: (inout Forge) -> Void
    ) throws {
        let bytes = try #require(storage.contents(file))
        for place in places {
            for value in Self.extremes {
                var forge = Forge(bytes)
                if place <= bytes.count - 8 { forge.put(value, at: place) }
                mend(&forge)
                let image = storage.afterPowerCut()
                image.replace(file, with: forge.bytes)
                Self.use(image, "\(value) at byte \(place) of \(file)")
            }
        }
    }

    private static func sealed() throws -> (storage: MemoryStorage, file: String) {
        let storage = try DamagedLog.sealed().storage
        let file = try #require(try storage.list().first { $0.hasSuffix("-0000.lz4") })
        return (storage, file)
    }

    @Test func `any number may stand anywhere in a manifest`() throws {
        let (storage, _) = try Self.sealed()
        let size = try #require(storage.contents("manifest")).count
        try forge(storage, "manifest", 8..<size - 4) { $0.mendManifest() }
    }

    @Test func `any number may stand anywhere in the headers of an open segment`() throws {
        let storage = try DamagedLog.active().storage
        try forge(storage, DamagedLog.activeFile, stride(from: 19, to: 143, by: 4)) {
            $0.mendSegmentHeader()
        }
        let bytes = try #require(storage.contents(DamagedLog.activeFile))
        let last = try #require(Forge.pairs(of: bytes).last)
        try forge(storage, DamagedLog.activeFile, last + 4..<last + 84) { $0.mendPair(at: last) }
        // The directory of its columns.
        try forge(storage, DamagedLog.activeFile, last + 88..<last + 88 + 104) {
            $0.mendPair(at: last)
        }
    }

    @Test func `any number may stand anywhere in a footer`() throws {
        let (storage, file) = try Self.sealed()
        let forged = Forge(try #require(storage.contents(file)))
        try forge(storage, file, forged.trailer + 4..<forged.trailer + 48) { $0.mendTrailer() }
        let directory = try #require(forged.block(1))
        for entry in stride(from: directory, to: forged.trailer, by: 64) {
            try forge(storage, file, entry..<entry + 32) { $0.mendDirectory() }
        }
        let table = try #require(forged.block(2))
        let position: UInt64 = Forge.integer(forged.bytes, at: table + 8)
        try forge(storage, file, Int(position)..<Int(position) + 104) { $0.mendBlock(2) }
    }

    @Test func `a directory longer than its file is out of place`() throws {
        let (storage, file) = try Self.sealed()
        var forge = Forge(try #require(storage.contents(file)))
        forge.put(UInt16.max, at: forge.trailer + 6)
        forge.mendTrailer()
        storage.replace(file, with: forge.bytes)
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        defer { log.close() }
        let problem = try #require(try log.verify().problems.first)
        #expect(problem.reason == "the footer's directory is out of place")
        #expect(problem.file == file && problem.position == UInt64(forge.trailer))
    }

    @Test func `names that pass the last symbol are refused before the writer counts on them`()
        throws
    {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        try log.write(Make.drafts(0..<3))
        log.close()
        var forge = Forge(try #require(storage.contents(DamagedLog.activeFile)))
        let pair = Forge.firstPair
        let columns: UInt32 = Forge.integer(forge.bytes, at: pair + 8 + 56)
        let directory: UInt32 = Forge.integer(forge.bytes, at: pair + 88)
        // The names column is the section's last, and its base is its length.
        let length: UInt64 = Forge.integer(
            forge.bytes, at: pair + 88 + 4 + (Int(directory) - 1) * 10 + 2)
        forge.put(UInt16.max, at: pair + 88 + Int(columns) - Int(length))
        forge.mendPair(at: pair)
        storage.replace(DamagedLog.activeFile, with: forge.bytes)
        let again = try EventLog.open(storage: storage, configuration: Make.configuration())
        defer { again.close() }
        #expect(again.durableEnd == Offset(0))
        #expect(!again.recovery.findings.isEmpty)
        try again.write(Make.drafts(0..<3))
    }

    @Test func `a first record from before all time does not stop the log from rolling`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration()
        configuration.clock = { .min }
        let log = try EventLog.open(storage: storage, configuration: configuration)
        try log.write(Make.drafts(0..<1))
        log.close()
        let again = try EventLog.open(storage: storage, configuration: Make.configuration())
        try again.write(Make.drafts(1..<2))
        // The roll comes after the append is answered.
        #expect(eventually { again.stat().segments.count == 2 })
        #expect(try again.holds(2))
        again.close()
    }

    @Test func `a bad segment header is not the answer for records that are missing behind it`()
        throws
    {
        let whole = try DamagedLog.active()
        var bytes = try #require(whole.storage.contents(DamagedLog.activeFile))
        bytes[30] ^= 1
        bytes[Forge.firstPair + 10] ^= 1
        whole.storage.replace(DamagedLog.activeFile, with: bytes)
        let log = try EventLog.open(storage: whole.storage, configuration: Make.configuration())
        defer { log.close() }
        let (records, damages) = try log.readAll()
        #expect(damages.map(\.offsets) == [0..<3])
        #expect(records.map(\.line) == Array(whole.lines[3...]))
    }

    @Test(.timeLimit(.minutes(1)))
    func `recovery looks once for what stands behind trouble, however much there is`() throws {
        let storage = MemoryStorage()
        var configuration = Make.configuration()
        configuration.frameBytes = 1
        configuration.rollRawBytes = 1_000_000
        let log = try EventLog.open(storage: storage, configuration: configuration)
        let count = 20_000
        try log.write(Make.drafts(0..<count, padding: 0))
        let isClosed = eventually { log.stat().segments.first?.state == .closed }
        log.close()
        try #require(isClosed)
        var bytes = try #require(storage.contents(DamagedLog.activeFile))
        let pairs = Forge.pairs(of: bytes)
        try #require(pairs.count == count)
        // Every other header, and the columns of the rest.
        for (number, pair) in pairs.enumerated() {
            bytes[pair + (number % 2 == 0 ? 20 : Forge.prefixBytes)] ^= 1
        }
        storage.replace(DamagedLog.activeFile, with: bytes)
        let again = try EventLog.open(storage: storage, configuration: configuration)
        defer { again.close() }
        #expect(again.recovery.damages.count >= count)
    }

    @Test func `a restore notes no incarnation that there cannot be`() throws {
        let backup = MemoryStorage()
        let log = try EventLog.open(storage: MemoryStorage(), configuration: Make.configuration())
        try log.write(Make.drafts(0..<3))
        _ = try log.backup(to: backup)
        log.close()
        backup.replace("restores", with: Array("\(UInt64.max)\n".utf8))
        #expect(throws: LogError.refused("the backup's file restores holds no incarnation")) {
            try EventLog.restore(
                from: backup, to: MemoryStorage(), incarnation: nil, damaged: .refuse,
                configuration: Make.configuration())
        }
    }

    @Test func `a reindex makes no manifest of numbers that are out of range`() throws {
        let (storage, file) = try Self.sealed()
        let bytes = try #require(storage.contents(file))
        storage.replace("manifest", with: nil)
        for value in Self.extremes {
            var forge = Forge(bytes)
            forge.put(value, at: forge.trailer + 32)
            forge.mendTrailer()
            storage.replace(file, with: forge.bytes)
            #expect(throws: LogError.self, "\(value) records") {
                try EventLog.reindex(
                    storage, scope: .everything, configuration: Make.configuration(),
                    extractor: { _ in `Verification`.extractor(7) })
            }
        }
    }

    @Test func `a reindex names what is bad behind the end that the manifest gives a segment`()
        throws
    {
        let storage = MemoryStorage()
        var configuration = Make.configuration()
        configuration.rollRawBytes = 1_500
        configuration.frameBytes = 400
        let log = try EventLog.open(storage: storage, configuration: configuration)
        for start in stride(from: 0, to: 16, by: 4) {
            try log.write(Make.drafts(start..<start + 4, padding: 0))
        }
        let isClosed = eventually { log.stat().segments.first?.state == .closed }
        log.close()
        try #require(isClosed)
        var bytes = try #require(storage.contents(DamagedLog.activeFile))
        bytes += [UInt8](repeating: 0x55, count: 100)
        storage.replace(DamagedLog.activeFile, with: bytes)
        var manifest = Forge(try #require(storage.contents("manifest")))
        manifest.put(1 as UInt64, at: 72 + 16)
        manifest.mendManifest()
        storage.replace("manifest", with: manifest.bytes)
        let report = try EventLog.reindex(
            storage, scope: .everything, configuration: configuration,
            extractor: { _ in Verification.extractor(7) })
        #expect(report.notHealed.map(\.file).contains(DamagedLog.activeFile))
    }

    /// Two symbols in one frame that no name has.
    @Test func `a seal keeps its index of names when symbols have no names`() throws {
        let storage = MemoryStorage()
        let log = try EventLog.open(storage: storage, configuration: Make.configuration())
        try log.write(Make.drafts(0..<3, padding: 0))
        log.close()
        var forge = Forge(try #require(storage.contents(DamagedLog.activeFile)))
        let pair = Forge.firstPair
        // Column 5, the name symbols: one byte each above a base.
        let entry = pair + 88 + 4 + 4 * 10
        try #require(forge.bytes[entry] == 5 && forge.bytes[entry + 1] == 1)
        forge.put(500 as Int64, at: entry + 2)
        forge.mendPair(at: pair)
        storage.replace(DamagedLog.activeFile, with: forge.bytes)
        let again = try EventLog.open(
            storage: storage, configuration: Make.configuration(sealing: .background))
        defer { again.close() }
        #expect(again.recovery.findings.isEmpty)
        try again.seal()
        #expect(try again.verify().problems.isEmpty)
    }
}
