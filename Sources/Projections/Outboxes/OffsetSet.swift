/// A set of offsets as one bit each, dense over an ``OffsetSpace``.
struct OffsetSet {
    /// Which offset stands at which bit.
    private(set) var space = OffsetSpace()
    private(set) var words: [UInt64] = []
    private(set) var count = 0
    /// No member stands below this word; a hint that is rebuilt and never written.
    private var firstWord = 0

    init() {}

    init(space: OffsetSpace) { self.space = space }

    /// Follows the space past a gap. What was in the set stays where it is.
    mutating func follow(_ space: OffsetSpace) { self.space = space }

    func contains(_ offset: UInt64) -> Bool {
        guard let row = space.row(offset) else { return false }
        let word = Int(row / 64)
        return word < words.count && words[word] & (1 << (row % 64)) != 0
    }

    /// Adds an offset. One that lies in a gap is nobody's and is not added.
    mutating func insert(_ offset: UInt64) {
        guard let row = space.row(offset) else { return }
        let word = Int(row / 64)
        if words.count <= word {
            words.append(contentsOf: repeatElement(0, count: word + 1 - words.count))
        }
        let bit = UInt64(1) << (row % 64)
        guard words[word] & bit == 0 else { return }
        words[word] |= bit
        count += 1
        firstWord = min(firstWord, word)
    }

    mutating func remove(_ offset: UInt64) {
        guard let row = space.row(offset) else { return }
        let word = Int(row / 64)
        guard word < words.count else { return }
        let bit = UInt64(1) << (row % 64)
        guard words[word] & bit != 0 else { return }
        words[word] &= ~bit
        count -= 1
    }

    /// Visits members in order from the lowest until `visit` says false.
    mutating func forEachAscending(_ visit: (UInt64) -> Bool) {
        var word = firstWord
        while word < words.count, words[word] == 0 { word += 1 }
        firstWord = word
        while word < words.count {
            var left = words[word]
            while left != 0 {
                let bit = left.trailingZeroBitCount
                left &= left - 1
                if !visit(space.offset(ofRow: UInt64(word) * 64 + UInt64(bit))) { return }
            }
            word += 1
        }
    }

    /// Visits the rows of a range that are in any of some sets over the same space, ascending.
    static func forEachRow(
        of sets: [OffsetSet], in rows: Range<Int>, _ visit: (Int) -> Void
    ) {
        let sets = sets.filter { $0.count > 0 }
        guard !sets.isEmpty, !rows.isEmpty else { return }
        for word in rows.lowerBound / 64...(rows.upperBound - 1) / 64 {
            var left: UInt64 = 0
            for set in sets where word < set.words.count { left |= set.words[word] }
            while left != 0 {
                let row = word * 64 + left.trailingZeroBitCount
                left &= left - 1
                if rows.contains(row) { visit(row) }
            }
        }
    }

    func write(into out: inout CanonicalWriter) {
        // Trailing empty words depend on history, not on the set.
        var end = words.count
        while end > 0, words[end - 1] == 0 { end -= 1 }
        out.column(Array(words[..<end]))
    }

    init(from reader: inout CanonicalReader, space: OffsetSpace) throws(CanonicalError) {
        self.space = space
        words = try reader.column()
        count = words.reduce(0) { $0 + $1.nonzeroBitCount }
    }
}
