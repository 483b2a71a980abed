internal import ArgumentParser
internal import JSONText

struct Log: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The log itself: its size, its soundness, its lines.",
        subcommands: [
            Stat.self, Verify.self, Cat.self, Seal.self, Backup.self, Restore.self, Salvage.self,
            Reindex.self, AcceptLoss.self,
        ])

    struct Stat: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Records, segments, bytes, and what recovery found.")
        @OptionGroup var place: Place
        func run() async throws { try await Client.ask(place, "log.stat", JSONObject()) }
    }

    struct Seal: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Closes and seals the active segment now.")
        @OptionGroup var place: Place
        func run() async throws { try await Client.ask(place, "log.seal", JSONObject()) }
    }

    struct Cat: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The lines of a range, as they stand in the log.")
        @OptionGroup var place: Place
        @Argument(help: "From this offset or time on; from the first line when absent.")
        var from: String?
        @Option(help: "Up to this offset or time, not including it.")
        var to: String?
        @Option(help: "At most this many lines.")
        var limit: Int?

        func run() async throws {
            let parameters = JSONObject.of(
                ("from", .text(from)), ("to", .text(to)), ("limit", .whole(limit)))
            try await Client.ask(place, "log.cat", parameters, view: LinesView.text)
        }
    }
}

struct Tail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Follows a stream: one JSON line for each change, until stopped.")
    @OptionGroup var place: Place
    @Argument(help: "events, profiles or audiences.")
    var stream: String
    @Option(
        name: .customLong("from"),
        help: "The cursor of the last line that was seen, an offset or a time.")
    var cursor: String?

    func run() async throws {
        try await Client.with(place) { client in
            try await client.tail(stream, from: cursor) { Terminal.line($0) }
        }
    }
}
