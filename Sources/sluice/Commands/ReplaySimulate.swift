internal import ArgumentParser
internal import JSONText

/// What cannot send anything: simulations, their lists, and what was shared too widely.
extension Replay {
    struct Simulate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What each destination would, and would not, have got under a policy.",
            discussion: """
                Cannot send anything. With --list every difference is written out, one a row, instead of \
                the counts.
                """)
        @OptionGroup var place: Place
        @OptionGroup var file: PolicyFileArgument
        @OptionGroup var question: SimulationArguments
        @Option(help: "How many differing events to name for each destination.")
        var samples: Int?
        @Flag(
            help:
                "Fold every line again, even where columns can tell: slower, with the same counts.")
        var fold = false
        @Option(
            help:
                "Write out: allowed, withheld, changed, over-shared, audiences or profiles.")
        var list: String?
        @OptionGroup var output: ListArguments

        func run() async throws {
            var parameters = try file.parameters()
            question.add(to: &parameters)
            if let list {
                return try await output.write(list, place, parameters)
            }
            parameters["fold"] = .bool(fold)
            parameters["samples"] = .whole(samples)
            try await Client.ask(place, "replay.simulate", parameters, view: SimulationView.text)
        }
    }

    struct Oversharing: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every event that was delivered and should not stand, and what to ask for.",
            discussion: """
                Judged by the rules in force, or by POLICY, with consent as known now. Cannot send \
                anything: `sluice replay correct` retracts what is listed.
                """)
        @OptionGroup var place: Place
        @Argument(help: "A policy file (YAML); the rules in force when absent.")
        var policy: String?
        @OptionGroup var question: SimulationArguments
        @OptionGroup var output: ListArguments

        func run() async throws {
            var parameters =
                try policy.map { try PolicyFileArgument.parameters($0) } ?? JSONObject()
            question.add(to: &parameters)
            if question.consent == nil { parameters["consent"] = .string("current") }
            try await output.write("over-shared", place, parameters)
        }
    }
}

/// What a simulation is asked.
struct SimulationArguments: ParsableArguments {
    @OptionGroup var range: RangeArguments
    @OptionGroup var narrowing: NarrowingArguments
    @Option(help: "Only this destination; may be given again.")
    var destination: [String] = []
    @Option(
        help: ArgumentHelp(
            "Whose consent counts: at-event, current, or as-of:OFFSET or as-of:TIME.",
            valueName: "when"))
    var consent: String?

    func validate() throws {
        guard let consent else { return }
        guard consent == "at-event" || consent == "current" || consent.hasPrefix("as-of:") else {
            throw ValidationError("\(consent) is neither at-event, current nor as-of:OFFSET")
        }
    }

    func add(to parameters: inout JSONObject) {
        parameters["from"] = .text(range.from)
        parameters["to"] = .text(range.to)
        narrowing.add(to: &parameters)
        if !destination.isEmpty {
            parameters["destination"] = .array(destination.map { .string($0) })
        }
        parameters["consent"] = .text(consent)
    }
}

/// How and where a list is written.
struct ListArguments: ParsableArguments {
    @Option(help: "ndjson (the default) or csv.")
    var format: String?
    @Option(help: "Write the list to this file instead of standard output.")
    var output: String?

    func validate() throws {
        if let format, format != "ndjson", format != "csv" {
            throw ValidationError("\(format) is no format of lists: ndjson or csv")
        }
    }

    func write(_ list: String, _ place: Place, _ parameters: JSONObject) async throws {
        var parameters = parameters
        parameters["list"] = .string(list)
        parameters["format"] = .text(format)
        try await Client.list(place, parameters, to: output)
    }
}
