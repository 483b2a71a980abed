internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
public import Platform
public import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// The HTTP server over one workspace: on the network for clients, and on a socket in the data directory for
/// local commands. Owns the workspace's `run()`; ends when it is told to and everything is drained.
public final class SluiceServer: Service {
    private let workspace: Workspace
    private let configuration: ServerConfiguration
    private let logger: Logger
    private let onListening: @Sendable (_ port: Int) -> Void
    private let intake: Intake

    /// - Parameter onListening: called once both listeners are open, with the port that was chosen.
    public init(
        workspace: Workspace, configuration: ServerConfiguration, logger: Logger,
        onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) {
        self.workspace = workspace
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
        // 5 s by default: nobody on a phone has waited long by then.
        intake = Intake(
            limitBytes: configuration.intakeBytes,
            slowAfter: .seconds(configuration.patienceSeconds) / 12)
    }

    /// Serves until its task is cancelled or its group shuts down gracefully: first the listeners close and
    /// requests in progress end, then the workspace stops and writes its checkpoints.
    public func run() async throws {
        try await run(signals: [])
    }

    /// The same, ended by SIGTERM or SIGINT. SIGHUP reads keys, tokens and secrets again.
    public func runUntilSignal() async throws {
        try await run(signals: [.sigterm, .sigint])
    }

    /// Runs the group; the workspace is closed in every case, by its `run()` or, when nothing came to run,
    /// here.
    private func run(signals: [UnixSignal]) async throws {
        let group: ServiceGroup
        do {
            group = try self.group(signals: signals)
        } catch {
            workspace.startFolding()
            await workspace.close()
            throw error
        }
        defer {
            LocalSocket.remove(
                ServerConfiguration.socketPath(dataDirectory: configuration.dataDirectory))
        }
        try await group.run()
    }

    private func group(signals: [UnixSignal]) throws -> ServiceGroup {
        let path = ServerConfiguration.socketPath(dataDirectory: configuration.dataDirectory)
        try LocalSocket.prepare(path)
        let opening = Opening(onListening)
        let network = application(
            .network, at: .hostname(configuration.host, port: configuration.port)
        ) { channel in
            opening.note(port: channel.localAddress?.port)
        }
        let logger = logger
        let local = application(.local, at: .unixDomainSocket(path: path)) { _ in
            do throws(LocalSocket.Failure) {
                try LocalSocket.restrict(path)
            } catch {
                logger.error(
                    "the local socket stays open to others", metadata: ["error": "\(error)"])
            }
            opening.note(port: nil)
        }
        // Ended in reverse: the listeners first, the workspace last.
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: WorkspaceService(workspace: workspace)),
                .init(service: ReloadService(workspace: workspace, logger: logger)),
                .init(service: local),
                .init(service: network),
            ],
            gracefulShutdownSignals: signals, logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(self.configuration.drainSeconds)
        return ServiceGroup(configuration: configuration)
    }

    private func application(
        _ listener: FrontDoor.Listener, at address: BindAddress,
        onRunning: @escaping @Sendable (any Channel) async -> Void
    ) -> some ApplicationProtocol {
        let patience = configuration.patienceSeconds
        return Application(
            responder: FrontDoor(
                workspace: workspace, configuration: configuration, listener: listener,
                intake: intake),
            server: HTTPServerBuilder { responder in
                HTTPConnections(
                    http1: HTTP1Channel(
                        responder: responder, configuration: Self.http1(patience: patience)))
            },
            configuration: ApplicationConfiguration(
                address: address, backlog: 1_024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    connectionLimit, logger: logger)),
            onServerRunning: onRunning, logger: logger)
    }
}

extension SluiceServer {
    /// As many connections as are wanted and the process may have open.
    fileprivate var connectionLimit: Int {
        let most = OpenFiles.connections(
            configuration.connections, ofLimit: OpenFiles.raiseLimit())
        if most < configuration.connections {
            logger.warning(
                "fewer connections than asked for: the process may open too few files",
                metadata: ["connections": "\(most)"])
        }
        return most
    }

    /// Limits of one connection; see ``SlowClientGuard`` for those on its pace.
    fileprivate static func http1(patience: Int) -> HTTP1Channel.Configuration {
        .init(
            additionalChannelHandlers: [
                SlowClientGuard(patienceSeconds: patience), RequestFraming(),
            ],
            idleTimeout: .milliseconds(Int64(patience) * 1_250),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10,
                maxHeaderFieldCount: 100))
    }
}

/// Waits for both listeners before it says that the server is up.
private final class Opening: Sendable {
    private struct State {
        var port: Int?
        var open = 0
    }
    private let state = Mutex(State())
    private let onListening: @Sendable (Int) -> Void

    init(_ onListening: @escaping @Sendable (Int) -> Void) { self.onListening = onListening }

    func note(port: Int?) {
        let ready = state.withLock { state -> Int? in
            state.open += 1
            state.port = port ?? state.port
            return state.open == 2 ? state.port : nil
        }
        if let ready { onListening(ready) }
    }
}

/// The workspace's own work, as a service that is stopped last.
private struct WorkspaceService: Service {
    let workspace: Workspace

    func run() async throws {
        do {
            // `run` ends by cancellation, after it has drained and written its checkpoints.
            try await cancelWhenGracefulShutdown { try await workspace.run() }
        } catch is CancellationError {
            return
        }
    }
}

/// Reads keys, tokens and secrets again on SIGHUP. What cannot be read leaves the old in force.
private struct ReloadService: Service {
    let workspace: Workspace
    let logger: Logger

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            do {
                try workspace.access.reload()
                try workspace.reloadSecrets()
                logger.info("keys, tokens and secrets were read again")
            } catch {
                logger.error("what was in force stays in force", metadata: ["error": "\(error)"])
            }
        }
    }
}
