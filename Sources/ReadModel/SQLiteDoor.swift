import GRDB
private import GRDBSQLite

/// The SQLite calls that GRDB does not offer, or that are too slow through it for millions of rows.
///
/// The only file that sees SQLite's C functions.
enum SQLiteDoor {
    /// Forbids what a question never needs: other files, and values so large that they are an attack.
    static func restrict(_ db: Database) {
        // ATTACH would read any file of the machine, and VACUUM INTO would write one.
        _ = sqlite3_limit(db.sqliteConnection, SQLITE_LIMIT_ATTACHED, 0)
        _ = sqlite3_limit(db.sqliteConnection, SQLITE_LIMIT_LENGTH, 16 << 20)
        _ = sqlite3_limit(db.sqliteConnection, SQLITE_LIMIT_SQL_LENGTH, 64 << 10)
    }

    /// Runs `body`; whatever SQLite does in it after `deadline` is interrupted.
    static func until<R>(
        _ deadline: ContinuousClock.Instant, on db: Database, _ body: () throws -> R
    ) rethrows -> R {
        var deadline = deadline
        return try withUnsafeMutablePointer(to: &deadline) { pointer in
            sqlite3_progress_handler(
                db.sqliteConnection, 10_000,
                { context in
                    guard let context else { return 1 }
                    let deadline = context.load(as: ContinuousClock.Instant.self)
                    return ContinuousClock.now < deadline ? 0 : 1
                }, pointer)
            defer { sqlite3_progress_handler(db.sqliteConnection, 0, nil, nil) }
            return try body()
        }
    }

    /// What an SQLite result code means, in static words.
    static func message(for code: Int32) -> String { String(cString: sqlite3_errstr(code)) }
}

/// A prepared statement whose parameters are bound by place, without boxing them.
///
/// Belongs to its connection: it is used inside one access to the database only. Errors name a code and
/// no value.
struct BoundStatement {
    private let statement: Statement
    private let handle: OpaquePointer

    init(_ db: Database, _ sql: String) throws {
        statement = try db.cachedStatement(sql: sql)
        handle = statement.sqliteStatement
        sqlite3_reset(handle)
    }

    /// - Parameter place: from 1.
    func bind(_ place: Int32, _ text: String) throws {
        var text = text
        // SQLite copies the text.
        let copies = unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)
        let code = text.withUTF8 { utf8 -> Int32 in
            // An empty text has no address, and SQLite would take that for NULL.
            guard utf8.baseAddress != nil else {
                return sqlite3_bind_text(handle, place, "", 0, copies)
            }
            return utf8.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(handle, place, $0.baseAddress, Int32($0.count), copies)
            }
        }
        try check(code)
    }

    func bind(_ place: Int32, utf8 text: [UInt8]) throws {
        let copies = unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)
        let code = text.withUnsafeBufferPointer {
            $0.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(handle, place, $0.baseAddress, Int32($0.count), copies)
            }
        }
        try check(code)
    }

    func bind(_ place: Int32, _ number: Int64?) throws {
        if let number {
            try check(sqlite3_bind_int64(handle, place, number))
        } else {
            try check(sqlite3_bind_null(handle, place))
        }
    }

    /// Runs a statement that answers no rows.
    func run() throws {
        defer { sqlite3_reset(handle) }
        let code = sqlite3_step(handle)
        guard code == SQLITE_DONE else { throw error(code) }
    }

    /// Calls `visit` for each row.
    func forEachRow(_ visit: (borrowing BoundRow) throws -> Void) throws {
        defer { sqlite3_reset(handle) }
        while true {
            let code = sqlite3_step(handle)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw error(code) }
            try visit(BoundRow(handle: handle))
        }
    }

    private func check(_ code: Int32) throws {
        guard code == SQLITE_OK else { throw error(code) }
    }

    private func error(_ code: Int32) -> ReadModelError {
        .database(operation: "write rows", code: code, reason: SQLiteDoor.message(for: code))
    }
}

/// The row that a statement stands on.
struct BoundRow: ~Copyable {
    fileprivate let handle: OpaquePointer

    /// - Parameter column: from 0.
    func text(_ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
}
