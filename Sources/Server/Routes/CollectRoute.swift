internal import CustomerModel
internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// `POST /v1/…`: events from Segment's clients, unchanged (specs: segment-http).
struct CollectRoute: Sendable {
    let collector: Collector
    let access: AccessList
    let configuration: ServerConfiguration

    /// Answers a request whose path has this shape.
    func respond(_ request: Request, shape: SegmentReader.Shape) async -> Answer {
        switch request.method {
        case .post:
            var answer = await collect(request, shape)
            Self.allowOrigin(of: request, in: &answer.headers)
            return answer
        case .options:
            return Self.preflight(request)
        default:
            return .methodNotAllowed("POST, OPTIONS")
        }
    }

    private func collect(_ request: Request, _ shape: SegmentReader.Shape) async -> Answer {
        let received = Timestamp.now()
        var source: String?
        if case .basic(let key) = Authorization(request.headers) {
            source = access.source(forKey: key)
            guard source != nil else { return Self.unknownKey }
        }
        let body: ByteBuffer
        do throws(BodyReader.Failure) {
            body = try await BodyReader(limitBytes: configuration.collectBytes).read(request)
        } catch {
            return error.answer
        }
        let batch: PendingBatch
        do {
            batch = try body.withUnsafeReadableBytes { bytes in
                // A key in the body costs a look before the parse; clients that use Basic skip it.
                guard let source = source ?? keyInBody(bytes) else { throw UnknownKey() }
                let context = CollectContext(
                    source: source, typeFromPath: shape.type,
                    hasGPC: Self.hasGPC(request), received: received)
                return try SegmentReader(
                    shape: shape, collector: collector, context: context,
                    batchItems: configuration.batchItems
                ).read(bytes)
            }
        } catch let refusal as SegmentReader.Refusal {
            return .failure(.badRequest, refusal.code, refusal.message)
        } catch is UnknownKey {
            return Self.unknownKey
        } catch {
            return .failure(.badRequest, "invalid_request", "the body cannot be read")
        }
        do throws(CollectRefusal) {
            return answer(try await collector.commit(batch), shape)
        } catch {
            return error.answer
        }
    }

    private struct UnknownKey: Error {}

    private static let unknownKey = Answer.failure(
        .unauthorized, "unknown_write_key",
        "this write key is unknown: send it as the user of Basic authorization or as `writeKey`")

    private func keyInBody(_ bytes: UnsafeRawBufferPointer) -> String? {
        do {
            return try collector.withParser { parser in
                // Structure is enough here; the strict parse follows.
                try parser.parseTrusted(bytes) { root in
                    root["writeKey"]?.withUTF8 { access.source(forKey: $0) } ?? nil
                }
            }
        } catch {
            return nil
        }
    }

    /// 200 even when items were refused, as Segment has it; but of a single call that is too large or no
    /// object nothing is left, and that is a 400.
    private func answer(_ outcome: CollectOutcome, _ shape: SegmentReader.Shape) -> Answer {
        guard !outcome.rejected.isEmpty else { return Self.success }
        if case .single = shape, let refusal = outcome.rejected.first?.refusal {
            switch refusal {
            case .tooLarge, .notAnObject:
                return .failure(.badRequest, refusal.code, refusal.message)
            default: break
            }
        }
        return Answer(outcome.json(includesSuppressed: false))
    }

    private static let success = Answer(body: Array("{\"success\":true}".utf8))

    // MARK: Browsers

    private static let gpc = HTTPField.Name("Sec-GPC").unsafelyUnwrapped

    /// The browser's header, or `gpc=1` in the query: a page cannot set the header, and where only an
    /// extension of the browser answers `navigator.globalPrivacyControl`, nobody else does.
    private static func hasGPC(_ request: Request) -> Bool {
        if request.headers[gpc] == "1" { return true }
        guard let path = request.head.path, path.contains("?") else { return false }
        return RequestTarget(path)?["gpc"] == "1"
    }

    /// Pages of any origin may send events: the write key is no secret in a browser, and answers hold none.
    private static func allowOrigin(of request: Request, in headers: inout HTTPFields) {
        guard let origin = request.headers[.origin] else { return }
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlAllowCredentials] = "true"
        // A script may not read it otherwise, and would come back too soon.
        headers[.accessControlExposeHeaders] = "Retry-After"
        headers[.vary] = "Origin"
    }

    private static func preflight(_ request: Request) -> Answer {
        var answer = Answer(status: .noContent, body: [])
        answer.headers = [:]
        allowOrigin(of: request, in: &answer.headers)
        answer.headers[.accessControlAllowMethods] = "POST, OPTIONS"
        if let wanted = request.headers[.accessControlRequestHeaders] {
            answer.headers[.accessControlAllowHeaders] = wanted
        }
        answer.headers[.accessControlMaxAge] = "900"
        return answer
    }
}

extension SegmentReader.Shape {
    /// The type that the path implies; nil for a batch.
    var type: EventType? {
        switch self {
        case .single(let type): type
        case .batch: nil
        }
    }
}
