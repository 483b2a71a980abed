/// The columns of a frame; the layout stands in ``LogFormat``.
enum ColumnID: UInt8 {
    case recorded = 1
    case occurred, kind, source, name, lineLength, keyCount, keys, salts, names, keyReferences
}

/// One column's values, base + an unsigned integer of `width` bytes each.
///
/// - Invariant: eight bytes may be read from any of its rows; its buffer has that slack.
struct ColumnView {
    var base: Int64 = 0
    var width = 0
    var mask: UInt64 = 0
    var data: UnsafeRawPointer

    @inline(__always)
    func value(_ row: Int) -> Int64 {
        let wide = data.loadUnaligned(fromByteOffset: row &* width, as: UInt64.self)
        return base &+ Int64(bitPattern: UInt64(littleEndian: wide) & mask)
    }
}

/// The decoded directory of a columns section: pointers into the section's bytes, which must outlive it.
struct ColumnSection {
    let count: Int
    var recorded: ColumnView
    var occurred: ColumnView
    var kind: ColumnView
    var source: ColumnView
    var name: ColumnView
    var lineLength: ColumnView
    var keyCount: ColumnView
    /// Key hashes, or references to `hashes`.
    var keys: ColumnView
    /// The sealed segment's distinct hashes, when `keys` are references and they were loaded.
    var hashes: UnsafePointer<UInt64>?
    var hashCount = 0
    var keysAreReferences = false
    var totalKeys = 0
    /// Bit `id` for each column of the format's that is there.
    private var columnsSeen: UInt64 = 0
    /// 16 bytes a record; nil where they are not in this section.
    var salts: UnsafeRawBufferPointer?
    /// The names column's bytes, or none.
    var names: UnsafeRawBufferPointer?

    /// The hash of key number `index` of the frame. 0 for a reference out of range, which the
    /// checksums make impossible for bytes that we wrote.
    @inline(__always)
    func key(_ index: Int) -> UInt64 {
        let value = keys.value(index)
        guard keysAreReferences else { return UInt64(bitPattern: value) }
        guard let hashes, value >= 0, value < Int64(hashCount) else { return 0 }
        return hashes[Int(value)]
    }

    /// Decodes the directory at the front of `bytes`, which have eight readable bytes after them.
    ///
    /// Every length is derived and checked; nothing is allocated.
    init(decoding bytes: UnsafeRawBufferPointer, count: Int) throws(FormatProblem) {
        guard let start = bytes.baseAddress, bytes.count >= 4 else {
            throw FormatProblem("a columns section is empty")
        }
        let none = ColumnView(data: start)
        self.count = count
        (recorded, occurred, kind, source, name) = (none, none, none, none, none)
        (lineLength, keyCount, keys) = (none, none, none)
        let columns = Int(bytes.integer(UInt32.self, at: 0))
        guard columns <= 64, bytes.count >= 4 + columns * 10 else {
            throw FormatProblem("a columns section is shorter than its directory")
        }
        var position = 4 + columns * 10
        var last: UInt8 = 0
        for column in 0..<columns {
            let place = 4 + column * 10
            // So that none comes twice and keys are measured by the counts before them.
            guard bytes[place] > last else { throw FormatProblem("columns are out of order") }
            last = bytes[place]
            columnsSeen |= bytes[place] < 64 ? 1 << UInt64(bytes[place]) : 0
            let base = bytes.integer(Int64.self, at: place + 2)
            let width = Int(bytes[place + 1])
            let length = try self.length(
                id: bytes[place], width: width, base: base, room: bytes.count - position)
            let mask = width >= 8 ? UInt64.max : (1 << UInt64(width * 8)) - 1
            let view = ColumnView(base: base, width: width, mask: mask, data: start + position)
            let part = bytes.part(position..<position + length)
            try assign(view, part, id: bytes[place])
            position += length
        }
        guard position == bytes.count else {
            throw FormatProblem("a columns section is longer than its columns")
        }
    }

    /// Whether the section has every column that says something of a record, keys included.
    var isComplete: Bool {
        let shared: UInt64 = 0b1111_1110
        let keys: UInt64 = 1 << UInt64(ColumnID.keys.rawValue)
        let references: UInt64 = 1 << UInt64(ColumnID.keyReferences.rawValue)
        return columnsSeen & shared == shared
            && (columnsSeen & (keys | references)).nonzeroBitCount == 1
    }

    /// The bytes that a column takes; never more than `room`.
    private func length(
        id: UInt8, width: Int, base: Int64, room: Int
    ) throws(FormatProblem) -> Int {
        let length: Int
        switch ColumnID(rawValue: id) {
        case .recorded, .occurred, .kind, .source, .name, .lineLength, .keyCount:
            guard width <= 8 else { throw FormatProblem("a column's width is \(width)") }
            length = count * width
        case .keys:
            guard width == 8, base == 0 else { throw FormatProblem("key hashes have eight bytes") }
            length = totalKeys * 8
        case .keyReferences:
            guard width <= 8 else { throw FormatProblem("a column's width is \(width)") }
            length = totalKeys * width
        case .salts: length = count * 16
        case .names, nil:
            guard base >= 0, base <= Int64(room), id == ColumnID.names.rawValue || id >= 32 else {
                throw FormatProblem("column \(id) is unknown or out of range")
            }
            length = Int(base)
        }
        guard length <= room else { throw FormatProblem("column \(id) passes its section's end") }
        return length
    }

    private mutating func assign(
        _ view: ColumnView, _ part: UnsafeRawBufferPointer, id: UInt8
    ) throws(FormatProblem) {
        switch ColumnID(rawValue: id) {
        case .recorded: recorded = view
        case .occurred: occurred = view
        case .kind: kind = view
        case .source: source = view
        case .name: name = view
        case .lineLength: lineLength = view
        case .keyCount:
            keyCount = view
            for row in 0..<count {
                let keys = view.value(row)
                guard keys >= 0, keys <= Int64(LogFormat.maximumKeys) else {
                    throw FormatProblem("a record has \(keys) keys")
                }
                totalKeys += Int(keys)
            }
        case .keys: keys = view
        case .keyReferences:
            keys = view
            keysAreReferences = true
        case .salts: salts = part
        case .names: names = part
        case nil: break
        }
    }

    /// What the columns say in short. Reads every row.
    var times: FrameTimes {
        var times = FrameTimes(
            firstRecorded: recorded.value(0), lastRecorded: recorded.value(count - 1),
            minimumOccurred: .max, maximumOccurred: .min, kindBits: 0)
        for row in 0..<count {
            let when = occurred.value(row)
            times.minimumOccurred = min(times.minimumOccurred, when)
            times.maximumOccurred = max(times.maximumOccurred, when)
            times.kindBits |= 1 << UInt64(kind.value(row) & 63)
        }
        return times
    }

    /// The name symbols of the frame, each once, ascending.
    var distinctNames: [UInt16] {
        Set((0..<count).map { UInt16(truncatingIfNeeded: name.value($0)) }).sorted()
    }

    /// Whether the lines' lengths add up to `rawLength` and none is too short to be a line.
    func linesFill(_ rawLength: Int) -> Bool {
        var total = 0
        for row in 0..<count {
            let length = lineLength.value(row)
            guard length > 1, length <= Int64(rawLength) else { return false }
            total += Int(length)
        }
        return total == rawLength
    }
}

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
    private var references: [Int64] = []

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
        appendShared(to: &out, directory: &place)
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
        referringTo reference: (UInt64) -> Int64, to out: inout GrowingBytes
    ) {
        references.removeAll(keepingCapacity: true)
        for key in keys { references.append(reference(key)) }
        let directory = out.count
        out.append(8 as UInt32)
        out.appendZeros(80)
        var place = directory + 4
        appendShared(to: &out, directory: &place)
        Self.append(references, as: .keyReferences, to: &out, directory: &place)
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

    private func appendShared(to out: inout GrowingBytes, directory place: inout Int) {
        Self.append(recorded, as: .recorded, to: &out, directory: &place)
        Self.append(occurred, as: .occurred, to: &out, directory: &place)
        Self.append(kinds, as: .kind, to: &out, directory: &place)
        Self.append(sources, as: .source, to: &out, directory: &place)
        Self.append(names, as: .name, to: &out, directory: &place)
        Self.append(lengths, as: .lineLength, to: &out, directory: &place)
        Self.append(keyCounts, as: .keyCount, to: &out, directory: &place)
    }

    /// Frame of reference: the smallest value, and what is left in as few bytes as the largest needs.
    private static func append(
        _ values: [Int64], as id: ColumnID, to out: inout GrowingBytes, directory place: inout Int
    ) {
        let (low, high) = bounds(values)
        let spread = UInt64(bitPattern: high &- low)
        let width = (64 - spread.leadingZeroBitCount + 7) / 8
        describe(id, width: width, base: low, at: &place, in: &out)
        guard width > 0 else { return }
        let start = out.count
        out.resize(to: start + values.count * width)
        // Each store writes eight bytes; the next overwrites what was too much, and the buffer has
        // slack for the last.
        guard let target = out.mutableBytes.baseAddress else { return }
        var position = start
        for value in values {
            let left = UInt64(bitPattern: value &- low).littleEndian
            target.storeBytes(of: left, toByteOffset: position, as: UInt64.self)
            position &+= width
        }
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
        _ id: ColumnID, width: Int, base: Int64, at place: inout Int, in out: inout GrowingBytes
    ) {
        out.store(id.rawValue, at: place)
        out.store(UInt8(width), at: place + 1)
        out.store(base, at: place + 2)
        place += 10
    }
}
