import Foundation
import Glibc

/// `sluice serve` as an operator starts it, with the initial policy: folded live, and no destination.
struct SluiceSection {
    private let run: CollectRun
    private let program: String
    private let pause: UInt32
    private let data: String

    init(_ run: CollectRun, program: String, pause: UInt32) {
        self.run = run
        self.program = program
        self.pause = pause
        data = run.scratch.path + "/data"
    }

    private struct Key: Decodable { var key: String }

    /// What `status` says.
    private struct Status: Decodable {
        struct Collected: Decodable {
            var accepted: Int
            var duplicates: Int
            var rejected: Int
        }
        struct Projection: Decodable { var lag: Int }
        var collected: Collected
        var projection: Projection
    }

    /// What `log stat` says.
    private struct LogStat: Decodable {
        struct Syncs: Decodable {
            struct Bucket: Decodable {
                var microseconds: Int?
                var commits: Int
            }
            var upTo: [Bucket]

            /// Of the commits, those that waited longer than that for the disk.
            func count(over microseconds: Int) -> Int {
                upTo.filter { $0.microseconds ?? .max > microseconds }.reduce(0) { $0 + $1.commits }
            }
        }
        var syncs: Syncs
    }

    /// - Returns: events a second by the size of a batch, plain.
    func perform(sizes: [Int]) throws -> [Int: Double] {
        run.report.begin(
            "sluice",
            "how fast is /v1/batch answered, after fdatasync, while the events are folded?")
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let server = try ServerProcess(
            "sluice serve", program, ["serve", "--data", data, "--port", "0"],
            log: run.scratch.path + "/sluice.log", sign: "listening on http://127.0.0.1:")
        defer { server.stop() }
        guard let port = Int(server.firstWords) else { throw BenchError("sluice names no port") }
        let address = LoadAddress.loopback(port: port)
        let key = try ask(Key.self, "key", "create", "web").key
        var found: [Int: Double] = [:]
        for size in sizes {
            // Made when the server has settled: it cuts connections that say nothing for a quarter of a minute.
            let connect = {
                try run.connections(to: address, .http) {
                    PreparedRequest.batch(of: size, seed: $0, key: key, run.corpus)
                }
            }
            let most = try plain(size, connect, server)
            found[size] = most
            if size == 100 { try half(most, connect, server) }
            try zipped(size, most, address, key, server)
        }
        let status = try ask(Status.self, "status").collected
        run.report.add("events stored", Double(status.accepted), "")
        run.report.add(
            "duplicates and refusals", Double(status.duplicates + status.rejected), "",
            goal: .atMost(0))
        return found
    }

    private typealias Connect = () throws -> [LoadConnection]

    private func plain(
        _ size: Int, _ connect: Connect, _ server: ServerProcess
    ) throws -> Double {
        ready(server, "plain \(size)")
        let result = try run.measure(
            "batches of \(size)", connect(), server,
            rateGoal: size == 100 ? .atLeast(150_000) : nil)
        let lag = try ask(Status.self, "status").projection.lag
        run.report.add("batches of \(size): events not yet folded then", Double(lag), "")
        let watch = Stopwatch()
        while try ask(Status.self, "status").projection.lag > 0, watch.seconds < 60 {
            usleep(10_000)
        }
        run.report.add("batches of \(size): folded after", watch.seconds, "s")
        return result.eventsPerSecond
    }

    private func half(
        _ most: Double, _ connect: Connect, _ server: ServerProcess
    ) throws {
        try paced("at half that rate", most / 2, .atMost(25), connect, server)
        // The same load on every machine: half of the rate that is the goal.
        try paced("at 75,000 events/s", 75_000, nil, connect, server)
    }

    private func paced(
        _ name: String, _ eventsPerSecond: Double, _ goal: Goal?, _ connect: Connect,
        _ server: ServerProcess
    ) throws {
        ready(server, name)
        let before = try ask(LogStat.self, "log", "stat").syncs
        try run.measure(
            "batches of 100 \(name)", connect(), server,
            pace: .perSecond(eventsPerSecond / 100), timeGoal: goal)
        let after = try ask(LogStat.self, "log", "stat").syncs
        // A stall of the disk is the machine's, and makes everybody wait who sent meanwhile.
        run.report.add(
            "batches of 100 \(name): commits, in all",
            Double(after.count(over: 0) - before.count(over: 0)), "")
        run.report.add(
            "batches of 100 \(name): of them, fdatasync over 25 ms",
            Double(after.count(over: 25_000) - before.count(over: 25_000)), "")
    }

    private func zipped(
        _ size: Int, _ most: Double, _ address: LoadAddress, _ key: String,
        _ server: ServerProcess
    ) throws {
        // No faster than plain ones, so these do for the warming up and the run.
        let count = Int(most / Double(size) * run.seconds * 1.2) + 64
        var supply = try run.zipped(count, of: size, key: key)
        ready(server, "zipped \(size)")
        let connections = try run.connections(to: address, .http) { _ in .none }
        try run.measure("batches of \(size), zipped", connections, server) { request in
            guard let next = supply.popLast() else { return false }
            request = next
            return true
        }
    }

    /// Waits until what the last case left to do is done.
    private func ready(_ server: ServerProcess, _ name: String) {
        server.settle()
        guard pause > 0 else { return }
        run.report.note("\(name) begins in \(pause) s")
        sleep(pause)
    }

    private func ask<T: Decodable>(_ type: T.Type, _ arguments: String...) throws -> T {
        try JSONDecoder().decode(
            type,
            from: Programs.output(of: program, arguments + ["--data", data, "--json"]))
    }
}
