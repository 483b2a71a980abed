import GRDB

/// The tables, as people and tools see them.
///
/// | table | one row | columns |
/// |---|---|---|
/// | `profiles` | a person | `id` `p12.0`, `first_seen` and `last_seen` in µs since 1970 UTC, `event_count`, `trait_json` and `attribute_json` one JSON object by name each |
/// | `identifiers` | an identifier of a person | `type`, `value` as normalised, `profile_id`, `born` the id of its first appearance, `linked_at` an offset, `suppressed` 0 or 1 |
/// | `memberships` | a person in an audience | `audience`, `profile_id`, `since` an offset |
/// | `former_ids` | an id that once was a person's | `id`, `profile_id` where it leads now |
/// | `deliveries` | a request | `attempt` and `receipt` offsets, `destination`, `epoch`, `outcome`, `members` a count, `started` and `settled` in µs |
/// | `meta` | a fact about the rows | `key`, `value` |
///
/// Keys of the large tables are unique indexes and not `PRIMARY KEY`s, so that a rebuild makes them after
/// its rows, by sorting: that costs a third of inserting random identifiers into a growing tree.
enum ModelSchema {
    /// Stands in `user_version`. A file of another version is replaced, never migrated: it is derived.
    static let version = 2

    static let tables = """
        CREATE TABLE profiles (
            id TEXT NOT NULL,
            first_seen INTEGER,
            last_seen INTEGER,
            event_count INTEGER NOT NULL,
            trait_json TEXT NOT NULL,
            attribute_json TEXT NOT NULL
        ) STRICT;
        CREATE TABLE identifiers (
            type TEXT NOT NULL,
            value TEXT NOT NULL,
            profile_id TEXT NOT NULL,
            born TEXT NOT NULL,
            linked_at INTEGER NOT NULL,
            suppressed INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE memberships (
            audience TEXT NOT NULL,
            profile_id TEXT NOT NULL,
            since INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE former_ids (
            id TEXT NOT NULL,
            profile_id TEXT NOT NULL
        ) STRICT;
        CREATE TABLE deliveries (
            attempt INTEGER PRIMARY KEY,
            receipt INTEGER,
            destination TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            members INTEGER NOT NULL,
            started INTEGER NOT NULL,
            settled INTEGER
        ) STRICT;
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        """

    /// Every table's key. Two rows of one key can only be left by people who met while a rebuild read them.
    static let keys = """
        CREATE UNIQUE INDEX profiles_key ON profiles (id);
        CREATE UNIQUE INDEX identifiers_key ON identifiers (type, value);
        CREATE UNIQUE INDEX memberships_key ON memberships (audience, profile_id);
        CREATE UNIQUE INDEX former_ids_key ON former_ids (id);
        """

    /// For the questions people ask: who is this, who was here lately, what did a destination get.
    static let indexes = """
        CREATE INDEX profiles_by_last_seen ON profiles (last_seen);
        CREATE INDEX identifiers_by_profile ON identifiers (profile_id);
        CREATE INDEX memberships_by_profile ON memberships (profile_id);
        CREATE INDEX former_ids_by_profile ON former_ids (profile_id);
        CREATE INDEX deliveries_by_destination ON deliveries (destination, outcome, started);
        """

    /// Keeps the newest row of every key, and nobody who has no identifier left: a person who was merged
    /// away after it was read. Before ``keys``.
    static let removeDoubles = """
        DROP INDEX IF EXISTS profiles_key;
        DROP INDEX IF EXISTS identifiers_key;
        DROP INDEX IF EXISTS memberships_key;
        DROP INDEX IF EXISTS former_ids_key;
        DELETE FROM identifiers WHERE rowid NOT IN
            (SELECT max(rowid) FROM identifiers GROUP BY type, value);
        DELETE FROM profiles WHERE rowid NOT IN (SELECT max(rowid) FROM profiles GROUP BY id)
            OR id NOT IN (SELECT profile_id FROM identifiers);
        DELETE FROM memberships WHERE rowid NOT IN
            (SELECT max(rowid) FROM memberships GROUP BY audience, profile_id)
            OR profile_id NOT IN (SELECT id FROM profiles);
        DELETE FROM former_ids WHERE rowid NOT IN (SELECT max(rowid) FROM former_ids GROUP BY id);
        """

    static func markVersion(_ db: Database) throws {
        try db.execute(sql: "PRAGMA user_version = \(version)")
    }

    static func readVersion(_ db: Database) throws -> Int? {
        try Int.fetchOne(db, sql: "PRAGMA user_version")
    }
}
