internal import Glibc
internal import JSONText

/// What a user agent says of whoever sent an event.
enum UserAgent {
    /// Whether it names itself as a program rather than a person's browser or app.
    ///
    /// By the words that such programs use of themselves, whatever the case of their letters; what hides is
    /// not found. A flag for filters, never a reason to refuse. Asked of every event, so by bytes: a search
    /// in a `String` cost more than all the rest of the door.
    static func isRobot(_ view: JSONView?) -> Bool {
        guard let view, view.kind == .string, view.rawBytes.count <= 2_048 else { return false }
        return view.withUTF8 { isRobot(utf8: $0) } ?? false
    }

    /// What was said of the agents that were asked about lately: the events of a request have few.
    struct Memory: Sendable {
        private static let maximumCount = 16
        /// The tokens one after the other.
        private var tokens: [UInt8] = []
        private var known: [(end: Int, isRobot: Bool)] = []

        mutating func isRobot(_ view: JSONView?) -> Bool {
            guard let view else { return false }
            let token = view.rawBytes
            if let answer = answer(to: token) { return answer }
            if known.count == Self.maximumCount {
                tokens.removeAll(keepingCapacity: true)
                known.removeAll(keepingCapacity: true)
            }
            let answer = UserAgent.isRobot(view)
            tokens.append(contentsOf: token)
            known.append((tokens.count, answer))
            return answer
        }

        private func answer(to token: UnsafeRawBufferPointer) -> Bool? {
            guard let wanted = token.baseAddress else { return nil }
            return tokens.withUnsafeBytes { tokens in
                var start = 0
                for (end, isRobot) in known {
                    if end - start == token.count, let place = tokens.baseAddress,
                        memcmp(place + start, wanted, token.count) == 0
                    {
                        return isRobot
                    }
                    start = end
                }
                return nil
            }
        }
    }

    /// The same for UTF-8 bytes.
    static func isRobot(utf8 text: UnsafeRawBufferPointer) -> Bool {
        guard text.count >= 3 else { return false }
        return seconds.withUnsafeBufferPointer { seconds in
            // The low five bits of a letter are the same in both cases.
            var first = Int(text[0] & 31)
            for place in 1..<text.count {
                let second = Int(text[place] & 31)
                defer { first = second }
                guard seconds[first] & (UInt32(1) << UInt32(second)) != 0 else { continue }
                if words.contains(where: { starts(with: $0, text, place - 1) }) { return true }
            }
            return false
        }
    }

    private static func starts(
        with word: StaticString, _ text: UnsafeRawBufferPointer, _ place: Int
    ) -> Bool {
        let length = word.utf8CodeUnitCount
        guard text.count - place >= length else { return false }
        for index in 0..<length where lowered(text[place + index]) != word.utf8Start[index] {
            return false
        }
        // Phones of the maker Cubot carry its name.
        let isCubot =
            place >= 2 && length == 3
            && lowered(text[place - 2]) == UInt8(ascii: "c")
            && lowered(text[place - 1]) == UInt8(ascii: "u")
        return !isCubot
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        0x41...0x5A ~= byte ? byte | 0x20 : byte
    }

    private static let words: [StaticString] = [
        "bot", "crawl", "spider", "slurp", "scrape", "headlesschrome", "phantomjs", "lighthouse",
        "facebookexternalhit", "feedfetcher", "mediapartners-google", "pingdom", "uptime",
        "monitoring", "python-requests", "curl/", "wget/", "go-http-client", "libwww-perl",
    ]

    /// By the low five bits of a word's first byte, those of the second one, a bit each.
    private static let seconds: [UInt32] = {
        var seconds = [UInt32](repeating: 0, count: 32)
        for word in words {
            seconds[Int(word.utf8Start[0] & 31)] |= 1 << UInt32(word.utf8Start[1] & 31)
        }
        return seconds
    }()
}
