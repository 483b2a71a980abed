internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// Sends every request to its route. Nothing that a client sends ends in anything but an answer.
///
/// | path | who |
/// |---|---|
/// | `/v1/…`, `/v2/…`, RudderStack's `/beacon/v1/batch` and `/pixel/v1/…` | a write key |
/// | `/token` | an OAuth client with a signed assertion |
/// | `/api/…` | a token, or anybody on the socket in the data directory |
/// | `/sluice.js` | anybody |
/// | `/healthz` | anybody |
/// | `/metrics` | anybody on this machine, a token elsewhere |
struct FrontDoor: HTTPResponder {
    /// What a request has of its connection.
    struct Context: InitializableFromSource {
        let connection: any Channel

        init(source: ApplicationRequestContextSource) { connection = source.channel }
    }

    /// How a request came in.
    enum Listener: Sendable, Equatable {
        case network
        /// The socket in the data directory: whoever gets there is the operator.
        case local
    }

    let workspace: Workspace
    let configuration: ServerConfiguration
    let listener: Listener
    let intake: Intake

    func respond(to request: Request, context: Context) async throws -> Response {
        let intake = Intake.Entrance(intake: intake, connection: context.connection)
        let raw = request.head.path ?? ""
        let path = String(raw.prefix { $0 != "?" })
        if let call = IDSyncRoute.call(request, path: path) {
            return await IDSyncRoute(
                workspace: workspace, configuration: configuration, intake: intake
            ).respond(request, call).response
        }
        if path == "/v1/m" || path == "/v1/m/" { return CollectRoute.monitoring(request).response }
        if let shape = SegmentReader.Shape(path: path) {
            return await collect(request, shape, intake).response
        }
        if let shape = MParticleReader.Shape(path: path) {
            return await MParticleRoute(workspace: workspace, intake: intake)
                .respond(request, shape: shape).response
        }
        guard let target = RequestTarget(raw) else {
            return Answer.failure(.badRequest, "bad_target", "the path has a broken escape")
                .response
        }
        if let type = PixelRoute.type(path: target.path) {
            let route = PixelRoute(
                workspace: workspace, configuration: configuration, intake: intake)
            return await route.respond(request, target: target, type: type).response
        }
        switch target.path {
        case "/beacon/v1/batch":
            return await collect(request, .batch, intake, queryKey: target["writeKey"]).response
        case "/token":
            return await TokenRoute(workspace: workspace).respond(request).response
        case BrowserScript.path:
            return BrowserScript.respond(request).response
        case "/healthz":
            return health(request).response
        case "/metrics":
            return metrics(request)
        case let path where path.hasPrefix("/api/"):
            return await api(request, target, String(path.dropFirst(5)))
        default:
            return Answer.notFound.response
        }
    }

    private func collect(
        _ request: Request, _ shape: SegmentReader.Shape, _ intake: Intake.Entrance,
        queryKey: String? = nil
    ) async -> Answer {
        await CollectRoute(workspace: workspace, configuration: configuration, intake: intake)
            .respond(request, shape: shape, queryKey: queryKey)
    }

    private func api(
        _ request: Request, _ target: RequestTarget, _ operation: String
    ) async -> Response {
        guard let principal = principal(of: request) else { return Self.unauthorized.response }
        if operation == "ingest" {
            let route = IngestRoute(workspace: workspace)
            return await route.respond(request, target: target, principal: principal).response
        }
        if operation.hasPrefix("tail/") {
            return TailRoute(workspace: workspace).respond(
                request, target: target, stream: String(operation.dropFirst(5)),
                principal: principal)
        }
        if operation == "replay.list" {
            return await ReplayListRoute(workspace: workspace).respond(
                request, principal: principal)
        }
        return await OperationRoute(workspace: workspace).respond(
            request, target: target, operation: operation, principal: principal
        ).response
    }

    private static let unauthorized: Answer = {
        var answer = Answer.failure(
            .unauthorized, "unauthorized", "send a token: Authorization: Bearer tk_…")
        answer.headers[.wwwAuthenticate] = "Bearer"
        return answer
    }()

    private func principal(of request: Request) -> Principal? {
        if listener == .local { return .local }
        guard case .bearer(let token) = Authorization(request.headers) else { return nil }
        return workspace.access.principal(forToken: token)
    }

    /// Strangers learn one word; who may ask learns the rest.
    private func health(_ request: Request) -> Answer {
        guard request.method == .get || request.method == .head else {
            return .methodNotAllowed("GET")
        }
        let health = workspace.health()
        let word = health["status"]?.string ?? "failing"
        let status: HTTPResponse.Status = word == "failing" ? .serviceUnavailable : .ok
        guard principal(of: request) == nil else { return Answer(status: status, health) }
        return Answer(status: status, ["status": .string(word)])
    }

    private func metrics(_ request: Request) -> Response {
        guard request.method == .get else { return Answer.methodNotAllowed("GET").response }
        guard listener == .local || configuration.isLoopback || principal(of: request) != nil
        else { return Self.unauthorized.response }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: workspace.metricsText())))
    }
}
