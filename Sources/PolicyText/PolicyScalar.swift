import CustomerModel

/// Reads single values of a policy as they are written.
enum PolicyScalar {
    /// Whether the text is a number as JSON writes it (RFC 8259, section 6).
    static func isNumber(_ text: String) -> Bool {
        var rest = Substring(text)
        if rest.first == "-" { rest = rest.dropFirst() }
        let whole = rest.prefix(while: isDigit)
        guard !whole.isEmpty, whole == "0" || whole.first != "0" else { return false }
        rest = rest.dropFirst(whole.count)
        if rest.first == "." {
            let decimals = rest.dropFirst().prefix(while: isDigit)
            guard !decimals.isEmpty else { return false }
            rest = rest.dropFirst(decimals.count + 1)
        }
        guard let mark = rest.first else { return true }
        guard mark == "e" || mark == "E" else { return false }
        rest = rest.dropFirst()
        if rest.first == "+" || rest.first == "-" { rest = rest.dropFirst() }
        return !rest.isEmpty && rest.allSatisfy(isDigit)
    }

    /// Whether a plain text could be taken for a number or a date by somebody, though it is no number to us.
    static func isAmbiguous(_ text: String) -> Bool {
        guard let first = text.first, isDigit(first) || "+-.".contains(first) else {
            return ["yes", "no", "on", "off", "true", "false", "y", "n"].contains(text.lowercased())
        }
        return text.contains(where: isDigit)
            && text.allSatisfy { isDigit($0) || "+-._:,eExX".contains($0) }
    }

    private static func isDigit(_ character: Character) -> Bool {
        character >= "0" && character <= "9" && character.isASCII
    }
}

extension PolicyReader {
    /// An exact number (D4).
    mutating func amount(_ node: PolicyNode, of what: String) -> Amount? {
        guard case .scalar(let text, isPlain: true) = node.content, PolicyScalar.isNumber(text)
        else {
            note(node.place, "\(what) must be a number")
            return nil
        }
        guard let amount = Amount(token: Array(text.utf8)) else {
            note(
                node.place, "\(what) does not fit: \(text)",
                "at most nine decimals and 29 digits before them are exact")
            return nil
        }
        return amount
    }

    /// A value to compare a field with. What YAML readers disagree about is refused rather than guessed.
    mutating func scalar(_ node: PolicyNode, of what: String) -> Scalar? {
        guard case .scalar(let text, let isPlain) = node.content, !node.isNull else {
            note(
                node.place,
                "\(what) must be text, a number, `true` or `false`, not \(node.kindName)",
                node.isNull ? "a field that is absent or null is `present: false`" : nil)
            return nil
        }
        guard isPlain else { return .text(text) }
        if text == "true" || text == "false" { return .bool(text == "true") }
        if PolicyScalar.isNumber(text) { return amount(node, of: what).map(Scalar.number) }
        guard !PolicyScalar.isAmbiguous(text) else {
            note(
                node.place, "`\(text)` is text to some and a number, date or truth value to others",
                "write \"\(text)\" in quotes if it is text, else a plain number, `true` or `false`")
            return nil
        }
        return .text(text)
    }
}
