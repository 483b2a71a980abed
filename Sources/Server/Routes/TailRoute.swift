internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Platform
internal import ServiceLifecycle

/// `GET /api/tail/<stream>?from=<cursor>`: changes as they become durable, one JSON line each, until the
/// client leaves or the server stops (A4).
struct TailRoute: Sendable {
    let workspace: Workspace

    func respond(
        _ request: Request, target: RequestTarget, stream: String, principal: Principal
    ) -> Response {
        guard request.method == .get else { return Answer.methodNotAllowed("GET").response }
        let lines = workspace.tail(stream, from: target["from"], by: principal)
        // A tail never ends by itself; a server that stops would wait for it.
        let untilShutdown = lines.cancelOnGracefulShutdown()
        let body = ResponseBody { writer in
            do {
                for try await line in untilShutdown {
                    var buffer = ByteBuffer(bytes: line)
                    buffer.writeInteger(UInt8(0x0A))
                    try await writer.write(buffer)
                }
            } catch let error as OperationError {
                // The head is out; the last line says why it ends.
                let answer = Answer.failure(.internalServerError, error.code, error.message)
                try await writer.write(ByteBuffer(bytes: answer.body + [0x0A]))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: body)
    }
}
