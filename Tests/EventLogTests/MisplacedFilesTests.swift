import EventLog
import Hashing
import Testing

/// A log with an erased line: a rewritten segment, a sealed one, a closed one, and the active one.
private struct Placed {
    static let rewritten = "00000000000000000000-0001.lz4"
    let storage: MemoryStorage
    let model: LogModel
    let sealed: String
    let closed: String
    let active: String
    /// The first segment's file before its line was erased, and the manifest of that time.
    let oldEdition: [UInt8]
    let oldManifest: [UInt8]
    /// The active segment when it held less.
    let oldActive: [UInt8]
    let oldActiveEnd: Offset

    init(salts: UInt8 = 0) throws {
        storage = MemoryStorage()
        var model = LogModel()
        var log = try Failing.calm(storage, salts: salts)
        for _ in 0..<2 {
            try model.write(20, to: log)
            try log.seal()
            // Its own records stand at the same offsets each time.
            #expect(`Rolling and sealing`.settle(log))
        }
        oldEdition = try #require(storage.contents("00000000000000000000-0000.lz4"))
        oldManifest = try #require(storage.contents("manifest"))
        model.erasing([Offset(2)])
        try log.erase([Offset(2)], reference: "x")
        model.erased([Offset(2)])
        sealed = try #require(log.stat().segments.last { $0.state == .sealed }?.file)
        #expect(eventually { log.durableEnd.value == 43 })
        log.close()
        log = try Failing.open(storage, .off)
        for _ in 0..<4 { try model.write(5, to: log) }
        let running = log
        #expect(eventually { running.stat().segments.contains { $0.state == .closed } })
        closed = try #require(log.stat().segments.last { $0.state == .closed }?.file)
        active = try #require(log.stat().segments.last?.file)
        try model.write(2, to: log)
        oldActive = try #require(storage.contents(active))
        oldActiveEnd = log.durableEnd
        try model.write(2, to: log)
        log.close()
        self.model = model
    }

    /// A disk with one file changed; nil removes it.
    func with(_ file: String, _ bytes: [UInt8]?) -> MemoryStorage {
        let image = storage.afterPowerCut()
        image.replace(file, with: bytes)
        return image
    }

    /// Opens what was changed and reads it: true records only, and the damage that was named.
    func readable(_ image: MemoryStorage) throws -> (records: Int, damages: [Damage]) {
        let log = try Failing.open(image, .off)
        defer { log.close() }
        let (records, damages) = try log.readAll()
        expectNone(records.compactMap { model.problem($0) }, "a record")
        return (records.filter { $0.kind < 240 }.count, damages)
    }

    /// The error with which opening is refused; the files are as they were.
    func refusal(_ image: MemoryStorage) throws -> LogError {
        let before = try image.list().map { image.contents($0) }
        var refusal: LogError?
        do throws(LogError) { try Failing.open(image, .off).close() } catch { refusal = error }
        #expect(try image.list().map { image.contents($0) } == before, "something was changed")
        return try #require(refusal)
    }
}

@Suite struct `A manifest` {
    @Test func `that is missing is not made anew while there are segments`() throws {
        let placed = try Placed()
        guard case .manifest(let reason) = try placed.refusal(placed.with("manifest", nil)) else {
            Issue.record("another refusal")
            return
        }
        #expect(reason.contains("missing"))
    }

    @Test func `that is missing without segments is a new log`() throws {
        let image = MemoryStorage()
        image.replace("notes.txt", with: [1])
        let log = try Failing.open(image)
        #expect(log.recovery.findings.contains(.created))
        #expect(log.durableEnd == Offset(0))
        log.close()
        #expect(image.contents("notes.txt") == [1])
    }

    @Test func `that is empty, half written or noise is refused`() throws {
        let placed = try Placed()
        let bytes = try #require(placed.storage.contents("manifest"))
        var halfOld = bytes
        halfOld.replaceSubrange(
            0..<bytes.count / 2, with: placed.oldManifest.prefix(bytes.count / 2))
        for bad in [[], Array(bytes.prefix(bytes.count / 2)), bytes + [0], halfOld] {
            guard case .manifest = try placed.refusal(placed.with("manifest", bad)) else {
                Issue.record("another refusal of \(bad.count) bytes")
                continue
            }
        }
    }

    @Test func `of a newer version is refused as such`() throws {
        let placed = try Placed()
        var bytes = try #require(placed.storage.contents("manifest"))
        bytes[8] = 2
        bytes.replaceSubrange((bytes.count - 4)..., with: Self.crc(bytes.dropLast(4)))
        let refusal = try placed.refusal(placed.with("manifest", bytes))
        #expect(refusal == .unsupportedVersion(file: "manifest", version: 2))
    }

    static func crc(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let crc = bytes.withUnsafeBytes { CRC32C.of($0) }
        return (0..<4).map { UInt8(truncatingIfNeeded: crc >> ($0 * 8)) }
    }

    @Test func `of another log is refused: the active segment is not its own`() throws {
        let placed = try Placed()
        let other = try Placed(salts: 0xFF)
        #expect(other.active == placed.active)
        let manifest = try #require(other.storage.contents("manifest"))
        guard case .damaged(let damage) = try placed.refusal(placed.with("manifest", manifest))
        else {
            Issue.record("another refusal")
            return
        }
        #expect(damage.file == placed.active)
    }

    @Test func `from before a rewrite, a seal or a roll is refused, and nothing is removed`() throws
    {
        let placed = try Placed()
        guard
            case .manifest(let reason) = try placed.refusal(
                placed.with("manifest", placed.oldManifest))
        else {
            Issue.record("another refusal")
            return
        }
        #expect(reason.contains("-0001.lz4"))
        // From before a seal: with a sealed segment in place of the closed one.
        let image = placed.storage.afterPowerCut()
        let old = try #require(image.contents("manifest"))
        var log = try Failing.open(image)
        try log.seal()
        log.close()
        #expect(image.contents(placed.closed) == nil)
        image.replace("manifest", with: old)
        guard case .manifest = try placed.refusal(image) else {
            Issue.record("another refusal")
            return
        }
        // From before a roll only: the new segment holds records.
        let rolled = placed.storage.afterPowerCut()
        log = try Failing.open(rolled, .off)
        var model = placed.model
        for _ in 0..<8 { try model.write(5, to: log) }
        log.close()
        rolled.replace("manifest", with: old)
        guard case .manifest = try placed.refusal(rolled) else {
            Issue.record("another refusal")
            return
        }
    }
}

@Suite struct `A segment` {
    @Test func `that is missing is named, and the rest stays readable; the active one is refused`()
        throws
    {
        let placed = try Placed()
        let all = try placed.readable(placed.storage.afterPowerCut())
        #expect(all.damages.isEmpty)
        for file in [Placed.rewritten, placed.sealed, placed.closed] {
            let left = try placed.readable(placed.with(file, nil))
            #expect(left.damages.map(\.file) == [file])
            #expect(left.records < all.records && left.records > 0)
        }
        guard case .storage(let error) = try placed.refusal(placed.with(placed.active, nil)) else {
            Issue.record("another refusal")
            return
        }
        #expect(error.file == placed.active && error.operation == .open)
    }

    @Test func `of another log in its place is damage as a whole; as the active one it is refused`()
        throws
    {
        let placed = try Placed()
        let other = try Placed(salts: 0xFF)
        let all = try placed.readable(placed.storage.afterPowerCut())
        for file in [Placed.rewritten, placed.sealed, placed.closed] {
            let foreign = try #require(other.storage.contents(file))
            let image = placed.with(file, foreign)
            let left = try placed.readable(image)
            #expect(left.damages.map(\.file) == [file], "\(file)")
            #expect(left.records < all.records && left.records > 0, "\(file)")
            let log = try Failing.open(image, .off)
            #expect(try log.verify().problems.contains { $0.file == file }, "\(file)")
            log.close()
        }
        let foreign = try #require(other.storage.contents(placed.active))
        guard case .damaged(let damage) = try placed.refusal(placed.with(placed.active, foreign))
        else {
            Issue.record("another refusal")
            return
        }
        #expect(damage.file == placed.active)
    }

    @Test func `of the same log in another's place is damage`() throws {
        let placed = try Placed()
        let sealed = try #require(placed.storage.contents(placed.sealed))
        let closed = try #require(placed.storage.contents(placed.closed))
        for (file, bytes) in [
            (placed.closed, sealed), (placed.sealed, closed), (Placed.rewritten, sealed),
        ] {
            let left = try placed.readable(placed.with(file, bytes))
            #expect(left.damages.map(\.file) == [file], "\(file)")
        }
        for bytes in [sealed, closed] {
            guard case .damaged = try placed.refusal(placed.with(placed.active, bytes)) else {
                Issue.record("another refusal")
                continue
            }
        }
    }

    @Test func `whose old edition is put back is damage, and the erased line is not shown`() throws
    {
        let placed = try Placed()
        let left = try placed.readable(placed.with(Placed.rewritten, placed.oldEdition))
        #expect(left.damages.map(\.file) == [Placed.rewritten])
        // Under its own name it is a left-over, and is removed.
        let image = placed.with("00000000000000000000-0000.lz4", placed.oldEdition)
        let all = try placed.readable(image)
        #expect(all.damages.isEmpty)
        #expect(image.contents("00000000000000000000-0000.lz4") == nil)
    }

    @Test func `that is closed and an old copy of itself is damaged where the copy ends`() throws {
        let placed = try Placed()
        let bytes = try #require(placed.storage.contents(placed.closed))
        let all = try placed.readable(placed.storage.afterPowerCut())
        for cut in stride(from: 0, to: bytes.count, by: 211) {
            let left = try placed.readable(placed.with(placed.closed, Array(bytes.prefix(cut))))
            #expect(!left.damages.isEmpty, "cut at \(cut)")
            #expect(left.records < all.records, "cut at \(cut)")
        }
    }

    @Test
    func
        `that is active and an old copy of itself cannot be told from a log that was never longer`()
        throws
    {
        let placed = try Placed()
        let image = placed.with(placed.active, placed.oldActive)
        let log = try Failing.open(image, .off)
        #expect(log.recovery.durableEnd == placed.oldActiveEnd)
        #expect(log.recovery.findings.isEmpty)
        log.close()
    }
}
