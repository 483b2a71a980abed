public import EventLog
import GRDB
public import Projections
import Synchronization

extension ReadModelStore {
    /// Follows the projection: writes everybody who changed as they are now, in one transaction.
    ///
    /// Applying the same changes again changes nothing. A row may come out newer than `offset`, because
    /// people are read as they are and not as they were; a record past `offset` brings its own changes.
    ///
    /// - Parameters:
    ///   - changes: all there were since the last call; several of one person cost one write.
    ///   - offset: the projection's ``LiveProjection/applied`` **before** `changes` were taken.
    ///   - deliveries: requests that began or ended, each with everything that is known of it.
    /// - Throws: ``ReadModelError``; nothing was written then, and nothing will be before the rows are
    ///   rebuilt: the changes were taken from the projection and are nowhere else.
    public func apply(
        changes: [ProjectionChange], projection: LiveProjection, appliedTo offset: Offset,
        deliveries: [DeliveryRow] = []
    ) throws {
        try writing { file, standing in
            guard let standing else { throw ReadModelError.neverBuilt }
            guard !shared.withLock({ $0.hasLostChanges }) else {
                throw ReadModelError.changesLost
            }
            var isWritten = false
            defer { if !isWritten { shared.withLock { $0.hasLostChanges = true } } }
            var reached = standing
            reached.applied = offset
            let now = reached
            try Self.guarding("follow the projection") {
                try file.pool.write { db in
                    var writer = try ModelWriter(db)
                    let follower = Follower(projection, generation: now.generation)
                    try follower.forEachPerson(in: changes) { try writer.write($0) }
                    try Self.write(deliveries, to: db)
                    try ModelMeta.write(now, to: db)
                }
            }
            isWritten = true
            return now
        }
    }

    static func write(_ deliveries: [DeliveryRow], to db: Database) throws {
        guard !deliveries.isEmpty else { return }
        let row = try BoundStatement(db, RowSQL.delivery)
        for delivery in deliveries {
            try RowSQL.bind(delivery, to: row)
            try row.run()
        }
    }
}

/// Reads people out of a projection, a slice under each hold of its lock, and notices when it is another.
struct Follower {
    /// How many people are read under one hold.
    private static let sliceSize = 128

    private let projection: LiveProjection
    private let generation: Int

    init(_ projection: LiveProjection, generation: Int) {
        self.projection = projection
        self.generation = generation
    }

    /// Everybody that changes concern, as they are now.
    ///
    /// Two that met in between come as one, and later than they came as two.
    func forEachPerson(
        in changes: [ProjectionChange], _ visit: (ProfileSummary) throws -> Void
    ) throws {
        var nodes: Set<UInt32> = []
        for change in changes {
            switch change {
            case .profile(let node), .merged(let node, _): nodes.insert(node)
            case .split(let kept, let gone): nodes.formUnion([kept, gone])
            // Whoever enters or leaves an audience is named as a person too.
            case .membership, .policy: break
            }
        }
        try forEachPerson(of: nodes.sorted(), visit)
    }

    /// The people of `nodes`; a node that went under another stands for whoever carries it. Whoever came
    /// back by a split has a newer node than whom they left.
    func forEachPerson(
        of nodes: [UInt32], _ visit: (ProfileSummary) throws -> Void
    ) throws {
        var start = 0
        while start < nodes.count {
            let slice = nodes[start..<min(start + Self.sliceSize, nodes.count)]
            start = slice.endIndex
            let (people, now) = projection.read { state in
                (slice.compactMap { state.profile(node: $0) }, state.generation)
            }
            guard now == generation else {
                throw ReadModelError.otherGeneration(model: generation, projection: now)
            }
            for person in people { try visit(person) }
        }
    }
}
