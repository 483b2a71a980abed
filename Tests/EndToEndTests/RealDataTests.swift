import JSONText
import TestSupport
import Testing

/// The whole way over real data, where it stands beside the package.
@Suite(.serialized) struct `Real data` {
    /// What the data sets' README says of one.
    struct DataSet: CustomTestStringConvertible {
        var file: String
        var map: String
        var events: Int64
        /// Known users, and visitors whom nobody knows.
        var people: Int64
        var testDescription: String { map }
    }

    @Test(
        .timeLimit(.minutes(15)),
        arguments: [
            DataSet(
                file: "wiki_edits_2015-09-12.ndjson.gz", map: "wiki_edits", events: 39_199,
                people: 7_620 + 2_898),
            DataSet(
                file: "online_retail.csv.gz", map: "online_retail", events: 541_909,
                people: 4_372 + 3_710),
        ])
    func `T2, P2: every row is an event, a second ingest adds nothing, and a rebuild agrees`(
        _ set: DataSet
    ) async throws {
        guard let file = Places.data(set.file) else {
            print("skipped: \(set.file) does not stand in ../shared/data")
            return
        }
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        defer { server.kill() }
        try await server.start()
        try await server.run(
            "policy", "apply", Places.tool("policies/\(set.map).yaml"), "--approver", "test")
        let map = Places.tool("maps/\(set.map).yaml")
        let first = try await server.ask(
            "ingest", file, "--map", map, "--source", "data", "--as-if-live")
        #expect(first["accepted"]?.int == set.events)
        #expect(first["rejected"]?.int == 0)
        try await server.settled(within: .seconds(400))

        let status = try await server.ask("status")
        #expect(status["projection"]?["events"]?.int == set.events)
        #expect(status["projection"]?["people"]?.int == set.people)
        for lane in try #require(status["destinations"]?.array) {
            try check(lane, in: server)
        }
        let again = try await server.ask(
            "ingest", file, "--map", map, "--source", "data", "--as-if-live")
        #expect(again["accepted"]?.int == 0)
        #expect(again["duplicates"]?.int == set.events)
        let rebuilt = try await server.ask("replay", "rebuild")
        #expect(rebuilt["equal"]?.bool == true, "\(rebuilt.text)")
        try await server.settled()
        #expect(try await server.ask("status")["projection"]?["events"]?.int == set.events)
        try await server.stop()
    }

    /// A file holds each effect that its lane calls delivered, once.
    private func check(_ lane: JSONValue, in server: SluiceServer) throws {
        let name = lane["destination"]?.string ?? ""
        let ids = try NDJSON.read(server.directory + "/outputs/\(name).ndjson")
            .compactMap { $0["id"]?.string }
        #expect(Int64(ids.count) == lane["delivered"]?.int, "\(name)")
        #expect(Set(ids).count == ids.count, "\(name): an effect twice")
    }
}
