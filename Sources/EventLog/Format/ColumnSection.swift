/// The columns of a frame; the layout stands in ``LogFormat``.
enum ColumnID: UInt8 {
    case recorded = 1
    case occurred, kind, source, name, lineLength, keyCount, keys, salts, names, keyReferences

    /// Whether it is values of some width above a base.
    var holdsIntegers: Bool { self != .salts && self != .names }
}

/// One column's values, base + an unsigned integer of `bits` bits each.
///
/// - Invariant: eight bytes may be read from the byte in which any of its rows begins; its buffer has that
///   slack. `bits` is a multiple of 8, or at most ``maximumPackedBits``, so that those hold the whole value.
struct ColumnView {
    /// Eight bytes from the one in which a value begins hold so many bits of it.
    static let maximumPackedBits = 57

    var base: Int64 = 0
    var bits = 0
    var mask: UInt64 = 0
    var data: UnsafeRawPointer

    @inline(__always)
    func value(_ row: Int) -> Int64 { base &+ Int64(bitPattern: stored(row)) }

    @inline(__always)
    private func stored(_ row: Int) -> UInt64 {
        let bit = row &* bits
        let wide = data.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
        return (UInt64(littleEndian: wide) &>> UInt64(bit & 7)) & mask
    }

    /// Decodes `rows` into the front of `out`, truncating to its type.
    func decode<T: FixedWidthInteger>(_ rows: Range<Int>, into out: UnsafeMutableBufferPointer<T>) {
        precondition(out.count >= rows.count)
        switch bits {
        case 0:
            let value = T(truncatingIfNeeded: base)
            for row in 0..<rows.count { out[row] = value }
        case 8: decode(UInt8.self, rows, into: out)
        case 16: decode(UInt16.self, rows, into: out)
        case 32: decode(UInt32.self, rows, into: out)
        case 64: decode(UInt64.self, rows, into: out)
        default:
            let base = T(truncatingIfNeeded: base)
            for row in 0..<rows.count {
                out[row] = base &+ T(truncatingIfNeeded: stored(rows.lowerBound &+ row))
            }
        }
    }

    /// A loop for one width, which the compiler makes wide.
    @inline(__always)
    private func decode<Stored: FixedWidthInteger, T: FixedWidthInteger>(
        _ stored: Stored.Type, _ rows: Range<Int>, into out: UnsafeMutableBufferPointer<T>
    ) {
        let base = T(truncatingIfNeeded: base)
        let start = data + rows.lowerBound &* MemoryLayout<Stored>.size
        for row in 0..<rows.count {
            let value = start.loadUnaligned(
                fromByteOffset: row &* MemoryLayout<Stored>.size, as: Stored.self)
            out[row] = base &+ T(truncatingIfNeeded: Stored(littleEndian: value))
        }
    }

    /// The first of `rows` that holds `wanted`.
    func firstIndex(of wanted: Int64, in rows: Range<Int>) -> Int? {
        // Compared as it is stored. What the width cannot hold is not there.
        let looked = UInt64(bitPattern: wanted &- base)
        guard looked & ~mask == 0 else { return nil }
        // Blocks without a branch inside, so that several values are compared at once.
        var row = rows.lowerBound
        while row < rows.upperBound {
            let end = min(row &+ 64, rows.upperBound)
            var hits: UInt64 = 0
            for place in row..<end { hits &+= stored(place) == looked ? 1 : 0 }
            if hits > 0 {
                for place in row..<end where stored(place) == looked { return place }
            }
            row = end
        }
        return nil
    }
}

/// How wide the values of a column are.
struct ColumnWidth {
    private static let packed: UInt8 = 0x80

    var bits: Int

    /// As many whole bytes as `largest` needs, or as many bits.
    init(for largest: UInt64, packing: ColumnPacking) {
        bits = 64 - largest.leadingZeroBitCount
        if packing == .bytes || bits > ColumnView.maximumPackedBits { bits = (bits + 7) / 8 * 8 }
    }

    /// What the directory says: a number of bytes up to 8, or 80 (hexadecimal) and a number of bits.
    init(code: UInt8) throws(FormatProblem) {
        bits = code & Self.packed == 0 ? Int(code) * 8 : Int(code & ~Self.packed)
        guard bits <= (code & Self.packed == 0 ? 64 : ColumnView.maximumPackedBits) else {
            throw FormatProblem("a column's width is \(code)")
        }
    }

    var code: UInt8 { bits % 8 == 0 ? UInt8(bits / 8) : Self.packed | UInt8(bits) }
    /// What `count` values take.
    func bytes(_ count: Int) -> Int { (count * bits + 7) / 8 }
}

/// Whole bytes are made faster; bits take less room.
enum ColumnPacking { case bytes, bits }

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
            let code = bytes[place + 1]
            let length = try self.length(
                id: bytes[place], code: code, base: base, room: bytes.count - position)
            var view = ColumnView(base: base, data: start + position)
            if ColumnID(rawValue: bytes[place])?.holdsIntegers ?? false {
                view.bits = try ColumnWidth(code: code).bits
                view.mask = view.bits == 64 ? .max : (1 << UInt64(view.bits)) - 1
            }
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
        id: UInt8, code: UInt8, base: Int64, room: Int
    ) throws(FormatProblem) -> Int {
        let length: Int
        switch ColumnID(rawValue: id) {
        case .recorded, .occurred, .kind, .source, .name, .lineLength, .keyCount:
            length = try ColumnWidth(code: code).bytes(count)
        case .keys:
            guard code == 8, base == 0 else { throw FormatProblem("key hashes have eight bytes") }
            length = totalKeys * 8
        case .keyReferences:
            length = try ColumnWidth(code: code).bytes(totalKeys)
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
