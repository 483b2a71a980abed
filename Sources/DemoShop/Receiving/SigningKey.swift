import Hashing

/// Checks signatures of Standard Webhooks 1.0.0.
///
/// It is written from the specification and shares nothing with the sender, so that one mistake
/// cannot stand on both sides.
struct SigningKey {
    private let bytes: [UInt8]

    /// - Parameter secret: `whsec_` and the Base64 of the key.
    init?(secret: String) {
        guard secret.hasPrefix("whsec_"), let bytes = Base64.decode(String(secret.dropFirst(6)))
        else { return nil }
        self.bytes = bytes
    }

    /// Whether one of the signatures in the header is right and the time is within five minutes of
    /// now.
    func verifies(
        signatures: String, id: String, timestamp: String, body: [UInt8], nowSeconds: Int64
    ) -> Bool {
        guard let seconds = Int64(timestamp), abs(nowSeconds - seconds) <= 300 else { return false }
        let signed = Array("\(id).\(timestamp).".utf8) + body
        let expected = Array(("v1," + Base64.encode(HMACSHA256.code(of: signed, key: bytes))).utf8)
        return signatures.split(separator: " ").contains { Secrets.equal(Array($0.utf8), expected) }
    }
}
