import CustomerModel
import EventLog
import Foundation
import Projections
import ReadModel
import Testing

@Suite struct `Opening the read model` {
    private func bench(people: Int = 1) throws -> Bench {
        let bench = try Bench()
        for person in 0..<people {
            try bench.event("track", "\"userId\":\"u\(person)\"", name: "Seen")
        }
        try bench.rebuild()
        return bench
    }

    /// The file that the link leads to.
    private func rows(_ bench: Bench) throws -> String {
        let link = bench.directory + "/read/model.sqlite"
        return bench.directory + "/read/"
            + (try FileManager.default.destinationOfSymbolicLink(atPath: link))
    }

    @Test func `rows and what they stand for outlive the process`() throws {
        let bench = try bench()
        try bench.store.note(digest: ModelStanding.Digest(hex: "abcd", at: Offset(1)))
        let standing = bench.store.standing
        try bench.reopen()
        #expect(bench.store.standing == standing)
        #expect(standing?.digest?.hex == "abcd")
        #expect(standing?.foldVersion == FoldState.codeVersion)
        #expect(try bench.store.profileCount() == 1)
    }

    @Test func `it can be followed from where it stands, and from nowhere later`() throws {
        let bench = try bench(people: 3)
        #expect(bench.store.canFollow(generation: 1, from: Offset(0)))
        #expect(bench.store.canFollow(generation: 1, from: Offset(3)))
        #expect(!bench.store.canFollow(generation: 1, from: Offset(4)))
        #expect(!bench.store.canFollow(generation: 2, from: Offset(3)))
        #expect(bench.store.lag(durable: Offset(5)) == 2)
        #expect(bench.store.lag(durable: Offset(2)) == 0)
    }

    @Test func `only its owner can read the files`() throws {
        let bench = try bench()
        for name in try bench.files() {
            let path = bench.directory + "/read/" + name
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            if attributes[.type] as? FileAttributeType == .typeSymbolicLink { continue }
            #expect((attributes[.posixPermissions] as? Int) == 0o600, "\(name)")
        }
    }

    @Test func `a file of another schema version is replaced`() throws {
        let bench = try bench()
        bench.store.close()
        // `user_version` stands at byte 60 of a database file.
        let file = try #require(FileHandle(forUpdatingAtPath: try rows(bench)))
        try file.seek(toOffset: 60)
        try file.write(contentsOf: [0, 0, 0, 99])
        try file.close()
        try expectEmpty(bench)
    }

    @Test(arguments: ["", "this is no database, and long enough to be seen as none: ".repeated(40)])
    func `a file that is no database is replaced`(content: String) throws {
        let bench = try bench()
        bench.store.close()
        try Data(content.utf8).write(to: URL(filePath: try rows(bench)))
        try expectEmpty(bench)
    }

    @Test func `a link that leads nowhere, or a file in its place, is replaced`() throws {
        let bench = try bench()
        bench.store.close()
        try FileManager.default.removeItem(atPath: try rows(bench))
        try expectEmpty(bench)
        bench.store.close()
        let link = bench.directory + "/read/model.sqlite"
        try FileManager.default.removeItem(atPath: link)
        try Data("other".utf8).write(to: URL(filePath: link))
        try expectEmpty(bench)
    }

    @Test func `rows of another log or incarnation are replaced`() throws {
        let bench = try bench()
        try bench.reopen(origin: ModelOrigin(logID: "00ff", incarnation: 2))
        #expect(bench.store.standing == nil)
        #expect(try bench.store.profileCount() == 0)
    }

    @Test func `what a crash left beside is removed`() throws {
        let bench = try bench()
        bench.store.close()
        for name in ["model.99.sqlite", "model.99.sqlite-wal"] {
            try Data("rest".utf8).write(to: URL(filePath: bench.directory + "/read/" + name))
        }
        try bench.reopen()
        #expect(try bench.store.profileCount() == 1)
        #expect(try bench.files().allSatisfy { !$0.contains("99") })
    }

    @Test func `superseded files are removed`() throws {
        let bench = try bench()
        for _ in 0..<3 { try bench.rebuild() }
        #expect(try bench.files().count { $0.hasSuffix(".sqlite") && $0 != "model.sqlite" } == 1)
    }

    @Test func `a closed one answers nothing`() throws {
        let bench = try bench()
        bench.store.close()
        #expect(throws: ReadModelError.closed) { try bench.store.profileCount() }
        #expect(throws: ReadModelError.closed) { try bench.rebuild() }
    }

    private func expectEmpty(_ bench: Bench) throws {
        try bench.reopen()
        #expect(bench.store.standing == nil)
        #expect(try bench.store.profileCount() == 0)
        try bench.rebuild()
        #expect(try bench.store.profileCount() == 1)
    }
}

extension String {
    fileprivate func repeated(_ count: Int) -> String { String(repeating: self, count: count) }
}
