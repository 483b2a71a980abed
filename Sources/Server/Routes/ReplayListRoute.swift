internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// `POST /api/replay.list`: a simulation's full list as NDJSON or CSV, row by row as it is found.
///
/// What is wrong with the question is answered before the first row. What goes wrong later breaks the
/// connection off, so that nobody takes a part of a list for the whole.
struct ReplayListRoute: Sendable {
    let workspace: Workspace

    func respond(_ request: Request, principal: Principal) async -> Response {
        guard request.method == .post else { return Answer.methodNotAllowed("POST").response }
        let list: Workspace.ServedList
        do throws(OperationRoute.Refused) {
            let parameters = try await OperationRoute.bodyParameters(request)
            do throws(OperationError) {
                list = try await workspace.replayList(parameters, by: principal)
            } catch {
                return Answer.failure(
                    HTTPResponse.Status(code: error.status), error.code, error.message
                ).response
            }
        } catch {
            return error.answer.response
        }
        let lines = list.lines
        let body = ResponseBody { writer in
            for try await piece in lines.pieces {
                lines.taken()
                try await writer.write(ByteBuffer(bytes: piece))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: list.contentType, .cacheControl: "no-store"],
            body: body)
    }
}
