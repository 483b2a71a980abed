import CustomerModel
import Hashing

/// What was decided of every record for every destination, in eight bytes a record.
///
/// The judgements on one event for all destinations are one *row*; few distinct rows exist, so a column
/// of row numbers says everything. A row knows the policy version that made it (D1). Beside it stands the
/// identifier that the event was anchored to, which is how a person's events are found.
///
/// Both columns are dense over ``space``: a gap in the offsets costs nothing (L3).
struct DecisionColumns {
    static let none = UInt32.max

    /// Which offset stands at which place of the columns.
    private(set) var space = OffsetSpace()
    /// By place: the row; `none` for records that are no events.
    private(set) var rows: [UInt32] = []
    /// By place: the anchoring identifier; `none` where there is none.
    private(set) var anchors: [UInt32] = []
    // One entry a row.
    private(set) var rowVersions: [UInt32] = []
    private(set) var rowEnds: [UInt64] = []
    private(set) var rowBits: [UInt16] = []
    private var index: [[UInt16]: UInt32] = [:]

    init() {}

    /// The first offset past the columns.
    var end: UInt64 { space.offset(ofRow: UInt64(rows.count)) }

    private func place(_ offset: UInt64) -> Int? {
        guard let place = space.row(offset), place < UInt64(rows.count) else { return nil }
        return Int(place)
    }

    /// The row of the record at `offset`; `none` where nothing was decided.
    func row(at offset: UInt64) -> UInt32 { place(offset).map { rows[$0] } ?? Self.none }

    /// The anchoring identifier of the record at `offset`; `none` where there is none.
    func anchor(at offset: UInt64) -> UInt32 { place(offset).map { anchors[$0] } ?? Self.none }

    /// Whether a record stands at `offset`, readable or not.
    func holds(_ offset: UInt64) -> Bool { place(offset) != nil }

    /// What there is of a range of offsets, without its gaps.
    func stretches(in range: Range<UInt64>) -> [OffsetSpace.Stretch] {
        space.stretches(in: range, count: UInt64(rows.count))
    }

    /// Whether all of a range stands in one incarnation.
    func holds(_ range: Range<UInt64>) -> Bool {
        guard !range.isEmpty else { return true }
        return stretches(in: range).first?.offsets == range
    }

    /// Moves past a gap: the next record stands at `offset`.
    mutating func begin(at offset: UInt64) { space.begin(at: offset, row: UInt64(rows.count)) }

    /// Appends the judgement on the record at ``end``.
    mutating func append(version: UInt32, bits: [UInt16], anchor: UInt32) {
        // The version leads the key: the same bits under another policy are another row.
        var key = bits
        key.append(UInt16(truncatingIfNeeded: version))
        key.append(UInt16(truncatingIfNeeded: version >> 16))
        let row: UInt32
        if let known = index[key] {
            row = known
        } else {
            row = UInt32(rowVersions.count)
            rowVersions.append(version)
            rowBits.append(contentsOf: bits)
            rowEnds.append(UInt64(rowBits.count))
            index[key] = row
        }
        rows.append(row)
        anchors.append(anchor)
    }

    /// Appends a record that is no event, or `count` records that cannot be read.
    mutating func appendNone(count: Int = 1) {
        for _ in 0..<count {
            rows.append(Self.none)
            anchors.append(Self.none)
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
        rowVersions.indices.map { row in
            guard let index = indexOfDestination(Int(rowVersions[row])),
                let decision = decision(row: UInt32(row), destination: index)
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
            for row in rows[stretch.rows] {
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
        out.column(rows)
        out.column(anchors)
        out.column(rowVersions)
        out.column(rowEnds)
        out.column(rowBits)
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("DECI")
        space = try OffsetSpace(from: &reader)
        rows = try reader.column()
        anchors = try reader.column()
        rowVersions = try reader.column()
        rowEnds = try reader.column()
        rowBits = try reader.column()
        guard rows.count == anchors.count, rowVersions.count == rowEnds.count,
            zip(rowEnds, rowEnds.dropFirst()).allSatisfy({ $0 <= $1 }),
            rowEnds.last.map({ $0 == UInt64(rowBits.count) }) ?? rowBits.isEmpty,
            rows.allSatisfy({ $0 == Self.none || $0 < UInt32(rowVersions.count) })
        else { throw CanonicalError(position: reader.position, expected: "decision columns") }
        for row in rowVersions.indices {
            var key = Array(bits(ofRow: UInt32(row)))
            key.append(UInt16(truncatingIfNeeded: rowVersions[row]))
            key.append(UInt16(truncatingIfNeeded: rowVersions[row] >> 16))
            index[key] = UInt32(row)
        }
    }
}
