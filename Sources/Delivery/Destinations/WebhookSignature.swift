import Hashing

/// A signing key of Standard Webhooks 1.0.0: `whsec_` and Base64 of 24 to 64 bytes. The key is the decoded bytes.
public struct WebhookKey: Equatable, Sendable, CustomStringConvertible {
    let bytes: [UInt8]

    /// The key that `secret` spells; nil when it spells none.
    public init?(secret: String) {
        let prefix = "whsec_"
        guard secret.hasPrefix(prefix),
            let bytes = Base64.decode(String(secret.dropFirst(prefix.count))),
            (24...64).contains(bytes.count)
        else { return nil }
        self.bytes = bytes
    }

    /// Never the key.
    public var description: String { "whsec_…" }

    /// `v1,` and Base64 of HMAC-SHA-256 over `id.timestamp.body`.
    ///
    /// - Parameter timestamp: Unix seconds of this try.
    public func signature(id: String, timestamp: Int64, body: [UInt8]) -> String {
        var message = Array("\(id).\(timestamp).".utf8)
        message.append(contentsOf: body)
        return "v1," + Base64.encode(HMACSHA256.code(of: message, key: bytes))
    }
}
