internal import ArgumentParser
internal import JSONText

/// `sluice log accept-loss`: registered among the subcommands of `log`.
struct AcceptLoss: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept-loss",
        abstract: "Lets dispatch go on past a part of the log that cannot be read.",
        discussion: """
            `sluice status` lists what is lost. The range must cover all of a listed loss. What the lost records
            said is not known: they may have held denials. Whom they still name stays withheld.
            """)
    @OptionGroup var place: Place
    @Option(help: "The first offset of the loss, as `sluice status` lists it.")
    var from: UInt64
    @Option(help: "The first offset after it.")
    var to: UInt64
    @Option(help: "Why the loss is accepted; stands in the log.")
    var reason: String
    @Option(help: "Who accepts it; stands in the log.")
    var by = Names.user

    func run() async throws {
        let parameters = JSONObject.of(
            ("from", .string(String(from))), ("to", .string(String(to))),
            ("reason", .string(reason)), ("by", .string(by)))
        try await Client.ask(place, "log.acceptLoss", parameters)
    }
}
