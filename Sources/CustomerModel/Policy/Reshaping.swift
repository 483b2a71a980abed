import Hashing
import JSONText

/// What an object becomes on its way out: without what a tracking plan strips, then transformed.
struct Reshaping {
    /// `properties`, `traits` or `context`.
    var root: String
    /// Paths from the message's root that a tracking plan takes out.
    var stripped: [FieldPath]
    var transformations: [Transformation]

    /// Whether anything is done to an object under this root.
    var isNeeded: Bool {
        stripped.contains { $0.names.first == root }
            || transformations.contains { $0.path.names.first == root }
    }

    /// Reshapes the object that the allowlist chose, and the account of its fields with it.
    ///
    /// - Returns: nil when nothing remains.
    func apply(to object: [UInt8]?, fields: inout [String]) -> [UInt8]? {
        let before: JSONValue
        do {
            before = try object.map { try JSONValue(parsing: $0) } ?? .object(JSONObject())
        } catch {
            // It was copied from a checked text; what cannot be read all the same does not leave.
            fields = []
            return nil
        }
        var value = before
        for path in stripped where path.names.first == root {
            Self.edit(&value, path.names.dropFirst(), .drop)
        }
        var names = fields.map { (old: $0, new: $0) }
        var added: [String] = []
        for item in transformations where item.path.names.first == root {
            Self.edit(&value, item.path.names.dropFirst(), item.act)
            switch item.act {
            case .rename(let to):
                let target = (item.path.names.dropLast() + [to]).joined(separator: ".")
                for place in names.indices {
                    names[place].new = Self.renamed(names[place].new, item.path, to: target)
                }
                added = added.map { Self.renamed($0, item.path, to: target) }
            case .set: added.append(item.path.description)
            case .drop, .hash, .mask, .truncate: break
            }
        }
        // A name with a dot in it is not found by its path; it is told rather than forgotten.
        fields = names.filter { !Self.finds($0.old, in: before) || Self.finds($0.new, in: value) }
            .map(\.new)
        for (place, field) in fields.enumerated().reversed()
        where fields[..<place].contains(field) { fields.remove(at: place) }
        for field in added where Self.finds(field, in: value) && !fields.contains(field) {
            fields.append(field)
        }
        guard let members = value.object, !members.isEmpty else { return nil }
        var out: [UInt8] = []
        value.write(into: &out)
        return out
    }

    private static func renamed(_ field: String, _ path: FieldPath, to target: String) -> String {
        let old = path.description
        if field == old { return target }
        return field.hasPrefix(old + ".") ? target + field.dropFirst(old.count) : field
    }

    /// Whether a dotted path from the message's root leads to something in the object under its first name.
    static func finds(_ field: String, in value: JSONValue) -> Bool {
        var value = value
        for name in field.split(separator: ".", omittingEmptySubsequences: false).dropFirst() {
            if value.array != nil { return true }
            guard let inner = value[String(name)] else { return false }
            value = inner
        }
        return true
    }

    // MARK: Editing

    /// Makes one change at a path, in every element of the lists on the way.
    static func edit(
        _ value: inout JSONValue, _ names: ArraySlice<String>, _ act: Transformation.Act
    ) {
        guard let name = names.first else { return }
        switch value {
        case .array(var elements):
            value = .null
            for place in elements.indices { edit(&elements[place], names, act) }
            value = .array(elements)
        case .object(var object):
            value = .null
            if names.count == 1 {
                change(&object, name, act)
            } else if var inner = object[name] {
                edit(&inner, names.dropFirst(), act)
                object[name] = inner
            } else if case .set = act {
                var inner = JSONValue.object(JSONObject())
                edit(&inner, names.dropFirst(), act)
                object[name] = inner
            }
            value = .object(object)
        case .null, .bool, .int, .number, .string: break
        }
    }

    private static func change(
        _ object: inout JSONObject, _ name: String, _ act: Transformation.Act
    ) {
        if case .set(let scalar) = act {
            object[name] = scalar.json
            return
        }
        guard let value = object[name] else { return }
        switch act {
        case .drop: object[name] = nil
        case .rename(let to):
            object[name] = nil
            object[to] = value
        case .hash, .mask, .truncate: object[name] = hidden(value, act)
        case .set: break
        }
    }

    /// A value hashed, masked or cut short; nil for what cannot be, which is left out.
    private static func hidden(_ value: JSONValue, _ act: Transformation.Act) -> JSONValue? {
        let text: String
        switch value {
        case .string(let string): text = string
        case .int(let number): text = String(number)
        case .number(let token): text = token
        case .array(let elements): return .array(elements.compactMap { hidden($0, act) })
        case .null, .bool, .object: return nil
        }
        switch act {
        case .hash(let form): return digest(text, form).map(JSONValue.string)
        case .mask(let keep):
            let scalars = text.unicodeScalars
            guard keep > 0, scalars.count > keep else { return .string("***") }
            return .string("***" + String(scalars.suffix(keep)))
        case .truncate(let length):
            // A number with its end cut off would be another number.
            guard case .string = value else {
                guard text.utf8.count <= length else { return nil }
                return value
            }
            return .string(String(text.unicodeScalars.prefix(length)))
        case .drop, .rename, .set: return nil
        }
    }

    private static func digest(_ text: String, _ form: Normalisation) -> String? {
        let raw = Array(text.utf8)
        guard form != .none else { return SHA256.of(raw).hex }
        var normal: [UInt8] = []
        guard raw.withUnsafeBytes({ IdentifierValue.normalise($0, form, into: &normal) }) else {
            return nil
        }
        return SHA256.of(normal).hex
    }
}

extension Scalar {
    fileprivate var json: JSONValue {
        switch self {
        case .text(let text): .string(text)
        case .number(let number): .number("\(number)")
        case .bool(let bool): .bool(bool)
        }
    }
}
