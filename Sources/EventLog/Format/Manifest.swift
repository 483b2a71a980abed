import Hashing

/// Which segments a log has. Small, replaced as a whole; the layout stands in ``LogFormat``.
struct Manifest: Equatable {
    static let fileName = "manifest"
    private static let magic = Array("SLUICEmf".utf8)
    private static let headBytes = 72
    private static let entryBytes = 128

    enum State: UInt8 {
        case active = 1
        case closed, sealed
    }

    struct Entry: Equatable, Sendable {
        var base: UInt64
        var edition: UInt32 = 0
        var state: State
        /// The `sealed` record that names this seal is known to be durable.
        var isAnnounced = false
        /// 0 while active, like all that follows.
        var count: UInt64 = 0
        var fileLength: UInt64 = 0
        var merkleRoot = [UInt8](repeating: 0, count: 32)
        var columnsHash = [UInt8](repeating: 0, count: 32)
        var firstRecorded: Int64 = 0
        var lastRecorded: Int64 = 0
        var rawBytes: UInt64 = 0
        /// The CRC of the open segment's last companion header.
        var chainEnd: UInt32 = 0

        /// Empty while active.
        var offsets: Range<UInt64> { base..<base + count }

        /// What is wrong with the segment as a whole.
        func damage(_ reason: String, at position: UInt64 = 0) -> Damage {
            Damage(file: fileName, position: position, offsets: offsets, reason: reason)
        }

        /// Its file is not there.
        var missing: Damage { damage("the file is missing") }

        var fileName: String {
            state == .sealed
                ? LogFormat.sealedName(base: base, edition: edition)
                : LogFormat.openName(base: base)
        }
    }

    var identity: LogIdentity
    /// Goes up by one at each write.
    var generation: UInt64
    /// Ascending by base. Only the last is active.
    var entries: [Entry]

    func encoded() -> [UInt8] {
        var out = ByteWriter()
        out.put(Self.magic)
        out.put(UInt32(LogFormat.version))
        out.put(UInt32(Self.headBytes + entries.count * Self.entryBytes + 4))
        out.put(identity.id)
        out.put(identity.incarnation)
        out.put(identity.key.low)
        out.put(identity.key.high)
        out.put(generation)
        out.put(UInt32(entries.count))
        out.put(0 as UInt32)
        for entry in entries {
            out.put(entry.base)
            out.put(entry.edition)
            out.put(entry.state.rawValue)
            out.put(UInt8(entry.isAnnounced ? 1 : 0))
            out.put(0 as UInt16)
            out.put(entry.count)
            out.put(entry.fileLength)
            out.put(entry.merkleRoot)
            out.put(entry.columnsHash)
            out.put(entry.firstRecorded)
            out.put(entry.lastRecorded)
            out.put(entry.rawBytes)
            out.put(entry.chainEnd)
            out.put(0 as UInt32)
        }
        out.put(out.bytes.withUnsafeBytes { CRC32C.of($0) })
        return out.bytes
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) throws(FormatProblem) -> Manifest {
        guard bytes.count >= headBytes + 4, bytes.part(0..<8).elementsEqual(magic) else {
            throw FormatProblem("it is too short or not a manifest", at: 0)
        }
        guard
            CRC32C.of(bytes.part(0..<bytes.count - 4))
                == bytes.integer(UInt32.self, at: bytes.count - 4)
        else { throw FormatProblem("its checksum is wrong", at: UInt64(bytes.count - 4)) }
        guard bytes.integer(UInt32.self, at: 8) == UInt32(LogFormat.version) else {
            throw FormatProblem("it has version \(bytes.integer(UInt32.self, at: 8))", at: 8)
        }
        let number = Int(bytes.integer(UInt32.self, at: 64))
        guard Int(bytes.integer(UInt32.self, at: 12)) == bytes.count,
            bytes.count == headBytes + number * entryBytes + 4
        else { throw FormatProblem("its length does not fit its entries", at: 12) }
        let identity = LogIdentity(
            id: bytes.part(16..<32).array, incarnation: bytes.integer(UInt64.self, at: 32),
            key: SipKey(
                low: bytes.integer(UInt64.self, at: 40), high: bytes.integer(UInt64.self, at: 48)))
        var entries: [Entry] = []
        for index in 0..<number {
            let start = headBytes + index * entryBytes
            entries.append(try entry(bytes.part(start..<start + entryBytes), at: start))
        }
        let manifest = Manifest(
            identity: identity, generation: bytes.integer(UInt64.self, at: 56), entries: entries)
        try manifest.check()
        return manifest
    }

    /// The version of a whole manifest that is not of ours; nil when it is, or when it is not whole.
    static func otherVersion(of bytes: UnsafeRawBufferPointer) -> UInt8? {
        guard bytes.count >= headBytes + 4, bytes.part(0..<8).elementsEqual(magic),
            CRC32C.of(bytes.part(0..<bytes.count - 4))
                == bytes.integer(UInt32.self, at: bytes.count - 4)
        else { return nil }
        let version = UInt8(clamping: bytes.integer(UInt32.self, at: 8))
        return version == LogFormat.version ? nil : version
    }

    private static func entry(
        _ bytes: UnsafeRawBufferPointer, at position: Int
    ) throws(FormatProblem) -> Entry {
        guard let state = State(rawValue: bytes[12]) else {
            throw FormatProblem("a segment has state \(bytes[12])", at: UInt64(position) + 12)
        }
        return Entry(
            base: bytes.integer(UInt64.self, at: 0), edition: bytes.integer(UInt32.self, at: 8),
            state: state, isAnnounced: bytes[13] & 1 == 1,
            count: bytes.integer(UInt64.self, at: 16),
            fileLength: bytes.integer(UInt64.self, at: 24),
            merkleRoot: bytes.part(32..<64).array, columnsHash: bytes.part(64..<96).array,
            firstRecorded: bytes.integer(Int64.self, at: 96),
            lastRecorded: bytes.integer(Int64.self, at: 104),
            rawBytes: bytes.integer(UInt64.self, at: 112),
            chainEnd: bytes.integer(UInt32.self, at: 120))
    }

    /// Segments ascend without overlap, the last is the active one, and no number is out of range.
    func check() throws(FormatProblem) {
        guard generation < LogFormat.offsetLimit else {
            throw FormatProblem("its generation is out of range", at: 56)
        }
        for (index, entry) in entries.enumerated() {
            guard entry.base < LogFormat.offsetLimit, entry.edition < UInt32.max,
                entry.count < LogFormat.offsetLimit - entry.base,
                entry.fileLength < LogFormat.fileLimit, entry.rawBytes < LogFormat.fileLimit
            else {
                throw FormatProblem(
                    "a number of segment \(entry.base) is out of range",
                    at: UInt64(Self.headBytes + index * Self.entryBytes))
            }
        }
        guard entries.last?.state == .active,
            !entries.dropLast().contains(where: { $0.state == .active })
        else { throw FormatProblem("it does not end with the one active segment", at: 64) }
        guard identity.incarnation >= 1, identity.incarnation <= LogFormat.maximumIncarnation,
            LogFormat.offsets(ofIncarnation: identity.incarnation).contains(
                entries[entries.count - 1].base)
        else { throw FormatProblem("its active segment is not one of its incarnation", at: 32) }
        for (index, (entry, next)) in zip(entries, entries.dropFirst()).enumerated() {
            guard entry.count > 0, entry.base + entry.count <= next.base else {
                throw FormatProblem(
                    "segments \(entry.base) and \(next.base) overlap",
                    at: UInt64(Self.headBytes + index * Self.entryBytes))
            }
        }
    }
}
