public import JSONText

/// What a user agent says of whoever sent an event.
public enum UserAgent {
    /// Whether it names itself as a program rather than a person's browser or app.
    ///
    /// By the words that such programs use of themselves; what hides is not found. A flag for filters, never
    /// a reason to refuse.
    public static func isRobot(_ view: JSONView?) -> Bool {
        guard let view, view.kind == .string, view.rawBytes.count <= 2_048 else { return false }
        return view.withUTF8 { isRobot(utf8: $0) } ?? false
    }

    /// The same for UTF-8 bytes.
    static func isRobot(utf8 bytes: UnsafeRawBufferPointer) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        // Phones of the maker Cubot carry its name.
        let plain = text.replacing("cubot", with: "")
        return words.contains { plain.contains($0) }
    }

    private static let words = [
        "bot", "crawl", "spider", "slurp", "scrape", "headlesschrome", "phantomjs", "lighthouse",
        "facebookexternalhit", "feedfetcher", "mediapartners-google", "pingdom", "uptime",
        "monitoring", "python-requests", "curl/", "wget/", "go-http-client", "libwww-perl",
    ]
}
