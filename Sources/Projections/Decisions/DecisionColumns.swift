import CustomerModel
import Hashing

/// What was decided of every record for every destination, and what it was decided on.
///
/// The judgements on one event for all destinations are one *row*; few distinct rows exist. A row knows the
/// policy version that made it (D1). A row with the ``Situation`` that it was made in is a *moment*, and a
/// column of moment numbers says both. Beside it stand the identifier that the event was anchored to, which
/// is how a person's events are found, the oldest identifier of the person at that moment, and the times that
/// gates look at.
///
/// All columns are dense over ``space``: a gap in the offsets costs nothing (L3). 32 bytes a record.
struct DecisionColumns {
    static let none = UInt32.max

    /// Which offset stands at which place of the columns.
    private(set) var space = OffsetSpace()
    /// By place: the moment; `none` for records that are no events.
    private(set) var moments = EventColumn<UInt32>()
    /// By place: the anchoring identifier; `none` where there is none.
    private(set) var anchors = EventColumn<UInt32>()
    /// By place: the identifier whose birth was the person's id then; `none` where there was nobody.
    private(set) var people = EventColumn<UInt32>()
    /// By place: microseconds; 0 for records that are no events.
    private(set) var received = EventColumn<Int64>()
    /// By place: microseconds, corrected and not clipped (T1); 0 for records that are no events.
    private(set) var occurred = EventColumn<Int64>()
    /// Which places are each identifier's; derived.
    private(set) var chains = AnchorChains()
    // One entry a row.
    private(set) var rowVersions: [UInt32] = []
    private(set) var rowEnds: [UInt64] = []
    private(set) var rowBits: [UInt16] = []
    private var index: [[UInt16]: UInt32] = [:]
    /// Each distinct pair of a row, in the upper half, and a situation.
    private(set) var momentKeys = InternTable<UInt64>()
    /// By situation, the moment that was met last and the version that judged it: a shortcut, never written.
    private var latest: [(moment: UInt32, version: UInt32)] = []

    init() {}

    /// How many records there are.
    var count: Int { moments.count }

    /// The first offset past the columns.
    var end: UInt64 { space.offset(ofRow: UInt64(count)) }

    private func place(_ offset: UInt64) -> Int? {
        guard let place = space.row(offset), place < UInt64(count) else { return nil }
        return Int(place)
    }

    /// The row at a place; `none` where nothing was decided.
    @inline(__always)
    func row(atPlace place: Int) -> UInt32 {
        let moment = moments[place]
        return moment == Self.none ? Self.none : row(ofMoment: moment)
    }

    @inline(__always)
    func row(ofMoment moment: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: momentKeys[moment] >> 32)
    }

    func situation(ofMoment moment: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: momentKeys[moment])
    }

    /// The row of the record at `offset`; `none` where nothing was decided.
    func row(at offset: UInt64) -> UInt32 { place(offset).map { row(atPlace: $0) } ?? Self.none }

    /// The anchoring identifier of the record at `offset`; `none` where there is none.
    func anchor(at offset: UInt64) -> UInt32 { place(offset).map { anchors[$0] } ?? Self.none }

    /// The oldest identifier of the person of the record at `offset`; `none` where there was nobody.
    func person(at offset: UInt64) -> UInt32 { place(offset).map { people[$0] } ?? Self.none }

    /// Looks at what an event that is anchored to an identifier will change; what it gives means nothing.
    @inline(__always)
    func touch(_ identifier: UInt32) -> UInt64 { chains.touch(identifier) }

    /// Whether a record stands at `offset`, readable or not.
    func holds(_ offset: UInt64) -> Bool { place(offset) != nil }

    /// What there is of a range of offsets, without its gaps.
    func stretches(in range: Range<UInt64>) -> [OffsetSpace.Stretch] {
        space.stretches(in: range, count: UInt64(count))
    }

    /// How many of a range of offsets are events.
    func eventCount(in range: Range<UInt64>) -> Int {
        var found = 0
        for stretch in stretches(in: range) {
            moments.forEachPart(of: stretch.rows) { _, part in
                for moment in part where moment != Self.none { found += 1 }
            }
        }
        return found
    }

    /// Whether all of a range stands in one incarnation.
    func holds(_ range: Range<UInt64>) -> Bool {
        guard !range.isEmpty else { return true }
        return stretches(in: range).first?.offsets == range
    }

    /// Moves past a gap: the next record stands at `offset`.
    mutating func begin(at offset: UInt64) { space.begin(at: offset, row: UInt64(count)) }

    /// What the columns keep of one event beside its moment.
    struct Entry {
        var anchor: UInt32
        var person: UInt32
        var received: Int64
        var occurred: Int64
    }

    /// Appends the judgement on the record at ``end``.
    mutating func append(_ entry: Entry, moment: UInt32) {
        moments.append(moment)
        anchors.append(entry.anchor)
        chains.append(entry.anchor)
        people.append(entry.person)
        received.append(entry.received)
        occurred.append(entry.occurred)
    }

    /// The last moment in a situation, if this version judged it.
    func latestMoment(in situation: UInt32, version: UInt32) -> UInt32? {
        guard Int(situation) < latest.count else { return nil }
        let known = latest[Int(situation)]
        return known.moment != Self.none && known.version == version ? known.moment : nil
    }

    /// The moment of a judgement; made when it is new.
    mutating func moment(version: UInt32, bits: [UInt16], situation: UInt32) -> UInt32 {
        if let before = latestMoment(in: situation, version: version),
            self.bits(ofRow: row(ofMoment: before)).elementsEqual(bits)
        {
            return before
        }
        let row = row(version: version, bits: bits)
        let moment = momentKeys.intern(UInt64(row) << 32 | UInt64(situation)).number
        while latest.count <= Int(situation) { latest.append((Self.none, 0)) }
        latest[Int(situation)] = (moment, version)
        return moment
    }

    private mutating func row(version: UInt32, bits: [UInt16]) -> UInt32 {
        // The version leads the key: the same bits under another policy are another row.
        var key = bits
        key.append(UInt16(truncatingIfNeeded: version))
        key.append(UInt16(truncatingIfNeeded: version >> 16))
        if let known = index[key] { return known }
        let row = UInt32(rowVersions.count)
        rowVersions.append(version)
        rowBits.append(contentsOf: bits)
        rowEnds.append(UInt64(rowBits.count))
        index[key] = row
        return row
    }

    /// Appends a record that is no event, or `count` records that cannot be read.
    mutating func appendNone(count: Int = 1) {
        for _ in 0..<count {
            moments.append(Self.none)
            anchors.append(Self.none)
            chains.append(Self.none)
            people.append(Self.none)
            received.append(0)
            occurred.append(0)
        }
    }

    func bits(ofRow row: UInt32) -> ArraySlice<UInt16> {
        let start = row == 0 ? 0 : Int(rowEnds[Int(row) - 1])
        return rowBits[start..<Int(rowEnds[Int(row)])]
    }

    /// The judgement for the destination at `index` of the row's own policy version.
    func decision(row: UInt32, destination index: Int) -> Decision? {
        let bits = bits(ofRow: row)
        guard index < bits.count else { return nil }
        return Decision(bits: bits[bits.startIndex + index])
    }

    func version(at offset: UInt64) -> Int? {
        let row = row(at: offset)
        return row == Self.none ? nil : Int(rowVersions[Int(row)])
    }

    /// For each row, the judgement for one destination: `0xFFFF` where the row's version lacks it.
    ///
    /// - Parameter indexOfDestination: its index in a policy version, or nil where it is not in it.
    func table(indexOfDestination: (Int) -> Int?) -> [UInt16] {
        // Rows of a version stand together for the most part.
        var version: UInt32?
        var index: Int?
        return rowVersions.indices.map { row in
            if rowVersions[row] != version {
                version = rowVersions[row]
                index = indexOfDestination(Int(rowVersions[row]))
            }
            guard let index, let decision = decision(row: UInt32(row), destination: index)
            else { return 0xFFFF }
            return decision.bits
        }
    }

    /// SHA-256 over `from..<to`: two bytes a record, little-endian, `0xFFFF` where nothing was decided.
    ///
    /// - Precondition: the columns hold the range.
    func digest(from: UInt64, to: UInt64, table: [UInt16]) -> Digest256 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(to - from) * 2)
        for stretch in stretches(in: from..<to) {
            for place in stretch.rows {
                let row = row(atPlace: place)
                let bits = row == Self.none ? 0xFFFF : table[Int(row)]
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
            }
        }
        return SHA256.of(bytes)
    }

    func write(into out: inout CanonicalWriter) {
        out.section("DECI")
        space.write(into: &out)
        out.column(moments)
        out.column(anchors)
        out.column(people)
        out.column(received)
        out.column(occurred)
        out.column(momentKeys.elements)
        out.column(rowVersions)
        out.column(rowEnds)
        out.column(rowBits)
    }

    /// - Parameters:
    ///   - situations: how many situations there are.
    ///   - identifiers: how many identifiers there are.
    init(from reader: inout CanonicalReader, situations: Int, identifiers: Int)
        throws(CanonicalError)
    {
        try reader.section("DECI")
        space = try OffsetSpace(from: &reader)
        moments = try reader.eventColumn()
        anchors = try reader.eventColumn()
        guard Self.name(anchors, below: identifiers) else {
            throw CanonicalError(position: reader.position, expected: "known identifiers")
        }
        // Derived while the other columns come.
        let chaining = Beside { [anchors] in AnchorChains(anchors, identifiers: identifiers) }
        defer { _ = chaining.value }
        people = try reader.eventColumn()
        received = try reader.eventColumn()
        occurred = try reader.eventColumn()
        let keys = try reader.column(UInt64.self)
        rowVersions = try reader.column()
        rowEnds = try reader.column()
        rowBits = try reader.column()
        let counts = [anchors.count, people.count, received.count, occurred.count]
        guard counts.allSatisfy({ $0 == moments.count }), rowVersions.count == rowEnds.count,
            zip(rowEnds, rowEnds.dropFirst()).allSatisfy({ $0 <= $1 }),
            rowEnds.last.map({ $0 == UInt64(rowBits.count) }) ?? rowBits.isEmpty,
            keys.allSatisfy({
                $0 >> 32 < UInt64(rowVersions.count) && $0 & 0xFFFF_FFFF < UInt64(situations)
            }),
            let interned = InternTable(keys), Self.name(people, below: identifiers),
            moments.chunks.allSatisfy({ chunk in
                chunk.allSatisfy { $0 == Self.none || $0 < UInt32(keys.count) }
            })
        else { throw CanonicalError(position: reader.position, expected: "decision columns") }
        momentKeys = interned
        chains = chaining.value
        for row in rowVersions.indices {
            var key = Array(bits(ofRow: UInt32(row)))
            key.append(UInt16(truncatingIfNeeded: rowVersions[row]))
            key.append(UInt16(truncatingIfNeeded: rowVersions[row] >> 16))
            index[key] = UInt32(row)
        }
    }

    /// Whether a column names identifiers that there are, and nothing else.
    private static func name(_ column: EventColumn<UInt32>, below count: Int) -> Bool {
        column.chunks.allSatisfy { chunk in
            chunk.allSatisfy { $0 == none || Int($0) < count }
        }
    }
}
