public import EventLog
import GRDB
import Projections
import Synchronization

/// People, their identifiers and audiences, and what was sent, as tables for people and tools.
///
/// The rows are derived from the fold and can be made again at any time; nothing is ever decided on them,
/// and no digest is taken of them (P2). They follow the fold in batches, so an answer from here names the
/// offset that it stands at (``standing``) and how far that is behind (``lag(durable:)``).
///
/// **Threads.** Calls that touch the database block their caller while GRDB's own queues do the work; they
/// belong on threads that may block, never on the cooperative pool. Those marked `async` suspend instead.
/// Writers wait for each other (``rebuild(from:deliveries:catchingUp:)``,
/// ``apply(changes:projection:appliedTo:deliveries:)``); any number read meanwhile, each a snapshot.
public final class ReadModelStore: Sendable {
    struct Shared {
        var file: ModelFile?
        var standing: ModelStanding?
        /// Set by changes that could not be written, until a rebuild. The file needs no such mark: it
        /// stands at an offset before them, and nobody can follow on from there.
        var hasLostChanges = false
    }

    let directory: ModelDirectory
    let origin: ModelOrigin
    let shared: Mutex<Shared>
    /// Held by whoever writes, for as long as that takes: the one lock that is held across I/O. Writers are
    /// threads that may block, and a second one (a promotion while the follower works) has to wait for the
    /// rows that the first one leaves.
    private let writer = Mutex(())

    private init(_ directory: ModelDirectory, _ origin: ModelOrigin, _ shared: sending Shared) {
        self.directory = directory
        self.origin = origin
        self.shared = Mutex(shared)
    }

    /// Opens `model.sqlite` in `directory`, which is `read/` of a data directory; makes an empty one when
    /// there is none.
    ///
    /// A file that cannot be opened, of another schema version or of another log, is removed and an empty
    /// one put in its place: it is derived, and ``standing`` is then nil until it was rebuilt.
    /// - Throws: ``ReadModelError`` when not even an empty file can be made. The platform can go on
    ///   without its read model.
    public static func open(directory: String, origin: ModelOrigin) throws -> ReadModelStore {
        let place = try ModelDirectory(directory)
        if let name = place.current(), let found = reopen(name, in: place, origin: origin) {
            try place.sweep(keeping: name)
            return ReadModelStore(place, origin, found)
        }
        return try guarding("make an empty file") {
            let name = try place.makeFile()
            let queue = try ModelFile.bulkQueue(place.path(of: name))
            try queue.inDatabase { db in
                try db.execute(sql: ModelSchema.tables)
                try db.execute(sql: ModelSchema.keys)
                try db.execute(sql: ModelSchema.indexes)
                try ModelSchema.markVersion(db)
            }
            try queue.close()
            try place.publish(name)
            try place.sweep(keeping: name)
            return ReadModelStore(place, origin, Shared(file: try ModelFile(name, in: place)))
        }
    }

    private static func reopen(
        _ name: String, in directory: ModelDirectory, origin: ModelOrigin
    ) -> sending Shared? {
        do {
            let file = try ModelFile(name, in: directory)
            let standing = try file.standing()
            if let standing, standing.origin != origin { return nil }
            return Shared(file: file, standing: standing)
        } catch {
            // Whatever is wrong with it, it is replaced: it holds nothing that the log does not.
            return nil
        }
    }

    /// Ends the connections once those who read are done. Nothing can be asked afterwards.
    public func close() {
        shared.withLock {
            $0.file = nil
            $0.standing = nil
        }
    }

    // MARK: What it stands for

    /// What the rows stand for; nil when they were never built.
    public var standing: ModelStanding? { shared.withLock { $0.standing } }

    /// The first offset that is not in the rows; nil when they were never built.
    public var appliedOffset: Offset? { standing?.applied }

    /// How many durable records are not in the rows; all of them when they were never built.
    public func lag(durable: Offset) -> UInt64 {
        guard let applied = appliedOffset else { return durable.value }
        return durable.value > applied.value ? durable.value - applied.value : 0
    }

    /// Whether a fold of this generation that starts again at `start` can be followed from here.
    ///
    /// When not, it must be rebuilt: the changes between its offset and `start` can be had no more.
    public func canFollow(generation: Int, from start: Offset) -> Bool {
        let (known, hasLostChanges) = shared.withLock { ($0.standing, $0.hasLostChanges) }
        guard let standing = known, !hasLostChanges else { return false }
        return standing.origin == origin && standing.generation == generation
            && standing.foldVersion == FoldState.codeVersion && start <= standing.applied
    }

    /// Notes the fold's digest at an offset beside the rows, for people who compare.
    public func note(digest: ModelStanding.Digest) throws {
        try writing { file, standing in
            guard var standing else { throw ReadModelError.neverBuilt }
            standing.digest = digest
            let noted = standing
            try Self.guarding("note a digest") {
                try file.pool.write { try ModelMeta.write(noted, to: $0) }
            }
            return noted
        }
    }

    // MARK: Access

    /// The file that is served. Whoever uses it keeps it alive to the end of its use.
    func file() throws(ReadModelError) -> ModelFile {
        let file = shared.withLock { $0.file }
        guard let file else { throw .closed }
        return file
    }

    /// Runs one writer at a time, and keeps the standing that it returns.
    func writing(
        _ body: (ModelFile, ModelStanding?) throws -> ModelStanding
    ) throws {
        try writer.withLock { _ in
            let (found, standing) = shared.withLock { ($0.file, $0.standing) }
            guard let found else { throw ReadModelError.closed }
            let reached = try body(found, standing)
            shared.withLock { if $0.file != nil { $0.standing = reached } }
        }
    }

    /// Runs `body`; GRDB's errors become ours, which name a code and nothing of what was written.
    static func guarding<R>(_ operation: String, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw ReadModelError.database(
                operation: operation, code: error.extendedResultCode.rawValue,
                reason: SQLiteDoor.message(for: error.extendedResultCode.rawValue))
        }
    }
}
