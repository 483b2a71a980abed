internal import ArgumentParser
internal import JSONText

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "History under other rules: simulate, rebuild, verify, send what was missed.",
        subcommands: [
            Simulate.self, Rebuild.self, Verify.self, Backfill.self, Plans.self, Findings.self,
        ])

    struct Simulate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What each destination would, and would not, have got under a policy.",
            discussion: "Cannot send anything.")
        @OptionGroup var place: Place
        @OptionGroup var file: PolicyFileArgument
        @OptionGroup var range: RangeArguments
        @Option(help: "How many differing events to name for each destination.")
        var samples: Int?
        @Flag(
            help:
                "Fold every line again, even where columns can tell: slower, with the same counts.")
        var fold = false

        func run() async throws {
            var parameters = try file.parameters()
            parameters["fold"] = .bool(fold)
            parameters["from"] = .text(range.from)
            parameters["to"] = .text(range.to)
            parameters["samples"] = .whole(samples)
            try await Client.ask(place, "replay.simulate", parameters, view: SimulationView.text)
        }
    }

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

    struct Backfill: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends one destination what the rules in force allow and it never got.",
            discussion: "Shows the plan; --apply puts it in force. Never sends anything twice.")
        @OptionGroup var place: Place
        @Argument(help: "The destination's name in the policy.")
        var destination: String
        @OptionGroup var range: RangeArguments
        @Flag(help: "Put the plan in force.")
        var apply = false
        @Option(help: "Who answers for what is sent. Default: your login name.")
        var approver = Names.user
        @Option(help: "Effects a second, at most.")
        var rate: Int?

        func run() async throws {
            var parameters = range.parameters()
            parameters["destination"] = .string(destination)
            parameters["dryRun"] = .bool(!apply)
            parameters["approver"] = .string(approver)
            parameters["rate"] = .whole(rate)
            try await Client.ask(place, "replay.backfill", parameters)
        }
    }

    struct Plans: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every plan, and what became of it.")
        @OptionGroup var place: Place

        func run() async throws { try await Client.ask(place, "replay.plans", JSONObject()) }
    }

    struct Findings: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What somebody should look at although no rule was broken.")
        @OptionGroup var place: Place

        func run() async throws { try await Client.ask(place, "replay.findings", JSONObject()) }
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
