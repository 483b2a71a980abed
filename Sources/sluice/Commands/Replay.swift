internal import ArgumentParser
internal import JSONText

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "History under other rules: simulate, rebuild, verify, send what was missed, correct what was sent.",
        subcommands: [
            Simulate.self, Oversharing.self, Rebuild.self, Verify.self, Backfill.self, Repair.self,
            Correct.self,
            Plans.self, Findings.self,
        ])

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Folds everything anew beside what is there, compares, and promotes it.")
        @OptionGroup var place: Place

        func run() async throws { try await Client.ask(place, "replay.rebuild", JSONObject()) }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Whether a fresh fold gives the same digest as what is live.")
        @OptionGroup var place: Place

        func run() async throws { try await Client.ask(place, "replay.verify", JSONObject()) }
    }
}

/// A part of history.
struct RangeArguments: ParsableArguments {
    @Option(help: "From this offset or time on.")
    var from: String?
    @Option(help: "Up to this offset or time, not including it.")
    var to: String?

    func parameters() -> JSONObject { JSONObject.of(("from", .text(from)), ("to", .text(to))) }
}

/// Which events a replay is about.
struct NarrowingArguments: ParsableArguments {
    @Option(help: "Only events of this source; may be given again.")
    var source: [String] = []
    @Option(
        help: "Only events of this name, or of this type where they have none; may be given again.")
    var event: [String] = []
    @Option(help: "Only events of this person: TYPE:VALUE or a profile id.")
    var person: String?

    func validate() throws {
        if let person { try PersonArgument.check(person) }
    }

    func add(to parameters: inout JSONObject) {
        if !source.isEmpty { parameters["source"] = .array(source.map { .string($0) }) }
        if !event.isEmpty { parameters["event"] = .array(event.map { .string($0) }) }
        parameters["person"] = .text(person)
    }
}
