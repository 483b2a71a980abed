internal import ArgumentParser
internal import JSONText

struct Audience: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Audiences: which there are, what they mean, who is in them, and why.",
        subcommands: [List.self, Show.self, Members.self, Explain.self],
        defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every audience that a policy ever named, with how many are in it.")
        @OptionGroup var place: Place
        @Argument(help: "The name of one: the same as `members NAME`.")
        var name: String?

        func run() async throws {
            guard let name else {
                try await Client.ask(place, "audiences", JSONObject())
                return
            }
            try await Client.ask(place, "audience", JSONObject.of(("name", .string(name))))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What an audience means, who is told of it, and what moved people.")
        @OptionGroup var place: Place
        @OptionGroup var audience: AudienceArgument

        func run() async throws {
            try await Client.ask(
                place, "audience.show", JSONObject.of(("name", .string(audience.name))))
        }
    }

    struct Members: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Who is in an audience, now or as it was known.")
        @OptionGroup var place: Place
        @OptionGroup var audience: AudienceArgument
        @Option(help: ArgumentHelp("As it was known at this offset or time.", valueName: "when"))
        var asOf: String?
        @Option(help: "At most this many, the oldest.")
        var limit: Int?

        func run() async throws {
            let parameters = JSONObject.of(
                ("name", .string(audience.name)), ("asOf", .text(asOf)), ("limit", .whole(limit)))
            try await Client.ask(place, "audience", parameters)
        }
    }

    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Why a person is in an audience or not, or was, condition by condition.")
        @OptionGroup var place: Place
        @OptionGroup var audience: AudienceArgument
        @OptionGroup var person: PersonArgument
        @Option(help: ArgumentHelp("As it was known at this offset or time.", valueName: "when"))
        var asOf: String?

        func run() async throws {
            let parameters = JSONObject.of(
                ("name", .string(audience.name)), ("person", .string(person.person)),
                ("asOf", .text(asOf)))
            try await Client.ask(
                place, "audience.explain", parameters, view: AudienceView.explanation)
        }
    }
}

struct AudienceArgument: ParsableArguments {
    @Argument(help: "The audience's name in the policy.")
    var name: String
}
