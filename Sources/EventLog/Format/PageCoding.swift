import Hashing

/// How the elements of a paged block are written; the layout stands in ``LogFormat``.
struct PageCoding: Equatable, Sendable {
    /// The directory's number for it.
    enum Kind: UInt8 {
        /// Each in whole bytes.
        case bytes = 1
        /// Each in so many bits.
        case bits
        /// A page's first element as it is, and of each other what it is larger than the one before it, in
        /// so many bits. For ascending ones.
        case differences
    }

    static let roomBytes = 4088

    let kind: Kind
    let bits: Int

    /// The kind's coding with the directory's width: bytes for ``Kind/bytes``, bits for the others.
    init(kind: UInt8, width: UInt8) throws(FormatProblem) {
        guard let kind = Kind(rawValue: kind) else {
            throw FormatProblem("a block is not paged in a way that is known")
        }
        let bits = kind == .bytes ? Int(width) * 8 : Int(width)
        guard bits >= 1, bits <= (kind == .bytes ? 64 : ColumnView.maximumPackedBits) else {
            throw FormatProblem("a paged block has width \(width)")
        }
        self.init(kind, bits: bits)
    }

    private init(_ kind: Kind, bits: Int) {
        self.kind = kind
        self.bits = bits
    }

    /// For elements up to `largest`.
    static func values(upTo largest: UInt64) -> PageCoding {
        let bits = max(1, 64 - largest.leadingZeroBitCount)
        guard bits <= ColumnView.maximumPackedBits else { return PageCoding(.bytes, bits: 64) }
        return PageCoding(.bits, bits: bits)
    }

    /// For these ascending elements.
    static func ascending(_ values: [UInt64]) -> PageCoding {
        var largest: UInt64 = 0
        for (value, next) in zip(values, values.dropFirst()) {
            largest = max(largest, next - value)
        }
        let coding = Self.values(upTo: largest)
        return coding.kind == .bits ? PageCoding(.differences, bits: coding.bits) : coding
    }

    var width: UInt8 { UInt8(kind == .bytes ? bits / 8 : bits) }

    var valuesPerPage: Int {
        switch kind {
        case .bytes, .bits: Self.roomBytes * 8 / bits
        case .differences: 1 + (Self.roomBytes - 8) * 8 / bits
        }
    }

    /// What `number` elements of one page take; `number` is 1 or more.
    func bytes(_ number: Int) -> Int {
        switch kind {
        case .bytes, .bits: (number * bits + 7) / 8
        case .differences: 8 + ((number - 1) * bits + 7) / 8
        }
    }

    /// Appends the elements of one page.
    func append(_ values: ArraySlice<some FixedWidthInteger>, to out: inout GrowingBytes) {
        guard kind == .differences else {
            return out.appendPacked(values.lazy.map { UInt64(truncatingIfNeeded: $0) }, bits: bits)
        }
        guard let first = values.first else { return }
        out.append(UInt64(truncatingIfNeeded: first))
        out.appendPacked(
            (values.startIndex + 1..<values.endIndex).lazy.map {
                UInt64(truncatingIfNeeded: values[$0] - values[$0 - 1])
            }, bits: bits)
    }

    /// Appends the elements of a page, which must be `number`, to `values`.
    func decode(
        page: UnsafeRawBufferPointer, count number: Int, into values: inout [UInt64]
    ) throws(FormatProblem) {
        guard page.count >= 8, let start = page.baseAddress else {
            throw FormatProblem("a page is too short")
        }
        guard number >= 1, number <= valuesPerPage, bytes(number) <= page.count - 8,
            Int(page.integer(UInt32.self, at: page.count - 4)) == number,
            CRC32C.of(page.part(0..<bytes(number))) == page.integer(UInt32.self, at: page.count - 8)
        else { throw FormatProblem("a page's checksum is wrong") }
        // Eight bytes are always there: the checksum and the number follow the values.
        var view = ColumnView(data: start)
        view.bits = bits
        view.mask = bits == 64 ? .max : (1 << UInt64(bits)) - 1
        guard kind == .differences else {
            for row in 0..<number { values.append(UInt64(bitPattern: view.value(row))) }
            return
        }
        var value = page.integer(UInt64.self, at: 0)
        view.data = start + 8
        values.append(value)
        for row in 0..<number - 1 {
            value &+= UInt64(bitPattern: view.value(row))
            values.append(value)
        }
    }
}
