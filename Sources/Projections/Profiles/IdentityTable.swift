import CustomerModel
import EventLog
import Hashing

/// Which identifiers exist and which person each belongs to, now and at every earlier offset.
///
/// Identifiers are numbered in order of first appearance. A *node* is a group of identifiers that began
/// as one person; merging hangs one node under another and remembers the offset, so the past is a walk
/// that stops early and not a replay. Nodes are joined by size, which keeps that walk short; the person's
/// id is the oldest birth among its identifiers, whichever node carries it (I6). A split gives those who go
/// a node of their own and remembers where they were (``moves``).
///
/// Its columns change through the methods here and in `IdentityTable+Splits`, and are read by all.
struct IdentityTable {
    static let none = UInt32.max

    var types = NameTable()
    var values: ByteTable
    // One entry an identifier.
    var birthOffsets: [UInt64] = []
    var birthOrdinals: [UInt16] = []
    var nodes: [UInt32] = []
    var linkOffsets: [UInt64] = []
    var linkTimes: [Int64] = []
    var nextMembers: [UInt32] = []
    /// The offset from which it is suppressed (X1); `.max` while it is not.
    var suppressedFrom: [UInt64] = []
    // One entry a node.
    var parents: [UInt32] = []
    var mergedAt: [UInt64] = []
    var firstMembers: [UInt32] = []
    var lastMembers: [UInt32] = []
    var memberCounts: [UInt32] = []
    var oldestMembers: [UInt32] = []
    /// The identifier that the node began with.
    var beginners: [UInt32] = []
    /// Links that were refused, in order.
    var refusals = RefusalTable()
    /// What holds people together (I1).
    var links = LinkTable()
    var retractions = RetractionTable()
    var reviews = ReviewTable()
    var bursts = BurstTable()
    var lineage = LineageColumns()
    var moves = MoveColumns()

    init(key: SipKey) { values = ByteTable(key: key) }

    var identifierCount: Int { birthOffsets.count }
    var nodeCount: Int { parents.count }

    // MARK: Identifiers

    /// The identifier of this type and normalised value, born at (offset, ordinal) when it is new.
    mutating func identifier(
        type: UInt16, _ value: UnsafeRawBufferPointer, offset: UInt64, ordinal: UInt16
    ) -> UInt32 {
        identifier(
            type: type, value, hash: values.hash(tag: type, value), offset: offset,
            ordinal: ordinal)
    }

    /// The same with the value's hash, as ``ByteTable/hash(tag:_:key:)`` gives it.
    mutating func identifier(
        type: UInt16, _ value: UnsafeRawBufferPointer, hash: UInt64, offset: UInt64,
        ordinal: UInt16
    ) -> UInt32 {
        let (index, isNew) = values.intern(tag: type, value, hash: hash)
        if isNew {
            birthOffsets.append(offset)
            birthOrdinals.append(ordinal)
            nodes.append(Self.none)
            linkOffsets.append(.max)
            linkTimes.append(0)
            nextMembers.append(Self.none)
            suppressedFrom.append(.max)
        }
        return index
    }

    /// Looks at what an event asks of an identifier; what it gives means nothing.
    @inline(__always)
    func touch(_ identifier: UInt32) -> UInt64 {
        values.touch(identifier) &+ UInt64(values.tag(identifier))
            &+ UInt64(nodes[Int(identifier)])
    }

    func find(type: String, value: [UInt8]) -> UInt32? {
        guard let tag = types.number(of: type) else { return nil }
        return value.withUnsafeBytes { values.find(tag: tag, $0) }
    }

    func typeName(_ identifier: UInt32) -> String {
        types.names[Int(values.tag(identifier))]
    }

    func type(_ identifier: UInt32) -> UInt16 { values.tag(identifier) }

    func birth(_ identifier: UInt32) -> ProfileID {
        ProfileID(
            offset: birthOffsets[Int(identifier)], ordinal: birthOrdinals[Int(identifier)])
    }

    /// The identifier born there; births stand in order, so any id that a person ever had leads to it.
    func identifier(born id: ProfileID) -> UInt32? {
        let place = birthOffsets.indices.partitioningIndex { birth(UInt32($0)) >= id }
        guard place < birthOffsets.count, birth(UInt32(place)) == id else { return nil }
        return UInt32(place)
    }

    mutating func suppress(_ identifier: UInt32, from offset: UInt64) {
        suppressedFrom[Int(identifier)] = min(suppressedFrom[Int(identifier)], offset)
    }

    /// Whether it is suppressed, or was once the record at `offset` was applied.
    func isSuppressed(_ identifier: UInt32, asOf offset: UInt64?) -> Bool {
        let from = suppressedFrom[Int(identifier)]
        return from != .max && from <= offset ?? .max
    }

    // MARK: People

    /// The node that now carries the person of `node`.
    func root(_ node: UInt32) -> UInt32 {
        var node = node
        while parents[Int(node)] != Self.none { node = parents[Int(node)] }
        return node
    }

    /// The node that carried the person of `node` once the record at `offset` was applied.
    func root(_ node: UInt32, asOf offset: UInt64) -> UInt32 {
        var node = node
        while parents[Int(node)] != Self.none, mergedAt[Int(node)] <= offset {
            node = parents[Int(node)]
        }
        return node
    }

    /// The person that `identifier` belongs to; nil when no event's link was ever accepted.
    func root(ofIdentifier identifier: UInt32) -> UInt32? {
        let node = nodes[Int(identifier)]
        return node == Self.none ? nil : root(node)
    }

    func root(ofIdentifier identifier: UInt32, asOf offset: UInt64) -> UInt32? {
        guard linkOffsets[Int(identifier)] <= offset, nodes[Int(identifier)] != Self.none
        else { return nil }
        let node = moves.node(
            of: identifier, asOf: offset, present: nodes[Int(identifier)])
        return root(node, asOf: offset)
    }

    /// Every identifier's birth (I6), apart from all else.
    struct Births: Sendable {
        let offsets: [UInt64]
        let ordinals: [UInt16]
        subscript(identifier: UInt32) -> ProfileID {
            ProfileID(offset: offsets[Int(identifier)], ordinal: ordinals[Int(identifier)])
        }
    }

    var births: Births { Births(offsets: birthOffsets, ordinals: birthOrdinals) }

    /// The identifier whose birth is the person's id (I6).
    func oldestMember(ofRoot root: UInt32) -> UInt32 { oldestMembers[Int(root)] }

    func profileID(ofRoot root: UInt32) -> ProfileID { birth(oldestMembers[Int(root)]) }

    /// The person's id as it was.
    func profileID(ofRoot root: UInt32, asOf offset: UInt64) -> ProfileID? {
        var oldest: ProfileID?
        forEachMember(ofRoot: root, asOf: offset) { identifier in
            let own = birth(identifier)
            if oldest.map({ own < $0 }) ?? true { oldest = own }
        }
        return oldest
    }

    func forEachMember(ofRoot root: UInt32, _ visit: (UInt32) -> Void) {
        var member = firstMembers[Int(root)]
        while member != Self.none {
            visit(member)
            member = nextMembers[Int(member)]
        }
    }

    /// The members that the person had once the record at `offset` was applied. `root` is the carrying
    /// node as of then; members are found through the node that carries them now, or among those that a
    /// split ever took elsewhere.
    func forEachMember(ofRoot root: UInt32, asOf offset: UInt64, _ visit: (UInt32) -> Void) {
        let carrier = self.root(root)
        forEachMember(ofRoot: carrier) { identifier in
            if self.root(ofIdentifier: identifier, asOf: offset) == root { visit(identifier) }
        }
        for identifier in moves.moved
        where self.root(ofIdentifier: identifier, asOf: offset) == root
            && self.root(ofIdentifier: identifier) != carrier
        {
            visit(identifier)
        }
    }

    // MARK: Linking

    mutating func makeNode(with identifier: UInt32, offset: UInt64, time: Int64) -> UInt32 {
        let node = UInt32(parents.count)
        parents.append(Self.none)
        mergedAt.append(.max)
        firstMembers.append(identifier)
        lastMembers.append(identifier)
        memberCounts.append(1)
        oldestMembers.append(identifier)
        beginners.append(identifier)
        setLink(identifier, to: node, offset: offset, time: time)
        return node
    }

    /// Adds an identifier that belongs to nobody to `root`.
    mutating func link(_ identifier: UInt32, toRoot root: UInt32, offset: UInt64, time: Int64) {
        setLink(identifier, to: root, offset: offset, time: time)
        nextMembers[Int(lastMembers[Int(root)])] = identifier
        lastMembers[Int(root)] = identifier
        memberCounts[Int(root)] += 1
        keepOlder(identifier, at: root)
    }

    private mutating func setLink(
        _ identifier: UInt32, to node: UInt32, offset: UInt64, time: Int64
    ) {
        precondition(nodes[Int(identifier)] == Self.none, "an identifier is linked once")
        nodes[Int(identifier)] = node
        linkOffsets[Int(identifier)] = offset
        linkTimes[Int(identifier)] = time
    }

    /// Joins two people; returns the carrying node and the one that went under it.
    mutating func merge(_ a: UInt32, _ b: UInt32, offset: UInt64) -> (
        kept: UInt32, gone: UInt32
    ) {
        precondition(a != b, "a person is not merged with itself")
        let aIsLarger =
            memberCounts[Int(a)] != memberCounts[Int(b)]
            ? memberCounts[Int(a)] > memberCounts[Int(b)] : a < b
        let (kept, gone) = aIsLarger ? (a, b) : (b, a)
        let (one, other) = (oldestMembers[Int(kept)], oldestMembers[Int(gone)])
        let isOlder = birth(one) < birth(other)
        lineage.append(
            .merged, kept: isOlder ? one : other, other: isOlder ? other : one, at: offset)
        parents[Int(gone)] = kept
        mergedAt[Int(gone)] = offset
        nextMembers[Int(lastMembers[Int(kept)])] = firstMembers[Int(gone)]
        lastMembers[Int(kept)] = lastMembers[Int(gone)]
        memberCounts[Int(kept)] += memberCounts[Int(gone)]
        keepOlder(oldestMembers[Int(gone)], at: kept)
        return (kept, gone)
    }

    mutating func keepOlder(_ identifier: UInt32, at root: UInt32) {
        if birth(identifier) < birth(oldestMembers[Int(root)]) {
            oldestMembers[Int(root)] = identifier
        }
    }
}
