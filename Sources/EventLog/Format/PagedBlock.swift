import Hashing

/// An array of unsigned integers of one width, cut into pages that carry their own checksum, so that
/// a look-up trusts the two pages it reads without reading the block. Layout in ``LogFormat``.
struct PagedBlock: Sendable {
    static let pageBytes = 4096

    let file: any LogFile
    let position: UInt64
    let length: UInt64
    let coding: PageCoding
    let count: Int

    var pageCount: Int { (count + coding.valuesPerPage - 1) / coding.valuesPerPage }

    /// Appends `values` as pages. Unless the block `endsThere`, they fill whole ones.
    static func append<T: FixedWidthInteger>(
        _ values: ArraySlice<T>, _ coding: PageCoding, endsThere: Bool, to out: inout GrowingBytes
    ) {
        let perPage = coding.valuesPerPage
        precondition(endsThere || values.count % perPage == 0, "only the last page is short")
        var first = values.startIndex
        while first < values.endIndex {
            let number = min(perPage, values.endIndex - first)
            let start = out.count
            coding.append(values[first..<first + number], to: &out)
            let crc = CRC32C.of(out.bytes.part(start..<out.count))
            first += number
            if first < values.endIndex || !endsThere {
                out.appendZeros(PageCoding.roomBytes - (out.count - start))
            }
            out.append(crc)
            out.append(UInt32(number))
        }
    }

    init(
        file: any LogFile, position: UInt64, length: UInt64, coding: PageCoding, count: Int
    ) throws(FormatProblem) {
        self.file = file
        self.position = position
        self.length = length
        self.coding = coding
        self.count = count
        guard count >= 0, count < 1 << 40 else {
            throw FormatProblem("a paged block has \(count) elements", at: position)
        }
        let whole = max(0, pageCount - 1)
        let last = count == 0 ? 0 : coding.bytes(count - whole * coding.valuesPerPage) + 8
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
            let page = try self.page(place / coding.valuesPerPage)
            let start = place % coding.valuesPerPage
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
        var guess = min(high, Int(share) / coding.valuesPerPage)
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
                return page[index] == value ? guess * coding.valuesPerPage + index : nil
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
        let number = min(coding.valuesPerPage, count - place * coding.valuesPerPage)
        do { try coding.decode(page: page, count: number, into: &values) } catch {
            throw FormatProblem(error.reason, at: position + UInt64(place * Self.pageBytes))
        }
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index for which `isAfter` holds, when it holds for all later ones too.
    package func partitioningIndex(where isAfter: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
