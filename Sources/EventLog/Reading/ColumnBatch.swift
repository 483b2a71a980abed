/// The columns of neighbouring records of one segment, each decoded into a plain array when it is asked
/// for. Valid only inside the call that was handed it, and so are its arrays.
///
/// It costs a fraction of a record view's work where every record is looked at and few matter.
public struct ColumnBatch {
    let columns: UnsafePointer<ColumnSection>
    let rows: Range<Int>
    let source: SegmentSource
    unowned(unsafe) let decoded: DecodedColumns
    unowned(unsafe) let places: KeyPlaces

    /// The offset of the first record; the others follow without a gap.
    public let first: Offset
    /// How many records there are; at least one.
    public var count: Int { rows.count }
    /// The base offset of the records' segment. Symbols mean something only within one segment.
    public var segment: Offset { Offset(source.base) }

    public var kinds: UnsafeBufferPointer<UInt8> {
        decoded.column(.kind, of: columns.pointee.kind, rows)
    }
    /// When the log took them, in microseconds since 1970. Never goes backwards (L6).
    public var recorded: UnsafeBufferPointer<Int64> {
        decoded.column(.recorded, of: columns.pointee.recorded, rows)
    }
    /// When they happened, as the extractor says, in microseconds since 1970.
    public var occurred: UnsafeBufferPointer<Int64> {
        decoded.column(.occurred, of: columns.pointee.occurred, rows)
    }
    /// The symbols of who sent them; `0xFFFF`: read the line.
    public var sourceSymbols: UnsafeBufferPointer<UInt16> {
        decoded.column(.source, of: columns.pointee.source, rows)
    }
    /// The symbols of what they are called; `0xFFFF`: read the line.
    public var nameSymbols: UnsafeBufferPointer<UInt16> {
        decoded.column(.name, of: columns.pointee.name, rows)
    }
    /// Of the lines with their line feeds.
    public var lineLengths: UnsafeBufferPointer<UInt32> {
        decoded.column(.lineLength, of: columns.pointee.lineLength, rows)
    }

    /// The name behind one of the segment's symbols, as ``RecordView/text(_:)``.
    public func text(_ symbol: UInt16) -> String? { source.names.name(symbol) }

    /// Which records carry `keyHash`, as places from 0. Hash matches only (L7).
    public func places(holding keyHash: UInt64) throws -> [Int] {
        guard let wanted = try places.value(of: keyHash, in: source) else { return [] }
        let section = columns.pointee
        guard section.keys.firstIndex(of: wanted, in: 0..<section.totalKeys) != nil else {
            return []
        }
        var found: [Int] = []
        var key = 0
        for row in 0..<rows.upperBound {
            let count = Int(section.keyCount.value(row))
            if row >= rows.lowerBound,
                (key..<key + count).contains(where: { section.keys.value($0) == wanted })
            {
                found.append(row - rows.lowerBound)
            }
            key += count
        }
        return found
    }
}

/// The arrays of a batch; made once a reader and filled again for each batch.
final class DecodedColumns {
    /// Room for each column, and whether the batch's values are in it.
    private var rooms: [(memory: UnsafeMutableRawBufferPointer, isFilled: Bool)] = Array(
        repeating: (UnsafeMutableRawBufferPointer(start: nil, count: 0), false),
        count: Int(ColumnID.lineLength.rawValue) + 1)

    deinit { for room in rooms { room.memory.deallocate() } }

    /// Forgets the values.
    func removeAll() { for place in rooms.indices { rooms[place].isFilled = false } }

    func column<T: FixedWidthInteger>(
        _ id: ColumnID, of view: ColumnView, _ rows: Range<Int>
    ) -> UnsafeBufferPointer<T> {
        let place = Int(id.rawValue)
        let bytes = rows.count * MemoryLayout<T>.stride
        if rooms[place].memory.count < bytes {
            rooms[place].memory.deallocate()
            rooms[place].memory = .allocate(byteCount: bytes * 2, alignment: 16)
        }
        let values = rooms[place].memory.bindMemory(to: T.self)
        if !rooms[place].isFilled {
            view.decode(rows, into: values)
            rooms[place].isFilled = true
        }
        return UnsafeBufferPointer(rebasing: values[..<rows.count])
    }
}

/// Under which value a segment's key column holds the hashes that were asked for last.
final class KeyPlaces {
    private static let limit = 64
    private var segment: (file: String, values: [UInt64: Int64?])?

    /// Nil: no record of the segment carries the hash.
    func value(of hash: UInt64, in source: SegmentSource) throws(LogError) -> Int64? {
        guard let sealed = source.sealed else { return Int64(bitPattern: hash) }
        let file = sealed.entry.fileName
        if segment?.file != file { segment = (file, [:]) }
        if let known = segment?.values[hash] { return known }
        let value = try sealed.place(of: hash)
        if let count = segment?.values.count, count >= Self.limit { segment = (file, [:]) }
        segment?.values[hash] = .some(value)
        return value
    }
}
