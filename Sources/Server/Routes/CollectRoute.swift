internal import CustomerModel
internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// `POST /v1/…`: events from Segment's and RudderStack's clients, unchanged (specs: segment-http).
struct CollectRoute: Sendable {
    let workspace: Workspace
    let configuration: ServerConfiguration
    let intake: Intake.Entrance

    private var collector: Collector { workspace.collector }
    private var access: AccessList { workspace.access }

    /// Answers a request whose path has this shape.
    ///
    /// - Parameter key: a write key that stands in the query, where a path takes it there.
    func respond(
        _ request: Request, shape: SegmentReader.Shape, queryKey: String? = nil
    ) async -> Answer {
        switch request.method {
        case .post:
            var answer = await collect(request, shape, queryKey)
            CrossOrigin.allow(request, in: &answer.headers)
            return answer
        case .options:
            return CrossOrigin.preflight(request)
        default:
            return .methodNotAllowed("POST, OPTIONS")
        }
    }

    /// `POST /v1/m`: how analytics.js itself is doing, counted by its makers. Nobody's events, and without a
    /// key: it is told that all is well, and nothing of it is read or kept.
    static func monitoring(_ request: Request) -> Answer {
        switch request.method {
        case .post:
            var answer = success
            CrossOrigin.allow(request, in: &answer.headers)
            return answer
        case .options: return CrossOrigin.preflight(request)
        default: return .methodNotAllowed("POST, OPTIONS")
        }
    }

    private func collect(
        _ request: Request, _ shape: SegmentReader.Shape, _ queryKey: String?
    ) async -> Answer {
        let received = Timestamp.now()
        let sender: Sender
        do throws(Sender.Unknown) {
            sender = try Sender(request, queryKey: queryKey, workspace: workspace)
        } catch {
            return error.answer
        }
        let settings = sender.source.map { access.settings(of: $0) }
        let limit = settings?.bodyBytes(default: configuration.collectBytes)
        let share = intake.share()
        defer { share.end() }
        let body: ByteBuffer
        do throws(BodyReader.Failure) {
            body = try await BodyReader(
                limitBytes: limit ?? configuration.collectBytes, share: share
            ).read(request)
        } catch {
            if let source = sender.source, let refusal = error.noted {
                collector.noteRefused(refusal, [], source: source, received: received)
            }
            return refuse(error.answer, settings)
        }
        // mParticle has a call of its own on this path.
        let identity = IDSyncRoute(
            workspace: workspace, configuration: configuration, intake: intake)
        if shape == .single(.identify), body.withUnsafeReadableBytes(identity.isCall) {
            return await identity.answer(request, .identify, body: body)
        }
        let source: String
        do throws(Sender.Unknown) {
            source = try body.withUnsafeReadableBytes { (bytes) throws(Sender.Unknown) in
                try sender.source(inBody: bytes, workspace)
            }
        } catch {
            return error.answer
        }
        let dialect = settings ?? access.settings(of: source)
        let context = CollectContext(
            source: source, typeFromPath: shape.type, hasGPC: Self.hasGPC(request),
            received: received, itemBytes: dialect.itemBytes(default: collector.limits.itemBytes),
            truncatesIP: dialect.truncatesIP)
        return await collect(body, context, shape, dialect, share)
    }

    /// Takes one body, whoever brought it.
    func collect(
        _ body: ByteBuffer, _ context: CollectContext, _ shape: SegmentReader.Shape,
        _ settings: SourceSettings, _ share: Intake.Share
    ) async -> Answer {
        let batch: PendingBatch
        do {
            batch = try body.withUnsafeReadableBytes { bytes in
                try SegmentReader(
                    shape: shape, collector: collector, context: context,
                    batchItems: configuration.batchItems
                ).read(bytes)
            }
        } catch let refusal as SegmentReader.Refusal {
            note(.request(code: refusal.code, message: refusal.message), body, context)
            return refuse(.failure(.badRequest, refusal.code, refusal.message), settings)
        } catch {
            return refuse(
                .failure(.badRequest, "invalid_request", "the body cannot be read"), settings)
        }
        guard share.hold(batch.memoryBytes) else {
            return refuse(BodyReader.Failure.busy.answer, settings)
        }
        let rate = settings.eventsPerSecond
        if let seconds = workspace.rates.take(batch.itemCount, of: context.source, rate: rate) {
            return .tooFast(source: context.source, seconds: seconds)
        }
        if settings.dialect == .rudderstack {
            // RudderStack's server has it so, and its clients read no counts.
            if let first = batch.firstRefusal {
                collector.refuse(batch)
                return refuse(.failure(.badRequest, first.code, first.message), settings)
            }
            guard batch.itemCount > 0 else { return .plain(.badRequest, "empty batch payload") }
        }
        do throws(CollectRefusal) {
            let outcome = try await collector.commit(batch)
            return settings.dialect == .rudderstack ? .plain(.ok, "OK") : answer(outcome, shape)
        } catch {
            if case .tooLarge = error {
                note(.request(code: "too_large", message: error.description), body, context)
            }
            return refuse(error.answer, settings)
        }
    }

    private func note(_ refusal: ItemRefusal, _ body: ByteBuffer, _ context: CollectContext) {
        collector.noteRefused(
            refusal, Array(body.readableBytesView), source: context.source,
            received: context.received)
    }

    /// A refusal in the words of the source's clients.
    private func refuse(_ answer: Answer, _ settings: SourceSettings?) -> Answer {
        guard settings?.dialect == .rudderstack else { return answer }
        let isTooLarge = ["too_large", "item_too_large"].contains(answer.code)
        var plain = Answer.plain(
            isTooLarge ? .contentTooLarge : answer.status, answer.message)
        plain.headers[.retryAfter] = answer.headers[.retryAfter]
        return plain
    }

    /// 200 even when items were refused, as Segment has it; but of a single call that is too large or no
    /// object nothing is left, and that is a 400.
    private func answer(_ outcome: CollectOutcome, _ shape: SegmentReader.Shape) -> Answer {
        guard !outcome.rejected.isEmpty || !outcome.conflicts.isEmpty else { return Self.success }
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

    // MARK: Global Privacy Control

    private static let gpc = HTTPField.Name("Sec-GPC").unsafelyUnwrapped

    /// The browser's header, or `gpc=1` in the query: a page cannot set the header, and where only an
    /// extension of the browser answers `navigator.globalPrivacyControl`, nobody else does.
    static func hasGPC(_ request: Request) -> Bool {
        if request.headers[gpc] == "1" { return true }
        guard let path = request.head.path, path.contains("?") else { return false }
        return RequestTarget(path)?["gpc"] == "1"
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
