import JSONText

/// How parts of a policy read in a sentence.
enum PolicyWords {
    static func after(_ microseconds: Int64?) -> String {
        microseconds.map { "after \(DurationText.format($0))" } ?? "never"
    }

    static func share(_ perMillion: Int?) -> String {
        guard let perMillion else { return "all" }
        return "\(Amount(billionths: Int128(perMillion) * 100_000))%"
    }
}

extension [String] {
    var text: String { isEmpty ? "none" : joined(separator: ", ") }
}

extension [FieldPath] {
    var text: String { map(\.description).text }

    func text(under root: String) -> String { map { "\(root).\($0)" }.text }
}

extension FieldList {
    func text(under root: String) -> String {
        switch self {
        case .none: "nothing of \(root)"
        case .all: "all of \(root)"
        case .listed(let paths): paths.text(under: root)
        }
    }
}

extension EventSelector {
    /// `track "Order Completed"`, `every page`, `identify`.
    var text: String {
        if let name { return "\(type.name) \"\(name)\"" }
        switch type {
        case .track, .page, .screen: return "every \(type.name)"
        case .identify, .group, .alias: return type.name
        }
    }
}

extension BlockedValue {
    var text: String {
        let value =
            switch match {
            case .exactly(let text): "the value \"\(text)\""
            case .allOf(let characters): "a value of nothing but \"\(characters)\""
            case .prefix(let text): "a value that begins with \"\(text)\""
            case .suffix(let text): "a value that ends with \"\(text)\""
            case .pattern(let pattern): "a value that matches \(pattern.text)"
            }
        return type.map { "\(value) of type \($0)" } ?? value
    }
}

extension IdentifierType {
    var normalisationText: String {
        phoneCountry.map { "\(normalisation.rawValue), national numbers of +\($0)" }
            ?? normalisation.rawValue
    }

    var limitText: String {
        guard let limit else { return "any number" }
        guard let windowMicroseconds else { return "\(limit) ever" }
        return "\(limit) in \(DurationText.format(windowMicroseconds))"
    }
}

extension BurstRule {
    var text: String {
        "met with more than \(knownProfiles) known people within"
            + " \(DurationText.format(withinMicroseconds))"
    }
}

extension Purpose.Basis {
    var text: String {
        switch self {
        case .consent: "consent"
        case .contract: "a contract"
        case .legalObligation: "a legal obligation"
        case .legitimateInterest: "a legitimate interest"
        }
    }
}

extension Connector {
    /// The URL's host; nil for a file.
    var hostName: String? {
        switch self {
        case .file: nil
        case .webhook(let url, _, _): WebAddress(url)?.host ?? url
        }
    }

    var text: String {
        switch self {
        case .file(let path): "file \(path)"
        case .webhook(let url, let secret, .settledByOperator):
            "\(url) signed with \(secret), where nothing is sent twice"
        case .webhook(let url, let secret, _): "\(url) signed with \(secret)"
        }
    }
}
