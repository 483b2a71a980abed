internal import ArgumentParser
internal import JSONText

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "The rules: check, compare, apply, look back.",
        subcommands: [
            Check.self, Diff.self, Apply.self, History.self, Violations.self, Quarantine.self,
            Release.self,
        ])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Whether a policy file is valid; says where it is not.")
        @OptionGroup var place: Place
        @OptionGroup var file: PolicyFileArgument

        func run() async throws {
            try await Client.ask(place, "policy.check", try file.parameters(), whenAbsent: .scratch)
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What a policy file would change against the rules in force.")
        @OptionGroup var place: Place
        @OptionGroup var file: PolicyFileArgument

        func run() async throws {
            try await Client.ask(place, "policy.diff", try file.parameters(), whenAbsent: .scratch)
        }
    }

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts a policy in force for all events from now on.",
            discussion: "Sends nothing by itself; see `sluice replay simulate` first.")
        @OptionGroup var place: Place
        @OptionGroup var file: PolicyFileArgument
        @Option(help: "Who answers for it; stands in the log for ever. Default: your login name.")
        var approver = Names.user
        @Option(help: "Why; stands in the log beside it.")
        var note: String?

        func run() async throws {
            var parameters = try file.parameters()
            parameters["approver"] = .string(approver)
            parameters["note"] = .text(note)
            try await Client.ask(place, "policy.apply", parameters, whenAbsent: .create)
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every version that was in force, from which offset, by whom.")
        @OptionGroup var place: Place
        @Argument(help: "Print this version's text.")
        var version: Int?

        func run() async throws {
            let parameters = JSONObject.of(("version", .whole(version)))
            try await Client.ask(place, "policy.history", parameters) { value in
                value["text"]?.string ?? Renderer.text(value)
            }
        }
    }
}

/// A policy file, read here: the server gets its text.
struct PolicyFileArgument: ParsableArguments {
    @Argument(help: "The policy file (YAML).")
    var file: String

    /// `text` and `name` as the policy operations take them.
    func parameters() throws -> JSONObject { try Self.parameters(file) }

    static func parameters(_ file: String) throws -> JSONObject {
        let bytes = try TextFile.read(file)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.refused, "\(file) is not UTF-8")
        }
        return JSONObject.of(("text", .string(text)), ("name", .string(file)))
    }
}
