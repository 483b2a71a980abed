internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore

/// What a route says, before it is a response: always JSON, and errors always with `code` and `message`, since
/// old clients retry a 400 ten times otherwise (see the captures).
struct Answer: Sendable {
    var status: HTTPResponse.Status
    var body: [UInt8]
    var headers: HTTPFields = [.contentType: "application/json"]

    init(status: HTTPResponse.Status = .ok, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    init(status: HTTPResponse.Status = .ok, _ value: JSONValue) {
        var bytes: [UInt8] = []
        value.write(into: &bytes)
        self.init(status: status, body: bytes)
    }

    static func failure(
        _ status: HTTPResponse.Status, _ code: String, _ message: String
    ) -> Answer {
        Answer(status: status, ["code": .string(code), "message": .string(message)])
    }

    /// A failure that goes away: the client is told when to come back.
    static func busy(
        _ status: HTTPResponse.Status, _ code: String, _ message: String, retryAfterSeconds: Int
    ) -> Answer {
        var answer = failure(status, code, message)
        answer.headers[.retryAfter] = String(retryAfterSeconds)
        return answer
    }

    /// For clients that read no JSON.
    static func plain(_ status: HTTPResponse.Status, _ text: String) -> Answer {
        var answer = Answer(status: status, body: Array(text.utf8))
        answer.headers = [.contentType: "text/plain; charset=utf-8"]
        return answer
    }

    /// A source sends faster than it may.
    static func tooFast(source: String, seconds: Int) -> Answer {
        var answer = busy(
            .tooManyRequests, "too_fast", "the source \(source) sends more events than it may",
            retryAfterSeconds: seconds)
        answer.headers[rateLimitReset] = String(seconds)
        return answer
    }

    private static let rateLimitReset = HTTPField.Name("X-RateLimit-Reset").unsafelyUnwrapped

    /// The `message` of a failure; the whole body otherwise.
    var message: String {
        do {
            return try JSONValue(parsing: body)["message"]?.string
                ?? String(decoding: body, as: UTF8.self)
        } catch {
            return String(decoding: body, as: UTF8.self)
        }
    }

    /// The `code` of a failure.
    var code: String {
        do { return try JSONValue(parsing: body)["code"]?.string ?? "refused" } catch {
            return "refused"
        }
    }

    static let notFound = failure(.notFound, "not_found", "there is nothing at this path")

    static func methodNotAllowed(_ allowed: String) -> Answer {
        var answer = failure(.methodNotAllowed, "method_not_allowed", "use \(allowed) here")
        answer.headers[.allow] = allowed
        return answer
    }

    var response: Response {
        Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
