/// An open segment's file after recovery.
struct RecoveredSegment: Sendable {
    var live: LiveSegment
    /// Bytes at the front of the file that stay; what follows was cut.
    var length: Int
    /// Where the last good commit begins: only that may be in the cache and not on the disk.
    var lastCommit = LogFormat.firstPairPosition
    /// The CRC of the last good header.
    var chain: UInt32
    /// The first offset after all that stays.
    var end: UInt64
    var firstRecorded: Int64?
    var lastRecorded: Int64?
    var rawBytes: UInt64
    /// What stands last is damage, and what proved it durable was cut: nothing may follow in this file, since
    /// the next recovery could not tell that damage from a tear.
    var endsInDamage = false
    var findings: [RecoveryReport.Finding] = []

    var damages: [Damage] {
        findings.compactMap { if case .damage(let damage) = $0 { damage } else { nil } }
    }
}

/// Walks one open segment and decides, at everything that is bad, what it is (MEANINGS.md L4).
///
/// `E` is the next offset that is expected. A header further on that was written when more than `E` was
/// durable proves that the bad bytes were durable.
///
/// | trouble | a later header's durable end > E | otherwise |
/// |---|---|---|
/// | fewer bytes than a header | cannot be | tear |
/// | good header, pair passes the file's end | cannot be | tear |
/// | bad header | damage; go on at the next good header | only zeros follow: tear; else possibly acknowledged |
/// | good header, bad columns or data | damage; go on after the pair | commit passes the file's end: tear; else possibly acknowledged |
/// | anything in a closed segment | damage | damage |
/// | a whole segment header of another log or place | refused; closed: all of it is damage | |
///
/// *Tear*: cut, reported. *Possibly acknowledged*: the last commit is whole in length, or cannot be
/// measured; cut, reported. *Damage*: named with its offsets, left where it is, and never dropped.
struct OpenSegmentRecovery: ~Copyable {
    /// What is known of the segment besides its file.
    enum Role {
        /// The one that was being written.
        case active
        /// Closed: all of it is durable, and the manifest says how much that is.
        case closed(count: UInt64, fileLength: UInt64)
    }

    private let role: Role
    private let base: UInt64
    private var scanner: FrameScanner
    private var recovered: RecoveredSegment
    private var position = LogFormat.firstPairPosition
    private var expected: UInt64
    private var chain: UInt32?
    private var isCut = false
    /// What stands behind the first trouble; nil before it.
    private var laterHeaders: LaterHeaders?
    /// Why nothing in the file is this segment's.
    private var foreign: String?
    private var lastDurableEnd: UInt64?

    /// Walks the whole file. Cuts nothing itself: the caller truncates to `length`.
    static func run(
        _ file: any LogFile, base: UInt64, role: Role, identity: LogIdentity
    ) throws -> RecoveredSegment {
        var recovery = try OpenSegmentRecovery(file, base: base, role: role, identity: identity)
        try recovery.walk()
        return recovery.recovered
    }

    private init(
        _ file: any LogFile, base: UInt64, role: Role, identity: LogIdentity
    ) throws {
        self.role = role
        self.base = base
        expected = base
        let size = try file.size()
        let headerBytes = try file.bytes(at: 0, count: min(size, LogFormat.firstPairPosition))
        var reason: String?
        var incarnation = identity.incarnation
        do {
            let (header, crc) = try headerBytes.withUnsafeBytes { try SegmentHeader.decode($0) }
            if header.logID == identity.id, header.base == base, !header.isSealed,
                header.incarnation <= identity.incarnation
            {
                incarnation = header.incarnation
                chain = crc
            } else {
                foreign = "the segment belongs to another log or place"
            }
        } catch let error as FormatProblem { reason = error.reason }
        let depth: FrameScanner.Depth = if case .active = role { .data } else { .columns }
        scanner = FrameScanner(file: file, size: size, incarnation: incarnation, depth: depth)
        let live = LiveSegment(
            base: base, incarnation: incarnation, file: file,
            fileLength: UInt64(LogFormat.firstPairPosition), chain: chain ?? 0)
        recovered = RecoveredSegment(
            live: live, length: LogFormat.firstPairPosition, chain: chain ?? 0, end: base,
            rawBytes: 0)
        if let reason {
            let damage = Damage(
                file: file.name, position: 0, offsets: base..<base, reason: reason)
            recovered.findings.append(.damage(damage))
        }
    }

    private mutating func walk() throws {
        if let foreign { return try refuse(foreign) }
        while position < scanner.size, !isCut {
            switch try scanner.examine(at: position, base: expected, chain: chain) {
            case .good(let good): take(good)
            case .trouble(let trouble): try decide(trouble)
            }
        }
        if case .closed(let count, let length) = role {
            checkClosed(count: count, length: length)
        } else if recovered.live.withState({ $0.frames.isEmpty }),
            case .damage(let damage)? = recovered.findings.first, damage.position == 0
        {
            // The header was durable before the manifest named the file: this is no tear, and what
            // the segment held cannot be told.
            throw LogError.damaged(damage)
        }
    }

    /// Frames do not name their log, so those of a foreign file must not even be looked at.
    private mutating func refuse(_ reason: String) throws {
        position = 0
        guard case .closed(let count, _) = role else {
            throw LogError.damaged(
                Damage(
                    file: scanner.file.name, position: 0, offsets: base..<base, reason: reason))
        }
        note(base..<base + count, reason)
    }

    private mutating func take(_ good: FrameScanner.Good) {
        if let (first, names) = good.names { recovered.live.names.set(names, from: first) }
        add(good.header, good.crc, good.times, good.contents)
    }

    private mutating func add(
        _ header: FrameHeader, _ crc: UInt32, _ times: FrameTimes,
        _ contents: LiveSegment.Contents
    ) {
        let entry = FrameEntry(
            header: header, headerCRC: crc, position: UInt64(position), times: times)
        if header.durableEnd != lastDurableEnd { recovered.lastCommit = position }
        lastDurableEnd = header.durableEnd
        position += header.pairBytes
        recovered.live.publish(entry, contents, fileLength: UInt64(position))
        if recovered.firstRecorded == nil { recovered.firstRecorded = times.firstRecorded }
        recovered.lastRecorded = max(recovered.lastRecorded ?? .min, times.lastRecorded)
        recovered.rawBytes += UInt64(header.rawLength)
        recovered.endsInDamage = false
        recovered.length = position
        recovered.end = header.end
        recovered.chain = crc
        expected = header.end
        chain = crc
    }

    /// The decision table of this type's documentation.
    private mutating func decide(_ trouble: FrameScanner.Trouble) throws {
        let isClosed = if case .closed = role { true } else { false }
        switch trouble {
        case .shortHeader, .shortPair:
            if isClosed { return stop() }
            cut(.tear(file: scanner.file.name, position: UInt64(position), bytes: rest))
        case .badHeader(let reason):
            let later = try later()
            if isClosed || later.prove(expected) { return skip(to: later.first, reason) }
            if try scanner.isZero(from: position) {
                cut(.tear(file: scanner.file.name, position: UInt64(position), bytes: rest))
            } else {
                cutPossiblyAcknowledged(later.end(from: expected))
            }
        case .badBody(let header, let crc, let columns, let reason):
            let later = try later()
            if isClosed || later.prove(expected) {
                keepDamaged(header, crc, columns, reason)
            } else if header.commitBytes > rest {
                cut(.tear(file: scanner.file.name, position: UInt64(position), bytes: rest))
            } else {
                cutPossiblyAcknowledged(max(later.end(from: expected) ?? 0, header.end))
            }
        }
    }

    /// What stands behind this trouble.
    private mutating func later() throws -> LaterHeaders {
        var later = try laterHeaders ?? scanner.laterHeaders(past: position)
        later.advance(past: position, base: expected)
        laterHeaders = later
        return later
    }

    private var rest: UInt64 { UInt64(scanner.size - position) }

    private mutating func cut(_ finding: RecoveryReport.Finding) {
        recovered.findings.append(finding)
        isCut = true
    }

    private mutating func cutPossiblyAcknowledged(_ end: UInt64?) {
        cut(
            .possiblyAcknowledged(
                file: scanner.file.name, position: UInt64(position), bytes: rest,
                offsets: expected..<max(expected + 1, end ?? expected + 1)))
    }

    /// Goes on at the next good header. What lies between is damage.
    private mutating func skip(
        to next: (position: Int, header: FrameHeader)?, _ reason: String
    ) {
        guard let next else { return stop() }
        note(expected..<next.header.base, reason)
        position = next.position
        expected = next.header.base
        chain = nil
        recovered.length = position
        recovered.end = expected
        recovered.endsInDamage = true
    }

    /// Keeps a frame whose header is good in the list, so that what is left of it can be read.
    private mutating func keepDamaged(
        _ header: FrameHeader, _ crc: UInt32, _ columns: FrameScanner.Good?, _ reason: String
    ) {
        note(header.base..<header.end, reason)
        defer { recovered.endsInDamage = true }
        if let columns { return take(columns) }
        let recorded = recovered.lastRecorded ?? 0
        let unknown = FrameTimes(
            firstRecorded: recorded, lastRecorded: recorded, minimumOccurred: .min,
            maximumOccurred: .max, kindBits: .max)
        add(header, crc, unknown, .unknown)
    }

    private mutating func note(_ offsets: Range<UInt64>, _ reason: String) {
        recovered.findings.append(
            .damage(
                Damage(
                    file: scanner.file.name, position: UInt64(min(position, scanner.size)),
                    offsets: offsets,
                    reason: reason)))
    }

    private mutating func stop() { isCut = true }

    /// A closed segment that does not reach its end is damaged there.
    private mutating func checkClosed(count: UInt64, length: UInt64) {
        guard expected != base + count || scanner.size != Int(length) else { return }
        let end = max(base + count, expected)
        note(expected..<end, "the closed segment ends early")
    }
}
