import GRDB
import Hashing
public import JSONText

/// The rows that a query answered.
public struct QueryResult: Equatable, Sendable {
    /// Names as the query gave them; two may be equal.
    public var columns: [String]
    /// One value a column in each.
    public var rows: [[JSONValue]]
    /// Whether there was more than the limit.
    public var isTruncated: Bool

    public init(columns: [String], rows: [[JSONValue]], isTruncated: Bool) {
        self.columns = columns
        self.rows = rows
        self.isTruncated = isTruncated
    }

    /// The rows as objects. A second column of one name is `name_2`.
    public var objects: [JSONValue] {
        var names: [String] = []
        for column in columns {
            var name = column
            var count = 1
            while names.contains(name) {
                count += 1
                name = "\(column)_\(count)"
            }
            names.append(name)
        }
        return rows.map { row in
            .object(JSONObject(zip(names, row).map { (key: $0, value: $1) }))
        }
    }
}

extension ReadModelStore {
    /// How long a query may run unless told otherwise.
    public static let queryMilliseconds = 10_000

    /// How many people there are. Blocks.
    public func profileCount() throws -> Int {
        try Self.guarding("count") { try read(Self.count) }
    }

    /// Answers one `SELECT`, with at most `limit` rows. Blocks.
    ///
    /// It reads one snapshot over a connection that cannot write: SQLite was told so when the file was
    /// opened, and again for the connection. Other files cannot be attached, and whatever takes longer than
    /// `milliseconds` is stopped.
    /// - Throws: ``ReadModelError``. No error holds a value, also none that stood in the query.
    public func query(
        _ sql: String, limit: Int, milliseconds: Int = ReadModelStore.queryMilliseconds
    ) throws -> QueryResult {
        try Self.checkStart(of: sql)
        do {
            return try read { try Self.answer(sql, limit, milliseconds, $0) }
        } catch {
            throw Self.ours(error, milliseconds)
        }
    }

    /// The same for callers that may not block.
    public func query(
        _ sql: String, limit: Int, milliseconds: Int = ReadModelStore.queryMilliseconds
    ) async throws -> QueryResult {
        try Self.checkStart(of: sql)
        let file = try file()
        defer { withExtendedLifetime(file) {} }
        do {
            return try await file.pool.read { try Self.answer(sql, limit, milliseconds, $0) }
        } catch {
            throw Self.ours(error, milliseconds)
        }
    }

    /// One snapshot of the served file, which lives at least as long as the read.
    func read<R>(_ body: (Database) throws -> R) throws -> R {
        let file = try file()
        defer { withExtendedLifetime(file) {} }
        return try file.pool.read(body)
    }

    private static func count(_ db: Database) throws -> Int {
        guard let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM profiles") else {
            throw ReadModelError.database(operation: "count", code: 0, reason: "no answer")
        }
        return count
    }

    // MARK: Answering

    /// A connection that cannot write still takes PRAGMA and ATTACH; a question needs neither.
    private static func checkStart(of sql: String) throws(ReadModelError) {
        let word = sql.drop(while: \.isWhitespace).prefix(while: \.isLetter).uppercased()
        guard ["SELECT", "WITH", "VALUES", "EXPLAIN"].contains(word) else {
            throw .refusedQuery("it must begin with SELECT, WITH, VALUES or EXPLAIN")
        }
    }

    private static func answer(
        _ sql: String, _ limit: Int, _ milliseconds: Int, _ db: Database
    ) throws -> QueryResult {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        return try SQLiteDoor.until(deadline, on: db) {
            let statement = try db.makeStatement(sql: sql)
            guard statement.isReadonly else {
                throw ReadModelError.refusedQuery("it would write")
            }
            var result = QueryResult(
                columns: statement.columnNames, rows: [], isTruncated: false)
            let rows = try Row.fetchCursor(statement)
            while let row = try rows.next() {
                guard result.rows.count < limit else {
                    result.isTruncated = true
                    break
                }
                result.rows.append(row.databaseValues.map(json))
            }
            return result
        }
    }

    /// SQLite's values as JSON. Bytes are shown in hexadecimal.
    private static func json(_ value: DatabaseValue) -> JSONValue {
        switch value.storage {
        case .null: .null
        case .int64(let number): .int(number)
        case .double(let number):
            number.isFinite ? .number("\(number)") : .string(number < 0 ? "-Infinity" : "Infinity")
        case .string(let text): .string(text)
        case .blob(let bytes): .string(Hexadecimal.encode(Array(bytes)))
        }
    }

    // MARK: Errors

    private static func ours(_ error: any Error, _ milliseconds: Int) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        if error.resultCode == .SQLITE_INTERRUPT {
            return ReadModelError.queryTooLong(milliseconds: milliseconds)
        }
        guard let message = error.message else {
            return ReadModelError.badQuery(
                SQLiteDoor.message(for: error.extendedResultCode.rawValue))
        }
        return ReadModelError.badQuery(plain(message))
    }

    /// SQLite repeats words of the query. Plain names help; anything else may be somebody's.
    private static func plain(_ message: String) -> String {
        message.split(separator: " ").map { word in
            let isPlain = word.utf8.allSatisfy {
                (0x61...0x7A).contains($0 | 0x20) || "_.:,;()\"'-*".utf8.contains($0)
            }
            return isPlain ? String(word) : "…"
        }.joined(separator: " ")
    }
}
