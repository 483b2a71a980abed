import Foundation

@testable import EventLog

/// The files of a log's directory in one input: for each its name's length u8, its length u32, its name and
/// its bytes. An input that ends early has what it has.
struct Archive {
    var files: [(name: String, bytes: [UInt8])] = []

    init(_ storage: MemoryStorage) throws {
        for name in try storage.list() where name != "LOCK" {
            files.append((name, storage.contents(name) ?? []))
        }
    }

    init(_ input: [UInt8]) {
        var place = 0
        while let length = Checksums.integer(UInt32.self, input, place + 1) {
            let name = min(place + 5 + Int(input[place]), input.count)
            let end = min(name + Int(length), input.count)
            // The storage is no part of what is fuzzed: its names hold no slash.
            let text = String(decoding: input[place + 5..<name], as: UTF8.self)
            if !text.contains("/"), !text.isEmpty { files.append((text, Array(input[name..<end]))) }
            place = end
        }
    }

    var encoded: [UInt8] {
        var out = ByteWriter()
        for file in files {
            let name = Array(file.name.utf8.prefix(255))
            out.put(UInt8(name.count))
            out.put(UInt32(file.bytes.count))
            out.put(name)
            out.put(file.bytes)
        }
        return out.bytes
    }

    var storage: MemoryStorage {
        let storage = MemoryStorage()
        for file in files { storage.replace(file.name, with: file.bytes) }
        return storage
    }

    /// Changes one file, and leaves the others where they are.
    mutating func mutate(_ random: inout Random) {
        guard !files.isEmpty else { return }
        let file = random.below(files.count)
        let size = files[file].bytes.count
        switch random.below(8) {
        case 0, 1: files[file].bytes.removeLast(random.below(size + 1))
        case 2:
            let source = files[random.below(files.count)].bytes
            let start = random.below(source.count + 1)
            let part = source[start..<min(source.count, start + random.below(800))]
            let place = random.below(size + 1)
            files[file].bytes.insert(contentsOf: part, at: place)
        case 3 where random.below(8) == 0: files.remove(at: file)
        default:
            for _ in 0...random.below(3) { FieldMutation.apply(to: &files[file].bytes, &random) }
        }
    }

    /// Makes every file whole in itself, and the manifest say what the files do.
    mutating func repair(_ random: inout Random) {
        var trailers: [String: [UInt8]] = [:]
        for index in files.indices {
            let name = files[index].name
            if name.hasSuffix(".open.lz4") {
                Checksums.pairs(&files[index].bytes, &random)
            } else if name.hasSuffix(".lz4") {
                Checksums.footer(&files[index].bytes, &random)
                trailers[name] = files[index].bytes
            }
        }
        for index in files.indices where files[index].name == Manifest.fileName {
            if random.below(4) > 0 { Self.name(trailers, in: &files[index].bytes) }
            Checksums.manifest(&files[index].bytes)
        }
    }

    /// Puts count, length, root and hash of the sealed files into their entries.
    private static func name(_ trailers: [String: [UInt8]], in manifest: inout [UInt8]) {
        Checksums.put(UInt32(manifest.count), &manifest, 12)
        for entry in stride(from: 72, through: manifest.count - 132, by: 128) {
            guard let base = Checksums.integer(UInt64.self, manifest, entry),
                let edition = Checksums.integer(UInt32.self, manifest, entry + 8),
                let file = trailers[LogFormat.sealedName(base: base, edition: edition)],
                file.count >= SegmentTrailer.encodedBytes
            else { continue }
            let trailer = file.count - SegmentTrailer.encodedBytes
            Checksums.put(Array(file[trailer + 32..<trailer + 40]), &manifest, entry + 16)
            Checksums.put(UInt64(file.count), &manifest, entry + 24)
            Checksums.put(Array(file[trailer + 48..<trailer + 112]), &manifest, entry + 32)
        }
    }
}

extension Target {
    /// Whole directories.
    static let logs: [Target] = [
        Target(
            name: "log", seeds: directories,
            mutate: { bytes, random in
                var archive = Archive(bytes)
                archive.mutate(&random)
                bytes = archive.encoded
            },
            repair: { bytes, random in
                var archive = Archive(bytes)
                archive.repair(&random)
                bytes = archive.encoded
            }, run: log),
        Target(name: "accident", seeds: accidents, run: Accident.run),
    ]

    private static func directories() throws -> [[UInt8]] {
        var archives = [
            try Archive(SmallLog.open().storage), try Archive(SmallLog.sealed().storage),
            try Archive(SmallLog.erased()), try Archive(SmallLog.restored()),
        ]
        // One that lost its manifest.
        var last = archives[2]
        last.files.removeAll { $0.name == Manifest.fileName }
        archives.append(last)
        return archives.map(\.encoded)
    }

    /// Opens the directory as the program does, reads all, writes on, and opens it again.
    private static func log(_ input: [UInt8]) {
        let storage = Archive(input).storage
        mend(storage.afterPowerCut())
        // Now and then the program itself is the first to open what was found, and cuts the tear.
        let isFirst = input.count % 3 == 0
        guard var before = examined(isFirst ? storage.afterPowerCut() : storage) else { return }
        before.run()
        restore(storage, against: before)
        var kept = before.lines
        let log = started(storage)
        let end = log.durableEnd
        var acknowledged: Range<UInt64> = 0..<0
        do {
            let ticket = try log.append((0..<3).map(SmallLog.draft))
            require(ticket.first >= end, "offsets go on")
            try log.blockingWaitDurable(ticket)
            acknowledged = ticket.first.value..<ticket.end.value
            // A seal is made of what the writer knows: the open file's own bytes are read again without one.
            let seals = input.count % 2 == 0
            if seals { try log.seal() }
            if seals, before.problems.isEmpty, let offset = kept.keys.min() {
                try erase(Offset(offset), of: log)
                kept[offset] = nil
            }
            _ = try log.backup(to: MemoryStorage())
        } catch AppendRefusal.exhausted {
        } catch let refusal as AppendRefusal {
            broken("a log that opened takes records: \(refusal)")
        } catch LogError.damaged(let damage) {
            // A closed segment that cannot be sealed.
            before.check(damage)
        } catch { broken("a log that opened goes on: \(error)") }
        log.close()
        guard var after = examined(storage) else { broken("a log that was written to opens again") }
        after.run()
        require(
            acknowledged.allSatisfy { after.lines[$0] != nil }, "what was acknowledged is there")
        kept = kept.filter { after.lines[$0.key] != $0.value }
        require(kept.isEmpty || !before.problems.isEmpty, "every record that was there is there")
        require(
            !before.problems.isEmpty || after.problems.isEmpty,
            "a log that verifies goes on to verify: \(after.problems)")
    }

    /// What works from the files alone, whatever state they are in.
    private static func mend(_ storage: MemoryStorage) {
        var salvaged: UInt64 = 0
        do {
            let report = try EventLog.salvage(from: storage, to: MemoryStorage())
            salvaged = report.records
            for problem in report.problems {
                require(
                    !problem.file.isEmpty && !problem.reason.isEmpty,
                    "damage says where and why: \(problem)")
            }
        } catch LogError.unsupportedVersion {
            // Not by us.
        } catch { broken("what is whole can be salvaged: \(error)") }
        do {
            let (report, _) = try EventLog.inspect(storage)
            require(
                !report.problems.isEmpty || report.records <= salvaged || salvaged == 0,
                "of a log without problems every record can be salvaged")
        } catch is LogError {} catch { broken("an inspection says what is wrong, not \(error)") }
        do {
            _ = try EventLog.reindex(
                storage, scope: .everything, configuration: SmallLog.configuration(.off),
                extractor: { _ in SmallLog.extractor })
        } catch is LogError { return } catch {
            broken("a reindex says what is wrong, not \(error)")
        }
        guard let opened = opened(storage) else { return }
        var examination = Examination(opened, in: storage)
        examination.run()
    }

    private static func erase(_ offset: Offset, of log: EventLog) throws {
        do { try log.erase([offset], reference: "fuzz") } catch LogError.refused {
            // One of the log's own records.
        }
    }

    /// A restore is refused, or has every line that the backup has.
    private static func restore(_ storage: MemoryStorage, against before: Examination) {
        let target = MemoryStorage()
        do {
            _ = try EventLog.restore(
                from: storage.afterPowerCut(), to: target, incarnation: nil,
                damaged: .restoreWhatIsWhole, configuration: SmallLog.configuration(.off))
        } catch LogError.refused { return } catch LogError.damaged(let damage) {
            return before.check(damage)
        } catch { broken("a log that opens can be restored: \(error)") }
        guard var restored = examined(target) else { broken("what was restored opens") }
        restored.run()
        require(
            !before.problems.isEmpty || restored.problems.isEmpty,
            "a restore of what verifies verifies: \(restored.problems)")
        let lost = before.lines.filter { restored.lines[$0.key] != $0.value }
        require(lost.isEmpty || !before.problems.isEmpty, "a restore keeps every line")
    }

    private static func examined(_ storage: MemoryStorage) -> Examination? {
        opened(storage).map { Examination($0, in: storage) }
    }

    private static func started(_ storage: MemoryStorage) -> EventLog {
        do throws(LogError) {
            return try EventLog.open(
                storage: storage, configuration: SmallLog.configuration(.background))
        } catch { broken("what opened once opens twice: \(error)") }
    }

    private static func accidents() throws -> [[UInt8]] {
        // One of each kind, in both logs.
        (0..<10).map { [UInt8($0 & 1), 0, UInt8($0 / 2), 0x34, 0x12, 16, 7] }
    }
}

/// What happens to files without anybody's ill will: flipped bits, lost sectors, writes that went elsewhere,
/// cuts. No accident makes checksums right, so here the promise can be held against the truth: what is read
/// is what was written, and what is not read is named.
enum Accident {
    private static let logs: [(storage: MemoryStorage, lines: [[UInt8]])] = {
        do { return [try SmallLog.open(), try SmallLog.sealed()] } catch {
            stop("no small logs: \(error)")
        }
    }()

    /// Which log u8, then for each accident: file u8, kind u8, place u16, length u8, what u8.
    static func run(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let (storage, lines) = logs[Int(first & 1)]
        let image = storage.afterPowerCut()
        var isChanged = false
        for step in stride(from: 1, through: input.count - 6, by: 6).prefix(8) {
            isChanged = apply(Array(input[step..<step + 6]), to: image) || isChanged
        }
        guard let opened = Target.opened(image) else { return }
        var examination = Examination(opened, in: image)
        examination.run()
        for (offset, line) in examination.lines {
            require(
                offset < UInt64(lines.count) && lines[Int(offset)] == line,
                "offset \(offset) is another record")
        }
        let end = opened.active.end
        let missing = (0..<end).filter { examination.lines[$0] == nil }
        require(
            missing.allSatisfy { offset in
                examination.damages.contains { $0.offsets.contains(offset) }
            },
            "what cannot be read is named")
        let isReported = opened.report.findings.contains {
            if case .removed = $0 { false } else { true }
        }
        require(
            end >= UInt64(lines.count) || isReported || cutsWholeCommits(image, opened),
            "records that are gone are reported")
        require(
            isChanged || examination.lines.count == lines.count, "nothing happened, all is there")
    }

    /// A file cut between two commits is what it would have been without the later ones.
    private static func cutsWholeCommits(_ image: MemoryStorage, _ opened: OpenedLog) -> Bool {
        image.contents(opened.active.live.file.name)?.count == opened.active.length
    }

    private static func apply(_ step: [UInt8], to image: MemoryStorage) -> Bool {
        let names = (try? image.list()) ?? []
        let name = names[Int(step[0]) % names.count]
        guard let old = image.contents(name), !old.isEmpty else { return false }
        var bytes = old
        let place = (Int(step[2]) | Int(step[3]) << 8) % bytes.count
        let end = min(bytes.count, place + Int(step[4]) * 4 + 1)
        var random = Random(seed: UInt64(step[5]))
        switch step[1] % 5 {
        case 0: bytes[place] ^= 1 << (step[5] & 7)
        case 1: for index in place..<end { bytes[index] = 0 }
        case 2: for index in place..<end { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
        case 3:
            // A write that went elsewhere, in this file or from another one.
            let source = image.contents(names[Int(step[5]) % names.count]) ?? []
            for index in place..<end where source.indices.contains(index - place) {
                bytes[index] = source[index - place]
            }
        default: bytes.removeLast(bytes.count - place)
        }
        image.replace(name, with: bytes)
        return bytes != old
    }
}
