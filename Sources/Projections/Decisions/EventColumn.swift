/// One value a record, in chunks, so that a copy that somebody reads costs a writer one chunk and no more.
struct EventColumn<Element: FixedWidthInteger & Sendable>: Sendable {
    /// Values in a chunk: a power of two.
    static var chunkSize: Int { 1 << 16 }

    private(set) var chunks: [[Element]] = []
    private(set) var count = 0

    init() {}

    @inline(__always)
    subscript(place: Int) -> Element { chunks[place >> 16][place & 0xFFFF] }

    mutating func append(_ value: Element) {
        if count & (Self.chunkSize - 1) == 0 {
            var chunk: [Element] = []
            // The first chunk grows as it must: most logs in tests and on laptops are small.
            if !chunks.isEmpty { chunk.reserveCapacity(Self.chunkSize) }
            chunks.append(chunk)
        }
        chunks[chunks.count - 1].append(value)
        count += 1
    }

    mutating func append(contentsOf values: some RandomAccessCollection<Element>) {
        var left = values[...]
        while !left.isEmpty {
            if count & (Self.chunkSize - 1) == 0 { chunks.append([]) }
            let part = left.prefix(Self.chunkSize - count & (Self.chunkSize - 1))
            chunks[chunks.count - 1].append(contentsOf: part)
            count += part.count
            left = left.dropFirst(part.count)
        }
    }

    /// Appends values; a chunk that begins where one is due is taken as it is.
    mutating func append(_ values: [Element]) {
        guard count & (Self.chunkSize - 1) == 0, values.count <= Self.chunkSize, !values.isEmpty
        else { return append(contentsOf: values) }
        chunks.append(values)
        count += values.count
    }

    /// Fills up with one value until there are `end` of them.
    mutating func append(repeating value: Element, upTo end: Int) {
        guard count < end else { return }
        let many = [Element](repeating: value, count: min(end - count, Self.chunkSize))
        while count < end { append(contentsOf: many.prefix(end - count)) }
    }

    /// Hands out a range, a chunk's part at a time, with the place of its first value.
    func forEachPart(of range: Range<Int>, _ body: (Int, ArraySlice<Element>) -> Void) {
        var place = range.lowerBound
        while place < range.upperBound {
            let chunk = chunks[place >> 16]
            let start = place & 0xFFFF
            let end = min(chunk.count, start + (range.upperBound - place))
            body(place, chunk[start..<end])
            place += end - start
        }
    }
}

extension CanonicalWriter {
    /// As a column that stands in one piece.
    mutating func column<T>(_ column: EventColumn<T>) {
        integer(UInt64(column.count))
        for chunk in column.chunks { elements(chunk) }
    }
}

extension CanonicalReader {
    /// A column as ``CanonicalWriter`` writes an ``EventColumn``: as one that stands in one piece.
    mutating func eventColumn<T>(_ type: T.Type = T.self) throws(CanonicalError) -> EventColumn<T> {
        var column = EventColumn<T>()
        var left = try columnCount(T.self)
        while left > 0 {
            let part = min(left, EventColumn<T>.chunkSize)
            // The last one has room for what comes next, but for small logs.
            let room = column.chunks.isEmpty ? part + part / 8 : EventColumn<T>.chunkSize
            column.append(try elements(part, room: room))
            left -= part
        }
        return column
    }
}
