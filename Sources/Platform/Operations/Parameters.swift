import JSONText
import Projections

/// An operation's parameters, read strictly: a wrong one is named.
struct Parameters {
    private let object: JSONValue

    init(_ value: JSONValue) throws(OperationError) {
        switch value {
        case .object, .null: object = value
        default: throw .badRequest("the parameters must be a JSON object")
        }
    }

    func has(_ name: String) -> Bool { value(name) != nil }

    private func value(_ name: String) -> JSONValue? {
        guard let value = object[name], value != .null else { return nil }
        return value
    }

    func text(_ name: String) throws(OperationError) -> String {
        guard let text = try optionalText(name), !text.isEmpty else {
            throw .badRequest("the parameter \(name) is missing")
        }
        return text
    }

    /// A text, or a number written out: query strings and JSON say the same.
    func optionalText(_ name: String) throws(OperationError) -> String? {
        switch value(name) {
        case nil: return nil
        case .string(let text)?: return text
        case .int(let number)?: return String(number)
        default: throw .badRequest("the parameter \(name) must be a text")
        }
    }

    /// A text, or a list of texts; none when it is absent.
    func texts(_ name: String) throws(OperationError) -> [String] {
        guard case .array(let elements)? = value(name) else {
            return try optionalText(name).map { [$0] } ?? []
        }
        var texts: [String] = []
        for element in elements {
            guard let text = element.string else {
                throw .badRequest("the parameter \(name) must be a text or a list of texts")
            }
            texts.append(text)
        }
        return texts
    }

    func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>)
        throws(OperationError) -> Int
    {
        guard let text = try optionalText(name) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw .badRequest(
                "the parameter \(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    func flag(_ name: String) throws(OperationError) -> Bool {
        switch value(name) {
        case nil: return false
        case .bool(let value)?: return value
        case .string("true")?, .string("1")?: return true
        case .string("false")?, .string("0")?: return false
        default: throw .badRequest("the parameter \(name) must be true or false")
        }
    }

    func person(_ name: String = "person") throws(OperationError) -> PersonReference {
        let text = try text(name)
        guard let person = PersonReference(text) else {
            throw .badRequest(
                "\(name) must be TYPE:VALUE, as in email:ada@example.com, or a profile id")
        }
        return person
    }
}
