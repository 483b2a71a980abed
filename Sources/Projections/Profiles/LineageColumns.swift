import EventLog

/// Every merge and every split, in order: how a person came to be who it is (I6, A4).
struct LineageColumns {
    enum Kind: UInt8 {
        case merged = 1
        case split = 2
    }

    private(set) var offsets: [UInt64] = []
    private(set) var kinds: [UInt8] = []
    /// The identifier whose birth is the id that went on, and the one whose birth went under or came back.
    private(set) var kept: [UInt32] = []
    private(set) var others: [UInt32] = []

    init() {}

    var count: Int { offsets.count }

    mutating func append(_ kind: Kind, kept: UInt32, other: UInt32, at offset: UInt64) {
        offsets.append(offset)
        kinds.append(kind.rawValue)
        self.kept.append(kept)
        others.append(other)
    }

    /// The entries of a range of offsets.
    func entries(in range: Range<UInt64>) -> Range<Int> {
        let from = first(from: range.lowerBound)
        return from..<max(from, first(from: range.upperBound))
    }

    private func first(from offset: UInt64) -> Int {
        offsets.partitioningIndex { $0 >= offset }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("LINE")
        out.column(offsets)
        out.column(kinds)
        out.column(kept)
        out.column(others)
    }

    init(from reader: inout CanonicalReader, identifiers: Int) throws(CanonicalError) {
        try reader.section("LINE")
        offsets = try reader.column()
        kinds = try reader.column()
        kept = try reader.column()
        others = try reader.column()
        guard [kinds.count, kept.count, others.count].allSatisfy({ $0 == offsets.count }),
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }),
            (kept + others).allSatisfy({ $0 < identifiers })
        else { throw CanonicalError(position: reader.position, expected: "a lineage") }
    }
}

/// Which identifiers a split took to another node, and from where: the past of ``IdentityTable/nodes``.
struct MoveColumns {
    // One entry an identifier that a split took along, in order.
    private(set) var identifiers: [UInt32] = []
    private(set) var offsets: [UInt64] = []
    private(set) var from: [UInt32] = []
    /// By identifier: its entries, oldest first; derived.
    private var entries: [UInt32: [Int]] = [:]
    /// Every identifier that ever moved, in order of its first move; derived.
    private(set) var moved: [UInt32] = []

    init() {}

    var isEmpty: Bool { identifiers.isEmpty }

    func hasMoved(_ identifier: UInt32) -> Bool { !isEmpty && entries[identifier] != nil }

    mutating func append(_ identifier: UInt32, from node: UInt32, at offset: UInt64) {
        identifiers.append(identifier)
        offsets.append(offset)
        from.append(node)
        index(identifiers.count - 1)
    }

    private mutating func index(_ entry: Int) {
        if entries[identifiers[entry]] == nil { moved.append(identifiers[entry]) }
        entries[identifiers[entry], default: []].append(entry)
    }

    /// The node that held an identifier once the record at `offset` was applied; `present` holds it now.
    func node(of identifier: UInt32, asOf offset: UInt64, present: UInt32) -> UInt32 {
        guard !isEmpty, let own = entries[identifier] else { return present }
        for entry in own where offsets[entry] > offset { return from[entry] }
        return present
    }

    /// Every node that ever held an identifier, or had once the record at `offset` was applied; the one that
    /// held it last stands last.
    func nodes(of identifier: UInt32, asOf offset: UInt64? = nil, present: UInt32) -> [UInt32] {
        guard !isEmpty, let own = entries[identifier] else { return [present] }
        let past = own.prefix { offsets[$0] <= offset ?? .max }
        return past.map { from[$0] }
            + [past.count == own.count ? present : from[own[past.count]]]
    }

    func write(into out: inout CanonicalWriter) {
        out.section("MOVE")
        out.column(identifiers)
        out.column(offsets)
        out.column(from)
    }

    init(from reader: inout CanonicalReader, identifiers count: Int, nodes: Int)
        throws(CanonicalError)
    {
        try reader.section("MOVE")
        identifiers = try reader.column()
        offsets = try reader.column()
        from = try reader.column()
        guard offsets.count == identifiers.count, from.count == identifiers.count,
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 }),
            identifiers.allSatisfy({ $0 < count }), from.allSatisfy({ $0 < nodes })
        else { throw CanonicalError(position: reader.position, expected: "moves") }
        for entry in identifiers.indices { index(entry) }
    }
}
