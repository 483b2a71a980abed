internal import ArgumentParser
internal import JSONText

struct Consent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What one person has allowed, purpose by purpose, with the evidence.",
        subcommands: [Show.self, Set.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "State, assertions and evidence of one person. `show` may be left out.",
            discussion: "The question itself is recorded before it is answered.")
        @OptionGroup var place: Place
        @OptionGroup var person: PersonArgument
        @Option(help: ArgumentHelp("As it was known at this offset or time.", valueName: "when"))
        var asOf: String?
        @Option(help: "At most this many assertions, the newest.")
        var limit: Int?

        func run() async throws {
            let parameters = JSONObject.of(
                ("person", .string(person.person)), ("asOf", .text(asOf)),
                ("limit", .whole(limit)))
            try await Client.ask(place, "consent", parameters, view: ConsentView.text)
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Records what a person said outside of any event: a letter, a call.",
            discussion: """
                It counts like any other assertion: a denial at once, and a grant only against denials that \
                are older.
                """)
        @OptionGroup var place: Place
        @OptionGroup var person: PersonArgument
        @Argument(help: ArgumentHelp("What was said.", valueName: "purpose=granted|denied"))
        var said: [String]
        @Option(help: "Where it is written down.")
        var document: String?
        @Option(help: "How it came: letter, phone, form.")
        var method: String?
        @Option(help: "When the person said so; now when absent, and never later.")
        var asserted: String?
        @Option(help: "Who answers for it; stands in the log.")
        var by = Names.user

        func validate() throws {
            guard !said.isEmpty else { throw ValidationError("say PURPOSE=granted or =denied") }
            for entry in said { _ = try Self.split(entry) }
        }

        private static func split(_ entry: String) throws -> (purpose: String, isGrant: Bool) {
            let parts = entry.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains(","),
                parts[1] == "granted" || parts[1] == "denied"
            else {
                throw ValidationError("\(entry) is not PURPOSE=granted or PURPOSE=denied")
            }
            return (String(parts[0]), parts[1] == "granted")
        }

        private func names(granted: Bool) throws -> String? {
            let names = try said.map(Self.split).filter { $0.isGrant == granted }.map(\.purpose)
            return names.isEmpty ? nil : names.joined(separator: ",")
        }

        func run() async throws {
            let parameters = JSONObject.of(
                ("person", .string(person.person)), ("granted", .text(try names(granted: true))),
                ("denied", .text(try names(granted: false))), ("document", .text(document)),
                ("method", .text(method)), ("asserted", .text(asserted)), ("by", .string(by)))
            try await Client.ask(place, "consent.set", parameters)
        }
    }
}
