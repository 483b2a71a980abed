internal import ArgumentParser
internal import JSONText

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "How the log, the fold and the destinations stand.")
    @OptionGroup var place: Place

    func run() async throws {
        try await Client.ask(place, "status", JSONObject(), view: StatusView.text)
    }
}

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Why a destination did, or did not, get an event.")
    @OptionGroup var place: Place
    @Argument(help: "The event: an offset, source/messageId, or a message id.")
    var event: String
    @Argument(help: "The destination's name; every destination of the policy when absent.")
    var destination: String?

    func run() async throws {
        let answers = try await Client.with(place) { client in
            var answers: [JSONValue] = []
            for name in try await names(client) {
                let parameters = JSONObject.of(
                    ("event", .string(event)), ("destination", .string(name)))
                answers.append(try await client.perform("explain", .object(parameters)))
            }
            return answers
        }
        if place.json {
            let value = destination == nil ? .array(answers) : answers.first
            Terminal.out((value ?? .null).prettyText)
        } else {
            Terminal.out(answers.map(ExplainView.text).joined(separator: "\n\n"))
        }
    }

    private func names(_ client: Client) async throws -> [String] {
        if let destination { return [destination] }
        let status = try await client.perform("status", .object(JSONObject()))
        var names: [String] = []
        for lane in status["destinations"]?.array ?? [] {
            guard let name = lane["destination"]?.string, !names.contains(name) else { continue }
            names.append(name)
        }
        guard !names.isEmpty else {
            throw CommandFailure(
                .notFound, "no policy has named a destination yet: see `sluice policy apply`")
        }
        return names
    }
}

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What was shared, with whom, when, under which consent and rule.",
        subcommands: [Disclosures.self, Decisions.self])

    struct Disclosures: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Everything that was told to others about one person.",
            discussion: "The question itself is recorded before it is answered.")
        @OptionGroup var place: Place
        @Option(
            name: .customLong("person"),
            help: ArgumentHelp("The person.", valueName: "type:value"))
        var named: String?
        @Argument(help: "The person: TYPE:VALUE, or a profile's id. The same as --person.")
        var person: String?
        @Option(help: "At most this many, the newest.")
        var limit: Int?

        func validate() throws {
            guard let one = named ?? person, named == nil || person == nil else {
                throw ValidationError("name one person: --person TYPE:VALUE")
            }
            try PersonArgument.check(one)
        }

        func run() async throws {
            let parameters = JSONObject.of(
                ("person", .text(named ?? person)), ("limit", .whole(limit)))
            try await Client.ask(
                place, "audit.disclosures", parameters, view: DisclosuresView.text)
        }
    }

    struct Decisions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What was decided of a person's events, or of a range, when they came.",
            discussion: """
                As decided then, with the policy version that governed. `sluice explain` asks every gate \
                of one event again.
                """)
        @OptionGroup var place: Place
        @Option(help: ArgumentHelp("The person, in place of a range.", valueName: "type:value"))
        var person: String?
        @Option(help: ArgumentHelp("The first offset, or a time.", valueName: "when"))
        var from: String?
        @Option(help: ArgumentHelp("The offset after the last, or a time.", valueName: "when"))
        var to: String?
        @Option(help: "Only for this destination.")
        var destination: String?
        @Option(help: ArgumentHelp("As it was known at this offset or time.", valueName: "when"))
        var asOf: String?
        @Option(help: "At most this many events: a person's newest, a range's first.")
        var limit: Int?

        func validate() throws {
            if let person { try PersonArgument.check(person) }
            guard person == nil || from == nil && to == nil else {
                throw ValidationError("name a person, or a range, not both")
            }
        }

        func run() async throws {
            let parameters = JSONObject.of(
                ("person", .text(person)), ("from", .text(from)), ("to", .text(to)),
                ("destination", .text(destination)), ("asOf", .text(asOf)),
                ("limit", .whole(limit)))
            try await Client.ask(place, "audit.decisions", parameters, view: DecisionsView.text)
        }
    }
}

struct Profile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What is known of one person: identifiers, traits, audiences.")
    @OptionGroup var place: Place
    @OptionGroup var person: PersonArgument
    @Option(help: ArgumentHelp("As it was known at this offset or time.", valueName: "when"))
    var asOf: String?

    func run() async throws {
        let parameters = JSONObject.of(
            ("person", .string(person.person)), ("asOf", .text(asOf)))
        try await Client.ask(place, "profile", parameters)
    }
}

struct Rejects: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What was refused at the door last, and why.")
    @OptionGroup var place: Place
    @Option(help: "At most this many, newest first.")
    var limit = 20

    func run() async throws {
        try await Client.ask(place, "rejects", JSONObject.of(("limit", .whole(limit))))
    }
}

struct SQL: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "A question in SQL to the read model; it cannot change anything.")
    @OptionGroup var place: Place
    @Argument(help: ArgumentHelp("One SELECT statement.", valueName: "select"))
    var query: String
    @Option(help: "At most this many rows.")
    var limit: Int?

    func run() async throws {
        let parameters = JSONObject.of(("query", .string(query)), ("limit", .whole(limit)))
        try await Client.ask(place, "sql", parameters, view: RowsView.text)
    }
}

/// A person by one of their identifiers, or by a profile's id.
struct PersonArgument: ParsableArguments {
    @Argument(
        help:
            "The person: TYPE:VALUE, such as user_id:4711 or email:ada@example.com, or a profile's id."
    )
    var person: String

    func validate() throws { try Self.check(person) }

    static func check(_ person: String) throws {
        if person.wholeMatch(of: /p[0-9]+\.[0-9]+/) != nil { return }
        guard let colon = person.firstIndex(of: ":"), colon > person.startIndex,
            person.index(after: colon) < person.endIndex
        else {
            throw ValidationError("\(person) is not TYPE:VALUE, such as user_id:4711")
        }
    }
}
