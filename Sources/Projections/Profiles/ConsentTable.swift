import CustomerModel
import Hashing

/// What every identifier asserted, per purpose: where it stands now, and the way there.
///
/// Assertions hang on identifiers and never on people, so a merge or a split needs nothing moved (C5).
struct ConsentTable {
    static let none = UInt32.max

    /// Purposes by name: they outlive the policy version that numbered them. At most 64.
    var purposes = NameTable()
    // One entry a standing: (identifier, purpose).
    private var standingHeads: [UInt32] = []
    private var standingPurposes: [UInt8] = []
    private var standingGrants: [UInt8] = []
    private var standingTimes: [Int64] = []
    private var standingOffsets: [UInt64] = []
    private var standingReaders: [UInt8] = []
    private var standingNext: [UInt32] = []
    // One entry for each event, reader and time that asserts, newest first along `historyPrevious`.
    private var historyHeads: [UInt32] = []
    private var historyOffsets: [UInt64] = []
    private var historyTimes: [Int64] = []
    private var historyGranted: [UInt64] = []
    private var historyDenied: [UInt64] = []
    private var historyPrevious: [UInt32] = []
    private var historyReaders: [UInt8] = []
    /// Which TC string each identifier carried (C7).
    var strings: ConsentStringTable

    init(key: SipKey) { strings = ConsentStringTable(key: key) }

    /// Keeps one reader's assertions on `identifier`; masks are over ``purposes``. Denials count where a
    /// purpose stands in both.
    ///
    /// - Returns: the purposes whose standing changed.
    mutating func assert(
        on identifier: UInt32, granted: UInt64, denied: UInt64, time: Int64, offset: UInt64,
        reader: ConsentReader
    ) -> UInt64 {
        guard granted | denied != 0 else { return 0 }
        while standingHeads.count <= Int(identifier) {
            standingHeads.append(Self.none)
            historyHeads.append(Self.none)
        }
        historyOffsets.append(offset)
        historyTimes.append(time)
        historyGranted.append(granted)
        historyDenied.append(denied)
        historyReaders.append(reader.rawValue)
        historyPrevious.append(historyHeads[Int(identifier)])
        historyHeads[Int(identifier)] = UInt32(historyOffsets.count - 1)

        var changed: UInt64 = 0
        var left = granted | denied
        while left != 0 {
            let purpose = left.trailingZeroBitCount
            left &= left - 1
            let new = ConsentStanding(
                isGrant: denied & (1 << UInt64(purpose)) == 0, assertedTime: time, offset: offset,
                reader: reader)
            if take(new, identifier: identifier, purpose: purpose) {
                changed |= 1 << UInt64(purpose)
            }
        }
        return changed
    }

    private mutating func take(_ new: ConsentStanding, identifier: UInt32, purpose: Int) -> Bool {
        var entry = standingHeads[Int(identifier)]
        while entry != Self.none {
            if Int(standingPurposes[Int(entry)]) == purpose {
                var standing = self.standing(at: entry)
                guard standing.take(new) else { return false }
                standingGrants[Int(entry)] = standing.isGrant ? 1 : 0
                standingTimes[Int(entry)] = standing.assertedTime
                standingOffsets[Int(entry)] = standing.offset
                standingReaders[Int(entry)] = standing.reader.rawValue
                return true
            }
            entry = standingNext[Int(entry)]
        }
        standingPurposes.append(UInt8(purpose))
        standingGrants.append(new.isGrant ? 1 : 0)
        standingTimes.append(new.assertedTime)
        standingOffsets.append(new.offset)
        standingReaders.append(new.reader.rawValue)
        standingNext.append(standingHeads[Int(identifier)])
        standingHeads[Int(identifier)] = UInt32(standingPurposes.count - 1)
        return true
    }

    private func standing(at entry: UInt32) -> ConsentStanding {
        ConsentStanding(
            isGrant: standingGrants[Int(entry)] == 1, assertedTime: standingTimes[Int(entry)],
            offset: standingOffsets[Int(entry)], reader: Self.reader(standingReaders[Int(entry)]))
    }

    /// Reading the columns back checked every number.
    private static func reader(_ number: UInt8) -> ConsentReader {
        guard let reader = ConsentReader(rawValue: number) else {
            preconditionFailure("no reader has the number \(number)")
        }
        return reader
    }

    /// Whether the record at `offset` was the last that asserted anything.
    func wasAsserted(at offset: UInt64) -> Bool { historyOffsets.last == offset }

    /// Where `identifier` stands now.
    func standing(of identifier: UInt32, purpose: Int) -> ConsentStanding? {
        guard Int(identifier) < standingHeads.count else { return nil }
        var entry = standingHeads[Int(identifier)]
        while entry != Self.none {
            if Int(standingPurposes[Int(entry)]) == purpose { return standing(at: entry) }
            entry = standingNext[Int(entry)]
        }
        return nil
    }

    /// Where `identifier` stood once the record at `offset` was applied.
    func standing(of identifier: UInt32, purpose: Int, asOf offset: UInt64) -> ConsentStanding? {
        guard Int(identifier) < historyHeads.count else { return nil }
        var rows: [Int] = []
        let bit = UInt64(1) << UInt64(purpose)
        var row = historyHeads[Int(identifier)]
        while row != Self.none {
            let index = Int(row)
            if historyOffsets[index] <= offset,
                (historyGranted[index] | historyDenied[index]) & bit != 0
            {
                rows.append(index)
            }
            row = historyPrevious[index]
        }
        var result: ConsentStanding?
        for index in rows.reversed() {
            let next = ConsentStanding(
                isGrant: historyDenied[index] & bit == 0, assertedTime: historyTimes[index],
                offset: historyOffsets[index], reader: Self.reader(historyReaders[index]))
            if result == nil { result = next } else { _ = result?.take(next) }
        }
        return result
    }

    /// One thing that somebody said.
    struct Assertion {
        var identifier: UInt32
        var offset: UInt64
        var time: Int64
        var granted: UInt64
        var denied: UInt64
        var reader: ConsentReader
    }

    /// Everything asserted on `identifier`, oldest first.
    func history(of identifier: UInt32) -> [Assertion] {
        guard Int(identifier) < historyHeads.count else { return [] }
        var rows: [Assertion] = []
        var row = historyHeads[Int(identifier)]
        while row != Self.none {
            let index = Int(row)
            rows.append(
                Assertion(
                    identifier: identifier, offset: historyOffsets[index],
                    time: historyTimes[index], granted: historyGranted[index],
                    denied: historyDenied[index], reader: Self.reader(historyReaders[index])))
            row = historyPrevious[index]
        }
        return rows.reversed()
    }

    var assertions: Assertions {
        Assertions(
            heads: historyHeads, previous: historyPrevious, offsets: historyOffsets,
            times: historyTimes, granted: historyGranted, denied: historyDenied)
    }

    func write(into out: inout CanonicalWriter) {
        out.section("CONS")
        purposes.write(into: &out)
        out.column(standingHeads)
        out.column(standingPurposes)
        out.column(standingGrants)
        out.column(standingTimes)
        out.column(standingOffsets)
        out.column(standingReaders)
        out.column(standingNext)
        out.column(historyHeads)
        out.column(historyOffsets)
        out.column(historyTimes)
        out.column(historyGranted)
        out.column(historyDenied)
        out.column(historyReaders)
        out.column(historyPrevious)
        strings.write(into: &out)
    }

    init(from reader: inout CanonicalReader, key: SipKey) throws(CanonicalError) {
        try reader.section("CONS")
        purposes = try NameTable(from: &reader)
        standingHeads = try reader.column()
        standingPurposes = try reader.column()
        standingGrants = try reader.column()
        standingTimes = try reader.column()
        standingOffsets = try reader.column()
        standingReaders = try reader.column()
        standingNext = try reader.column()
        historyHeads = try reader.column()
        historyOffsets = try reader.column()
        historyTimes = try reader.column()
        historyGranted = try reader.column()
        historyDenied = try reader.column()
        historyReaders = try reader.column()
        historyPrevious = try reader.column()
        strings = try ConsentStringTable(from: &reader, key: key)
        let standings = [
            standingGrants.count, standingTimes.count, standingOffsets.count, standingNext.count,
            standingReaders.count,
        ]
        let histories = [
            historyTimes.count, historyGranted.count, historyDenied.count, historyPrevious.count,
            historyReaders.count,
        ]
        guard standings.allSatisfy({ $0 == standingPurposes.count }),
            histories.allSatisfy({ $0 == historyOffsets.count }),
            standingHeads.count == historyHeads.count,
            (standingReaders + historyReaders).allSatisfy({ ConsentReader(rawValue: $0) != nil })
        else { throw CanonicalError(position: reader.position, expected: "equal columns") }
    }
}
