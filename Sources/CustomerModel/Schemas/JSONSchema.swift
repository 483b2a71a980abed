/// A JSON Schema of draft 2020-12, compiled once to check many values.
///
/// Taken are `type`, `properties`, `required`, `additionalProperties`, `enum`, `const`, `items`,
/// `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `minLength`, `maxLength`, `minItems`,
/// `maxItems`, `pattern`, `anyOf`, `allOf`, `not`, `$ref` to `#/$defs/…`, `$defs` at the root, and what
/// asserts nothing: `$schema`, `$comment`, `title`, `description`, `default`, `examples`. Every other
/// keyword is refused: a plan must not seem to ask for what nobody checks.
///
/// Numbers are compared exactly, lengths are counted in Unicode code points, patterns take time linear
/// in the text. Checking one value is bounded (``maximumCost``), whatever schema and value are.
public struct JSONSchema: Sendable {
    /// More schemas in one are refused.
    public static let maximumNodes = 20_000
    /// More schemas inside each other, or asking for each other about the same value, are refused.
    public static let maximumDepth = 64
    /// Steps that one value may take: one for each schema applied and member looked up, and for every
    /// eighth state of a pattern and byte of a constant compared. About a tenth of a second.
    public static let maximumCost = 2_000_000

    /// The root is the first.
    var nodes: [SchemaNode] = []
}

/// One schema. Other schemas are places in ``JSONSchema/nodes``.
struct SchemaNode: Sendable {
    /// A JSON pointer to it.
    var pointer: String
    /// For `false`.
    var isNever = false
    var types: JSONSchemaTypes?
    /// By name, in the order of their bytes: what is in `properties` or `required`.
    var members: [Member] = []
    var requiredCount = 0
    /// Whether there are rules about members at all.
    var hasMemberRules = false
    var additional: Int?
    var oneOf: [SchemaConstant]?
    var constant: SchemaConstant?
    var items: Int?
    var minimum: ExactDecimal?
    var maximum: ExactDecimal?
    var exclusiveMinimum: ExactDecimal?
    var exclusiveMaximum: ExactDecimal?
    var minimumLength: Int?
    var maximumLength: Int?
    var minimumItems: Int?
    var maximumItems: Int?
    var pattern: Pattern?
    var anyOf: [Int]?
    var allOf: [Int] = []
    var not: Int?
    var reference: Int?

    struct Member: Sendable {
        var name: [UInt8]
        /// Its schema; nil for a name that is only required.
        var schema: Int?
        var isRequired = false
    }

    /// The schemas that are applied to the same value.
    var inPlace: [Int] {
        allOf + (anyOf ?? []) + [not, reference].compactMap(\.self)
    }

    /// The member of this name by its place; nil when there are no rules about it.
    func member(_ name: UnsafeRawBufferPointer) -> Int? {
        var (from, to) = (0, members.count)
        while from < to {
            let middle = (from + to) / 2
            if members[middle].name.lexicographicallyPrecedes(name) {
                from = middle + 1
            } else {
                to = middle
            }
        }
        return from < members.count && members[from].name.elementsEqual(name) ? from : nil
    }
}

/// One step of a JSON pointer (RFC 6901).
public enum JSONPointerStep {
    /// The name that a step of a well-formed pointer stands for.
    public static func name(_ step: some StringProtocol) -> String {
        var out = ""
        var isEscape = false
        for character in step.unicodeScalars {
            if isEscape {
                out.unicodeScalars.append(character == "1" ? "/" : "~")
                isEscape = false
            } else if character == "~" {
                isEscape = true
            } else {
                out.unicodeScalars.append(character)
            }
        }
        return out
    }

    static func text(_ name: String) -> String {
        var out = "/"
        for character in name.unicodeScalars {
            switch character {
            case "~": out += "~0"
            case "/": out += "~1"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }
}
