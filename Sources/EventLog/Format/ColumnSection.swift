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
