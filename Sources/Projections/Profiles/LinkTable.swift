import CustomerModel

/// Which events, and which operators, said that two identifiers are one person's (I1).
///
/// An event links each of its accepted identifiers with the strongest of them. What holds a person
/// together is these links and nothing else: its identifiers are what they connect, so that a person
/// whose link was retracted can be divided by looking at that person alone.
///
/// Flat columns, one entry a link. A pair has one entry however often events repeat it, and another one
/// when it is linked again after a retraction.
struct LinkTable {
    static let none = UInt32.max

    /// What made a link.
    enum Rule: UInt8 {
        case event = 1
        case alias = 2
        case review = 3
    }

    private(set) var anchors: [UInt32] = []
    private(set) var others: [UInt32] = []
    private(set) var offsets: [UInt64] = []
    private(set) var rules: [UInt8] = []
    // One entry a retracted link.
    private(set) var cutLinks: [UInt32] = []
    private(set) var cutOffsets: [UInt64] = []

    // Derived: a person's links, and the newest link of a pair.
    private var heads: [UInt32] = []
    private var nextOfAnchor: [UInt32] = []
    private var nextOfOther: [UInt32] = []
    private var slots = [UInt32](repeating: .max, count: 1024)
    private var cutAt: [UInt32: UInt64] = [:]

    init() {}

    var count: Int { anchors.count }

    /// The offset at which a link was retracted.
    func cutOffset(_ link: UInt32) -> UInt64? { cutAt[link] }

    // MARK: Changing

    /// Keeps a link unless the pair has a standing one.
    @inline(__always)
    mutating func note(_ anchor: UInt32, _ other: UInt32, offset: UInt64, rule: Rule) {
        let place = slot(anchor, other)
        if slots[place] != Self.none, cutAt.isEmpty || cutAt[slots[place]] == nil { return }
        append(anchor, other, offset: offset, rule: rule.rawValue, place: place)
    }

    private mutating func append(
        _ anchor: UInt32, _ other: UInt32, offset: UInt64, rule: UInt8, place: Int
    ) {
        let link = UInt32(anchors.count)
        precondition(link < .max - 1, "more than four billion links")
        anchors.append(anchor)
        others.append(other)
        offsets.append(offset)
        rules.append(rule)
        hang(link)
        slots[place] = link
        if anchors.count * 2 > slots.count { grow() }
    }

    private mutating func hang(_ link: UInt32) {
        let (anchor, other) = (Int(anchors[Int(link)]), Int(others[Int(link)]))
        let missing = max(anchor, other) + 1 - heads.count
        if missing > 0 { heads.append(contentsOf: repeatElement(Self.none, count: missing)) }
        nextOfAnchor.append(heads[anchor])
        heads[anchor] = link
        nextOfOther.append(heads[other])
        heads[other] = link
    }

    /// Takes the standing link of a pair away from `offset` on; returns whether there was one.
    mutating func cut(_ a: UInt32, _ b: UInt32, at offset: UInt64) -> Bool {
        guard let link = link(a, b) else { return false }
        cutLinks.append(link)
        cutOffsets.append(offset)
        cutAt[link] = offset
        return true
    }

    // MARK: Asking

    /// The standing link of a pair.
    func link(_ a: UInt32, _ b: UInt32) -> UInt32? {
        let link = slots[slot(a, b)]
        return link == Self.none || cutAt[link] != nil ? nil : link
    }

    /// Calls `visit` with every link of an identifier, newest first, and the identifier at its other end.
    func forEach(of identifier: UInt32, _ visit: (_ link: UInt32, _ other: UInt32) -> Void) {
        guard Int(identifier) < heads.count else { return }
        var link = heads[Int(identifier)]
        while link != Self.none {
            let isAnchor = anchors[Int(link)] == identifier
            visit(link, isAnchor ? others[Int(link)] : anchors[Int(link)])
            link = isAnchor ? nextOfAnchor[Int(link)] : nextOfOther[Int(link)]
        }
    }

    /// Every identifier that standing links lead to from `start`, nearest first, each with the link by which
    /// it was reached.
    func reached(from start: UInt32) -> [(identifier: UInt32, link: UInt32)] {
        var found = [(identifier: start, link: Self.none)]
        var seen: Set<UInt32> = [start]
        var place = 0
        while place < found.count {
            forEach(of: found[place].identifier) { link, other in
                guard cutAt[link] == nil, seen.insert(other).inserted else { return }
                found.append((other, link))
            }
            place += 1
        }
        return found
    }

    /// The links of a shortest way between two identifiers, from `a` on; nil when there is none.
    func path(from a: UInt32, to b: UInt32) -> [UInt32]? {
        let ways = Dictionary(uniqueKeysWithValues: reached(from: a).map { ($0, $1) })
        guard ways[b] != nil else { return nil }
        var path: [UInt32] = []
        var at = b
        while at != a, let link = ways[at] {
            path.append(link)
            at = anchors[Int(link)] == at ? others[Int(link)] : anchors[Int(link)]
        }
        return path.reversed()
    }

    // MARK: The index of pairs

    private func slot(_ a: UInt32, _ b: UInt32) -> Int {
        let mask = slots.count - 1
        let pair = UInt64(min(a, b)) << 32 | UInt64(max(a, b))
        // Numbers of identifiers, in order of appearance: nobody chooses them, so a fixed mix will do.
        var hash = (pair ^ (pair >> 29)) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 32
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place] != Self.none {
            let link = Int(slots[place])
            if anchors[link] == a && others[link] == b || anchors[link] == b && others[link] == a {
                return place
            }
            place = (place + 1) & mask
        }
        return place
    }

    private mutating func grow() {
        slots = [UInt32](repeating: Self.none, count: slots.count * 2)
        index()
    }

    private mutating func index() {
        // Later links of a pair take the place of earlier ones.
        for link in anchors.indices { slots[slot(anchors[link], others[link])] = UInt32(link) }
    }

    // MARK: Canonical bytes

    func write(into out: inout CanonicalWriter) {
        out.section("LINK")
        out.column(anchors)
        out.column(others)
        out.column(offsets)
        out.column(rules)
        out.column(cutLinks)
        out.column(cutOffsets)
    }

    /// `identifiers` is how many there are.
    init(from reader: inout CanonicalReader, identifiers: Int) throws(CanonicalError) {
        try reader.section("LINK")
        anchors = try reader.column()
        others = try reader.column()
        offsets = try reader.column()
        rules = try reader.column()
        cutLinks = try reader.column()
        cutOffsets = try reader.column()
        let count = anchors.count
        guard others.count == count, offsets.count == count, rules.count == count,
            cutOffsets.count == cutLinks.count, cutLinks.allSatisfy({ Int($0) < count }),
            zip(anchors, others).allSatisfy({ max($0, $1) < identifiers && $0 != $1 })
        else { throw CanonicalError(position: reader.position, expected: "links") }
        nextOfAnchor.reserveCapacity(count)
        nextOfOther.reserveCapacity(count)
        for link in anchors.indices { hang(UInt32(link)) }
        var capacity = 1024
        while count * 2 > capacity { capacity *= 2 }
        slots = [UInt32](repeating: Self.none, count: capacity)
        index()
        for (link, offset) in zip(cutLinks, cutOffsets) { cutAt[link] = offset }
    }
}
