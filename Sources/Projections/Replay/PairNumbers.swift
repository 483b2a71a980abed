/// Numbers for pairs of numbers, in order of first appearance; made to be asked millions of times.
///
/// Nothing depends on the hash but speed.
struct PairNumbers {
    static let none = UInt32.max

    /// By number.
    private(set) var pairs: [(first: UInt32, second: UInt32)] = []
    // Open addressing, at most half full; a pair of `none` and `none` is no key.
    private(set) var keys = [UInt64](repeating: .max, count: 1024)
    private(set) var numbers = [UInt32](repeating: PairNumbers.none, count: 1024)

    var count: Int { pairs.count }

    @inline(__always)
    static func key(_ first: UInt32, _ second: UInt32) -> UInt64 {
        UInt64(first) << 32 | UInt64(second)
    }

    /// Where the search for a key begins in a table of `mask + 1` places.
    @inline(__always)
    static func place(_ key: UInt64, mask: Int) -> Int {
        let product = key &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: product >> 32) & mask
    }

    /// The number of a pair, looked up in the columns of a table; `none` where it has none yet.
    @inline(__always)
    static func find(_ key: UInt64, in keys: Span<UInt64>, _ numbers: Span<UInt32>) -> UInt32 {
        let mask = keys.count - 1
        var place = place(key, mask: mask)
        while keys[place] != key {
            if keys[place] == .max { return none }
            place = (place + 1) & mask
        }
        return numbers[place]
    }

    mutating func intern(_ first: UInt32, _ second: UInt32) -> UInt32 {
        let key = Self.key(first, second)
        let known = Self.find(key, in: keys.span, numbers.span)
        if known != Self.none { return known }
        let number = UInt32(pairs.count)
        pairs.append((first, second))
        if pairs.count * 2 > keys.count { grow() }
        insert(key, number)
        return number
    }

    private mutating func insert(_ key: UInt64, _ number: UInt32) {
        let mask = keys.count - 1
        var place = Self.place(key, mask: mask)
        while keys[place] != .max { place = (place + 1) & mask }
        keys[place] = key
        numbers[place] = number
    }

    private mutating func grow() {
        let size = keys.count * 2
        keys = [UInt64](repeating: .max, count: size)
        numbers = [UInt32](repeating: Self.none, count: size)
        for (number, pair) in pairs.dropLast().enumerated() {
            insert(Self.key(pair.first, pair.second), UInt32(number))
        }
    }
}
