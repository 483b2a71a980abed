internal import ArgumentParser
internal import JSONText

/// What sends, and only by a stored plan: each shows its plan first.
extension Replay {
    struct Backfill: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends one destination what the rules in force allow and it never got.",
            discussion: "Shows the plan; --apply puts it in force. Never sends anything twice.")
        @OptionGroup var place: Place
        @OptionGroup var plan: PlanArguments
        @Flag(
            help: """
                Also send what was unknown or expired at the event, for purposes that the policy marks \
                `retroactive: true`.
                """)
        var retroactive = false

        func run() async throws {
            var parameters = plan.parameters()
            parameters["retroactive"] = .bool(retroactive)
            try await Client.ask(place, "replay.backfill", parameters)
        }
    }

    struct Repair: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tries again what was rejected, parked or cancelled and may leave now.",
            discussion: """
                Shows the plan; --apply puts it in force. What was delivered is left alone, and nobody \
                guesses at an unknown outcome.
                """)
        @OptionGroup var place: Place
        @OptionGroup var plan: PlanArguments
        @Option(
            help: "Only what is rejected, parked, cancelled or unknown; may be given again.")
        var state: [String] = []

        func run() async throws {
            var parameters = plan.parameters()
            if !state.isEmpty { parameters["state"] = .array(state.map { .string($0) }) }
            try await Client.ask(place, "replay.repair", parameters)
        }
    }

    struct Correct: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Amends or retracts what one destination was told and should not stand.",
            discussion: """
                Shows the plan; --apply puts it in force. An event is retracted when the rules in force and \
                what is known now withhold it, and amended when they give it another body.
                """)
        @OptionGroup var place: Place
        @OptionGroup var plan: PlanArguments
        @Option(help: "Only `amend` or only `retract`.")
        var only: String?

        func run() async throws {
            var parameters = plan.parameters()
            parameters["only"] = .text(only)
            try await Client.ask(place, "replay.correct", parameters)
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
            abstract: "What somebody should look at although no rule was broken.",
            discussion: """
                Such as what was sent before its consent was taken back: it stands until the person agrees \
                again, or `sluice replay correct` has retracted it.
                """)
        @OptionGroup var place: Place
        @Option(help: "Only of this destination.")
        var destination: String?
        @Option(help: "Show at most so many.")
        var limit: Int?
        @Option(help: "Pass over so many first.")
        var skip: Int?

        func run() async throws {
            let parameters = JSONObject.of(
                ("destination", .text(destination)), ("limit", .whole(limit)),
                ("skip", .whole(skip)))
            try await Client.ask(place, "replay.findings", parameters)
        }
    }
}

/// What every plan takes.
struct PlanArguments: ParsableArguments {
    @Argument(help: "The destination's name in the policy.")
    var destination: String
    @OptionGroup var range: RangeArguments
    @OptionGroup var narrowing: NarrowingArguments
    @Flag(help: "Put the plan in force.")
    var apply = false
    @Option(help: "Who answers for what is sent. Default: your login name.")
    var approver = Names.user
    @Option(help: "Effects a second, at most.")
    var rate: Int?

    func parameters() -> JSONObject {
        var parameters = range.parameters()
        parameters["destination"] = .string(destination)
        parameters["dryRun"] = .bool(!apply)
        parameters["approver"] = .string(approver)
        parameters["rate"] = .whole(rate)
        narrowing.add(to: &parameters)
        return parameters
    }
}
