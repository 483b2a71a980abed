/// The parts of an `http` or `https` URL that rules speak of.
///
/// Deliberately narrow: what it does not understand it refuses, so that nobody else's more lenient reading
/// can find another host in the same text.
public struct WebAddress: Equatable, Sendable {
    public enum Scheme: String, Equatable, Sendable { case http, https }

    public var scheme: Scheme
    /// In lower case; an IPv6 address without its brackets.
    public var host: String
    public var port: Int?
    /// From the first `/` on, `?` and what follows apart; empty when there is none.
    public var path: String
    /// After the `?`; nil when there is none.
    public var query: String?

    /// Reads a URL; nil when it is none, has user information, or has characters that no URL may hold.
    public init?(_ text: String) {
        guard text.utf8.count <= 2_048,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !Self.forbidden.contains($0) })
        else { return nil }
        let rest: Substring
        if let found = Self.dropping("https://", from: text) {
            (scheme, rest) = (.https, found)
        } else if let found = Self.dropping("http://", from: text) {
            (scheme, rest) = (.http, found)
        } else {
            return nil
        }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let tail = rest[end...]
        let question = tail.firstIndex(of: "?") ?? tail.endIndex
        path = String(tail[..<question])
        query = question == tail.endIndex ? nil : String(tail[question...].dropFirst())
        guard let place = Self.place(rest[..<end]) else { return nil }
        (host, port) = place
    }

    /// `"`, `#`, `<`, `>`, `\`, `^`, a backtick, `{`, `|`, `}`: no URL of ours needs them.
    private static let forbidden = Array("\"#<>\\^`{|}".utf8)

    private static func dropping(_ prefix: String, from text: String) -> Substring? {
        guard text.prefix(prefix.count).lowercased() == prefix else { return nil }
        return text.dropFirst(prefix.count)
    }

    private static func place(_ authority: Substring) -> (String, Int?)? {
        var host = authority
        var port: Int?
        let hostEnd =
            authority.hasPrefix("[") ? authority.firstIndex(of: "]") : authority.startIndex
        guard let hostEnd else { return nil }
        if let colon = authority[hostEnd...].lastIndex(of: ":") {
            let digits = authority[colon...].dropFirst()
            guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let number = Int(digits), number >= 1, number <= 65_535
            else { return nil }
            host = authority[..<colon]
            port = number
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            let inner = host.dropFirst().dropLast().lowercased()
            guard inner.contains(":"),
                inner.utf8.allSatisfy({ isHexadecimal($0) || $0 == 0x3A || $0 == 0x2E })
            else { return nil }
            return (inner, port)
        }
        let isName = host.utf8.allSatisfy {
            isHexadecimal($0) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || $0 == 0x2D
                || $0 == 0x2E
        }
        guard !host.isEmpty, host.utf8.count <= 253, isName, !host.hasPrefix("."),
            !host.contains("..")
        else { return nil }
        return (host.lowercased(), port)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66)
    }

    /// Whether the host is this machine by name or by number.
    public var isLoopback: Bool {
        if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }
        return octets?[0] == 127
    }

    /// Whether the host is an address that no public network routes (RFC 1918, RFC 4193). Link-local
    /// addresses are not meant: cloud machines hand out credentials there.
    public var isPrivate: Bool {
        if let octets {
            return octets[0] == 10 || (octets[0] == 172 && (16...31).contains(octets[1]))
                || (octets[0] == 192 && octets[1] == 168)
        }
        return host.contains(":") && (host.hasPrefix("fc") || host.hasPrefix("fd"))
    }

    /// The four numbers of a dotted address; nil for a name, and for the short and octal forms that some
    /// resolvers take.
    private var octets: [Int]? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var numbers: [Int] = []
        for part in parts {
            guard part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), part.utf8.count <= 3,
                part == "0" || !part.hasPrefix("0"), let number = Int(part), number <= 255
            else { return nil }
            numbers.append(number)
        }
        return numbers
    }
}
