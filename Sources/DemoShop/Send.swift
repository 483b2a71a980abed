import ArgumentParser
import Glibc
import JSONText
import SluiceClient

/// The shop's app: one person who orders again and again, through the client library.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send orders through the client library; each is printed once it is queued.",
        discussion: """
            Kill it at any moment and start it again with --count 0: what it had printed arrives, once. \
            A tail that ends with an order that was not printed was queued when the program died.
            """)

    @Option(help: "The server.")
    var url = "http://127.0.0.1:8080"

    @Option(help: "The write key of a source.")
    var key: String

    @Option(help: "The directory of the queue.")
    var queue: String

    @Option(help: "Number of orders; 0 sends what the queue holds.")
    var count = 100

    @Option(help: "The first order's number.")
    var first = 0

    @Option(help: "The most of one batch.")
    var batch = 20

    func run() async throws {
        var configuration = ClientConfiguration(url: url, writeKey: key, directory: queue)
        configuration.batchItems = batch
        configuration.interval = .milliseconds(50)
        let orders = first..<(first + count)
        try await SluiceClient.with(configuration) { report in
            print("# \(report)")
        } _: { client in
            for number in orders {
                try await client.track(
                    "Order Completed", ["order_id": .int(Int64(number)), "revenue": 9],
                    MessageOptions(messageID: "order-\(number)"))
                print("order-\(number)")
                fflush(nil)
            }
            try await client.flush(within: .seconds(60))
        }
    }
}
