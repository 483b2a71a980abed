import CustomerModel
import Hashing

extension ComposedRequest {
    /// The id of a request for these effects: the key itself for one, else the first 32 hexadecimal digits
    /// of SHA-256 over the keys' texts, one after the other.
    static func id(of members: [RequestMember]) -> String {
        if members.count == 1 { return members[0].key.hex }
        let text = members.map(\.key.hex).joined()
        return String(SHA256.of(text).hex.prefix(32))
    }
}
