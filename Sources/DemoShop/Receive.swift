import ArgumentParser
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Receives webhooks on this machine, until it is stopped.
struct Receive: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Receive webhooks: verify the signature, drop what came before, write the rest down.",
        discussion: """
            Each request becomes a line of --out: path, webhook id, whether the signature was right, \
            whether it came before, what was answered, the body.

            POST /control/fail?path=/ads&how=503&times=3 makes the next three requests fail: \
            a status (503, 429, 410, …; nothing is taken), `reset` (taken, then the connection is \
            reset) or `slow` (taken, answered after &milliseconds=). GET /control/counts says what came.
            """)

    @Option(help: "The port on 127.0.0.1; 0 lets the system choose. It is printed.")
    var port = 0

    @Option(help: "The file of requests; it is added to.")
    var out: String

    @Option(help: "PATH=SECRET: what requests to /PATH are signed with. Several may be given.")
    var secret: [String] = []

    func run() throws {
        var keys: [String: SigningKey] = [:]
        for text in secret {
            guard let equals = text.firstIndex(of: "="),
                let key = SigningKey(secret: String(text[text.index(after: equals)...]))
            else { throw ValidationError("--secret must be PATH=whsec_…") }
            keys["/" + text[..<equals]] = key
        }
        let ledger = try Ledger(path: out, keys: keys)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(ReceiverHandler(ledger: ledger))
                }
            }
            .bind(host: "127.0.0.1", port: port).wait()
        guard let bound = channel.localAddress?.port else {
            throw ValidationError("the port is not known")
        }
        print("listening on 127.0.0.1:\(bound)")
        fflush(nil)
        try channel.closeFuture.wait()
    }
}
