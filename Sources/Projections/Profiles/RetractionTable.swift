/// Pairs of identifiers that somebody said are not one person's (I5).
///
/// A barred pair is linked by nothing that comes later, neither directly nor by way of others, until
/// somebody lifts it. In order, one entry a retraction.
struct RetractionTable {
    private(set) var firsts: [UInt32] = []
    private(set) var seconds: [UInt32] = []
    private(set) var offsets: [UInt64] = []
    /// Where it was lifted; `.max` while it stands.
    private(set) var lifted: [UInt64] = []
    /// The entries that stand, in order; derived.
    private(set) var standing: [Int] = []

    init() {}

    /// Bars a pair; returns false when it is barred already.
    mutating func bar(_ a: UInt32, _ b: UInt32, at offset: UInt64) -> Bool {
        guard a != b, entry(a, b) == nil else { return false }
        standing.append(firsts.count)
        firsts.append(a)
        seconds.append(b)
        offsets.append(offset)
        lifted.append(.max)
        return true
    }

    /// Lifts a pair; returns whether it was barred.
    mutating func lift(_ a: UInt32, _ b: UInt32, at offset: UInt64) -> Bool {
        guard let entry = entry(a, b) else { return false }
        lifted[entry] = offset
        standing.removeAll { $0 == entry }
        return true
    }

    /// The standing entry of a pair, either way round.
    func entry(_ a: UInt32, _ b: UInt32) -> Int? {
        standing.first {
            firsts[$0] == a && seconds[$0] == b || firsts[$0] == b && seconds[$0] == a
        }
    }

    func isBarred(_ a: UInt32, _ b: UInt32) -> Bool {
        !standing.isEmpty && entry(a, b) != nil
    }

    func write(into out: inout CanonicalWriter) {
        out.section("BARS")
        out.column(firsts)
        out.column(seconds)
        out.column(offsets)
        out.column(lifted)
    }

    init(from reader: inout CanonicalReader, identifiers: Int) throws(CanonicalError) {
        try reader.section("BARS")
        firsts = try reader.column()
        seconds = try reader.column()
        offsets = try reader.column()
        lifted = try reader.column()
        guard [seconds.count, offsets.count, lifted.count].allSatisfy({ $0 == firsts.count }),
            zip(firsts, seconds).allSatisfy({ max($0, $1) < identifiers })
        else { throw CanonicalError(position: reader.position, expected: "barred pairs") }
        standing = lifted.indices.filter { lifted[$0] == .max }
    }
}
