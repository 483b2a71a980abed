import Foundation

/// What the cases of one run share.
final class CollectRun {
    /// Events in a request.
    static let sizes = [1, 10, 100]
    private static let people = 100_000

    let report: Report
    let scratch: Scratch
    let corpus: Corpus
    let seconds: Double
    private let connectionCount: Int
    private let maker: EventMaker
    private let numbers = Numbers()

    init(
        report: Report, scratch: Scratch, corpus: Corpus, connections: Int, seconds: Double
    ) {
        self.report = report
        self.scratch = scratch
        self.corpus = corpus
        self.seconds = seconds
        connectionCount = connections
        maker = EventMaker(corpus: corpus, people: Self.people)
    }

    /// Of a message as a client writes it.
    var meanEventBytes: Double {
        let batch = PreparedRequest.batch(of: 4_096, seed: 0, key: "", corpus)
        return Double(batch.bytes.count) / 4_096
    }

    func connections(
        to address: LoadAddress, _ wire: LoadWire, greeting: [[UInt8]] = [],
        _ request: (_ seed: Int) -> PreparedRequest
    ) throws -> [LoadConnection] {
        try (0..<connectionCount).map {
            try LoadConnection(
                address, wire, greeting: greeting, request: request($0 * 1_009))
        }
    }

    /// Makes the request one of events that were never sent.
    func refill(_ request: inout PreparedRequest) -> Bool {
        request.fill(from: numbers.take(request.events), maker)
        return true
    }

    /// So many requests, zipped, to be sent once each.
    func zipped(_ count: Int, of events: Int, key: String) throws -> [PreparedRequest] {
        try (0..<count).map { seed in
            var request = PreparedRequest.batch(of: events, seed: seed * 1_009, key: key, corpus)
            _ = refill(&request)
            return try request.gzipped(key: key)
        }
    }

    /// Runs one load, warmed up for a tenth of the time, and reports it.
    @discardableResult
    func measure(
        _ name: String, _ connections: [LoadConnection], _ servers: ServerProcess...,
        pace: LoadGenerator.Pace = .answered, rateGoal: Goal? = nil, timeGoal: Goal? = nil,
        refill: ((inout PreparedRequest) -> Bool)? = nil
    ) throws -> LoadGenerator.Result {
        let load = LoadGenerator(connections: connections, refill: refill ?? self.refill)
        _ = try load.run(pace, seconds: seconds / 10)
        let before = servers.reduce(0) { $0 + $1.processorSeconds }
        let own = Stopwatch.processorSeconds
        let result = try load.run(pace, seconds: seconds)
        let used = servers.reduce(0) { $0 + $1.processorSeconds } - before
        let mine = Stopwatch.processorSeconds - own
        guard result.refused == 0 else {
            let words = connections.lazy.compactMap(\.refusal).first ?? ""
            throw BenchError("\(name): \(result.refused) requests were not taken whole: \(words)")
        }
        guard let middle = result.times.milliseconds(at: 0.5),
            let late = result.times.milliseconds(at: 0.99)
        else { throw BenchError("\(name): nothing was answered") }
        report.add(name, result.eventsPerSecond, "events/s", goal: rateGoal)
        report.add("\(name): answered, p50", middle, "ms")
        report.add("\(name): answered, p99", late, "ms", goal: timeGoal)
        report.add(
            "\(name): processor time an event", used / Double(result.events) * 1e6, "µs")
        report.add(
            "\(name): the load generator's own", mine / Double(result.events) * 1e6, "µs")
        report.add("\(name): peak memory so far", servers.reduce(0) { $0 + $1.peakMiB }, "MiB")
        return result
    }
}
