extension JSONValue: CustomStringConvertible {
    /// Appends the compact text: no white space, strings with only the escapes that JSON asks for.
    /// - Precondition: every ``number(_:)`` holds a number token.
    public func write(into out: inout [UInt8]) {
        write(into: &out, indent: nil)
    }

    /// The compact text.
    public var text: String {
        var out: [UInt8] = []
        write(into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// The text for people: a line for each member and element, two spaces a level.
    public var prettyText: String {
        var out: [UInt8] = []
        write(into: &out, indent: 0)
        return String(decoding: out, as: UTF8.self)
    }

    public var description: String { text }

    private func write(into out: inout [UInt8], indent: Int?) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): out.append(contentsOf: String(value).utf8)
        case .number(let token):
            precondition(JSONValue.isNumber(token), "\(token) is no number token")
            out.append(contentsOf: token.utf8)
        case .string(let text): JSONValue.write(text, into: &out)
        case .array(let elements):
            JSONValue.write(elements, brackets: ("[", "]"), into: &out, indent: indent) {
                $0.write(into: &$1, indent: $2)
            }
        case .object(let object):
            JSONValue.write(object.members, brackets: ("{", "}"), into: &out, indent: indent) {
                JSONValue.write($0.key, into: &$1)
                $1.append(contentsOf: ($2 == nil ? ":" : ": ").utf8)
                $0.value.write(into: &$1, indent: $2)
            }
        }
    }

    /// The items of a container between its brackets.
    private static func write<Item>(
        _ items: [Item], brackets: (String, String), into out: inout [UInt8], indent: Int?,
        item: (Item, inout [UInt8], Int?) -> Void
    ) {
        let inner = indent.map { $0 + 1 }
        out.append(contentsOf: brackets.0.utf8)
        for (place, one) in items.enumerated() {
            if place > 0 { out.append(UInt8(ascii: ",")) }
            breakLine(inner, into: &out)
            item(one, &out, inner)
        }
        if !items.isEmpty { breakLine(indent, into: &out) }
        out.append(contentsOf: brackets.1.utf8)
    }

    private static func breakLine(_ indent: Int?, into out: inout [UInt8]) {
        guard let indent else { return }
        out.append(UInt8(ascii: "\n"))
        out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * 2))
    }

    private static func write(_ text: String, into out: inout [UInt8]) {
        var text = text
        text.withUTF8 { JSONStringText.append(utf8: UnsafeRawBufferPointer($0), to: &out) }
    }

    /// Whether `token` is a number of RFC 8259 and nothing besides.
    public static func isNumber(_ token: String) -> Bool {
        var token = token
        return token.withUTF8 { isNumber(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Whether `token` is a number of RFC 8259 and nothing besides.
    public static func isNumber(utf8 token: UnsafeRawBufferPointer) -> Bool {
        JSONScanner.isNumber(token)
    }
}
