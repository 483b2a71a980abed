internal import JSONText
internal import Platform
internal import Server

/// How a command reaches the workspace: through the running server's socket, or, when none runs, by opening
/// the data itself. Operations and their results are the same either way.
enum Client {
    case server(LocalServer)
    case workspace(Workspace)

    /// What a command may do when there is no data directory yet.
    enum Absence {
        case refuse
        case create
        /// Use an empty workspace that is gone afterwards: for questions about a file alone.
        case scratch
    }

    /// Reaches the workspace of `place`, runs `body`, and lets go of it again.
    static func with<R>(
        _ place: Place, whenAbsent absence: Absence = .refuse,
        _ body: (Client) async throws -> R
    ) async throws -> R {
        let socket = ServerConfiguration.socketPath(dataDirectory: place.directory)
        if try Self.answers(socket) {
            return try await body(.server(LocalServer(socketPath: socket)))
        }
        if absence == .scratch, !place.exists {
            return try await Scratch.with { try await open($0, body) }
        }
        guard place.exists || absence == .create else {
            throw CommandFailure(
                .notFound,
                "there is no data directory at \(place.directory): name it with --data, or begin "
                    + "with `sluice serve` or `sluice ingest`")
        }
        return try await open(place.directory, body)
    }

    private static func open<R>(
        _ directory: String, _ body: (Client) async throws -> R
    ) async throws -> R {
        let workspace: Workspace
        do {
            workspace = try await Workspace.open(
                directory: directory, options: WorkspaceOptions(logger: Quiet.logger))
        } catch {
            throw CommandFailure(.failed, "cannot open \(directory): \(error)")
        }
        // Folds only: a question must not start deliveries.
        workspace.startFolding()
        do {
            let result = try await body(.workspace(workspace))
            await workspace.close()
            return result
        } catch {
            await workspace.close()
            throw error
        }
    }

    /// Whether a server runs on the data of `place`.
    static func isServing(_ place: Place) throws -> Bool {
        try answers(ServerConfiguration.socketPath(dataDirectory: place.directory))
    }

    private static func answers(_ socket: String) throws -> Bool {
        do throws(LocalSocket.Failure) {
            return try LocalSocket.answers(socket)
        } catch {
            // Too long for a socket means that no server listens on one.
            if case .pathTooLong = error { return false }
            throw CommandFailure(.unavailable, "cannot ask for a running server: \(error)")
        }
    }

    /// Performs one operation as the local operator.
    func perform(_ operation: String, _ parameters: JSONValue) async throws -> JSONValue {
        switch self {
        case .server(let server):
            return try await server.perform(operation, parameters)
        case .workspace(let workspace):
            do throws(OperationError) {
                return try await workspace.perform(operation, parameters, by: .local)
            } catch {
                throw CommandFailure(error)
            }
        }
    }

    /// Every line of a stream, until it ends.
    func tail(
        _ stream: String, from cursor: String?, _ body: ([UInt8]) -> Void
    ) async throws {
        switch self {
        case .server(let server):
            try await server.tail(stream, from: cursor, body)
        case .workspace(let workspace):
            do {
                for try await line in workspace.tail(stream, from: cursor, by: .local) {
                    body(line)
                }
            } catch let error as OperationError {
                throw CommandFailure(error)
            }
        }
    }
}
