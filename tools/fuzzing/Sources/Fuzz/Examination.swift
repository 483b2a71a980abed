import Foundation

@testable import EventLog

/// Reads a log in every way there is, and traps where two ways disagree or an error does not say where.
struct Examination {
    let storage: MemoryStorage
    let catalog: LogCatalog
    let identity: LogIdentity
    private(set) var lines: [UInt64: [UInt8]] = [:]
    private(set) var damages: [Damage] = []
    private(set) var problems: [Damage] = []
    private var keys: [UInt64: [UInt64]] = [:]

    /// Examines a log as recovery left it.
    init(_ opened: OpenedLog, in storage: MemoryStorage) {
        self.init(
            LogCatalog(storage: storage, segments: opened.handles, durableEnd: opened.active.end),
            opened.manifest.identity, in: storage)
        for damage in opened.report.damages { check(damage) }
    }

    init(_ catalog: LogCatalog, _ identity: LogIdentity, in storage: MemoryStorage) {
        self.storage = storage
        self.catalog = catalog
        self.identity = identity
    }

    /// Everything: walks, look-ups, verification, and what they say of each other.
    mutating func run() {
        read()
        verify()
        lookUp()
        guard problems.isEmpty else { return }
        require(damages.isEmpty, "verify finds what a reader finds: \(damages)")
        agree()
    }

    /// An error names a file that is or was there, a position in it, and a reason.
    func check(_ damage: Damage) {
        require(
            !damage.file.isEmpty && !damage.reason.isEmpty, "damage says where and why: \(damage)")
        guard let bytes = storage.contents(damage.file) else { return }
        require(damage.position <= UInt64(bytes.count), "damage is inside its file: \(damage)")
    }

    /// Runs `body`, which may only throw damage.
    @discardableResult
    func guarded<R>(_ body: () throws -> R) -> R? {
        do { return try body() } catch LogError.damaged(let damage) {
            check(damage)
            return nil
        } catch { broken("reading throws damage with its place, not \(type(of: error)) \(error)") }
    }

    // MARK: - Walks

    private mutating func read() {
        let end = catalog.durableEnd
        var reader = LogReader(catalog: catalog)
        var from: UInt64 = 0
        var last: UInt64?
        while from < end {
            do {
                let next = try reader.forEach(
                    from: Offset(from), to: Offset(end), needs: .lines
                ) { record in
                    let offset = record.offset.value
                    require(offset < end && offset >= from && last ?? 0 <= offset, "offsets ascend")
                    require(last != offset, "no record comes twice")
                    require(record.lineLength == record.line.count, "a line is as long as it says")
                    last = offset
                    lines[offset] = Array(record.line)
                    keys[offset] = Array(record.keys)
                    blackHole(record.recorded &+ record.occurred &+ Int64(record.kind))
                    _ = (record.source, record.name)
                    return .next
                }
                require(next.value >= end, "a walk that is not stopped comes to the end")
                from = next.value
            } catch LogError.damaged(let damage) {
                check(damage)
                damages.append(damage)
                let past = damage.offsets.upperBound
                require(
                    past > max(from, last.map { $0 + 1 } ?? 0),
                    "damage says what to skip: \(damage)")
                _ = reader.quarantine(damage)
                from = past
            } catch { broken("reading throws damage with its place, not \(error)") }
        }
    }

    private mutating func verify() {
        var chainEnd: UInt32?
        for handle in catalog.snapshot {
            if case .lost(let damage) = handle.content {
                problems.append(damage)
                chainEnd = nil
                continue
            }
            var verifier = SegmentVerifier(
                handle, identity: identity, extractor: nil, previousChainEnd: chainEnd)
            chainEnd = guarded { try verifier.run(in: catalog) } ?? nil
            verifier.problems.forEach(check)
            problems += verifier.problems
        }
    }

    // MARK: - Look-ups

    private func lookUp() {
        var reader = LogReader(catalog: catalog)
        let end = Offset(catalog.durableEnd)
        for needs in [ReadNeeds.columnsWithoutKeys, .columns] {
            for handle in catalog.snapshot {
                _ = guarded {
                    try reader.forEach(from: Offset(handle.base), to: end, needs: needs) { record in
                        blackHole(
                            record.recorded &+ record.occurred &+ Int64(record.lineLength)
                                &+ Int64(bitPattern: record.keys.reduce(0, ^)))
                        _ = (record.source, record.name, record.kind)
                        return .next
                    }
                }
            }
        }
        _ = guarded {
            try reader.forEachBatch(from: Offset(0), to: end) { batch in
                let kinds = batch.kinds.reduce(0) { $0 &+ Int64($1) }
                let times = batch.recorded.reduce(0, &+) &+ batch.occurred.reduce(0, &+)
                let symbols = batch.sourceSymbols.reduce(0, ^) ^ batch.nameSymbols.reduce(0, ^)
                blackHole(kinds &+ times &+ Int64(symbols) &+ Int64(batch.lineLengths[0]))
                _ = batch.text(symbols)
                let held = try batch.places(holding: keys[batch.first.value]?.first ?? 77)
                require(held.allSatisfy { $0 >= 0 && $0 < batch.count }, "places in the batch")
                return .next
            }
        }
        for name in ["Event 1", "tombstone", ""] {
            _ = guarded {
                try reader.forEach(
                    of: Selection(kinds: [1, 242], name: name, recorded: 0..<Int64.max),
                    from: Offset(0), to: end, needs: .lines
                ) { record in
                    blackHole(Int64(record.line.count))
                    return .next
                }
            }
        }
        for time in [Int64.min, 0, 1_767_225_600_000_000, Int64.max] {
            _ = guarded { try reader.firstOffset(recordedAtOrAfter: time) }
        }
        for key in Set(keys.values.joined().prefix(200)).union([0, .max, 77]) {
            guarded {
                let found = try reader.candidates(for: key, from: Offset(0), to: end)
                require(zip(found, found.dropFirst()).allSatisfy { $0 < $1 }, "candidates ascend")
                guard problems.isEmpty else { return }
                let expected = keys.filter { $0.value.contains(key) }.keys.sorted()
                require(found.map(\.value) == expected, "a key is found where it stands")
            }
        }
        let ends = catalog.snapshot.flatMap { [$0.base, ($0.end ?? end.value) &- 1] }
        for offset in Set(lines.keys.prefix(200)).union(ends).union([0, .max]) {
            _ = guarded { try reader.line(at: Offset(offset)) }
        }
        for handle in catalog.snapshot where handle.base < (handle.end ?? end.value) {
            let damage = Damage(
                file: handle.fileName, position: 0,
                offsets: handle.base..<(handle.end ?? end.value),
                reason: "asked for")
            _ = reader.quarantine(damage)
        }
    }

    /// A log that verifies is dense, and whoever looks up a line gets the one that a walk gets.
    private func agree() {
        var reader = LogReader(catalog: catalog)
        for (offset, line) in lines {
            let found = guarded { try reader.line(at: Offset(offset)) }
            require(found == .some(line), "a line is the same by offset \(offset) and in a walk")
            let front = Array("{\"v\":1,\"offset\":\(offset),\"recorded\":\"".utf8)
            require(line.starts(with: front), "a verified line says its offset")
        }
        for handle in catalog.snapshot {
            let held = lines.keys.filter { $0 >= handle.base && $0 < handle.end ?? .max }.count
            require(
                UInt64(held) == (handle.end ?? catalog.durableEnd) - handle.base,
                "a segment that verifies has every record")
        }
    }
}
