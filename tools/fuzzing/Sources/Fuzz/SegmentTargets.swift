import Foundation
import Hashing

@testable import EventLog

extension Target {
    /// Whole segment files, with manifests that name them.
    static let segments: [Target] = [
        Target(
            name: "open-segment",
            seeds: { try [SmallLog.file(SmallLog.open().storage, ending: ".open.lz4")] },
            repair: { bytes, random in Checksums.pairs(&bytes, &random) },
            run: open),
        Target(
            name: "footer",
            seeds: { try [SmallLog.file(SmallLog.sealed().storage, ending: "-0000.lz4")] },
            repair: { bytes, random in Checksums.footer(&bytes, &random) },
            run: footer),
        Target(
            name: "sealed-segment",
            seeds: {
                [
                    try SmallLog.file(SmallLog.sealed().storage, ending: "-0000.lz4"),
                    try SmallLog.file(SmallLog.erased(), ending: "-0001.lz4"),
                ]
            },
            repair: { bytes, random in Checksums.footer(&bytes, &random) },
            run: sealed),
    ]

    // MARK: - Open

    /// Recovers the bytes as the active segment, and as a closed one, which is then sealed.
    private static func open(_ bytes: [UInt8]) {
        let place = LogFormat.emptyFrame.count + LogFormat.skippableHeaderBytes
        guard let base = Checksums.integer(UInt64.self, bytes, place + 32),
            base < LogFormat.offsetLimit
        else { return }
        let incarnation = LogFormat.incarnation(of: base)
        let identity = LogIdentity(
            id: Array(bytes[place + 8..<place + 24]), incarnation: incarnation,
            key: SipKey(low: 1, high: 2))
        let name = LogFormat.openName(base: base)
        let storage = MemoryStorage()
        storage.replace(name, with: bytes)
        let manifest = Manifest(
            identity: identity, generation: 1, entries: [.init(base: base, state: .active)])
        storage.replace(Manifest.fileName, with: manifest.encoded())
        guard let opened = opened(storage) else { return }
        let end = opened.active.end
        var examination = Examination(opened, in: storage)
        examination.run()
        guard end > base, LogFormat.offsets(ofIncarnation: incarnation).contains(end) else {
            return
        }
        let next = SegmentHeader(
            isSealed: false, logID: identity.id, incarnation: incarnation, base: end, created: 0,
            chainSeed: opened.active.chain, edition: 0)
        let closed = MemoryStorage()
        closed.replace(name, with: bytes)
        closed.replace(LogFormat.openName(base: end), with: next.encoded().bytes)
        let entry = Manifest.Entry(
            base: base, state: .closed, count: end - base, fileLength: UInt64(bytes.count),
            firstRecorded: opened.active.firstRecorded ?? 0,
            lastRecorded: opened.active.lastRecorded ?? 0,
            rawBytes: opened.active.rawBytes, chainEnd: opened.active.chain)
        closed.replace(
            Manifest.fileName,
            with: Manifest(
                identity: identity, generation: 1,
                entries: [entry, .init(base: end, state: .active)]
            ).encoded())
        guard let reopened = self.opened(closed) else { broken("a closed segment opens") }
        var again = Examination(reopened, in: closed)
        again.run()
        for job in reopened.jobs { seal(job, in: closed, against: again) }
    }

    static func opened(_ storage: MemoryStorage) -> OpenedLog? {
        var opener = LogOpener(storage: storage, configuration: SmallLog.configuration(.off))
        do throws(LogError) { return try opener.open() } catch {
            switch error {
            case .damaged(let damage):
                require(
                    !damage.reason.isEmpty && !damage.file.isEmpty, "damage says where: \(damage)")
            case .manifest(let reason): require(!reason.isEmpty, "an error says why")
            case .storage(let failure):
                require(failure.code == ENOENT, "bytes are no failure of the disk: \(error)")
            case .unsupportedVersion, .refused: break
            default: broken("opening throws damage with its place, not \(error)")
            }
            return nil
        }
    }

    /// Sealing keeps every record, or refuses.
    private static func seal(_ job: SealJob, in storage: MemoryStorage, against before: Examination)
    {
        let sealer = Sealer(
            storage: storage, configuration: SmallLog.configuration(.off), isLagging: { false },
            isStopping: { false })
        let entry: Manifest.Entry
        do {
            guard let sealed = try sealer.seal(job) else {
                broken("nobody told the sealer to stop")
            }
            entry = sealed
        } catch {
            require(!before.problems.isEmpty, "what verifies can be sealed: \(error)")
            return
        }
        let catalog = LogCatalog(
            storage: storage,
            segments: [
                SegmentHandle(
                    base: entry.base, end: entry.base + entry.count, content: .sealed(entry))
            ], durableEnd: entry.base + entry.count)
        var after = Examination(catalog, before.identity, in: storage)
        after.run()
        if before.problems.isEmpty {
            require(after.problems.isEmpty, "a seal of what verifies verifies: \(after.problems)")
            let kept = before.lines.filter { $0.key < entry.base + entry.count }
            require(after.lines == kept, "a seal keeps every line")
        }
    }

    // MARK: - Sealed

    /// The manifest's entry for these bytes, if the trailer can be found.
    private static func entry(for bytes: [UInt8]) -> (Manifest.Entry, LogIdentity)? {
        let trailer = bytes.count - SegmentTrailer.encodedBytes
        let place = LogFormat.emptyFrame.count + LogFormat.skippableHeaderBytes
        guard trailer >= LogFormat.firstPairPosition,
            let base = Checksums.integer(UInt64.self, bytes, trailer + 24),
            let count = Checksums.integer(UInt64.self, bytes, trailer + 32),
            let incarnation = Checksums.integer(UInt64.self, bytes, place + 24),
            count > 0, base < LogFormat.offsetLimit, count < LogFormat.offsetLimit - base
        else { return nil }
        let entry = Manifest.Entry(
            base: base, state: .sealed, count: count, fileLength: UInt64(bytes.count),
            merkleRoot: Array(bytes[trailer + 48..<trailer + 80]),
            columnsHash: Array(bytes[trailer + 80..<trailer + 112]),
            firstRecorded: 0, lastRecorded: .max, rawBytes: 0,
            chainEnd: Checksums.integer(UInt32.self, bytes, trailer + 116) ?? 0)
        return (
            entry,
            LogIdentity(
                id: Array(bytes[place + 8..<place + 24]), incarnation: incarnation,
                key: SipKey(low: 1, high: 2))
        )
    }

    /// Opens the footer and asks it everything it knows.
    private static func footer(_ bytes: [UInt8]) {
        let storage = MemoryStorage()
        storage.replace("footer", with: bytes)
        // Whatever the trailer says of its place in the log.
        _ = decodedOrEnded {
            try SegmentFooter.read(from: try storage.open("footer", for: .reading))
        }
        guard let (entry, identity) = entry(for: bytes) else { return }
        storage.replace(entry.fileName, with: bytes)
        let examination = Examination(
            LogCatalog(storage: storage, segments: [], durableEnd: 0), identity, in: storage)
        guard let sealed = examination.guarded({ try SealedSegment(entry, in: storage) }) else {
            return
        }
        examination.guarded { blackHole(Int64(try sealed.names().count)) }
        let hashes = examination.guarded { try sealed.keyHashes() } ?? []
        for hash in hashes.prefix(40) + [0, 77, .max] {
            guard let place = examination.guarded({ try sealed.place(of: hash) }) ?? nil else {
                continue
            }
            let found = examination.guarded { try sealed.frames(ofKeyAt: Int(place)) } ?? []
            require(found.allSatisfy(sealed.frames.indices.contains), "frames that are there")
        }
        for number in sealed.frames.indices.prefix(20) {
            examination.guarded { try sealed.keys(inFrame: number) }
        }
        for id in BlockID.allCases {
            examination.guarded { try sealed.guarding { _ = try sealed.paged(id).all() } }
        }
    }

    static func decodedOrEnded<R>(_ decode: () throws -> R) -> R? {
        decoded {
            do { return try decode() } catch let error as StorageError where error.code == 0 {
                throw FormatProblem(error.reason)
            }
        }
    }

    /// Reads and verifies the file as the one segment of a log.
    private static func sealed(_ bytes: [UInt8]) {
        guard let (entry, identity) = entry(for: bytes) else { return }
        let problems = examine(bytes, entry, identity)
        // The key index is checked last: mutated lines get their new root, so that it is reached.
        guard problems.map(\.reason) == ["the Merkle root is not the one of the lines"] else {
            return
        }
        var bytes = bytes
        let trailer = bytes.count - SegmentTrailer.encodedBytes
        let storage = MemoryStorage()
        storage.replace(entry.fileName, with: bytes)
        let handle = SegmentHandle(
            base: entry.base, end: entry.base + entry.count, content: .sealed(entry))
        var verifier = SegmentVerifier(
            handle, identity: identity, extractor: nil, previousChainEnd: nil)
        let catalog = LogCatalog(
            storage: storage, segments: [handle], durableEnd: entry.base + entry.count)
        do { _ = try verifier.run(in: catalog) } catch { broken("it was verified before") }
        guard let root = Hexadecimal.decode(verifier.segment.merkleRoot) else {
            broken("a root is hexadecimal")
        }
        Checksums.put(root, &bytes, trailer + 48)
        Checksums.put(Checksums.crc(bytes, trailer..<trailer + 124), &bytes, trailer + 124)
        guard let (entry, identity) = self.entry(for: bytes) else {
            broken("it had an entry before")
        }
        _ = examine(bytes, entry, identity)
    }

    private static func examine(
        _ bytes: [UInt8], _ entry: Manifest.Entry, _ identity: LogIdentity
    ) -> [Damage] {
        let storage = MemoryStorage()
        storage.replace(entry.fileName, with: bytes)
        let end = entry.base + entry.count
        let catalog = LogCatalog(
            storage: storage,
            segments: [SegmentHandle(base: entry.base, end: end, content: .sealed(entry))],
            durableEnd: end)
        var examination = Examination(catalog, identity, in: storage)
        examination.run()
        return examination.problems
    }
}
