/// A small owned JSON value, for cold paths: wire answers, control records, settings.
///
/// Objects keep their order and equality respects it. Integers that fit are ``int(_:)``; every
/// other number is the exact token, never a double.
public enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    /// A number token of RFC 8259, byte for byte: `1.10`, `1e5`, `12345678901234567890`.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// A copy of a parsed value.
    public init(_ view: JSONView) {
        switch view.kind {
        case .null: self = .null
        case .bool: self = .bool(view.bool == true)
        case .number: self = JSONValue.number(of: view)
        case .string: self = .string(String(decoding: view.unescapedBytes, as: UTF8.self))
        case .array:
            var elements: [JSONValue] = []
            elements.reserveCapacity(view.count)
            view.forEachElement { elements.append(JSONValue($0)) }
            self = .array(elements)
        case .object:
            var members: [(key: String, value: JSONValue)] = []
            members.reserveCapacity(view.count)
            view.forEachMember { key, value in
                members.append(
                    (String(decoding: key.unescapedBytes, as: UTF8.self), JSONValue(value)))
            }
            self = .object(JSONObject(checked: members))
        }
    }

    /// Reads a whole text, as strictly as ``JSONParser`` does.
    /// - Throws: ``JSONError``.
    public init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws {
        var parser = JSONParser(limits: limits)
        self = try parser.parse(bytes) { JSONValue($0) }
    }

    /// An integer token that prints the same again becomes an ``int(_:)``; `-0` does not.
    private static func number(of view: JSONView) -> JSONValue {
        let token = String(decoding: view.rawBytes, as: UTF8.self)
        guard let int = view.int, token != "-0" else { return .number(token) }
        return .int(int)
    }

    /// The member of this name; nil when it is absent or this is no object.
    public subscript(_ key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// The element at this place; nil when there is none or this is no array.
    public subscript(_ index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    public var int: Int64? {
        guard case .int(let value) = self else { return nil }
        return value
    }

    public var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    public var array: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The members in order.
    public var object: [(key: String, value: JSONValue)]? {
        guard case .object(let object) = self else { return nil }
        return object.members
    }

    public var isNull: Bool { self == .null }
}

/// The members of an object, in the order in which they were given; no name stands twice.
public struct JSONObject: Equatable, Sendable {
    public private(set) var members: [(key: String, value: JSONValue)]

    /// - Precondition: no name stands twice.
    public init(_ members: [(key: String, value: JSONValue)] = []) {
        precondition(
            Set(members.map { Array($0.key.utf8) }).count == members.count, "a name stands twice")
        self.members = members
    }

    /// For members that came through the parser.
    init(checked members: [(key: String, value: JSONValue)]) {
        self.members = members
    }

    /// The member of this name. Setting adds it at the end or replaces it where it stands; setting
    /// nil removes it. Names are compared by their bytes, not by canonical equivalence.
    public subscript(_ key: String) -> JSONValue? {
        get { members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value }
        set {
            let place = members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
            switch (place, newValue) {
            case (let place?, let value?): members[place].value = value
            case (let place?, nil): members.remove(at: place)
            case (nil, let value?): members.append((key, value))
            case (nil, nil): break
            }
        }
    }

    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.members.elementsEqual(b.members) {
            $0.key.utf8.elementsEqual($1.key.utf8) && $0.value == $1.value
        }
    }
}

extension JSONView {
    /// A copy of a string's text.
    /// - Precondition: it is a string.
    var unescapedBytes: [UInt8] {
        guard let bytes = withUTF8({ Array($0) }) else { preconditionFailure("not a string") }
        return bytes
    }
}
