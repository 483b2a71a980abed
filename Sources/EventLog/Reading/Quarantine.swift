/// What is still known of records that cannot be read (MEANINGS.md L9).
public struct Quarantine: Hashable, Sendable {
    public var damage: Damage
    /// Every key hash that columns or footer still name for them, ascending; nil when these are gone too.
    public var keys: [UInt64]?
    /// The kinds of the records, ascending; nil when they are not known.
    public var kinds: [UInt8]?

    public var offsets: Range<UInt64> { damage.offsets }

    public init(damage: Damage, keys: [UInt64]?, kinds: [UInt8]?) {
        self.damage = damage
        self.keys = keys
        self.kinds = kinds
    }
}

extension LogReader {
    /// What columns and footers still say of the records that `damage` names.
    ///
    /// | what is bad | keys | kinds |
    /// |---|---|---|
    /// | the lines of a frame | of its columns | of its columns |
    /// | the columns in a sealed segment's footer | of the key index, all of the frame's | of the frame table |
    /// | the columns in an open segment's companion | nil | nil |
    /// | a frame header of an open segment, a footer, a missing file | nil | nil |
    ///
    /// Nil is the answer whenever anything is in doubt: whoever asks then withholds everything.
    public mutating func quarantine(_ damage: Damage) -> Quarantine {
        own()
        guard !damage.offsets.isEmpty else {
            return Quarantine(damage: damage, keys: [], kinds: [])
        }
        var known = KnownOfDamage()
        var next = damage.offsets.lowerBound
        for handle in catalog.snapshot where next < damage.offsets.upperBound {
            if let end = handle.end, end <= next { continue }
            // A restore leaves offsets that nobody ever had (L3).
            next = max(next, handle.base)
            let end = min(damage.offsets.upperBound, handle.end ?? catalog.durableEnd)
            guard next < end else { continue }
            do {
                try collect(handle, from: &next, to: end, into: &known)
            } catch {
                return Quarantine(damage: damage, keys: nil, kinds: nil)
            }
        }
        return Quarantine(
            damage: damage, keys: known.keysAreKnown ? known.keys.sorted() : nil,
            kinds: known.kindsAreKnown ? known.kinds.sorted() : nil)
    }

    private struct KnownOfDamage {
        var keys: Set<UInt64> = []
        var kinds: Set<UInt8> = []
        var keysAreKnown = true
        var kindsAreKnown = true
    }

    private func collect(
        _ handle: SegmentHandle, from next: inout UInt64, to end: UInt64,
        into known: inout KnownOfDamage
    ) throws {
        let source = try workspace.source(handle, in: catalog)
        var number = source.frame(endingAfter: next)
        while next < end {
            let frame = try source.frame(number, at: next, before: end)
            do {
                let rows = Int(next - frame.base)..<Int(min(end, frame.end) - frame.base)
                try collect(frame, rows, of: source, into: &known)
            } catch {
                // Not the columns, then: the key index and the frame table stand elsewhere in the file.
                Self.collectFromIndex(frame, number, of: source, into: &known)
            }
            next = frame.end
            number += 1
        }
        next = min(next, end)
    }

    private func collect(
        _ frame: FrameEntry, _ rows: Range<Int>, of source: SegmentSource,
        into known: inout KnownOfDamage
    ) throws {
        var keys: Set<UInt64> = []
        var kinds: Set<UInt8> = []
        try workspace.withFrame(frame, of: source, needs: .columns, readAhead: 0) { columns, _ in
            var key = 0
            for row in 0..<Int(frame.count) {
                let count = Int(columns.pointee.keyCount.value(row))
                if rows.contains(row) {
                    kinds.insert(UInt8(truncatingIfNeeded: columns.pointee.kind.value(row)))
                    for place in key..<key + count { keys.insert(columns.pointee.key(place)) }
                }
                key += count
            }
        }
        known.keys.formUnion(keys)
        known.kinds.formUnion(kinds)
    }

    private static func collectFromIndex(
        _ frame: FrameEntry, _ number: Int, of source: SegmentSource,
        into known: inout KnownOfDamage
    ) {
        guard let sealed = source.sealed else {
            // An open segment's columns are the only ones.
            known.keysAreKnown = false
            known.kindsAreKnown = false
            return
        }
        known.kinds.formUnion(KindSet.unfolding(frame.kindBits))
        do throws(LogError) { known.keys.formUnion(try sealed.keys(inFrame: number)) } catch {
            known.keysAreKnown = false
        }
    }
}

extension KindSet {
    /// The kinds that a frame's kind bits stand for.
    static func unfolding(_ bits: UInt64) -> [UInt8] {
        (0..<64).filter { bits & (1 << UInt64($0)) != 0 }.map { bit in
            LogFormat.callerKinds.contains(UInt8(bit)) ? UInt8(bit) : UInt8(bit) + 192
        }
    }
}

extension SealedSegment {
    /// Every key hash that the index says frame `number` holds. Reads the whole index.
    func keys(inFrame number: Int) throws(LogError) -> [UInt64] {
        let hashes = try keyHashes()
        return try guarding {
            let values = try paged(.keyFrames).all()
            let lists = try paged(.keyFrameLists).all()
            guard values.count == hashes.count else {
                throw FormatProblem("the key index has another length than its hashes")
            }
            return try hashes.indices.filter { place in
                try holds(values[place], lists: lists, frame: number)
            }.map { hashes[$0] }
        }
    }

    private func holds(
        _ value: UInt64, lists: [UInt64], frame number: Int
    ) throws(FormatProblem) -> Bool {
        guard value >= UInt64(frames.count) else { return value == UInt64(number) }
        let start = value - UInt64(frames.count)
        guard start < UInt64(lists.count), lists[Int(start)] < UInt64(lists.count) - start else {
            throw FormatProblem("a key's list of frames is out of range")
        }
        let first = Int(start) + 1
        return lists[first..<first + Int(lists[Int(start)])].contains(UInt64(number))
    }
}
