internal import CustomerModel
internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// `POST /v2/events`, `/v2/bulkevents` and `/v2/bulkevents/historical`: events from mParticle's clients,
/// unchanged (specs: mparticle-events).
///
/// | status | when |
/// |---|---|
/// | 202 | taken; empty, or with counts and reasons where not everything was |
/// | 400 | nothing of it can be taken: what it says is wrong, or not JSON |
/// | 401, 403 | no credentials; wrong ones |
/// | 413 | larger than 256 KiB, on the way or unzipped |
/// | 429 | the log's queue is full, or the server holds as much as it may; come back after `Retry-After` seconds |
/// | 503 | the log cannot be written |
struct MParticleRoute: Sendable {
    let workspace: Workspace
    let intake: Intake.Entrance
    private var collector: Collector { workspace.collector }

    /// mParticle's limit of one request.
    static let largestBody = 256 << 10

    func respond(_ request: Request, shape: MParticleReader.Shape) async -> Answer {
        guard request.method == .post else { return .methodNotAllowed("POST") }
        let source: String
        switch MParticleAccess.source(of: request, in: workspace.access) {
        case .source(let name): source = name
        case .refused(let answer): return answer
        }
        let received = Timestamp.now()
        let share = intake.share()
        defer { share.end() }
        let body: ByteBuffer
        do throws(BodyReader.Failure) {
            body = try await BodyReader(limitBytes: Self.largestBody, share: share).read(request)
        } catch {
            if let refusal = error.noted {
                collector.noteRefused(refusal, [], source: source, received: received)
            }
            return error.mparticleAnswer
        }
        let settings = workspace.access.settings(of: source)
        let context = CollectContext(
            source: source, hasGPC: CollectRoute.hasGPC(request), received: received,
            pace: shape == .historical ? .imported : .live,
            itemBytes: settings.itemBytes(default: collector.limits.itemBytes),
            truncatesIP: settings.truncatesIP)
        let batch: PendingBatch
        do {
            batch = try body.withUnsafeReadableBytes { bytes in
                try MParticleReader(shape: shape, collector: collector, context: context)
                    .read(bytes)
            }
        } catch let refusal as MParticleReader.Refusal {
            collector.noteRefused(
                .badField(refusal.message), Array(body.readableBytesView), source: source,
                received: received)
            return .mparticle(.badRequest, [refusal.message])
        } catch {
            return .mparticle(.badRequest, ["The body cannot be read."])
        }
        guard share.hold(batch.memoryBytes) else { return BodyReader.Failure.busy.mparticleAnswer }
        let rate = settings.eventsPerSecond
        if let seconds = workspace.rates.take(batch.itemCount, of: source, rate: rate) {
            var answer = Answer.mparticle(
                .tooManyRequests, ["The source \(source) sends more events than it may."])
            answer.headers[.retryAfter] = String(seconds)
            answer.headers[MParticleHeaders.exceeded] = "source"
            return answer
        }
        do throws(CollectRefusal) {
            return Self.answer(try await collector.commit(batch))
        } catch {
            return error.mparticleAnswer
        }
    }

    /// Some refused is still 202, as of a bulk request; nothing taken at all is not.
    private static func answer(_ outcome: CollectOutcome) -> Answer {
        guard !outcome.rejected.isEmpty else { return Answer(status: .accepted, body: []) }
        let taken = outcome.accepted + outcome.duplicates + outcome.suppressed
        guard taken > 0 else {
            let isTooLarge = outcome.rejected.allSatisfy {
                if case .tooLarge = $0.refusal { true } else { false }
            }
            return .mparticle(
                isTooLarge ? .contentTooLarge : .badRequest,
                outcome.rejected.map(\.refusal.message))
        }
        let errors = outcome.rejected.map { item -> JSONValue in
            [
                "code": "BAD_REQUEST", "message": .string(item.refusal.message),
                "index": .int(Int64(item.index)),
            ]
        }
        var members: [(key: String, value: JSONValue)] = [
            ("accepted", .int(Int64(outcome.accepted))),
            ("duplicates", .int(Int64(outcome.duplicates))), ("errors", .array(errors)),
        ]
        // Not all of them are named then.
        if outcome.rejectedCount > errors.count {
            members.append(("rejected", .int(Int64(outcome.rejectedCount))))
        }
        return Answer(status: .accepted, .object(JSONObject(members)))
    }
}

/// Whose events a request of mParticle's clients brings.
enum MParticleAccess {
    case source(String)
    case refused(Answer)

    static func source(of request: Request, in access: AccessList) -> MParticleAccess {
        guard request.headers[.authorization] != nil else {
            var answer = Answer.mparticle(
                .unauthorized,
                ["Send the write key and its secret as the user and password of Basic."])
            answer.headers[.wwwAuthenticate] = "Basic"
            return .refused(answer)
        }
        guard case .basic(let key, let secret) = Authorization(request.headers),
            let source = access.source(forKey: key, secret: secret)
        else {
            return .refused(.mparticle(.forbidden, ["The write key or its secret is unknown."]))
        }
        return .source(source)
    }
}

extension Answer {
    /// An error as mParticle writes it. Only `BAD_REQUEST` is a documented code.
    static func mparticle(_ status: HTTPResponse.Status, _ messages: [String]) -> Answer {
        let code: JSONValue =
            switch status {
            case .unauthorized: "UNAUTHORIZED"
            case .forbidden: "FORBIDDEN"
            case .notFound: "NOT_FOUND"
            case .tooManyRequests: "TOO_MANY_REQUESTS"
            case .serviceUnavailable: "SERVICE_UNAVAILABLE"
            default: "BAD_REQUEST"
            }
        return Answer(
            status: status,
            [
                "errors": .array(
                    messages.prefix(100).map { ["code": code, "message": .string($0)] })
            ])
    }
}

extension BodyReader.Failure {
    var mparticleAnswer: Answer {
        switch self {
        case .tooLarge(let limit):
            .mparticle(.contentTooLarge, ["The body is larger than \(limit) bytes."])
        case .unknownEncoding:
            .mparticle(
                .badRequest,
                [
                    "Content-Encoding must be gzip or absent, Transfer-Encoding chunked or absent."
                ])
        case .badGzip: .mparticle(.badRequest, ["The body is not valid gzip."])
        case .cutShort:
            .mparticle(.badRequest, ["The body does not end where its headers or chunks say."])
        case .busy: CollectRefusal.busy(retryAfterSeconds: 1).mparticleAnswer
        }
    }
}

extension CollectRefusal {
    /// mParticle's clients wait after a 429 and give up after a 503.
    var mparticleAnswer: Answer {
        switch self {
        case .busy(let seconds):
            var answer = Answer.mparticle(.tooManyRequests, [description])
            answer.headers[.retryAfter] = String(seconds)
            answer.headers[MParticleHeaders.exceeded] = "system"
            return answer
        case .logFailed:
            var answer = Answer.mparticle(
                .serviceUnavailable, ["The log cannot be written now."])
            answer.headers[.retryAfter] = "30"
            return answer
        case .tooLarge: return .mparticle(.contentTooLarge, [description])
        case .workspaceNotEmpty: return .mparticle(.conflict, [description])
        }
    }
}

enum MParticleHeaders {
    static let exceeded = HTTPField.Name("X-mp-rate-limit-exceeded").unsafelyUnwrapped
    static let key = HTTPField.Name("x-mp-key").unsafelyUnwrapped
    static let signature = HTTPField.Name("x-mp-signature").unsafelyUnwrapped
}
