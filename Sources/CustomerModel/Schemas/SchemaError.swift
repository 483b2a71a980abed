/// Why a text is no schema that is taken here, and where.
public struct SchemaError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        /// Neither an object nor `true` or `false`.
        case notASchema
        /// A keyword that is not taken: what it asks for would go unchecked.
        case unsupportedKeyword
        /// A keyword's value is not of the form that it asks for.
        case illTyped
        /// The `type` is none.
        case unknownType
        /// An empty list where one entry is needed, or the same entry twice.
        case badList
        case badPattern(PatternError)
        /// Not `#/$defs/` and a name.
        case badReference
        /// There is no such definition.
        case unknownReference
        /// A schema that asks for itself without going into the value.
        case cycle
        /// `$schema` is not the one of draft 2020-12.
        case unknownDialect
        /// More schemas, or more of them inside each other, than are taken.
        case tooLarge
    }

    /// A JSON pointer into the schema; empty for its root.
    public var pointer: String
    public var problem: Problem

    public init(pointer: String, problem: Problem) {
        self.pointer = pointer
        self.problem = problem
    }

    public var description: String {
        "\(pointer.isEmpty ? "the schema" : pointer): \(problem.text)"
    }
}

extension SchemaError.Problem {
    public var text: String {
        switch self {
        case .notASchema: "neither an object nor true or false"
        case .unsupportedKeyword: "a keyword that is not supported"
        case .illTyped: "not of the form that this keyword asks for"
        case .unknownType: "not a type"
        case .badList: "empty, or with the same entry twice"
        case .badPattern(let error): "a pattern with \(error)"
        case .badReference: "not a reference of the form #/$defs/name"
        case .unknownReference: "there is no such definition"
        case .cycle: "asks for itself without going into the value"
        case .unknownDialect: "not draft 2020-12"
        case .tooLarge: "too many schemas, or too many inside each other"
        }
    }
}
