internal import Hashing
internal import JSONText
private import Synchronization

/// Why no access token was given, in the words of RFC 6749, section 5.2.
public struct OAuthRefusal: Error, Equatable, Sendable {
    public var code: String
    public var message: String
}

/// Gives access tokens to clients that sign an assertion with their private key, as Segment's SDKs do:
/// `client_credentials` with a JWT (RFC 7523), RS256 only.
///
/// A token is `at_<source>.<expires>.<HMAC>`: it needs no list and survives a restart, since the HMAC's key
/// stands in `oauth.key` (32 random bytes, mode 0600, made on first use). Removing that file takes all
/// tokens back. Thread-safe.
public final class OAuthDesk: Sendable {
    /// How long a token holds. Clients renew at half of it.
    public static let lifetimeSeconds: Int64 = 3_600
    /// How far an assertion's times may lie from this clock.
    private static let leewaySeconds: Int64 = 60
    /// An assertion that would hold longer is refused: clients sign a new one for every token.
    private static let longestAssertionSeconds: Int64 = 3_600

    private let path: String
    private let access: AccessList
    private let state = Mutex(State())

    private struct State {
        var key: [UInt8]?
        /// Assertions that were used, until they expire anyway: each counts once.
        var used: [String: Int64] = [:]
    }

    init(path: String, access: AccessList) {
        self.path = path
        self.access = access
    }

    /// An access token for the client that signed `assertion`.
    ///
    /// - Parameter now: seconds since 1970.
    public func token(for assertion: String, now: Int64) throws -> String {
        let parts = assertion.split(separator: ".", omittingEmptySubsequences: false)
        guard assertion.utf8.count <= 16 << 10, parts.count == 3,
            let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            let signature = Base64.decodeURL(parts[2])
        else { throw Self.invalid("the client_assertion is no JWT") }
        guard header["alg"]?.string == "RS256" else {
            throw Self.invalid("the client_assertion must be signed with RS256")
        }
        guard let client = claims["iss"]?.string, claims["sub"]?.string == client else {
            throw Self.invalid("iss and sub must both be the client's id")
        }
        let signed = Array("\(parts[0]).\(parts[1])".utf8)
        let source = access.oauthSource(of: client) { key in
            RS256.isValid(signature, of: signed, by: key)
        }
        guard let source else {
            throw Self.invalid("no client \(client) is known by this signature")
        }
        guard let expires = claims["exp"]?.int, let issued = claims["iat"]?.int,
            issued <= now + Self.leewaySeconds, expires > now - Self.leewaySeconds,
            expires <= now + Self.longestAssertionSeconds
        else { throw Self.invalid("the client_assertion has expired, or its clock is wrong") }
        guard let id = claims["jti"]?.string, !id.isEmpty else {
            throw Self.invalid("the client_assertion has no jti")
        }
        guard use("\(client)\u{0}\(id)", until: expires + Self.leewaySeconds, now: now) else {
            throw Self.invalid("this client_assertion was used before: sign a new one")
        }
        let body = "\(source).\(now + Self.lifetimeSeconds)"
        return "at_\(body).\(try code(of: body))"
    }

    /// The source that a token speaks for; nil when it is none of ours or has expired.
    public func source(forToken token: String, now: Int64) throws -> String? {
        guard token.hasPrefix("at_") else { return nil }
        // A source's name may hold dots, the rest does not.
        let parts = token.dropFirst(3).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 3, let expires = Int64(parts[parts.count - 2]) else { return nil }
        let source = parts.dropLast(2).joined(separator: ".")
        let expected = try code(of: "\(source).\(expires)")
        guard Secrets.equal(Array(parts[parts.count - 1].utf8), Array(expected.utf8)),
            expires > now
        else { return nil }
        return source
    }

    private func use(_ assertion: String, until expires: Int64, now: Int64) -> Bool {
        state.withLock { state in
            if state.used.count >= 10_000 {
                state.used = state.used.filter { $0.value > now }
            }
            guard state.used[assertion] == nil else { return false }
            state.used[assertion] = expires
            return true
        }
    }

    private func code(of body: String) throws -> String {
        let key = try state.withLock { state in
            if let key = state.key { return key }
            let key: [UInt8]
            if let kept = try PrivateFile.read(path) {
                key = kept
            } else {
                key = Secrets.randomBytes(32)
                try PrivateFile.replace(path, with: key)
            }
            state.key = key
            return key
        }
        return Hexadecimal.encode(HMACSHA256.code(of: Array(body.utf8), key: key))
    }

    private static func object(_ part: Substring) -> JSONValue? {
        guard let bytes = Base64.decodeURL(part) else { return nil }
        do {
            let value = try JSONValue(parsing: bytes)
            return value.object == nil ? nil : value
        } catch {
            return nil
        }
    }

    private static func invalid(_ message: String) -> OAuthRefusal {
        OAuthRefusal(code: "invalid_client", message: message)
    }
}
