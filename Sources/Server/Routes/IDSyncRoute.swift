internal import CustomerModel
internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// mParticle's identity API: `POST /v1/identify`, `/v1/login`, `/v1/logout`, `/v1/search` and
/// `/v1/{mpid}/modify` (specs: mparticle-events, section 9).
///
/// `/v1/identify` is also Segment's: a request is a call of this API when it has the header `x-mp-key` or its
/// body `known_identities`. Credentials are the write key and its secret as Basic; the key as `x-mp-key` with
/// a signature in `x-mp-signature` (see ``SignedRequest``); or the key alone as `x-mp-key` where it was made
/// without a secret and its source has none to sign with.
struct IDSyncRoute: Sendable {
    let workspace: Workspace
    let configuration: ServerConfiguration
    let intake: Intake.Entrance

    /// What is called on this path; nil for another path, and for one that only the body can tell.
    static func call(_ request: Request, path: String) -> Workspace.IdentityCall? {
        guard path.hasPrefix("/v1/") else { return nil }
        switch path.dropFirst(4) {
        case "identify":
            return request.headers[MParticleHeaders.key] != nil ? .identify : nil
        case "login": return .login
        case "logout": return .logout
        case "search": return .search
        case let rest:
            guard rest.hasSuffix("/modify"), let mpid = Int64(rest.dropLast(7)) else { return nil }
            return .modify(MPID(mpid))
        }
    }

    /// Whether a body posted to the shared path is a call of this API.
    func isCall(_ body: UnsafeRawBufferPointer) -> Bool {
        do {
            return try workspace.collector.withParser { parser in
                try parser.parseStructure(body) { $0["known_identities"] != nil }
            }
        } catch {
            return false
        }
    }

    func respond(_ request: Request, _ call: Workspace.IdentityCall) async -> Answer {
        guard request.method == .post else { return .methodNotAllowed("POST") }
        let share = intake.share()
        defer { share.end() }
        let body: ByteBuffer
        do throws(BodyReader.Failure) {
            body = try await BodyReader(limitBytes: MParticleRoute.largestBody, share: share)
                .read(request)
        } catch {
            return error.mparticleAnswer
        }
        return await answer(request, call, body: body)
    }

    func answer(_ request: Request, _ call: Workspace.IdentityCall, body: ByteBuffer) async
        -> Answer
    {
        let source: String
        do throws(Unknown) {
            source = try self.source(of: request, body: body)
        } catch {
            var answer = Answer.mparticle(.unauthorized, [error.message])
            answer.headers[.wwwAuthenticate] = "Basic"
            return answer
        }
        let query = RequestTarget(request.head.path ?? "")
        let readsOnly = query?["read_only"] == "true"
        let found: IdentityAnswer
        do {
            found = try await workspace.identity(
                call, body: Array(body.readableBytesView), source: source, readsOnly: readsOnly,
                received: .now())
        } catch let refusal as CollectRefusal {
            return refusal.mparticleAnswer
        } catch let refused as Workspace.IdentityRefused {
            return .mparticle(.badRequest, [refused.refusal.message])
        } catch {
            return .mparticle(.serviceUnavailable, ["The identities cannot be resolved now."])
        }
        return Self.answer(found, returnsMatches: query?["return_matches"] == "true")
    }

    private struct Unknown: Error { var message: String }

    private func source(of request: Request, body: ByteBuffer) throws(Unknown) -> String {
        let nobody = Unknown(
            message: "Send the write key and its secret as the user and password of Basic, "
                + "the key as x-mp-key with a signature, or a key without a secret as x-mp-key.")
        if case .basic(let key, let secret) = Authorization(request.headers) {
            guard let source = workspace.access.source(forKey: key, secret: secret) else {
                throw nobody
            }
            return source
        }
        guard let key = request.headers[MParticleHeaders.key] else { throw nobody }
        guard let signature = request.headers[MParticleHeaders.signature] else {
            guard let source = workspace.access.source(forKey: key, secret: "") else {
                throw nobody
            }
            guard workspace.access.settings(of: source).signingSecret == nil else {
                throw Unknown(message: "The source \(source) wants its calls signed.")
            }
            return source
        }
        do throws(SignedRequest.Problem) {
            return try workspace.source(
                ofKey: key,
                signed: SignedRequest(
                    method: request.method.rawValue, target: request.head.path ?? "",
                    date: request.headers[.date], signature: signature,
                    body: Array(body.readableBytesView)),
                now: .now())
        } catch {
            throw Unknown(message: error.message)
        }
    }

    private static func answer(_ found: IdentityAnswer, returnsMatches: Bool) -> Answer {
        switch found {
        case .person(let mpid, let matched, let isEphemeral, let context):
            var out = JSONWriter(reserving: 256)
            out.beginObject()
            out.key("context")
            if let context { out.raw(context) } else { out.null() }
            // A text, since many clients read numbers as doubles.
            out.member("mpid", mpid.description)
            if returnsMatches {
                out.member("matched_identities", .array(matched.map(JSONValue.string)))
            }
            out.member("is_ephemeral", isEphemeral)
            out.endObject()
            return Answer(body: out.bytes)
        case .notFound(let message): return .mparticle(.notFound, [message])
        case .refused(let message): return .mparticle(.badRequest, [message])
        }
    }
}
