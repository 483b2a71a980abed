/// Where a webhook is posted, read so strictly that no two readers can disagree about the host.
///
/// Only `http` and `https`; a host of letters, digits, dots and hyphens, or a literal IPv6 address in
/// brackets; no user, no password, no fragment; path and query of visible ASCII.
package struct WebhookURL: Equatable, Sendable {
    /// As it was given.
    package let text: String
    /// Without brackets.
    package let host: String

    package init(_ text: String) throws(LaneHold) {
        guard let read = Self.host(of: text) else {
            throw LaneHold(
                "the webhook's URL is not one that can be posted to: use https://host/path, without user and fragment"
            )
        }
        self.text = text
        host = read
    }

    /// Bytes that some readers drop, turn round or stop at.
    private static let ambiguous = Set("\\#\"<>^`{|}".utf8)

    private static func host(of text: String) -> String? {
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !text.utf8.contains(where: ambiguous.contains)
        else { return nil }
        let lowered = text.lowercased()
        guard let scheme = ["https://", "http://"].first(where: lowered.hasPrefix) else {
            return nil
        }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            let address = authority[authority.index(after: authority.startIndex)..<end]
            guard NetworkAddress(v6: String(address)) != nil,
                isPort(authority[authority.index(after: end)...])
            else { return nil }
            return String(address)
        }
        let name = authority.prefix { $0 != ":" }
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E: true
            default: false
            }
        }
        guard !name.isEmpty, name.utf8.count <= 253, isName, isPort(authority.dropFirst(name.count))
        else { return nil }
        return String(name)
    }

    /// Nothing, or a colon and a port.
    private static func isPort(_ text: Substring) -> Bool {
        guard !text.isEmpty else { return true }
        guard text.first == ":", let port = UInt16(text.dropFirst()) else { return false }
        return port > 0 && text.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
