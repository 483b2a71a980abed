internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// `/api/<operation>`: the same questions and commands as the command line (DESIGN.md, section 7).
struct OperationRoute: Sendable {
    let workspace: Workspace

    /// Answers one operation for `principal`.
    func respond(
        _ request: Request, target: RequestTarget, operation: String, principal: Principal
    ) async -> Answer {
        let parameters: JSONValue
        switch (request.method, OperationCatalog.isReading(operation)) {
        case (.post, _):
            do throws(Refused) {
                parameters = try await Self.bodyParameters(request)
            } catch {
                return error.answer
            }
        case (.get, true):
            guard let read = OperationCatalog.parameters(target.query) else {
                return .failure(.badRequest, "bad_query", "a name stands twice in the query")
            }
            parameters = read
        case (_, true):
            return .methodNotAllowed("GET, POST")
        case (_, false):
            return .methodNotAllowed("POST")
        }
        do throws(OperationError) {
            return Answer(try await workspace.perform(operation, parameters, by: principal))
        } catch {
            return .failure(
                HTTPResponse.Status(code: error.status), error.code, error.message)
        }
    }

    struct Refused: Error { var answer: Answer }

    /// The body as an object; an empty one is no parameters.
    static func bodyParameters(
        _ request: Request
    ) async throws(Refused) -> JSONValue {
        let body: ByteBuffer
        do throws(BodyReader.Failure) {
            body = try await BodyReader(limitBytes: ServerConfiguration.largestBodyBytes)
                .read(request)
        } catch {
            throw Refused(answer: error.answer)
        }
        guard body.readableBytes > 0 else { return .object(JSONObject()) }
        do {
            let value = try JSONValue(parsing: Array(body.readableBytesView))
            if value.object != nil { return value }
        } catch {
            throw Refused(
                answer: .failure(
                    .badRequest, "invalid_json", "the body is not valid JSON: \(error)"))
        }
        throw Refused(
            answer: .failure(.badRequest, "invalid_request", "the body must be a JSON object"))
    }
}
