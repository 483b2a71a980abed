import CustomerModel

/// Everything that people ever said, and whose it was at every offset: frozen, for a walk through the log's
/// offsets without its lines.
///
/// The columns are those of the fold and are shared with it until it changes them.
struct ConsentHistory: Sendable {
    /// One entry an assertion, in the order of the log.
    let assertions: ConsentTable.Assertions
    let lineage: LineageColumns
    let people: PersonHistory
}

/// Which person an identifier belonged to at any offset, apart from all else of an ``IdentityTable``.
final class PersonHistory: Sendable {
    static let none = IdentityTable.none

    /// The fold's number of each identifier's type.
    let types: [UInt16]
    private let nodes: [UInt32]
    let linkOffsets: [UInt64]
    private let parents: [UInt32]
    private let mergedAt: [UInt64]
    private let moves: MoveColumns

    init(_ table: IdentityTable) {
        types = table.values.tags
        nodes = table.nodes
        linkOffsets = table.linkOffsets
        parents = table.parents
        mergedAt = table.mergedAt
        moves = table.moves
    }

    var identifierCount: Int { nodes.count }
    var nodeCount: Int { parents.count }
    /// Every identifier that a split ever took along.
    var moved: [UInt32] { moves.moved }

    /// The node that carries the person of an identifier today; `none` where it never had one.
    func carrier(_ identifier: UInt32) -> UInt32 {
        let node = nodes[Int(identifier)]
        return node == Self.none ? node : root(node, asOf: .max - 1)
    }

    /// The nodes that carry today whoever an identifier ever belonged to, each once.
    func forEachCarrier(of identifier: UInt32, _ visit: (UInt32) -> Void) {
        guard nodes[Int(identifier)] != Self.none else { return }
        guard moves.hasMoved(identifier) else { return visit(carrier(identifier)) }
        var found: [UInt32] = []
        for node in moves.nodes(of: identifier, present: nodes[Int(identifier)]) {
            let carrier = root(node, asOf: .max - 1)
            if !found.contains(carrier) { found.append(carrier) }
        }
        found.forEach(visit)
    }

    private func root(_ node: UInt32, asOf offset: UInt64) -> UInt32 {
        var node = node
        while parents[Int(node)] != Self.none, mergedAt[Int(node)] <= offset {
            node = parents[Int(node)]
        }
        return node
    }

    /// The node that carried the person of an identifier once the record at `offset` was applied; `none` where
    /// it belonged to nobody then.
    func root(ofIdentifier identifier: UInt32, asOf offset: UInt64) -> UInt32 {
        guard linkOffsets[Int(identifier)] <= offset, nodes[Int(identifier)] != Self.none
        else { return Self.none }
        return root(
            moves.node(of: identifier, asOf: offset, present: nodes[Int(identifier)]),
            asOf: offset)
    }
}

extension ConsentTable {
    /// Every assertion, in the order of the log, without where it led.
    struct Assertions: Sendable {
        let identifiers: [UInt32]
        let offsets: [UInt64]
        /// Microseconds.
        let times: [Int64]
        /// Over the fold's purposes.
        let granted: [UInt64]
        let denied: [UInt64]
    }
}
