import CustomerModel
import JSONText

/// What a value in a message is made of.
struct FieldExpression: Sendable {
    indirect enum Source: Sendable {
        /// A finished value.
        case constant(Constant)
        /// A column or path; its place in ``FeedMapping/fields``.
        case field(Int)
        case template([TemplatePart])
        /// The exact product of these fields.
        case product([Int])
        /// The value of the first condition that holds.
        case choice([(condition: FieldCondition, value: Constant)], otherwise: Constant?)
    }

    var source: Source
    var type: FieldType
    /// Left out when this member of the message is there.
    var unless: EnvelopeField?
}

/// A value from the mapping file, as text and as the JSON token that it becomes.
struct Constant: Sendable {
    var text: [UInt8]
    var json: [UInt8]
}

enum TemplatePart: Sendable {
    case text([UInt8])
    case field(Int)
    /// `{#}`: the record's number.
    case recordNumber
}

/// One line of `when`.
struct FieldCondition: Sendable {
    enum Test: Sendable {
        case equals([UInt8])
        case startsWith([UInt8])
        case isEmpty(Bool)
        case lessThan(Amount)
        case greaterThan(Amount)
    }

    var field: Int
    var test: Test
}

/// `as:` – what a field's text has to be, and which JSON it becomes.
enum FieldType: String, Sendable, CaseIterable {
    case text
    case integer
    case decimal
    case boolean
    case time
    case json

    /// For reasons: `is not …`.
    var noun: String {
        switch self {
        case .text: "text"
        case .integer: "an integer"
        case .decimal: "a decimal number"
        case .boolean: "true, false, 1 or 0"
        case .time: "a time"
        case .json: "JSON"
        }
    }
}

/// The members of a message beside its type and its objects. All are text, but for the timestamp.
enum EnvelopeField: String, Sendable, CaseIterable {
    case messageId
    case timestamp
    case userId
    case anonymousId
    case groupId
    case previousId
    case event
    case name
    case category

    /// Which may be asked for in `unless`.
    static let identifiers: [EnvelopeField] = [.userId, .anonymousId, .groupId, .previousId]
}

/// Some of them.
struct EnvelopeSet: Sendable {
    private var bits: UInt16 = 0

    func contains(_ field: EnvelopeField) -> Bool { bits & Self.bit(field) != 0 }
    mutating func insert(_ field: EnvelopeField) { bits |= Self.bit(field) }

    private static func bit(_ field: EnvelopeField) -> UInt16 {
        switch field {
        case .messageId: 1 << 0
        case .timestamp: 1 << 1
        case .userId: 1 << 2
        case .anonymousId: 1 << 3
        case .groupId: 1 << 4
        case .previousId: 1 << 5
        case .event: 1 << 6
        case .name: 1 << 7
        case .category: 1 << 8
        }
    }
}

/// A column or path that a mapping names, and where it does.
struct FieldName: Sendable, Hashable {
    var name: String
    var line: Int
    var column: Int
}

/// A JSON object of a message: its members in the mapping's order.
struct ObjectPlan: Sendable {
    enum Value: Sendable {
        case expression(FieldExpression)
        case object(ObjectPlan)
    }

    struct Member: Sendable {
        var name: String
        /// `"name":`, escaped.
        var token: [UInt8]
        var value: Value
    }

    var members: [Member] = []

    /// Puts `expression` at `path`, making objects on the way. False when something stands there
    /// already.
    mutating func insert(_ expression: FieldExpression, at path: ArraySlice<String>) -> Bool {
        guard let name = path.first else { return false }
        let place = members.firstIndex { $0.name == name }
        let rest = path.dropFirst()
        guard !rest.isEmpty else {
            guard place == nil else { return false }
            members.append(
                Member(name: name, token: Self.token(name), value: .expression(expression)))
            return true
        }
        guard let place else {
            var object = ObjectPlan()
            guard object.insert(expression, at: rest) else { return false }
            members.append(Member(name: name, token: Self.token(name), value: .object(object)))
            return true
        }
        guard case .object(var object) = members[place].value,
            object.insert(expression, at: rest)
        else { return false }
        members[place].value = .object(object)
        return true
    }

    static func token(_ name: String) -> [UInt8] {
        var token: [UInt8] = []
        JSONValue.string(name).write(into: &token)
        token.append(UInt8(ascii: ":"))
        return token
    }
}
