/// Finds what must never be in a policy, because policies are kept in the log for ever (P3): a person's
/// identifier, or a secret.
///
/// The text is searched as it stands, comments and all; scalars are searched again as they read, since an
/// escape or a fold can hide something from the first search. What is found is named by its kind and never
/// repeated.
enum SecretScan {
    static func problems(in text: String, tree: PolicyNode? = nil) -> [PolicyProblem] {
        var problems: [PolicyProblem] = []
        var kinds: Set<Kind> = []
        let lines = text.unicodeScalars.split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" })
        for (index, line) in lines.enumerated() {
            var here: Set<Kind> = []
            for finding in LineScan(Array(line)).findings where here.insert(finding.kind).inserted {
                kinds.insert(finding.kind)
                problems.append(
                    problem(finding.kind, Place(line: index + 1, column: finding.start + 1)))
            }
        }
        if let tree { search(tree, known: &kinds, problems: &problems) }
        return problems
    }

    private static func search(
        _ node: PolicyNode, known: inout Set<Kind>, problems: inout [PolicyProblem]
    ) {
        switch node.content {
        case .scalar(let text, _):
            for finding in LineScan(Array(text.unicodeScalars)).findings
            where known.insert(finding.kind).inserted {
                problems.append(problem(finding.kind, node.place))
            }
        case .sequence(let items):
            for item in items { search(item, known: &known, problems: &problems) }
        case .mapping(let members):
            for (key, value) in members {
                search(key, known: &known, problems: &problems)
                search(value, known: &known, problems: &problems)
            }
        }
    }

    private static func problem(_ kind: Kind, _ place: Place) -> PolicyProblem {
        PolicyProblem(
            line: place.line, column: place.column,
            message: "a policy cannot hold \(kind.name)", suggestion: kind.advice)
    }

    enum Kind: Hashable {
        case emailAddress, phoneNumber, uuid, signingSecret, urlPassword, urlToken, randomText

        var name: String {
            switch self {
            case .emailAddress: "an e-mail address"
            case .phoneNumber: "a phone number"
            case .uuid: "a UUID, which names one person, device or message"
            case .signingSecret: "a signing secret (`whsec_…`)"
            case .urlPassword: "a user name or password in a URL"
            case .urlToken: "a token in a URL"
            case .randomText: "32 or more random characters, which are a key or an identifier"
            }
        }

        var advice: String {
            switch self {
            case .emailAddress, .phoneNumber, .uuid:
                "policies are kept for ever; describe the kind of person by a property instead"
            case .signingSecret, .urlPassword, .urlToken, .randomText:
                "put it into secrets.yaml and its name here"
            }
        }
    }
}

/// One line, searched for each kind.
private struct LineScan {
    typealias Kind = SecretScan.Kind

    private let text: [Unicode.Scalar]
    private(set) var findings: [(kind: Kind, start: Int)] = []
    /// Where a URL's authority holds an `@`: no e-mail address.
    private var authorities: [Range<Int>] = []

    init(_ text: [Unicode.Scalar]) {
        self.text = text
        guard text.count >= 6 else { return }
        findSigningSecrets()
        findURLs()
        findAddresses()
        findPhoneNumbers()
        findUUIDs()
        findRandomText()
    }

    private func starts(_ prefix: String, at index: Int) -> Bool {
        text[index...].starts(with: prefix.unicodeScalars)
    }

    private mutating func findSigningSecrets() {
        for index in text.indices where text[index] == "w" && starts("whsec_", at: index) {
            let next = index + 6
            if next < text.count, text[next].isWord { findings.append((.signingSecret, index)) }
        }
    }

    private mutating func findURLs() {
        for index in text.indices where text[index] == ":" && starts("://", at: index) {
            let start = index + 3
            let end = text[start...].firstIndex(where: \.endsURL) ?? text.count
            let url = text[start..<end]
            let authorityEnd = url.firstIndex { "/?#".unicodeScalars.contains($0) } ?? end
            if url[..<authorityEnd].contains("@") {
                findings.append((.urlPassword, start))
                authorities.append(start..<authorityEnd)
            }
            if let question = url.firstIndex(of: "?"), holdsToken(url[question...].dropFirst()) {
                findings.append((.urlToken, question + 1))
            }
        }
    }

    private func holdsToken(_ query: ArraySlice<Unicode.Scalar>) -> Bool {
        let telling = [
            "token", "secret", "password", "passwd", "signature", "apikey", "api_key", "api-key",
            "access_key", "auth", "credential",
        ]
        return query.split(separator: "&").contains { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[1].isEmpty else { return false }
            let name = String(String.UnicodeScalarView(parts[0])).lowercased()
            if name == "key" || name == "sig" || telling.contains(where: { name.contains($0) }) {
                return true
            }
            return parts[1].count >= 16 && Self.isRandom(parts[1])
        }
    }

    private mutating func findAddresses() {
        for index in text.indices where text[index] == "@" {
            guard !authorities.contains(where: { $0.contains(index) }) else { continue }
            let local = text[..<index].reversed().prefix {
                $0.isWord || "._%+-".unicodeScalars.contains($0)
            }
            let domain = text[(index + 1)...].prefix { $0.isWord || $0 == "." || $0 == "-" }
            let labels = domain.split(separator: ".")
            guard local.contains(where: \.isWord), labels.count >= 2, domain.first != ".",
                let last = labels.last, last.count >= 2
            else { continue }
            findings.append((.emailAddress, index - local.count))
        }
    }

    private mutating func findPhoneNumbers() {
        for index in text.indices where text[index] == "+" {
            if index > 0, text[index - 1].isWord || text[index - 1] == "+" { continue }
            var digits = 0
            for scalar in text[(index + 1)...] {
                if scalar.isDigit {
                    digits += 1
                } else if !" ().-".unicodeScalars.contains(scalar) {
                    break
                }
            }
            if digits >= 8 { findings.append((.phoneNumber, index)) }
        }
    }

    private mutating func findUUIDs() {
        let dashes = [8, 13, 18, 23]
        guard text.count >= 36 else { return }
        for start in 0...(text.count - 36) where text[start].isHexadecimal {
            if start > 0, text[start - 1].isWord { continue }
            let end = start + 36
            if end < text.count, text[end].isWord { continue }
            let isUUID = (0..<36).allSatisfy {
                dashes.contains($0) ? text[start + $0] == "-" : text[start + $0].isHexadecimal
            }
            let isZero = text[start..<end].allSatisfy { $0 == "0" || $0 == "-" }
            if isUUID, !isZero { findings.append((.uuid, start)) }
        }
    }

    private mutating func findRandomText() {
        var start = 0
        while start < text.count {
            let run = text[start...].prefix { $0.isBase64 }
            if run.count >= 32, Self.isRandom(run) { findings.append((.randomText, start)) }
            start += max(1, run.count)
        }
    }

    /// Words keep to one kind of letter for a while; keys change between lower case, upper case and
    /// digits at every second or third character. An upper-case letter and the lower-case one after it
    /// are one word's beginning.
    private static func isRandom(_ run: ArraySlice<Unicode.Scalar>) -> Bool {
        let letters = run.filter { $0.isWord && $0 != "_" }
        guard letters.count >= 16, Set(letters).count >= 8 else { return false }
        var changes = 0
        for (a, b) in zip(letters, letters.dropFirst())
        where a.letterClass != b.letterClass
            && !(a.letterClass == .upper && b.letterClass == .lower)
        {
            changes += 1
        }
        return changes * 4 >= letters.count
    }
}

extension Unicode.Scalar {
    fileprivate enum LetterClass { case lower, upper, digit }

    fileprivate var isDigit: Bool { self >= "0" && self <= "9" }

    /// Letters, digits and `_`; everything past ASCII counts, as names do not stop there.
    fileprivate var isWord: Bool {
        isDigit || (self >= "a" && self <= "z") || (self >= "A" && self <= "Z") || self == "_"
            || value > 0x7F
    }

    fileprivate var isHexadecimal: Bool {
        isDigit || (self >= "a" && self <= "f") || (self >= "A" && self <= "F")
    }

    fileprivate var isBase64: Bool {
        (isWord && value < 0x80) || self == "+" || self == "/" || self == "-" || self == "="
    }

    fileprivate var endsURL: Bool {
        value <= 0x20 || "\"'`<>,}])".unicodeScalars.contains(self)
    }

    fileprivate var letterClass: LetterClass {
        if isDigit { return .digit }
        return self >= "A" && self <= "Z" ? .upper : .lower
    }
}
