import EventLog
import GRDB
import Projections
import Synchronization

/// One database file that is open: a writer, and readers that SQLite itself keeps from writing.
///
/// It stays open for as long as anybody holds it; one that was superseded removes its file then.
final class ModelFile: Sendable {
    let pool: DatabasePool
    let name: String
    private let directory: ModelDirectory
    private let isSuperseded = Atomic(false)

    /// Opens a file whose tables stand.
    init(_ name: String, in directory: ModelDirectory) throws {
        self.name = name
        self.directory = directory
        var configuration = Self.configuration
        configuration.maximumReaderCount = 4
        pool = try DatabasePool(path: directory.path(of: name), configuration: configuration)
    }

    deinit {
        guard isSuperseded.load(ordering: .acquiring) else { return }
        directory.remove(name)
    }

    func supersede() { isSuperseded.store(true, ordering: .releasing) }

    /// What the rows stand for; nil when no rebuild was ever finished in this file.
    ///
    /// - Throws: when it is not a file of ours, or of another schema version.
    func standing() throws -> ModelStanding? {
        try pool.read { db in
            guard try ModelSchema.readVersion(db) == ModelSchema.version else {
                throw ReadModelError.database(
                    operation: "open", code: 0, reason: "another schema version")
            }
            return try ModelMeta.read(db)
        }
    }

    /// A writer for a file that nobody else sees yet: without journal and syncs, because a crash leaves a
    /// file that no link leads to.
    static func bulkQueue(_ path: String) throws -> DatabaseQueue {
        var configuration = Self.configuration
        // A rebuild that fails leaves its transaction open: there is no journal to roll back from, and the
        // file is thrown away.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { db in
            // Temporary files would lie outside the data directory, with people's data in them.
            try db.execute(
                sql: """
                    PRAGMA journal_mode = OFF;
                    PRAGMA synchronous = OFF;
                    PRAGMA locking_mode = EXCLUSIVE;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA cache_size = -65536;
                    """)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "sluice.read-model"
        // Somebody may look at the file with a tool of their own.
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = false
        // Names, addresses and the like stand in arguments: they never reach an error's text.
        configuration.publicStatementArguments = false
        configuration.prepareDatabase { db in
            if db.configuration.readonly {
                SQLiteDoor.restrict(db)
                try db.execute(sql: "PRAGMA query_only = 1")
            } else {
                // A lost last transaction is written again from the log; what is deleted is overwritten.
                try db.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON")
                // People come in no order that the tables have: with the usual 2 MB every page of a large
                // transaction was written to the journal and read back several times.
                try db.execute(sql: "PRAGMA cache_size = -16384")
            }
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
        }
        return configuration
    }
}

/// The rows of `meta`.
enum ModelMeta {
    static func write(_ standing: ModelStanding, to db: Database) throws {
        try put("applied", String(standing.applied.value), db)
        try put("generation", String(standing.generation), db)
        try put("fold_version", String(standing.foldVersion), db)
        try put("log_id", standing.origin.logID, db)
        try put("incarnation", String(standing.origin.incarnation), db)
        if let digest = standing.digest {
            try put("digest", digest.hex, db)
            try put("digest_offset", String(digest.at.value), db)
        }
    }

    /// - Returns: nil when a value is missing or ill-formed: then nothing is known about the rows.
    static func read(_ db: Database) throws -> ModelStanding? {
        guard let applied = try text("applied", db).flatMap({ UInt64($0) }),
            let generation = try text("generation", db).flatMap({ Int($0) }),
            let foldVersion = try text("fold_version", db).flatMap({ Int($0) }),
            let logID = try text("log_id", db),
            let incarnation = try text("incarnation", db).flatMap({ UInt64($0) })
        else { return nil }
        var standing = ModelStanding(
            applied: Offset(applied), generation: generation, foldVersion: foldVersion,
            origin: ModelOrigin(logID: logID, incarnation: incarnation))
        if let hex = try text("digest", db),
            let at = try text("digest_offset", db).flatMap({ UInt64($0) })
        {
            standing.digest = ModelStanding.Digest(hex: hex, at: Offset(at))
        }
        return standing
    }

    private static func put(_ key: String, _ value: String, _ db: Database) throws {
        let row = try BoundStatement(
            db,
            """
            INSERT INTO meta (key, value) VALUES (?, ?)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value
            """)
        try row.bind(1, key)
        try row.bind(2, value)
        try row.run()
    }

    private static func text(_ key: String, _ db: Database) throws -> String? {
        try String.fetchOne(db, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key])
    }
}
