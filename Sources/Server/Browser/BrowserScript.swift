internal import Feeds
internal import HTTPTypes
internal import Hashing
internal import Hummingbird

/// `GET /sluice.js`: the script for pages, as it stands beside this file.
enum BrowserScript {
    static let path = "/sluice.js"

    static func respond(_ request: Request) -> Answer {
        guard request.method == .get || request.method == .head else {
            return .methodNotAllowed("GET, HEAD")
        }
        var answer: Answer
        if request.headers[.ifNoneMatch]?.contains(tag) == true {
            answer = Answer(status: .notModified, body: [])
            answer.headers = [:]
        } else if accepts("gzip", request) {
            answer = Answer(body: packed)
            answer.headers = [.contentType: type, .contentEncoding: "gzip"]
        } else {
            answer = Answer(body: PackageResources.sluice_js)
            answer.headers = [.contentType: type]
        }
        answer.headers[.eTag] = tag
        answer.headers[.vary] = "Accept-Encoding"
        // An hour: a mended script reaches every page on the day.
        answer.headers[.cacheControl] = "public, max-age=3600"
        // Any page may load it, also one that isolates itself.
        answer.headers[.accessControlAllowOrigin] = "*"
        answer.headers[crossOriginPolicy] = "cross-origin"
        answer.headers[.xContentTypeOptions] = "nosniff"
        return answer
    }

    private static let type = "text/javascript; charset=utf-8"
    private static let crossOriginPolicy =
        HTTPField.Name("Cross-Origin-Resource-Policy").unsafelyUnwrapped
    private static let packed = Gzip.deflate(PackageResources.sluice_js)
    private static let tag = "\"\(SHA256.of(PackageResources.sluice_js).hex.prefix(16))\""

    private static func accepts(_ coding: String, _ request: Request) -> Bool {
        (request.headers[.acceptEncoding] ?? "").split(separator: ",").contains { part in
            let pieces = part.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            return pieces.first == coding && !pieces.dropFirst().contains { $0 == "q=0" }
        }
    }
}
