/// Links that were refused, in order.
///
/// A refusal concerns whoever lost the link and whoever the event went to, so that each has a chain of its own
/// and a question about one person costs by that person's refusals.
struct RefusalTable {
    private(set) var offsets: [UInt64] = []
    private(set) var identifiers: [UInt32] = []
    /// The type whose limit would have broken, or one of the other reasons (``IdentityTable/sizeLimit``).
    private(set) var limitTypes: [UInt16] = []

    // Derived: by identifier its newest entry, and by entry the one before it.
    private var lost = Chains()
    private var kept = Chains()
    /// How many entries are in `kept`: whom an event went to is known once the event is judged.
    private var anchored = 0

    private struct Chains {
        private var newest: [UInt32: UInt32] = [:]
        private var earlier: [UInt32] = []

        mutating func append(_ identifier: UInt32) {
            earlier.append(newest[identifier] ?? .max)
            newest[identifier] = UInt32(earlier.count - 1)
        }

        func forEach(of identifier: UInt32, _ visit: (Int) -> Void) {
            var entry = newest[identifier] ?? .max
            while entry != .max {
                visit(Int(entry))
                entry = earlier[Int(entry)]
            }
        }
    }

    init() {}

    var count: Int { offsets.count }

    mutating func append(_ identifier: UInt32, limitType: UInt16, offset: UInt64) {
        offsets.append(offset)
        identifiers.append(identifier)
        limitTypes.append(limitType)
        lost.append(identifier)
    }

    /// Whether there are entries of which it is not known whom their event went to.
    var isBehind: Bool { anchored < offsets.count }

    /// Takes note of whom the events since the last time went to.
    mutating func anchor(_ anchor: (_ offset: UInt64) -> UInt32) {
        while anchored < offsets.count {
            kept.append(anchor(offsets[anchored]))
            anchored += 1
        }
    }

    /// The entries that concern any of some identifiers, ascending.
    func entries(of members: [UInt32]) -> [Int] {
        var found: Set<Int> = []
        for member in members {
            lost.forEach(of: member) { found.insert($0) }
            kept.forEach(of: member) { found.insert($0) }
        }
        return found.sorted()
    }

    func write(into out: inout CanonicalWriter) {
        out.column(offsets)
        out.column(identifiers)
        out.column(limitTypes)
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        offsets = try reader.column()
        identifiers = try reader.column()
        limitTypes = try reader.column()
        guard identifiers.count == offsets.count, limitTypes.count == offsets.count else {
            throw CanonicalError(position: reader.position, expected: "equal columns")
        }
        for identifier in identifiers { lost.append(identifier) }
    }
}
