internal import ArgumentParser
internal import JSONText

struct Source: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "How the events of one source are taken: its clients' dialect, limits, addresses.",
        subcommands: [Change.self, List.self])

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Changes what is named; the rest stays. In force at once."
        )
        @OptionGroup var place: Place
        @Argument(help: "The source's name, as `sluice key create` gave it.")
        var source: String
        @Option(
            help:
                "segment (items one by one), or rudderstack (4,000 KiB, a batch whole or not at all)."
        )
        var dialect: String?
        @Option(help: "The largest single event, in KiB, up to 4032.")
        var itemKib: Int?
        @Option(help: "The largest body, in KiB, up to 4096.")
        var batchKib: Int?
        @Option(help: "Events a second, answered with 429 past it; 0 for no bound.")
        var rate: Int?
        @Option(
            help: "yes cuts addresses before they are stored: the last 8 bits of IPv4, 80 of IPv6.")
        var truncateIp: YesNo?
        @Option(help: "yes refuses a write key alone.")
        var requireOauth: YesNo?
        @Option(help: "An OAuth client's id; with --public-key.")
        var oauthClient: String?
        @Option(help: ArgumentHelp("Its RSA public key.", valueName: "public.pem"))
        var publicKey: String?
        @Option(help: "An OAuth client that may not come any more.")
        var removeOauthClient: String?
        @Option(
            help:
                "The entry of secrets.yaml that signed identity calls (x-mp-signature) are checked with."
        )
        var signingSecret: String?
        @Flag(help: "No signed calls any more.")
        var removeSigningSecret = false

        func validate() throws {
            guard (oauthClient == nil) == (publicKey == nil) else {
                throw ValidationError("--oauth-client and --public-key go together")
            }
        }

        func run() async throws {
            var parameters = JSONObject.of(
                ("source", .string(source)), ("dialect", .text(dialect)),
                ("itemBytes", .whole(itemKib.map { $0 << 10 })),
                ("bodyBytes", .whole(batchKib.map { $0 << 10 })),
                ("eventsPerSecond", .whole(rate)), ("oauthClient", .text(oauthClient)),
                ("removeOAuthClient", .text(removeOauthClient)),
                ("signingSecret", .text(signingSecret)))
            if removeSigningSecret { parameters["removeSigningSecret"] = true }
            if let truncateIp { parameters["truncateIP"] = .bool(truncateIp == .yes) }
            if let requireOauth { parameters["requireOAuth"] = .bool(requireOauth == .yes) }
            if let publicKey {
                let bytes = try TextFile.read(publicKey, limitBytes: 64 << 10)
                parameters["publicKey"] = .string(String(decoding: bytes, as: UTF8.self))
            }
            try await Client.ask(place, "source.set", parameters)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every source that has a key or was set.")
        @OptionGroup var place: Place
        func run() async throws { try await Client.ask(place, "source.list", JSONObject()) }
    }
}

enum YesNo: String, ExpressibleByArgument, CaseIterable { case yes, no }
