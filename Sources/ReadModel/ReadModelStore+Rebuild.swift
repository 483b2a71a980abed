import EventLog
import GRDB
public import Projections
import Synchronization

extension ReadModelStore {
    /// Rows that are written in one transaction.
    static let rowsPerTransaction = 50_000

    /// Makes all rows anew in a file beside the served one, and puts it in its place at once.
    ///
    /// Readers see the old rows until then and the new ones from then on. The projection may move
    /// meanwhile: start its journal before this is called (``LiveProjection/keepJournal()``), hand in how
    /// to take it, and what changed is written before anybody sees the file. The rows stand at the offset
    /// at which the rebuild began, and the next `apply` moves that on. A crash leaves the old rows.
    ///
    /// - Parameters:
    ///   - deliveries: hands in every request there was, one call each; oldest first is quickest.
    ///   - changes: takes the changes since it was called last, or since before this call.
    /// - Throws: ``ReadModelError``, or what `deliveries` throws; the old rows stay, and cannot be
    ///   followed on from.
    public func rebuild(
        from projection: LiveProjection,
        deliveries: ((DeliveryRow) throws -> Void) throws -> Void = { _ in },
        catchingUp changes: () -> [ProjectionChange] = { [] }
    ) throws {
        try writing { old, _ in
            try Self.guarding("be rebuilt") {
                let name = try directory.makeFile()
                do {
                    let queue = try ModelFile.bulkQueue(directory.path(of: name))
                    let standing = try queue.inDatabase { db in
                        let rebuild = Rebuild(db: db, projection: projection, origin: origin)
                        return try rebuild.run(deliveries, catchingUp: changes)
                    }
                    try queue.close()
                    try swap(old, for: name, standing)
                    return standing
                } catch {
                    directory.remove(name)
                    // It may have taken changes that the old rows will never hear of.
                    shared.withLock { $0.hasLostChanges = true }
                    throw error
                }
            }
        }
    }

    private func swap(
        _ old: ModelFile, for name: String, _ standing: ModelStanding
    ) throws {
        let fresh = try ModelFile(name, in: directory)
        try directory.publish(name)
        shared.withLock {
            // A store that was closed meanwhile stays closed.
            if $0.file != nil {
                $0.file = fresh
                $0.standing = standing
            }
            $0.hasLostChanges = false
        }
        old.supersede()
    }

    /// One rebuild, over the connection to its own file.
    private struct Rebuild {
        let db: Database
        let projection: LiveProjection
        let origin: ModelOrigin

        func run(
            _ deliveries: ((DeliveryRow) throws -> Void) throws -> Void,
            catchingUp changes: () -> [ProjectionChange]
        ) throws -> ModelStanding {
            let (nodes, applied, generation) = projection.read { state in
                var nodes: [UInt32] = []
                nodes.reserveCapacity(state.personCount)
                state.forEachPerson { nodes.append($0) }
                return (nodes, state.next, state.generation)
            }
            let follower = Follower(projection, generation: generation)
            try db.execute(sql: ModelSchema.tables)
            try writePeople(of: nodes, follower)
            try write(deliveries)
            try makeKeys()
            try db.execute(sql: ModelSchema.indexes)
            try catchUp(follower, changes)
            // No further: somebody may have taken changes since, and has yet to apply them.
            let standing = ModelStanding(
                applied: Offset(applied), generation: generation,
                foldVersion: FoldState.codeVersion, origin: origin)
            try db.inTransaction {
                try ModelMeta.write(standing, to: db)
                try ModelSchema.markVersion(db)
                return .commit
            }
            return standing
        }

        private func writePeople(of nodes: [UInt32], _ follower: Follower) throws {
            let writer = try BulkWriter(db)
            var rows = 0
            try db.beginTransaction()
            try follower.forEachPerson(of: nodes) { person in
                rows += try writer.write(person)
                if rows >= ReadModelStore.rowsPerTransaction {
                    rows = 0
                    try db.commit()
                    try db.beginTransaction()
                }
            }
            try db.commit()
        }

        private func write(
            _ deliveries: ((DeliveryRow) throws -> Void) throws -> Void
        ) throws {
            let row = try BoundStatement(db, RowSQL.delivery)
            var rows = 0
            try db.beginTransaction()
            try deliveries { delivery in
                try RowSQL.bind(delivery, to: row)
                try row.run()
                rows += 1
                if rows % ReadModelStore.rowsPerTransaction == 0 {
                    try db.commit()
                    try db.beginTransaction()
                }
            }
            try db.commit()
        }

        /// Sorts the rows into their keys. People who met while they were read stand there twice, once
        /// as they were; that is rare, so it is looked for only when a key says so.
        private func makeKeys() throws {
            do {
                try db.execute(sql: ModelSchema.keys)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                try db.execute(sql: ModelSchema.removeDoubles)
                try db.execute(sql: ModelSchema.keys)
            }
        }

        /// Writes what changed while the rows were made, until little is left: the next call of `apply`
        /// brings that.
        private func catchUp(
            _ follower: Follower, _ changes: () -> [ProjectionChange]
        ) throws {
            var writer = try ModelWriter(db)
            for _ in 0..<8 {
                let batch = changes()
                if batch.isEmpty { return }
                try db.inTransaction {
                    try follower.forEachPerson(in: batch) { try writer.write($0) }
                    return .commit
                }
                if batch.count < 1_000 { return }
            }
        }
    }
}
