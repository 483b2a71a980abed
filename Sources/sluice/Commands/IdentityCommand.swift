internal import ArgumentParser
internal import JSONText

struct IdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "Links between identifiers: what waits, what was refused, what was taken back.",
        subcommands: [
            Review.self, Retract.self, Lift.self, Retractions.self, Refusals.self,
        ])

    struct Review: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Links that would make a profile larger than the policy allows unseen.",
            discussion: """
                Without an option, lists them. An approved link counts from then on; every other rule still
                stands against it. A rejected one is barred until lifted.
                """)
        @OptionGroup var place: Place
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp(
                "Approves these: numbers, or TYPE:VALUE for all of one.", valueName: "which"))
        var approve: [String] = []
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp("Rejects these.", valueName: "which"))
        var reject: [String] = []
        @Flag(help: "Lists those that were decided too.")
        var all = false
        @Option(help: "Why; stands in the log.")
        var reason: String?
        @Option(help: "Who decides; stands in the log.")
        var by = Names.user

        func validate() throws {
            guard !all || approve.isEmpty && reject.isEmpty else {
                throw ValidationError("--all lists; it decides nothing")
            }
            for named in approve + reject where Int(named) == nil {
                try PairArguments.check(named)
            }
        }

        func run() async throws {
            guard !approve.isEmpty || !reject.isEmpty else {
                let parameters = JSONObject.of(("all", .bool(all)))
                return try await Client.ask(place, "identity.review", parameters)
            }
            let answers = try await Client.with(place) { client in
                var answers: [JSONValue] = []
                for (operation, chosen) in [
                    ("identity.approve", approve), ("identity.reject", reject),
                ] {
                    for named in chosen {
                        let parameters = JSONObject.of(
                            ("review", .string(named)), ("reason", .text(reason)),
                            ("by", .string(by)))
                        answers.append(try await client.perform(operation, .object(parameters)))
                    }
                }
                return answers
            }
            if place.json {
                let value = answers.count == 1 ? answers[0] : .array(answers)
                Terminal.out(value.prettyText)
            } else {
                Terminal.out(answers.map { Renderer.text($0) }.joined(separator: "\n\n"))
            }
        }
    }

    struct Retract: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says that two identifiers are not one person's.",
            discussion: """
                The pair is barred until lifted, for every event to come and for every rebuild. Where that link
                was what held a person together, it is two people from here on, each with its own consent. Where
                other links still hold them, they are named.
                """)
        @OptionGroup var place: Place
        @OptionGroup var pair: PairArguments
        @Option(help: "Why; stands in the log.")
        var reason: String
        @Option(help: "Who decides; stands in the log.")
        var by = Names.user

        func run() async throws {
            try await Client.ask(place, "identity.retract", pair.parameters(reason, by: by))
        }
    }

    struct Lift: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets events link a retracted pair again, from now on.")
        @OptionGroup var place: Place
        @OptionGroup var pair: PairArguments
        @Option(help: "Why; stands in the log.")
        var reason: String?
        @Option(help: "Who decides; stands in the log.")
        var by = Names.user

        func run() async throws {
            try await Client.ask(place, "identity.lift", pair.parameters(reason, by: by))
        }
    }

    struct Retractions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every pair that was retracted, and where it was lifted.")
        @OptionGroup var place: Place

        func run() async throws {
            try await Client.ask(place, "identity.retractions", JSONObject())
        }
    }

    struct Refusals: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Links that were refused, newest first, with the reason.")
        @OptionGroup var place: Place
        @Argument(help: "Only those of this person: TYPE:VALUE, or a profile's id.")
        var person: String?
        @Option(help: "At most this many.")
        var limit: Int?

        func validate() throws {
            if let person { try PersonArgument.check(person) }
        }

        func run() async throws {
            let parameters = JSONObject.of(("person", .text(person)), ("limit", .whole(limit)))
            try await Client.ask(place, "identity.refusals", parameters)
        }
    }
}

/// Two identifiers.
struct PairArguments: ParsableArguments {
    @Argument(help: "One identifier: TYPE:VALUE, such as user_id:4711.")
    var first: String
    @Argument(help: "The other one, such as email:ada@example.com.")
    var second: String

    func validate() throws {
        try Self.check(first)
        try Self.check(second)
    }

    static func check(_ text: String) throws {
        try PersonArgument.check(text)
        guard text.contains(":") else {
            throw ValidationError("\(text) is not TYPE:VALUE, such as user_id:4711")
        }
    }

    func parameters(_ reason: String?, by: String) -> JSONObject {
        JSONObject.of(
            ("first", .string(first)), ("second", .string(second)), ("reason", .text(reason)),
            ("by", .string(by)))
    }
}
