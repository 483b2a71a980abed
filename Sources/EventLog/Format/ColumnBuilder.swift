/// The columns of a frame that is being made. Reused from frame to frame.
struct ColumnBuilder {
    private(set) var recorded: [Int64] = []
    private var occurred: [Int64] = []
    private var kinds: [Int64] = []
    private var sources: [Int64] = []
    private var names: [Int64] = []
    private var lengths: [Int64] = []
    private var keyCounts: [Int64] = []
    private(set) var keys: [UInt64] = []
    /// Of the sealed section that was appended last.
    private(set) var references: [Int64] = []

    var count: Int { recorded.count }

    mutating func removeAll() {
        recorded.removeAll(keepingCapacity: true)
        occurred.removeAll(keepingCapacity: true)
        kinds.removeAll(keepingCapacity: true)
        sources.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        keyCounts.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        references.removeAll(keepingCapacity: true)
    }

    mutating func add(
        recorded: Int64, occurred: Int64, kind: UInt8, source: UInt16, name: UInt16, length: Int,
        keys: some RandomAccessCollection<UInt64>
    ) {
        self.recorded.append(recorded)
        self.occurred.append(occurred)
        kinds.append(Int64(kind))
        sources.append(Int64(source))
        names.append(Int64(name))
        lengths.append(Int64(length))
        keyCounts.append(Int64(keys.count))
        self.keys.append(contentsOf: keys)
    }

    /// The name symbols of the frame, each once, ascending.
    var distinctNames: [UInt16] { Set(names.map(UInt16.init(truncatingIfNeeded:))).sorted() }

    var times: FrameTimes {
        var times = FrameTimes(
            firstRecorded: recorded[0], lastRecorded: recorded[count - 1],
            minimumOccurred: .max, maximumOccurred: .min, kindBits: 0)
        for when in occurred {
            times.minimumOccurred = min(times.minimumOccurred, when)
            times.maximumOccurred = max(times.maximumOccurred, when)
        }
        for kind in kinds { times.kindBits |= 1 << UInt64(kind & 63) }
        return times
    }

    /// Appends the section of an open segment's companion.
    func appendOpenSection(
        salts: [UInt8], introducing introduced: [UInt8], to out: inout GrowingBytes
    ) {
        precondition(salts.count == count * 16, "one salt a record")
        let directory = out.count
        let columns = introduced.isEmpty ? 9 : 10
        out.append(UInt32(columns))
        out.appendZeros(columns * 10)
        var place = directory + 4
        appendShared(.bytes, to: &out, directory: &place)
        Self.describe(.keys, width: 8, base: 0, at: &place, in: &out)
        keys.withUnsafeBytes { out.append($0) }
        Self.describe(.salts, width: 16, base: 0, at: &place, in: &out)
        out.append(salts)
        if !introduced.isEmpty {
            Self.describe(.names, width: 0, base: Int64(introduced.count), at: &place, in: &out)
            out.append(introduced)
        }
    }

    /// Appends the section that stands in a sealed segment's footer.
    mutating func appendSealedSection(
        referringTo hashes: HashPlaces, to out: inout GrowingBytes
    ) {
        references.removeAll(keepingCapacity: true)
        for key in keys { references.append(Int64(hashes.place(of: key))) }
        let directory = out.count
        out.append(8 as UInt32)
        out.appendZeros(80)
        var place = directory + 4
        appendShared(.bits, to: &out, directory: &place)
        Self.append(references, as: .keyReferences, .bits, to: &out, directory: &place)
    }

    /// Appends the section that stands beside a sealed frame: its salts.
    static func appendSalts(_ salts: [UInt8], to out: inout GrowingBytes) {
        let directory = out.count
        out.append(1 as UInt32)
        out.appendZeros(10)
        var place = directory + 4
        describe(.salts, width: 16, base: 0, at: &place, in: &out)
        out.append(salts)
    }

    private func appendShared(
        _ packing: ColumnPacking, to out: inout GrowingBytes, directory place: inout Int
    ) {
        Self.append(recorded, as: .recorded, packing, to: &out, directory: &place)
        Self.append(occurred, as: .occurred, packing, to: &out, directory: &place)
        Self.append(kinds, as: .kind, packing, to: &out, directory: &place)
        Self.append(sources, as: .source, packing, to: &out, directory: &place)
        Self.append(names, as: .name, packing, to: &out, directory: &place)
        Self.append(lengths, as: .lineLength, packing, to: &out, directory: &place)
        Self.append(keyCounts, as: .keyCount, packing, to: &out, directory: &place)
    }

    /// Frame of reference: the smallest value, and what is left in as little as the largest needs.
    private static func append(
        _ values: [Int64], as id: ColumnID, _ packing: ColumnPacking, to out: inout GrowingBytes,
        directory place: inout Int
    ) {
        let (low, high) = bounds(values)
        let width = ColumnWidth(for: UInt64(bitPattern: high &- low), packing: packing)
        describe(id, width: width.code, base: low, at: &place, in: &out)
        out.appendPacked(values.lazy.map { UInt64(bitPattern: $0 &- low) }, bits: width.bits)
    }

    private static func bounds(_ values: [Int64]) -> (low: Int64, high: Int64) {
        guard var low = values.first else { return (0, 0) }
        var high = low
        for value in values {
            low = min(low, value)
            high = max(high, value)
        }
        return (low, high)
    }

    private static func describe(
        _ id: ColumnID, width: UInt8, base: Int64, at place: inout Int, in out: inout GrowingBytes
    ) {
        out.store(id.rawValue, at: place)
        out.store(width, at: place + 1)
        out.store(base, at: place + 2)
        place += 10
    }
}
