package import ArgumentParser

/// The command line. One file a group of subcommands, in `Commands/`.
package struct Sluice: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "A customer data platform over an append-only log.",
        discussion: """
            Commands talk to the running server through the socket in the data directory, and open the \
            data themselves when none runs. The directory is --data, else $SLUICE_DATA, else ./sluice-data.

            Exit codes: 0 done; 1 failed; 2 wrong usage; 3 not found; 4 refused (invalid policy, not \
            allowed, conflict); 5 the server is unreachable or busy.
            """,
        groupedSubcommands: [
            CommandGroup(
                name: "Running", subcommands: [Serve.self, Ingest.self, Status.self, Tail.self]),
            CommandGroup(
                name: "Asking",
                subcommands: [
                    Explain.self, Audit.self, Profile.self, Consent.self, Audience.self,
                    Rejects.self, SQL.self,
                ]),
            CommandGroup(
                name: "Changing",
                subcommands: [
                    PolicyCommand.self, Replay.self, IdentityCommand.self, Suppress.self,
                    Destination.self,
                ]),
            CommandGroup(
                name: "Operating", subcommands: [Key.self, Token.self, Source.self, Log.self]),
        ])

    package init() {}
}
