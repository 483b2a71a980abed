import Hashing

/// An array of unsigned integers of one width, cut into pages that carry their own checksum, so that
/// a look-up trusts the two pages it reads without reading the block. Layout in ``LogFormat``.
struct PagedBlock: Sendable {
    static let pageBytes = 4096
    private static let roomBytes = 4088

    let file: any LogFile
    let position: UInt64
    let length: UInt64
    let width: Int
    let count: Int

    var valuesPerPage: Int { Self.roomBytes / width }
    var pageCount: Int { (count + valuesPerPage - 1) / valuesPerPage }

    /// Appends `values` as a paged block.
    static func append(_ values: [UInt64], width: Int, to out: inout GrowingBytes) {
        let perPage = roomBytes / width
        var first = 0
        while first < values.count {
            let number = min(perPage, values.count - first)
            let start = out.count
            for value in values[first..<first + number] {
                withUnsafeBytes(of: value.littleEndian) { bytes in
                    out.append(UnsafeRawBufferPointer(rebasing: bytes[..<width]))
                }
            }
            let crc = CRC32C.of(out.bytes.part(start..<out.count))
            first += number
            if first < values.count { out.appendZeros(roomBytes - number * width) }
            out.append(crc)
            out.append(UInt32(number))
        }
    }

    /// The bytes that hold the largest value; 1 for an empty array.
    static func width(for largest: UInt64) -> Int {
        max(1, (64 - largest.leadingZeroBitCount + 7) / 8)
    }

    init(
        file: any LogFile, position: UInt64, length: UInt64, width: Int, count: Int
    ) throws(FormatProblem) {
        self.file = file
        self.position = position
        self.length = length
        self.width = width
        self.count = count
        guard width >= 1, width <= 8, count >= 0, count < 1 << 40 else {
            throw FormatProblem("a paged block has width \(width)", at: position)
        }
        let whole = max(0, pageCount - 1)
        let last = count == 0 ? 0 : (count - whole * valuesPerPage) * width + 8
        guard length == UInt64(whole * Self.pageBytes + last) else {
            throw FormatProblem("a paged block's length does not fit its elements", at: position)
        }
    }

    /// The values of page `number`.
    func page(_ number: Int) throws -> [UInt64] {
        let start = number * Self.pageBytes
        let bytes = try file.bytes(
            at: Int(position) + start, count: min(Self.pageBytes, Int(length) - start))
        var values: [UInt64] = []
        try bytes.withUnsafeBytes { try decode($0, of: number, into: &values) }
        return values
    }

    /// All values.
    func all() throws -> [UInt64] {
        let bytes = try file.bytes(at: Int(position), count: Int(length))
        var values: [UInt64] = []
        values.reserveCapacity(count)
        try bytes.withUnsafeBytes { bytes in
            for number in 0..<pageCount {
                let start = number * Self.pageBytes
                let page = bytes.part(start..<min(start + Self.pageBytes, bytes.count))
                try decode(page, of: number, into: &values)
            }
        }
        return values
    }

    /// `number` values from place `first` on; fewer at the end.
    func values(from first: Int, count number: Int) throws -> [UInt64] {
        var out: [UInt64] = []
        var place = first
        while out.count < number, place < count, place >= 0 {
            let page = try self.page(place / valuesPerPage)
            let start = place % valuesPerPage
            guard start < page.count else { break }
            let part = page[start...].prefix(number - out.count)
            out.append(contentsOf: part)
            place += part.count
        }
        return out
    }

    /// The place of `value` in an ascending array of evenly spread values.
    ///
    /// SipHash spreads them, so the first guess is at most a page off; if somebody put other values
    /// there, bisection takes over.
    func place(of value: UInt64) throws -> Int? {
        var low = 0
        var high = pageCount - 1
        guard high >= 0 else { return nil }
        let share = value.multipliedFullWidth(by: UInt64(count)).high
        var guess = min(high, Int(share) / valuesPerPage)
        var steps = 0
        while low <= high {
            let page = try self.page(guess)
            guard let first = page.first, let last = page.last else { return nil }
            if value < first {
                high = guess - 1
            } else if value > last {
                low = guess + 1
            } else {
                let index = page.partitioningIndex { $0 >= value }
                return page[index] == value ? guess * valuesPerPage + index : nil
            }
            steps += 1
            guess = steps > 3 ? (low + high) / 2 : value < first ? guess - 1 : guess + 1
        }
        return nil
    }

    /// Decodes page number `place`, which must hold as many values as its place says.
    private func decode(
        _ page: UnsafeRawBufferPointer, of place: Int, into values: inout [UInt64]
    ) throws(FormatProblem) {
        let number = min(valuesPerPage, count - place * valuesPerPage)
        let start = position + UInt64(place * Self.pageBytes)
        guard page.count >= number * width + 8 else {
            throw FormatProblem("a page is too short", at: start)
        }
        guard Int(page.integer(UInt32.self, at: page.count - 4)) == number,
            CRC32C.of(page.part(0..<number * width))
                == page.integer(UInt32.self, at: page.count - 8)
        else { throw FormatProblem("a page's checksum is wrong", at: start) }
        // Eight bytes are always there: the checksum and the number follow the values.
        let mask = width == 8 ? UInt64.max : (1 << UInt64(width * 8)) - 1
        for index in 0..<number {
            values.append(page.integer(UInt64.self, at: index * width) & mask)
        }
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index for which `isAfter` holds, when it holds for all later ones too.
    func partitioningIndex(where isAfter: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
