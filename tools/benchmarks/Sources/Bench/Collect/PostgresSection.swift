import Foundation

/// The same events into PostgreSQL, by batched INSERTs whose commits are durable, in three ways.
struct PostgresSection {
    enum Way: String, CaseIterable {
        /// What people build themselves: the same requests over HTTP, to a service that parses them.
        case service = "behind a service"
        /// The same bodies straight to PostgreSQL, which takes them apart.
        case bodies = "given the bodies, no HTTP"
        /// The least that PostgreSQL can be asked: rows that were made before the run.
        case rows = "given rows, no HTTP"
    }

    private let run: CollectRun
    private let python: String
    private let service: String

    init(_ run: CollectRun, python: String, service: String) {
        self.run = run
        self.python = python
        self.service = service
    }

    /// - Returns: events a second by way and by the size of a batch.
    func perform() throws -> [Way: [Int: Double]] {
        run.report.begin(
            "PostgreSQL", "how fast do INSERTs of a batch each take the same events, each durable?")
        let server = try PostgresServer(run.scratch)
        defer { server.process.stop(SIGINT) }
        var found: [Way: [Int: Double]] = [:]
        for way in Way.allCases {
            // Each begins with an empty index.
            try server.empty()
            for size in way == .bodies ? [100] : CollectRun.sizes.reversed() {
                found[way, default: [:]][size] = try measure(way, size, server)
                server.process.settle(limitSeconds: 5)
            }
        }
        return found
    }

    private func measure(_ way: Way, _ size: Int, _ server: PostgresServer) throws -> Double {
        let name = "\(way.rawValue), \(size)"
        if way == .service {
            let front = try PostgresService(python, service, inFrontOf: server, run.scratch)
            defer { front.process.stop() }
            let connections = try run.connections(to: front.address, .http) {
                PreparedRequest.batch(of: size, seed: $0, key: PostgresService.key, run.corpus)
            }
            return try run.measure(name, connections, server.process, front.process)
                .eventsPerSecond
        }
        let prepare =
            way == .rows ? PostgresWire.prepare(events: size) : PostgresWire.prepareBody
        let connections = try run.connections(
            to: server.address, .postgres,
            greeting: [PostgresWire.startup(user: PostgresServer.user), prepare]
        ) {
            way == .rows
                ? PreparedRequest.insert(of: size, seed: $0, run.corpus)
                : PreparedRequest.insertBody(of: size, seed: $0, run.corpus)
        }
        return try run.measure(name, connections, server.process).eventsPerSecond
    }
}
