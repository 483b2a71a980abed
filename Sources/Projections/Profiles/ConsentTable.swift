import CustomerModel
import Hashing

/// What every identifier asserted, per purpose: where it stands now, and the way there.
///
/// Assertions hang on identifiers and never on people, so a merge or a split needs nothing moved (C5).
struct ConsentTable {
    static let none = UInt32.max

    /// Purposes by name: they outlive the policy version that numbered them. At most 64.
    var purposes = NameTable()
    /// One identifier's standing on one purpose, together: whoever asks asks for most of it.
    private struct Entry {
        var time: Int64
        var offset: UInt64
        var next: UInt32
        var purpose: UInt8
        var isGrant: UInt8
        var reader: UInt8
    }

    private var standingHeads: [UInt32] = []
    private var entries: [Entry] = []
    // One entry for each event, reader and time that asserts, newest first along `historyPrevious`.
    private var historyHeads: [UInt32] = []
    private var historyOffsets: [UInt64] = []
    private var historyTimes: [Int64] = []
    private var historyGranted: [UInt64] = []
    private var historyDenied: [UInt64] = []
    private var historyPrevious: [UInt32] = []
    private var historyReaders: [UInt8] = []
    /// Whose each is; derived.
    private var historyIdentifiers: [UInt32] = []
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
        historyIdentifiers.append(identifier)
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

    /// The offset of the newest assertion on an identifier; nil when there is none.
    func latestOffset(of identifier: UInt32) -> UInt64? {
        guard Int(identifier) < historyHeads.count, historyHeads[Int(identifier)] != Self.none
        else { return nil }
        return historyOffsets[Int(historyHeads[Int(identifier)])]
    }

    private mutating func take(_ new: ConsentStanding, identifier: UInt32, purpose: Int) -> Bool {
        var place = standingHeads[Int(identifier)]
        while place != Self.none {
            let entry = entries[Int(place)]
            if Int(entry.purpose) == purpose {
                var standing = Self.standing(entry)
                guard standing.take(new) else { return false }
                entries[Int(place)] = Self.entry(standing, purpose: purpose, next: entry.next)
                return true
            }
            place = entry.next
        }
        entries.append(
            Self.entry(new, purpose: purpose, next: standingHeads[Int(identifier)]))
        standingHeads[Int(identifier)] = UInt32(entries.count - 1)
        return true
    }

    private static func entry(_ standing: ConsentStanding, purpose: Int, next: UInt32) -> Entry {
        Entry(
            time: standing.assertedTime, offset: standing.offset, next: next,
            purpose: UInt8(purpose), isGrant: standing.isGrant ? 1 : 0,
            reader: standing.reader.rawValue)
    }

    private static func standing(_ entry: Entry) -> ConsentStanding {
        ConsentStanding(
            isGrant: entry.isGrant == 1, assertedTime: entry.time, offset: entry.offset,
            reader: reader(entry.reader))
    }

    /// Reading the columns back checked every number.
    private static func reader(_ number: UInt8) -> ConsentReader {
        guard let reader = ConsentReader(rawValue: number) else {
            preconditionFailure("no reader has the number \(number)")
        }
        return reader
    }

    /// How much was ever asserted.
    var assertionCount: Int { historyOffsets.count }

    /// Whether the record at `offset` was the last that asserted anything.
    func wasAsserted(at offset: UInt64) -> Bool { historyOffsets.last == offset }

    /// Where `identifier` stands now.
    func standing(of identifier: UInt32, purpose: Int) -> ConsentStanding? {
        guard Int(identifier) < standingHeads.count else { return nil }
        var place = standingHeads[Int(identifier)]
        while place != Self.none {
            let entry = entries[Int(place)]
            if Int(entry.purpose) == purpose { return Self.standing(entry) }
            place = entry.next
        }
        return nil
    }

    /// Calls `visit` with everything on which `identifier` stands now.
    @inline(__always)
    func forEachStanding(
        of identifier: UInt32, _ visit: (_ purpose: Int, _ isGrant: Bool) -> Void
    ) {
        guard Int(identifier) < standingHeads.count else { return }
        var place = standingHeads[Int(identifier)]
        while place != Self.none {
            let entry = entries[Int(place)]
            visit(Int(entry.purpose), entry.isGrant == 1)
            place = entry.next
        }
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
            identifiers: historyIdentifiers, offsets: historyOffsets, times: historyTimes,
            granted: historyGranted, denied: historyDenied)
    }

    func write(into out: inout CanonicalWriter) {
        out.section("CONS")
        purposes.write(into: &out)
        out.column(standingHeads)
        out.column(entries.map(\.purpose))
        out.column(entries.map(\.isGrant))
        out.column(entries.map(\.time))
        out.column(entries.map(\.offset))
        out.column(entries.map(\.reader))
        out.column(entries.map(\.next))
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
        let numbers = try reader.column(UInt8.self)
        let grants = try reader.column(UInt8.self)
        let times = try reader.column(Int64.self)
        let offsets = try reader.column(UInt64.self)
        let readers = try reader.column(UInt8.self)
        let nexts = try reader.column(UInt32.self)
        historyHeads = try reader.column()
        historyOffsets = try reader.column()
        historyTimes = try reader.column()
        historyGranted = try reader.column()
        historyDenied = try reader.column()
        historyReaders = try reader.column()
        historyPrevious = try reader.column()
        strings = try ConsentStringTable(from: &reader, key: key)
        let standings = [
            grants.count, times.count, offsets.count, nexts.count, readers.count,
        ]
        let histories = [
            historyTimes.count, historyGranted.count, historyDenied.count, historyPrevious.count,
            historyReaders.count,
        ]
        guard standings.allSatisfy({ $0 == numbers.count }),
            histories.allSatisfy({ $0 == historyOffsets.count }),
            standingHeads.count == historyHeads.count,
            readers.allSatisfy({ ConsentReader(rawValue: $0) != nil }),
            historyReaders.allSatisfy({ ConsentReader(rawValue: $0) != nil })
        else { throw CanonicalError(position: reader.position, expected: "equal columns") }
        guard let identifiers = Self.identifiers(heads: historyHeads, previous: historyPrevious)
        else { throw CanonicalError(position: reader.position, expected: "chains of assertions") }
        historyIdentifiers = identifiers
        // Room for what comes next: the first assertion after a restart would copy all of them.
        historyIdentifiers.reserveCapacity(identifiers.count + identifiers.count / 8)
        entries.reserveCapacity(numbers.count + numbers.count / 8)
        for number in numbers.indices {
            entries.append(
                Entry(
                    time: times[number], offset: offsets[number], next: nexts[number],
                    purpose: numbers[number], isGrant: grants[number], reader: readers[number]))
        }
    }

    /// Whose each assertion is; nil where one is nobody's, or a chain does not lead back in time.
    private static func identifiers(heads: [UInt32], previous: [UInt32]) -> [UInt32]? {
        var found = [UInt32](repeating: none, count: previous.count)
        var left = previous.count
        for (identifier, head) in heads.enumerated() {
            var row = head
            var later = UInt32(truncatingIfNeeded: previous.count)
            while row != none {
                guard row < later, found[Int(row)] == none else { return nil }
                found[Int(row)] = UInt32(identifier)
                left -= 1
                later = row
                row = previous[Int(row)]
            }
        }
        return left == 0 ? found : nil
    }
}
