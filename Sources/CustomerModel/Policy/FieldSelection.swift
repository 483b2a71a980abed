import JSONText

/// Copies out of objects what a field tree lets out.
///
/// A path that is listed and absent is left out, and so is every object that nothing remains of. An array
/// leaves whole where a listed path ends at it or above it; a path that goes on through an array lets
/// nothing out, since no policy could say which elements it means.
struct FieldSelection {
    /// Dotted paths of what was copied, in the order of copying.
    private(set) var fields: [String] = []
    private var members: [UInt8] = []

    /// The copied members as one object's text; nil when there are none.
    var object: [UInt8]? {
        members.isEmpty ? nil : [UInt8(ascii: "{")] + members + [UInt8(ascii: "}")]
    }

    /// Adds what `tree` lets out of `source`.
    ///
    /// - Parameter except: objects whose members hide members of the same name here.
    mutating func append(
        _ source: JSONView, tree: FieldTree, path: String, except hiding: ArraySlice<JSONView> = []
    ) {
        source.forEachMember { key, value in
            let isHidden =
                key.withUTF8 { name in hiding.contains { $0.member(utf8: name) != nil } } ?? false
            if isHidden { return }
            if tree.isWhole {
                copy(key, value, path: path)
                return
            }
            guard let below = key.withUTF8({ tree.below($0) }) ?? nil else { return }
            if below.isWhole {
                copy(key, value, path: path)
            } else if value.kind == .object {
                var nested = FieldSelection()
                nested.append(value, tree: below, path: Self.join(path, key))
                guard let object = nested.object else { return }
                writeKey(key)
                members += object
                fields += nested.fields
            }
        }
    }

    private mutating func copy(_ key: JSONView, _ value: JSONView, path: String) {
        writeKey(key)
        value.writeMinified(into: &members)
        fields.append(Self.join(path, key))
    }

    private mutating func writeKey(_ key: JSONView) {
        if !members.isEmpty { members.append(UInt8(ascii: ",")) }
        members.append(contentsOf: key.rawBytes)
        members.append(UInt8(ascii: ":"))
    }

    private static func join(_ path: String, _ key: JSONView) -> String {
        guard let name = key.string else { return path }
        return "\(path).\(name)"
    }
}
