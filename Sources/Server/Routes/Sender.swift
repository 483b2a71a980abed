internal import HTTPTypes
internal import Hummingbird
internal import JSONText
internal import Platform

/// Who sends a collecting request. Any one of these, as Segment has it:
///
/// | says | where |
/// |---|---|
/// | a write key | the user of Basic authorization, `writeKey` in the body, or in the query of a path that takes it there |
/// | an access token of ours | Bearer authorization, with the `writeKey` of the same source in the body |
struct Sender {
    /// Known before the body is read; nil when only the body can say.
    let source: String?
    /// Whether the body's key must agree with ``source``.
    private let mustAgree: Bool
    /// Whether it showed a token that is none of ours: harmless where the source's key is enough, as of a
    /// client that still asks another server for its tokens.
    private let hasForeignToken: Bool

    enum Unknown: Error {
        case key
        case token
        /// The token is of one source, the key of another.
        case mismatch
        /// The source takes no write key alone.
        case needsToken
        case cannotTell
        /// Only the body could say, and it is no JSON.
        case unreadable(JSONError)
    }

    init(_ request: Request, queryKey: String?, workspace: Workspace) throws(Unknown) {
        switch Authorization(request.headers) {
        case .basic(let key, _)?:
            source = try Self.source(forKey: key, workspace)
            mustAgree = false
            hasForeignToken = false
        case .bearer(let token)?:
            let found: String?
            do {
                found = try workspace.oauth.source(
                    forToken: token, now: Timestamp.now().microseconds / 1_000_000)
            } catch {
                throw .cannotTell
            }
            source = found
            mustAgree = found != nil
            hasForeignToken = found == nil
        case nil:
            source = try queryKey.map { (key) throws(Unknown) in
                try Self.source(forKey: key, workspace)
            }
            mustAgree = false
            hasForeignToken = false
        }
    }

    private static func source(forKey key: String, _ workspace: Workspace) throws(Unknown)
        -> String
    {
        guard let source = workspace.access.source(forKey: key) else { throw .key }
        guard !workspace.access.settings(of: source).requiresOAuth else { throw .needsToken }
        return source
    }

    /// The source, once the body is there. Clients that use Basic skip the look.
    func source(inBody bytes: UnsafeRawBufferPointer, _ workspace: Workspace) throws(Unknown)
        -> String
    {
        if let source, !mustAgree { return source }
        let named = try Self.keyInBody(bytes, workspace)
        guard let named else { throw .key }
        if let source {
            guard named == source else { throw .mismatch }
            return named
        }
        let settings = workspace.access.settings(of: named)
        guard !hasForeignToken || settings.oauthClients.isEmpty else { throw .token }
        guard !settings.requiresOAuth else { throw .needsToken }
        return named
    }

    private static func keyInBody(
        _ bytes: UnsafeRawBufferPointer, _ workspace: Workspace
    ) throws(Unknown) -> String? {
        do {
            return try workspace.collector.withParser { parser in
                // Structure is enough here; the strict parse follows.
                try parser.parseStructure(bytes) { root in
                    root["writeKey"]?.withUTF8 { workspace.access.source(forKey: $0) } ?? nil
                }
            }
        } catch let error as JSONError {
            throw .unreadable(error)
        } catch {
            return nil
        }
    }
}

extension Sender.Unknown {
    var answer: Answer {
        switch self {
        case .key:
            .failure(
                .unauthorized, "unknown_write_key",
                "this write key is unknown: send it as the user of Basic authorization or as `writeKey`"
            )
        case .token:
            .failure(
                .unauthorized, "invalid_token", "the access token has expired or is none of ours")
        case .mismatch:
            .failure(
                .forbidden, "wrong_source", "the access token and the write key are of two sources")
        case .needsToken:
            .failure(
                .forbidden, "token_needed",
                "this source takes no write key alone: get an access token from /token")
        case .unreadable(let error):
            .failure(.badRequest, "invalid_json", "the body is not valid JSON: \(error)")
        case .cannotTell:
            .busy(
                .serviceUnavailable, "oauth_key", "access tokens cannot be checked now",
                retryAfterSeconds: 30)
        }
    }
}
