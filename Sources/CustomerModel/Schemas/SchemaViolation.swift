/// One way in which a value does not keep to a schema. Holds no value of the instance.
public struct SchemaViolation: Equatable, Sendable, CustomStringConvertible {
    public enum Reason: Equatable, Sendable {
        case wrongType(expected: JSONSchemaTypes)
        case missing(String)
        case unexpected
        case notOneOf
        case notTheConstant
        case belowMinimum
        case aboveMaximum
        case tooShort
        case tooLong
        case tooFewItems
        case tooManyItems
        case doesNotMatch
        case noAlternative
        /// Valid against the schema of a `not`.
        case excluded
        /// The schema is `false`.
        case never
        /// Checking would cost more than is spent on one value, which counts as invalid.
        case tooExpensive
    }

    /// A JSON pointer into the value; empty for the value itself.
    public var instancePath: String
    /// A JSON pointer into the schema, to the keyword; through a `$ref` it continues at its definition.
    public var schemaPath: String
    public var reason: Reason

    public init(instancePath: String, schemaPath: String, reason: Reason) {
        self.instancePath = instancePath
        self.schemaPath = schemaPath
        self.reason = reason
    }

    public var description: String {
        "\(instancePath.isEmpty ? "the value" : instancePath) \(reason.text) (\(schemaPath))"
    }
}

extension SchemaViolation.Reason {
    public var text: String {
        switch self {
        case .wrongType(let expected): "is not of type \(expected)"
        case .missing(let name): "lacks \(name)"
        case .unexpected: "is not expected"
        case .notOneOf: "is none of the values allowed"
        case .notTheConstant: "is not the value asked for"
        case .belowMinimum: "is too small"
        case .aboveMaximum: "is too large"
        case .tooShort: "is too short"
        case .tooLong: "is too long"
        case .tooFewItems: "has too few items"
        case .tooManyItems: "has too many items"
        case .doesNotMatch: "does not match the pattern"
        case .noAlternative: "fits none of the alternatives"
        case .excluded: "is what must not be"
        case .never: "may not be there"
        case .tooExpensive: "costs too much to check"
        }
    }
}

/// A set of JSON Schema's types.
public struct JSONSchemaTypes: OptionSet, Equatable, Sendable, CustomStringConvertible {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let null = JSONSchemaTypes(rawValue: 1)
    public static let boolean = JSONSchemaTypes(rawValue: 2)
    public static let object = JSONSchemaTypes(rawValue: 4)
    public static let array = JSONSchemaTypes(rawValue: 8)
    public static let number = JSONSchemaTypes(rawValue: 16)
    /// A number without a fraction, however it is written.
    public static let integer = JSONSchemaTypes(rawValue: 32)
    public static let string = JSONSchemaTypes(rawValue: 64)

    static let names: [(name: String, type: JSONSchemaTypes)] = [
        ("null", .null), ("boolean", .boolean), ("object", .object), ("array", .array),
        ("number", .number), ("integer", .integer), ("string", .string),
    ]

    public var description: String {
        Self.names.filter { contains($0.type) }.map(\.name).joined(separator: " or ")
    }
}
