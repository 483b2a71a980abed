import EventLog

/// Which offsets there are, as dense rows.
///
/// Offsets are dense within an incarnation of the log, and a restore begins the next incarnation far past
/// everything before (L3). Whatever is kept by offset is kept by *row*: the number of offsets before it that
/// are no gap. So memory and time follow the records and not the gaps.
///
/// ```
/// offsets   0 … 999          2^44 … 2^44 + 41        2^45 …
/// rows      0 … 999          1000 … 1041             1042 …
/// ```
///
/// - Invariant: runs ascend in both columns, the first stands at row 0, and the last has no end.
package struct OffsetSpace: Equatable, Sendable {
    /// One incarnation's offsets.
    private struct Run: Equatable {
        var first: UInt64
        var row: UInt64
    }

    /// What no offset of a log reaches, so that sums cannot overflow.
    private static let limit: UInt64 = 1 << 60

    private var runs = [Run(first: 0, row: 0)]

    package init() {}

    /// The first offset of each run.
    package var firsts: [UInt64] { runs.map(\.first) }

    /// The first offset of the last run.
    package var lastFirst: UInt64 { runs[runs.count - 1].first }

    /// The row of an offset; nil in a gap. Offsets of the last run have one whether they were written yet or
    /// not.
    @inline(__always)
    package func row(_ offset: UInt64) -> UInt64? {
        let last = runs[runs.count - 1]
        if offset >= last.first { return last.row + (offset - last.first) }
        return earlierRow(offset)
    }

    private func earlierRow(_ offset: UInt64) -> UInt64? {
        let number = runs.partitioningIndex { $0.first > offset } - 1
        guard number >= 0 else { return nil }
        let row = runs[number].row + (offset - runs[number].first)
        return row < runs[number + 1].row ? row : nil
    }

    /// The offset of a row.
    @inline(__always)
    package func offset(ofRow row: UInt64) -> UInt64 {
        let last = runs[runs.count - 1]
        if row >= last.row { return last.first + (row - last.row) }
        let number = runs.partitioningIndex { $0.row > row } - 1
        return runs[number].first + (row - runs[number].row)
    }

    /// Begins a run at `offset`, which stands at `row`: the number of offsets before it.
    ///
    /// A last run that holds nothing is given up, so that the space depends on the records alone and not on
    /// where somebody stopped in a gap.
    /// - Precondition: `offset` and `row` lie past everything before.
    package mutating func begin(at offset: UInt64, row: UInt64) {
        let last = runs[runs.count - 1]
        precondition(offset > last.first && row >= last.row, "offsets never go back")
        if row == last.row { runs.removeLast() }
        runs.append(Run(first: offset, row: row))
    }

    /// Offsets that follow each other without a gap, and their rows.
    package struct Stretch: Equatable, Sendable {
        package var offsets: Range<UInt64>
        package var rows: Range<Int>
    }

    /// The stretches of a range of offsets, as far as there are `count` rows. Ascending, none empty.
    package func stretches(in range: Range<UInt64>, count: UInt64) -> [Stretch] {
        var found: [Stretch] = []
        for (number, run) in runs.enumerated() {
            let rowEnd = number + 1 < runs.count ? runs[number + 1].row : max(count, run.row)
            let end = run.first + (min(rowEnd, max(count, run.row)) - run.row)
            let lower = max(run.first, range.lowerBound)
            let upper = min(end, range.upperBound)
            guard lower < upper else { continue }
            let row = Int(run.row + (lower - run.first))
            found.append(
                Stretch(offsets: lower..<upper, rows: row..<row + Int(upper - lower)))
        }
        return found
    }

    /// Where the run that holds `offset` ends; `.max` in the last run. In a gap, where the gap began.
    package func runEnd(of offset: UInt64) -> UInt64 {
        let number = runs.partitioningIndex { $0.first > offset } - 1
        guard number >= 0 else { return 0 }
        guard number + 1 < runs.count else { return .max }
        return runs[number].first + (runs[number + 1].row - runs[number].row)
    }

    /// `offset` itself, or the first offset after the gap in which it lies.
    package func pastGap(_ offset: UInt64) -> UInt64 {
        guard row(offset) == nil else { return offset }
        return runs[runs.partitioningIndex { $0.first > offset }].first
    }

    func write(into out: inout CanonicalWriter) {
        out.column(runs.map(\.first))
        out.column(runs.map(\.row))
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        let firsts = try reader.column(UInt64.self)
        let rows = try reader.column(UInt64.self)
        let isAscending =
            zip(firsts, firsts.dropFirst()).allSatisfy { $0 < $1 }
            && zip(rows, rows.dropFirst()).allSatisfy { $0 < $1 }
        guard firsts.count == rows.count, rows.first == 0, isAscending,
            zip(firsts, rows).allSatisfy({ $0 >= $1 }),
            firsts.allSatisfy({ $0 < Self.limit }),
            firsts.indices.dropLast().allSatisfy({
                rows[$0 + 1] - rows[$0] <= firsts[$0 + 1] - firsts[$0]
            })
        else { throw CanonicalError(position: reader.position, expected: "runs of offsets") }
        runs = zip(firsts, rows).map { Run(first: $0, row: $1) }
    }
}
