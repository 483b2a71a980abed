internal import ArgumentParser
internal import Logging
internal import Platform
internal import Server

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Collects events, folds them and delivers, until SIGTERM or SIGINT.",
        discussion: "SIGHUP reads access.json and secrets.yaml again.")
    @OptionGroup var place: Place
    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"
    @Option(help: "The port to listen on; 0 lets the system choose and prints it.")
    var port = 8080
    @Option(help: "The largest body of a collecting request, in KiB, up to 4096.")
    var batchKib = 500
    @Option(help: "The largest single event, in KiB, up to 4032.")
    var itemKib = 32
    @Option(help: "Connections of clients open at once, 16 to 100000; more wait.")
    var connections = 4_096
    @Option(
        help: "Requests held at once, in MiB, 1 to 65536; more are told to come back (503, 429).")
    var intakeMib = 256
    @Option(
        help:
            "What may wait for the disk, in MiB, 1 to 1024; more is told to come back (503, 429).")
    var queueMib = 16
    @Option(
        help: """
            Seconds that a client may take over a body or an answer, 1 to 3600; a quarter of it for its first \
            head, five quarters to be idle.
            """)
    var patience = 60
    @Option(help: "Seconds that requests in progress may take after SIGTERM, 1 to 3600.")
    var drain = 30
    @Flag(help: "Lets webhooks go to loopback and private addresses.")
    var allowPrivateDestinations = false
    @Option(help: "What goes to standard error: debug, info, notice, warning, error.")
    var logLevel = "info"

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port is 0 to 65535") }
        guard (1...4_096).contains(batchKib) else {
            throw ValidationError("--batch-kib is 1 to 4096")
        }
        guard (1...4_032).contains(itemKib) else {
            throw ValidationError("--item-kib is 1 to 4032")
        }
        for (name, value, range) in [
            ("connections", connections, 16...100_000), ("intake-mib", intakeMib, 1...65_536),
            ("queue-mib", queueMib, 1...1_024), ("patience", patience, 1...3_600),
            ("drain", drain, 1...3_600),
        ] where !range.contains(value) {
            throw ValidationError("--\(name) is \(range.lowerBound) to \(range.upperBound)")
        }
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level is debug, info, notice, warning or error")
        }
    }

    func run() async throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "sluice")
        if let level = Logger.Level(rawValue: logLevel) { logger.logLevel = level }
        let workspace: Workspace
        do {
            workspace = try await Workspace.open(
                directory: place.directory,
                options: WorkspaceOptions(
                    allowsPrivateDestinations: allowPrivateDestinations,
                    limits: CollectLimits(itemBytes: itemKib << 10), logger: logger,
                    queueBytes: queueMib << 20))
        } catch {
            throw CommandFailure(.failed, "cannot open \(place.directory): \(error)")
        }
        let configuration = ServerConfiguration(
            host: host, port: port, dataDirectory: place.directory, collectBytes: batchKib << 10,
            connections: connections, intakeBytes: intakeMib << 20, patienceSeconds: patience,
            drainSeconds: drain)
        let address = host.contains(":") ? "[\(host)]" : host
        let json = place.json
        let server = SluiceServer(
            workspace: workspace, configuration: configuration, logger: logger
        ) { port in
            let url = "http://\(address):\(port)"
            Terminal.out(json ? "{\"url\":\"\(url)\"}" : "listening on \(url)")
        }
        do {
            // Whatever ends it, the workspace was closed.
            try await server.runUntilSignal()
        } catch {
            throw CommandFailure(.failed, "the server stopped: \(error)")
        }
    }
}
