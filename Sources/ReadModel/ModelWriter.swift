import CustomerModel
import EventLog
import GRDB
import JSONText
import Projections

/// Writes people as rows, over one connection, inside the caller's transaction.
///
/// Every write is an upsert that touches a row only where it differs, so that writing the same person
/// twice costs look-ups and no pages.
struct ModelWriter {
    private let dropProfile: BoundStatement
    private let dropMemberships: BoundStatement
    private let dropMembership: BoundStatement
    private let findIdentifier: BoundStatement
    private let findIdentifiers: BoundStatement
    private let findMemberships: BoundStatement
    private let putProfile: BoundStatement
    private let putIdentifier: BoundStatement
    private let putMembership: BoundStatement
    private let putFormerID: BoundStatement
    private let dropFormerID: BoundStatement
    // Most logs have no audiences or no splits: of an empty table nothing is asked for each person.
    private var hasMemberships: Bool
    private var hasFormerIDs: Bool

    /// - Precondition: the keys of the tables stand, and nobody else writes rows while this one does.
    init(_ db: Database) throws {
        hasMemberships = try Self.hasRows("memberships", db)
        hasFormerIDs = try Self.hasRows("former_ids", db)
        dropProfile = try BoundStatement(db, "DELETE FROM profiles WHERE id = ?")
        dropMemberships = try BoundStatement(db, "DELETE FROM memberships WHERE profile_id = ?")
        dropMembership = try BoundStatement(
            db, "DELETE FROM memberships WHERE audience = ? AND profile_id = ?")
        findIdentifier = try BoundStatement(
            db,
            """
            SELECT profile_id, born, linked_at, suppressed FROM identifiers
            WHERE type = ? AND value = ?
            """)
        findIdentifiers = try BoundStatement(
            db, "SELECT 1 FROM identifiers WHERE profile_id = ? LIMIT 1")
        dropFormerID = try BoundStatement(db, "DELETE FROM former_ids WHERE id = ?")
        findMemberships = try BoundStatement(
            db, "SELECT audience FROM memberships WHERE profile_id = ?")
        putProfile = try BoundStatement(
            db,
            RowSQL.profile + """
                 ON CONFLICT (id) DO UPDATE SET first_seen = excluded.first_seen,
                last_seen = excluded.last_seen, event_count = excluded.event_count,
                trait_json = excluded.trait_json, attribute_json = excluded.attribute_json
                """)
        putIdentifier = try BoundStatement(
            db,
            RowSQL.identifier + """
                 ON CONFLICT (type, value) DO UPDATE SET profile_id = excluded.profile_id,
                born = excluded.born, linked_at = excluded.linked_at,
                suppressed = excluded.suppressed
                """)
        putMembership = try BoundStatement(
            db,
            RowSQL.membership + """
                 ON CONFLICT (audience, profile_id) DO UPDATE SET since = excluded.since
                WHERE since <> excluded.since
                """)
        putFormerID = try BoundStatement(
            db,
            RowSQL.formerID + """
                 ON CONFLICT (id) DO UPDATE SET profile_id = excluded.profile_id
                WHERE profile_id <> excluded.profile_id
                """)
    }

    private static func hasRows(_ table: String, _ db: Database) throws -> Bool {
        try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM \(table))") ?? false
    }

    /// Makes the rows of one person as they should be, and removes those of whoever it absorbed.
    mutating func write(_ person: ProfileSummary) throws {
        let id = person.id.description
        var absorbed: [String] = []
        for identifier in person.identifiers {
            try write(identifier, of: id, absorbed: &absorbed)
        }
        for gone in absorbed {
            // Whom these left by a split has others still.
            if try hasIdentifiers(gone) { continue }
            try dropProfile.bind(1, gone)
            try dropProfile.run()
            guard hasMemberships else { continue }
            try dropMemberships.bind(1, gone)
            try dropMemberships.run()
        }
        try RowSQL.bind(person, id: id, to: putProfile)
        try putProfile.run()
        try writeMemberships(person, id: id)
        if hasFormerIDs {
            // A split gives an id back to its person.
            try dropFormerID.bind(1, id)
            try dropFormerID.run()
        }
        for former in person.formerIDs {
            hasFormerIDs = true
            try RowSQL.bind(former: former, id: id, to: putFormerID)
            try putFormerID.run()
        }
    }

    private func hasIdentifiers(_ id: String) throws -> Bool {
        var found = false
        try findIdentifiers.bind(1, id)
        try findIdentifiers.forEachRow { _ in found = true }
        return found
    }

    /// A person that was absorbed, or that went under another id, had at least one identifier, and that
    /// one is among this person's now: its old row names who is gone.
    private func write(
        _ identifier: ProfileSummary.Identifier, of id: String, absorbed: inout [String]
    ) throws {
        var isThere = false
        try findIdentifier.bind(1, identifier.type)
        try findIdentifier.bind(2, identifier.value)
        try findIdentifier.forEachRow { row in
            let owner = row.text(0)
            if owner != id, !absorbed.contains(owner) { absorbed.append(owner) }
            isThere =
                owner == id && row.text(1) == identifier.born.description
                && row.integer(2) == Int64(identifier.linkedAt)
                && (row.integer(3) == 1) == identifier.isSuppressed
        }
        guard !isThere else { return }
        try RowSQL.bind(identifier, id: id, to: putIdentifier)
        try putIdentifier.run()
    }

    private mutating func writeMemberships(_ person: ProfileSummary, id: String) throws {
        if hasMemberships { try dropEndedMemberships(person, id: id) }
        for membership in person.memberships {
            hasMemberships = true
            try RowSQL.bind(membership, id: id, to: putMembership)
            try putMembership.run()
        }
    }

    private func dropEndedMemberships(_ person: ProfileSummary, id: String) throws {
        var ended: [String] = []
        try findMemberships.bind(1, id)
        try findMemberships.forEachRow { row in
            let audience = row.text(0)
            if !person.memberships.contains(where: { $0.audience == audience }) {
                ended.append(audience)
            }
        }
        for audience in ended {
            try dropMembership.bind(1, audience)
            try dropMembership.bind(2, id)
            try dropMembership.run()
        }
    }
}

/// Writes people as new rows into tables that have no keys yet.
struct BulkWriter {
    private let profile: BoundStatement
    private let identifier: BoundStatement
    private let membership: BoundStatement
    private let formerID: BoundStatement

    init(_ db: Database) throws {
        profile = try BoundStatement(db, RowSQL.profile)
        identifier = try BoundStatement(db, RowSQL.identifier)
        membership = try BoundStatement(db, RowSQL.membership)
        formerID = try BoundStatement(db, RowSQL.formerID)
    }

    /// - Returns: how many rows that made.
    func write(_ person: ProfileSummary) throws -> Int {
        let id = person.id.description
        try RowSQL.bind(person, id: id, to: profile)
        try profile.run()
        for one in person.identifiers {
            try RowSQL.bind(one, id: id, to: identifier)
            try identifier.run()
        }
        for one in person.memberships {
            try RowSQL.bind(one, id: id, to: membership)
            try membership.run()
        }
        for former in person.formerIDs {
            try RowSQL.bind(former: former, id: id, to: formerID)
            try formerID.run()
        }
        return 1 + person.identifiers.count + person.memberships.count + person.formerIDs.count
    }
}

/// One `INSERT` a table, and how a value becomes its parameters.
enum RowSQL {
    static let profile = """
        INSERT INTO profiles (id, first_seen, last_seen, event_count, trait_json, attribute_json)
        VALUES (?, ?, ?, ?, ?, ?)
        """
    static let identifier = """
        INSERT INTO identifiers (type, value, profile_id, born, linked_at, suppressed)
        VALUES (?, ?, ?, ?, ?, ?)
        """
    static let membership = """
        INSERT INTO memberships (audience, profile_id, since) VALUES (?, ?, ?)
        """
    static let formerID = "INSERT INTO former_ids (id, profile_id) VALUES (?, ?)"
    static let delivery = """
        INSERT INTO deliveries
        (attempt, receipt, destination, epoch, outcome, members, started, settled)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (attempt) DO UPDATE SET receipt = excluded.receipt,
        outcome = excluded.outcome, settled = excluded.settled
        """

    static func bind(_ person: ProfileSummary, id: String, to row: BoundStatement) throws {
        try row.bind(1, id)
        try row.bind(2, person.firstSeen)
        try row.bind(3, person.lastSeen)
        try row.bind(4, Int64(person.eventCount))
        try row.bind(5, utf8: traitText(person.traits))
        try row.bind(6, utf8: attributeText(person.attributes))
    }

    static func bind(
        _ identifier: ProfileSummary.Identifier, id: String, to row: BoundStatement
    ) throws {
        try row.bind(1, identifier.type)
        try row.bind(2, identifier.value)
        try row.bind(3, id)
        try row.bind(4, identifier.born.description)
        try row.bind(5, Int64(identifier.linkedAt))
        try row.bind(6, identifier.isSuppressed ? 1 : 0)
    }

    static func bind(
        _ membership: ProfileSummary.Membership, id: String, to row: BoundStatement
    ) throws {
        try row.bind(1, membership.audience)
        try row.bind(2, id)
        try row.bind(3, Int64(membership.since))
    }

    static func bind(former: ProfileID, id: String, to row: BoundStatement) throws {
        try row.bind(1, former.description)
        try row.bind(2, id)
    }

    static func bind(_ delivery: DeliveryRow, to row: BoundStatement) throws {
        try row.bind(1, Int64(delivery.attempt.value))
        try row.bind(2, delivery.receipt.map { Int64($0.value) })
        try row.bind(3, delivery.destination)
        try row.bind(4, Int64(delivery.epoch))
        try row.bind(5, delivery.outcome)
        try row.bind(6, Int64(delivery.members))
        try row.bind(7, delivery.started)
        try row.bind(8, delivery.settled)
    }

    /// One object, names in the policy's order; null for a value that cannot be told exactly (D4).
    private static func attributeText(_ attributes: [ProfileSummary.Attribute]) -> [UInt8] {
        var writer = JSONWriter(reserving: 64)
        writer.beginObject()
        for attribute in attributes {
            writer.key(attribute.name)
            writer.raw(Array((attribute.json ?? "null").utf8))
        }
        writer.endObject()
        return writer.bytes
    }

    /// One object, names in byte order, every value as its client wrote it.
    private static func traitText(_ traits: [ProfileSummary.Trait]) -> [UInt8] {
        var writer = JSONWriter(reserving: 256)
        writer.beginObject()
        for trait in traits {
            writer.key(trait.name)
            writer.raw(Array(trait.json.utf8))
        }
        writer.endObject()
        return writer.bytes
    }
}
