import EventLog
import Foundation

/// What the sections of one run share: the inputs, and the logs that were made for it.
final class LogRun {
    /// How much is done.
    struct Sizes {
        var small: Int
        var large: Int
        /// Of one append case.
        var seconds: Double
        /// Of the append case that has a goal.
        var goalSeconds: Double
        var lookups: Int

        init(quick: Bool, records: Int?) {
            large = records ?? (quick ? 500_000 : 10_000_000)
            small = large / 10
            seconds = quick ? 1.5 : 5
            goalSeconds = quick ? 5 : 30
            lookups = quick ? 500 : 3000
        }
    }

    /// A log that a child process made and sealed.
    struct Made {
        var path: String
        var records: Int
        var writer: LogChild.WriterReport
    }

    let report: Report
    let scratch: Scratch
    let corpus: Corpus
    let sizes: Sizes
    let limits: Limits
    private var made: [Int: Made] = [:]

    init(report: Report, scratch: Scratch, corpus: Corpus, sizes: Sizes) throws {
        self.report = report
        self.scratch = scratch
        self.corpus = corpus
        self.sizes = sizes
        try corpus.write(to: scratch.path + "/corpus")
        limits = try Limits(corpus: corpus, scratch: scratch)
    }

    func maker(people: Int) -> EventMaker { EventMaker(corpus: corpus, people: people) }

    /// The log of this many events, made when it is asked for first.
    func log(_ records: Int) throws -> Made {
        if let known = made[records] { return known }
        let path = scratch.path + "/log-\(records)"
        report.note(
            "making a log of \(Report.number(Double(records))) events, sealing while it grows ...")
        let writer = try child(
            LogChild.WriterReport.self,
            ["write", "--log", path, "--records", "\(records)"])
        let new = Made(path: path, records: records, writer: writer)
        made[records] = new
        return new
    }

    /// Runs a role of ``LogChild`` in a process of its own.
    func child<R: Decodable>(_ type: R.Type, _ arguments: [String]) throws -> R {
        let data = try Programs.output(of: try Programs.own(), childArguments(arguments))
        return try JSONDecoder().decode(type, from: data)
    }

    func childArguments(_ arguments: [String]) -> [String] {
        ["log-child"] + arguments + ["--corpus", scratch.path + "/corpus"]
    }

    /// Opens a log that a child made, to read it.
    static func open(_ made: Made) throws -> EventLog {
        var configuration = LogConfiguration()
        configuration.sealing = .off
        return try EventLog.open(directory: made.path, configuration: configuration)
    }
}
