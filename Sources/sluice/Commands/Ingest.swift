internal import ArgumentParser
internal import Feeds
internal import JSONText
internal import Platform

struct Ingest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads events from files: NDJSON or CSV, plain or gzip.",
        discussion: """
            Safe to run twice: message ids are stable, so what is there already counts as a duplicate. \
            Records that give no event go to the reject file with their reason (`sluice rejects`).
            """)
    @OptionGroup var place: Place
    @Argument(help: "The files, in order.")
    var files: [String] = []
    @Option(
        help: ArgumentHelp(
            "Instead of files: take in what appears in this directory, until stopped, and move it to "
                + "done/ or failed/ in it.", valueName: "directory"))
    var watch: String?
    @Option(
        help: ArgumentHelp(
            "With --watch: how long a file must be unchanged before it is read.",
            valueName: "seconds"))
    var settle = 5
    @Option(help: "The source whose events they are.")
    var source: String
    @Option(help: ArgumentHelp("How records become messages (YAML).", valueName: "file"))
    var map: String?
    @Option(
        help: "What a line is without a map: a message of segment's, or a batch of mparticle's.")
    var dialect: Dialect = .segment
    @Flag(
        help: ArgumentHelp(
            "Each event counts as arriving at its own time, and time moves with them. "
                + "Only for a workspace without other events."))
    var asIfLive = false
    @Option(
        help: ArgumentHelp(
            "Begin at this record of the first file, counted from 1.", valueName: "n"))
    var fromRecord = 1

    enum Dialect: String, ExpressibleByArgument, CaseIterable { case segment, mparticle }

    func validate() throws {
        guard map == nil || dialect == .segment else {
            throw ValidationError("a map makes messages of segment's: leave --dialect out")
        }
        guard watch != nil || !files.isEmpty else {
            throw ValidationError("name at least one file, or a directory with --watch")
        }
        guard watch == nil || (files.isEmpty && !asIfLive && fromRecord == 1) else {
            throw ValidationError("--watch takes no files, no --as-if-live and no --from-record")
        }
        guard (0...86_400).contains(settle) else {
            throw ValidationError("--settle is 0 to 86,400 seconds")
        }
        guard fromRecord >= 1 else { throw ValidationError("records are counted from 1") }
    }

    func run() async throws {
        let mapping: FeedMapping?
        do {
            mapping = try map.map { try FeedMapping(contentsOf: $0) }
        } catch {
            throw CommandFailure(.refused, "\(error)")
        }
        let options = IngestRun.Options(
            source: source, asIfLive: asIfLive, mapping: mapping,
            dialect: dialect == .mparticle ? .mparticle : .segment)
        if let watch {
            var folder = WatchedFolder(
                directory: watch, place: place, options: options, settle: .seconds(settle))
            try await folder.run()
        }
        let total = try await Client.with(place, whenAbsent: .create) { client in
            var run = IngestRun(client: client, options: options)
            for (index, file) in files.enumerated() {
                try await run.ingest(file, fromRecord: index == 0 ? fromRecord : 1)
            }
            try await run.finish()
            return run.total
        }
        Terminal.out(place.json ? total.json.prettyText : Renderer.text(total.json))
    }
}
