import ArgumentParser

/// Stands in for what is around the product: a web shop that sends events, and whoever receives
/// webhooks. The demo and the tests use it; nothing of the product does.
@main
struct DemoShop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-shop",
        abstract:
            "A believable web shop's traffic from a seed, its app, and a receiver for webhooks.",
        subcommands: [Generate.self, Receive.self, Send.self])
}
