import ArgumentParser
import Foundation

/// `bench log`: the event log against the goals of DESIGN, section 9.
struct LogBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Durable append, replay, look-ups, opening, stored bytes and memory of the log.")

    enum Section: String, CaseIterable, ExpressibleByArgument {
        case limits, append, stored, replay, lookup, memory, open
    }

    @Flag(help: "Small sizes: about a minute, and no goal is judged by it in earnest.")
    var quick = false
    @Flag(help: "All figures as JSON on stdout; the table goes to stderr.")
    var json = false
    @Option(help: "Only these sections (besides the limits they are held against).")
    var only: [Section] = []
    @Option(
        help: "Records of the large log (10 M, or 500 k with --quick); the small one has a tenth.")
    var records: Int?
    @Option(
        help:
            "Where the files go, on a real disk; removed at the end. Default: a new one in TMPDIR.")
    var dir: String?
    @Option(help: "Where the real inputs are.")
    var inputs = "../shared"

    func validate() throws {
        if let records, records < 10_000 { throw ValidationError("--records is at least 10000") }
    }

    func run() async throws {
        let scratch = try Scratch(dir)
        defer { scratch.remove() }
        let report = Report(json ? .json : .table)
        let run = try LogRun(
            report: report, scratch: scratch, corpus: try CorpusBuilder.build(from: inputs),
            sizes: LogRun.Sizes(quick: quick, records: records))
        let wanted = only.isEmpty ? Section.allCases : [.limits] + only
        for section in Section.allCases where wanted.contains(section) {
            try await perform(section, run)
        }
        report.begin("end", "the machine's limits again, to see how steady it was")
        run.limits.measure(into: report)
        try report.finish()
    }

    private func perform(_ section: Section, _ run: LogRun) async throws {
        switch section {
        case .limits: try LimitsSection.perform(run)
        case .append: try await AppendSection.perform(run)
        case .stored: try StoredSection.perform(run)
        case .replay: try ReplaySection.perform(run)
        case .lookup: try LookupSection.perform(run)
        case .memory: try MemorySection.perform(run)
        case .open: try OpenSection.perform(run)
        }
    }
}

/// A directory for the run's files.
struct Scratch: Sendable {
    let path: String

    init(_ parent: String?) throws {
        let folder = (parent ?? NSTemporaryDirectory()) + "/sluice-bench-\(getpid())"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        path = folder
    }

    func remove(_ name: String? = nil) {
        let place = name.map { path + "/" + $0 } ?? path
        do { try FileManager.default.removeItem(atPath: place) } catch {
            FileHandle.standardError.write(Data("left behind: \(place)\n".utf8))
        }
    }
}
