/// The header of a GPP string: which sections follow, ascending.
///
/// ```
/// type 6 = 3 | version 6 = 1 | count 12 | entries
/// entry: 0, how far after the last id            one id
///        1, how far after the last id, length    that id and as many after it
/// ```
/// Distances and lengths are Fibonacci coded: the bits stand for 1, 2, 3, 5, 8, …, lowest first, and a
/// second 1 after a 1 closes the number.
enum GPPHeader {
    /// No section id is larger.
    private static let maximumID = 65_535

    /// - Parameter sectionCount: how many sections the string has. It must be the header's number too,
    ///   and is what bounds the ids here.
    static func sectionIDs(
        _ text: UnsafeRawBufferPointer, _ range: Range<Int>, sectionCount: Int
    ) throws(ConsentTextError) -> [Int] {
        var bits = try ConsentBits(text, range, part: .gppHeader)
        let type = try bits.number(6)
        guard type == 3 else { throw bits.error(.wrongType(type)) }
        let version = try bits.number(6)
        guard version == 1 else { throw bits.error(.unsupportedVersion(version)) }
        let entries = try bits.number(12)
        var ids: [Int] = []
        var last = 0
        for _ in 0..<entries {
            let isGroup = try bits.flag()
            let first = last + (try fibonacci(&bits))
            last = isGroup ? first + (try fibonacci(&bits)) : first
            guard last <= maximumID else { throw bits.error(.numberTooLarge) }
            guard last - first < sectionCount - ids.count else {
                throw bits.error(.countMismatch)
            }
            ids.append(contentsOf: first...last)
        }
        guard ids.count == sectionCount else { throw bits.error(.countMismatch) }
        return ids
    }

    private static func fibonacci(_ bits: inout ConsentBits) throws(ConsentTextError) -> Int {
        var value = 0
        var (term, next) = (1, 2)
        var wasOne = false
        while true {
            let isOne = try bits.flag()
            if isOne, wasOne { return value }
            if isOne { value += term }
            // A zero term may still be followed by larger ones, so the term is bounded, not the value.
            guard term <= maximumID else { throw bits.error(.numberTooLarge) }
            wasOne = isOne
            (term, next) = (next, term + next)
        }
    }
}
