internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import NIOCore
internal import Platform

/// `POST /token`: access tokens for Segment's clients with OAuth (RFC 6749, section 4.4; RFC 7523).
///
/// The client's `oauth_auth_server` is this server. Which clients there are, and their public keys, is set with
/// `sluice source set … --oauth-client`.
struct TokenRoute: Sendable {
    let workspace: Workspace
    private static let bodyBytes = 32 << 10

    func respond(_ request: Request) async -> Answer {
        guard request.method == .post else { return .methodNotAllowed("POST") }
        let body: ByteBuffer
        do throws(BodyReader.Failure) {
            body = try await BodyReader(limitBytes: Self.bodyBytes).read(request)
        } catch {
            return error.answer
        }
        let text = String(decoding: body.readableBytesView, as: UTF8.self)
        guard let form = RequestTarget("/?" + text) else {
            return Self.refuse("invalid_request", "the body is no form")
        }
        guard form["grant_type"] == "client_credentials" else {
            return Self.refuse("unsupported_grant_type", "grant_type must be client_credentials")
        }
        guard
            form["client_assertion_type"]
                == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            let assertion = form["client_assertion"]
        else { return Self.refuse("invalid_request", "a client_assertion (a JWT) is needed") }
        if let scope = form["scope"], scope != Self.scope {
            return Self.refuse("invalid_scope", "the only scope is \(Self.scope)")
        }
        do {
            let now = Timestamp.now().microseconds / 1_000_000
            let token = try workspace.oauth.token(for: assertion, now: now)
            var answer = Answer([
                "access_token": .string(token), "token_type": "Bearer",
                "expires_in": .int(OAuthDesk.lifetimeSeconds), "scope": .string(Self.scope),
            ])
            answer.headers[.cacheControl] = "no-store"
            return answer
        } catch let refusal as OAuthRefusal {
            return Self.refuse(refusal.code, refusal.message)
        } catch {
            return .busy(
                .serviceUnavailable, "oauth_key", "access tokens cannot be made now",
                retryAfterSeconds: 30)
        }
    }

    private static let scope = "tracking_api:write"

    /// In the words of RFC 6749, and in ours for clients that read `code` and `message`.
    private static func refuse(_ code: String, _ message: String) -> Answer {
        Answer(
            status: code == "invalid_client" ? .unauthorized : .badRequest,
            [
                "error": .string(code), "error_description": .string(message),
                "code": .string(code), "message": .string(message),
            ])
    }
}
