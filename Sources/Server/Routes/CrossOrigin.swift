internal import HTTPTypes
internal import Hummingbird

/// Pages of any origin may send events: the write key is no secret in a browser, and answers hold none.
enum CrossOrigin {
    static func allow(_ request: Request, in headers: inout HTTPFields) {
        guard let origin = request.headers[.origin] else { return }
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlAllowCredentials] = "true"
        // A script may not read it otherwise, and would come back too soon.
        headers[.accessControlExposeHeaders] = "Retry-After"
        headers[.vary] = "Origin"
    }

    static func preflight(_ request: Request) -> Answer {
        var answer = Answer(status: .noContent, body: [])
        answer.headers = [:]
        allow(request, in: &answer.headers)
        answer.headers[.accessControlAllowMethods] = "POST, OPTIONS"
        if let wanted = request.headers[.accessControlRequestHeaders] {
            answer.headers[.accessControlAllowHeaders] = wanted
        }
        answer.headers[.accessControlMaxAge] = "900"
        return answer
    }
}
