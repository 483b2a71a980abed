internal import ArgumentParser
internal import Glibc
internal import JSONText

struct Suppress: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stops collecting for and telling others about a person, from now on.",
        discussion: """
            Each suppression also stands in suppressions.ndjson in the data directory, outside the log. After
            a restore, `--reapply` brings back those that were made since the backup.
            """)
    @OptionGroup var place: Place
    @Argument(help: "The person: TYPE:VALUE, such as user_id:4711 or email:ada@example.com.")
    var person: String?
    @Option(
        help: ArgumentHelp(
            "Appends the suppressions of this file that the log does not hold.",
            valueName: "suppressions.ndjson"))
    var reapply: String?
    @Option(help: "Who asked for it; stands in the log.")
    var by = Names.user

    func validate() throws {
        guard (person == nil) != (reapply == nil) else {
            throw ValidationError("name one person as TYPE:VALUE, or a file with --reapply")
        }
        if let person { try PersonArgument.check(person) }
    }

    func run() async throws {
        guard let reapply else {
            let parameters = JSONObject.of(("person", .text(person)), ("by", .string(by)))
            return try await Client.ask(place, "suppress", parameters)
        }
        let result = try await Client.with(place) { client in
            try await client.reapplySuppressions(of: reapply, by: by)
        }
        Terminal.out(place.json ? result.prettyText : Renderer.text(result))
    }
}

struct Destination: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Holds a destination, lets it go on, tries its parked effects again.",
        subcommands: [Pause.self, Resume.self, Redrive.self, Settle.self])

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sends it nothing for now.")
        @OptionGroup var place: Place
        @OptionGroup var which: DestinationArgument
        func run() async throws { try await which.ask(place, "destination.pause") }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sends to it again.")
        @OptionGroup var place: Place
        @OptionGroup var which: DestinationArgument
        func run() async throws { try await which.ask(place, "destination.resume") }
    }

    struct Redrive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tries once more what was parked after too many tries.")
        @OptionGroup var place: Place
        @OptionGroup var which: DestinationArgument
        func run() async throws { try await which.ask(place, "destination.redrive") }
    }

    struct Settle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what became of a request whose answer nobody knows.",
            discussion: "For what `replay findings` calls unknown: ask the recipient first.")
        @OptionGroup var place: Place
        @OptionGroup var which: DestinationArgument
        @Option(help: "The attempt's offset, as `replay findings` names it.")
        var attempt: Int
        @Option(name: .customLong("as"), help: "delivered, rejected, or pending to try it again.")
        var outcome: Outcome

        enum Outcome: String, ExpressibleByArgument { case delivered, rejected, pending }

        func run() async throws {
            try await which.ask(
                place, "destination.settle",
                [("attempt", .int(Int64(attempt))), ("as", .string(outcome.rawValue))])
        }
    }
}

struct DestinationArgument: ParsableArguments {
    @Argument(help: "The destination's name in the policy.")
    var destination: String
    @Option(help: "Who asked for it; stands in the log.")
    var by = Names.user

    func ask(
        _ place: Place, _ operation: String, _ more: [(key: String, value: JSONValue)] = []
    ) async throws {
        let parameters = JSONObject(
            [("destination", .string(destination)), ("by", .string(by))] + more)
        try await Client.ask(place, operation, parameters)
    }
}

struct Key: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write keys: who may send events, and as which source.",
        subcommands: [Create.self, Revoke.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a write key. It is shown once and kept nowhere.")
        @OptionGroup var place: Place
        @Argument(help: "The source whose events it may send.")
        var source: String
        @Option(help: "The key's own name; the source's when absent.")
        var name: String?
        @Flag(help: "Also makes a secret, which mParticle's clients must then send beside the key.")
        var secret = false

        func run() async throws {
            let parameters = JSONObject.of(
                ("source", .string(source)), ("name", .text(name)), ("secret", .bool(secret)))
            try await Client.ask(place, "key.create", parameters, whenAbsent: .create)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes a write key back.")
        @OptionGroup var place: Place
        @Argument(help: "The key's name.")
        var name: String

        func run() async throws {
            try await Client.ask(place, "key.revoke", JSONObject.of(("name", .string(name))))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Which keys and tokens there are; never the secrets.")
        @OptionGroup var place: Place
        func run() async throws { try await Client.ask(place, "access.list", JSONObject()) }
    }
}

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tokens: who may ask over HTTP, and what.",
        subcommands: [Create.self, Revoke.self, Key.List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token. It is shown once and kept nowhere.")
        @OptionGroup var place: Place
        @Argument(help: "operator, auditor or service.")
        var role: String
        @Argument(help: "The token's name, as records of its questions will show it.")
        var name: String

        func validate() throws {
            guard ["operator", "auditor", "service"].contains(role) else {
                throw ValidationError("\(role) is no role: operator, auditor or service")
            }
        }

        func run() async throws {
            let parameters = JSONObject.of(("role", .string(role)), ("name", .string(name)))
            try await Client.ask(place, "token.create", parameters, whenAbsent: .create)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes a token back.")
        @OptionGroup var place: Place
        @Argument(help: "The token's name.")
        var name: String

        func run() async throws {
            try await Client.ask(place, "token.revoke", JSONObject.of(("name", .string(name))))
        }
    }
}

/// Who sits at the terminal, for records of what was done.
enum Names {
    static var user: String {
        guard let name = getenv("USER") else { return "local" }
        let text = String(cString: name)
        return text.isEmpty ? "local" : text
    }
}
