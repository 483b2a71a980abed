/// One bit a record, by its place; what was never set is not.
struct BitColumn: Equatable, Sendable {
    private(set) var words: [UInt64] = []

    var lengthBytes: Int { words.count * 8 }

    @inline(__always)
    subscript(place: Int) -> Bool {
        let word = place >> 6
        return word < words.count && words[word] & (1 << UInt64(place & 63)) != 0
    }

    mutating func insert(_ place: Int) {
        let missing = place >> 6 + 1 - words.count
        if missing > 0 { words.append(contentsOf: repeatElement(0, count: missing)) }
        words[place >> 6] |= 1 << UInt64(place & 63)
    }
}
