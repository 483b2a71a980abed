internal import ArgumentParser
internal import JSONText

/// What tracking plans found, and how it gets out of quarantine.
extension PolicyCommand {
    struct Violations: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How often each rule of a tracking plan was broken, by event name.")
        @OptionGroup var place: Place

        func run() async throws {
            try await Client.ask(place, "policy.violations", JSONObject())
        }
    }

    struct Quarantine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Events that a tracking plan holds back from everybody, and why.")
        @OptionGroup var place: Place
        @OptionGroup var range: RangeArguments
        @Option(help: "Show at most so many.")
        var limit: Int?

        func run() async throws {
            var parameters = range.parameters()
            parameters["limit"] = .whole(limit)
            try await Client.ask(place, "policy.quarantine", parameters)
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends what is in quarantine and does not break the rules in force.",
            discussion: """
                Shows the plan for each destination; --apply puts it in force. Never sends anything twice.
                """)
        @OptionGroup var place: Place
        @OptionGroup var range: RangeArguments
        @Argument(help: "The destination's name; every destination of the policy when absent.")
        var destination: String?
        @Flag(help: "Put the plan in force.")
        var apply = false
        @Option(help: "Who answers for what is sent. Default: your login name.")
        var approver = Names.user
        @Option(help: "Effects a second to each destination, at most.")
        var rate: Int?

        func run() async throws {
            var parameters = range.parameters()
            parameters["destination"] = .text(destination)
            parameters["dryRun"] = .bool(!apply)
            parameters["approver"] = .string(approver)
            parameters["rate"] = .whole(rate)
            try await Client.ask(place, "policy.release", parameters)
        }
    }
}
