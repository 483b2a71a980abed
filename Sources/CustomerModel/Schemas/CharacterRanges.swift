/// A set of Unicode scalars.
struct CharacterRanges: Equatable, Sendable {
    static let last: UInt32 = 0x10_FFFF

    /// Ascending, neither touching nor overlapping.
    private(set) var ranges: [ClosedRange<UInt32>]
    /// The first 128, since most text is ASCII.
    private var low: (UInt64, UInt64) = (0, 0)

    init(_ unordered: [ClosedRange<UInt32>]) {
        ranges = []
        for range in unordered.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let before = ranges.last, range.lowerBound <= before.upperBound + 1 {
                ranges[ranges.count - 1] =
                    before.lowerBound...max(before.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
        for range in ranges where range.lowerBound < 128 {
            for scalar in range.lowerBound...min(range.upperBound, 127) {
                if scalar < 64 {
                    low.0 |= 1 << UInt64(scalar)
                } else {
                    low.1 |= 1 << UInt64(scalar - 64)
                }
            }
        }
    }

    var inverted: CharacterRanges {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= Self.last { gaps.append(next...Self.last) }
        return CharacterRanges(gaps)
    }

    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return low.0 >> UInt64(scalar) & 1 == 1 }
        if scalar < 128 { return low.1 >> UInt64(scalar - 64) & 1 == 1 }
        var (from, to) = (0, ranges.count)
        while from < to {
            let middle = (from + to) / 2
            if ranges[middle].upperBound < scalar { from = middle + 1 } else { to = middle }
        }
        return from < ranges.count && ranges[from].lowerBound <= scalar
    }

    static func == (a: CharacterRanges, b: CharacterRanges) -> Bool { a.ranges == b.ranges }

    /// `\d`
    static let digits = CharacterRanges([0x30...0x39])
    /// `\w`
    static let word = CharacterRanges([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    /// `\s`: ECMA-262's white space and line terminators.
    static let space = CharacterRanges([
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
        0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
    /// `.`: everything but line terminators.
    static let dot = CharacterRanges([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029]).inverted
    static let all = CharacterRanges([0...last])
}
