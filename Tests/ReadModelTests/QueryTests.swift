import Foundation
import JSONText
import ReadModel
import Testing

@Suite struct `A query` {
    private func bench() throws -> Bench {
        let bench = try Bench()
        for person in 0..<5 {
            try bench.event("track", "\"userId\":\"u\(person)\"", name: "Seen")
        }
        try bench.rebuild()
        return bench
    }

    @Test func `answers every kind of value, in the order of its columns`() throws {
        let bench = try bench()
        let answer = try bench.store.query(
            "SELECT 1 AS b, 'text' AS a, 2.5 AS c, NULL AS d, x'0fff' AS e, 9e999 AS b", limit: 10)
        #expect(answer.columns == ["b", "a", "c", "d", "e", "b"])
        #expect(answer.rows == [[1, "text", .number("2.5"), nil, "0fff", "Infinity"]])
        #expect(
            answer.objects.map(\.text)
                == [#"{"b":1,"a":"text","c":2.5,"d":null,"e":"0fff","b_2":"Infinity"}"#])
    }

    @Test func `stops at its limit and says so`() throws {
        let bench = try bench()
        let some = try bench.store.query("SELECT id FROM profiles", limit: 3)
        #expect(some.rows.count == 3)
        #expect(some.isTruncated)
        let all = try bench.store.query("SELECT id FROM profiles", limit: 5)
        #expect(all.rows.count == 5)
        #expect(!all.isTruncated)
    }

    @Test func `answers callers that must not block`() async throws {
        let bench = try bench()
        let answer = try await bench.store.query("SELECT count(*) FROM profiles", limit: 1)
        #expect(answer.rows == [[5]])
    }

    @Test(arguments: [
        "DELETE FROM profiles",
        "INSERT INTO meta VALUES ('applied', '0')",
        "UPDATE profiles SET event_count = 0",
        "DROP TABLE profiles",
        "CREATE TABLE t (x)",
        "PRAGMA query_only = 0",
        "PRAGMA journal_mode = DELETE",
        "ATTACH 'other.sqlite' AS other",
        "VACUUM INTO 'copy.sqlite'",
        "BEGIN IMMEDIATE",
        "WITH gone AS (SELECT id FROM profiles) DELETE FROM profiles WHERE id IN gone",
        "SELECT 1; DELETE FROM profiles",
        "",
    ])
    func `cannot write, nor reach another file`(sql: String) async throws {
        let bench = try bench()
        let before = try bench.dump()
        #expect(throws: (any Error).self, "\(sql)") { try bench.store.query(sql, limit: 10) }
        await #expect(throws: (any Error).self, "\(sql)") {
            try await bench.store.query(sql, limit: 10)
        }
        #expect(try bench.dump() == before)
    }

    @Test(arguments: [
        "SELECT * FROM \"ada@example.com\"",
        "SELECT 'ada@example.com' ada@example.com",
        "SELECT nothing FROM profiles WHERE 'ada@example.com' = id AND 4917012345678x = 1",
        "WITH x AS (SELECT 1) DELETE FROM identifiers WHERE value = 'ada@example.com'",
    ])
    func `that fails repeats nobody's data`(sql: String) throws {
        let bench = try bench()
        do {
            _ = try bench.store.query(sql, limit: 1)
            Issue.record("it was answered: \(sql)")
        } catch {
            #expect(!"\(error)".contains("ada"), "\(error)")
            #expect(!"\(error)".contains("4917"), "\(error)")
        }
    }

    @Test func `that fails names what is wrong`() throws {
        let bench = try bench()
        #expect(throws: ReadModelError.badQuery("no such column: emial")) {
            try bench.store.query("SELECT emial FROM profiles", limit: 1)
        }
    }

    @Test func `that never ends is stopped`() throws {
        let bench = try bench()
        #expect(throws: ReadModelError.queryTooLong(milliseconds: 50)) {
            try bench.store.query(
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
                limit: 1, milliseconds: 50)
        }
        #expect(try bench.store.profileCount() == 5)
    }
}
