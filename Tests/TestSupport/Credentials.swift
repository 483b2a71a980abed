import Foundation

/// What clients say who they are with.
public enum Credentials {
    /// The headers of a source's write key (HTTP Basic, no password).
    public static func writeKey(_ key: String) -> [String: String] {
        ["Authorization": "Basic " + Data("\(key):".utf8).base64EncodedString()]
    }
}
