import ArgumentParser
import Foundation

/// `bench collect`: collecting over HTTP against the goals of DESIGN, section 9, beside nginx and PostgreSQL
/// under the same events.
struct CollectBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Events over HTTP until they are durable, beside nginx and PostgreSQL.",
        discussion: """
            The load is made by one thread of this program, over connections that carry a request at a \
            time; message ids, people and times are written into prepared bodies just before they go. \
            Zipped bodies are prepared before the run.
            """)

    @Flag(help: "Two seconds a case: no goal is judged by it in earnest.")
    var quick = false
    @Flag(help: "All figures as JSON on stdout; the table goes to stderr.")
    var json = false
    @Flag(help: "Sluice in batches of 100 only, without peers.")
    var alone = false
    @Option(help: "Seconds of one case (10, or 2 with --quick).")
    var seconds: Double?
    @Option(help: "Connections, of every server.")
    var connections = 32
    @Option(
        help:
            "Where the files go, on a real disk; removed at the end. Default: a new one in TMPDIR.")
    var dir: String?
    @Option(help: "Where the real inputs are.")
    var inputs = "../shared"
    @Option(help: "The program that is measured.")
    var sluice: String
    @Option(help: "A Python that has asyncpg, httptools, orjson and uvloop.")
    var python: String
    @Option(help: "The service that stands in front of PostgreSQL, collect_service.py.")
    var peer: String
    @Option(help: "Seconds to wait before each case of ours, to attach a profiler.")
    var pause: UInt32 = 0

    func validate() throws {
        guard (1...128).contains(connections) else {
            throw ValidationError("--connections is 1 to 128")
        }
        if let seconds, seconds < 1 { throw ValidationError("--seconds is at least 1") }
    }

    func run() async throws {
        let scratch = try Scratch(dir)
        defer { scratch.remove() }
        let report = Report(json ? .json : .table)
        var corpus = try CorpusBuilder.build(from: inputs)
        // PostgreSQL's jsonb cannot hold U+0000, and one captured message in some thousand has one.
        let nul = Data("\\u0000".utf8)
        corpus.templates.removeAll { Data($0.tail).range(of: nul) != nil }
        let run = CollectRun(
            report: report, scratch: scratch, corpus: corpus,
            connections: connections, seconds: seconds ?? (quick ? 2 : 10))
        report.begin("load", "what is sent")
        report.note(run.corpus.origin)
        report.add("an event, on average", run.meanEventBytes, "bytes")
        report.add("connections", Double(connections), "")
        guard !alone else {
            _ = try SluiceSection(run, program: sluice, pause: pause).perform(sizes: [100])
            return try report.finish()
        }
        let limit = try nginx(run)
        let peer = try PostgresSection(run, python: python, service: peer).perform()
        let own = try SluiceSection(run, program: sluice, pause: pause).perform(
            sizes: [100, 10, 1])
        report.begin("ratios", "against the limit and the peer of this run, events a second")
        for size in CollectRun.sizes {
            guard let ours = own[size], let most = limit[size] else {
                throw BenchError("a case is missing")
            }
            let name = "batches of \(size)"
            report.add(ratio: "\(name): of nginx, which stores nothing", ours, of: most)
            for way in PostgresSection.Way.allCases {
                guard let theirs = peer[way]?[size] else { continue }
                report.add(
                    ratio: "\(name): times PostgreSQL, \(way.rawValue)", ours, of: theirs,
                    goal: size == 100 && way == .service ? .atLeast(4) : nil)
            }
        }
        try report.finish()
    }

    // MARK: Peers

    private func nginx(_ run: CollectRun) throws -> [Int: Double] {
        run.report.begin(
            "nginx", "how fast are the same bodies read, thrown away and answered? 2 workers")
        let server = try NginxServer(run.scratch)
        defer { server.process.stop() }
        var found: [Int: Double] = [:]
        for size in CollectRun.sizes.reversed() {
            let connections = try run.connections(to: server.address, .http) {
                PreparedRequest.batch(of: size, seed: $0, key: "wk_any", run.corpus)
            }
            found[size] = try run.measure(
                "batches of \(size)", connections, server.process
            ).eventsPerSecond
        }
        return found
    }

    /// Tries until it can be done; ends the server otherwise.
    static func waitUntilUp(
        _ process: ServerProcess, stopping signal: Int32, _ attempt: () throws -> Void
    ) throws {
        let watch = Stopwatch()
        while true {
            do {
                return try attempt()
            } catch {
                guard process.isRunning, watch.seconds < 30 else {
                    process.stop(signal)
                    throw BenchError("\(process.name) does not come up: \(error)")
                }
                usleep(50_000)
            }
        }
    }
}
