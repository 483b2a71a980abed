import JSONText

/// The values of keywords that hold no schemas.
extension SchemaCompiler {
    static func types(_ keyword: Keyword) throws(SchemaError) -> JSONSchemaTypes {
        guard keyword.value.kind == .array else { return try type(keyword.value, keyword) }
        var views: [JSONView] = []
        keyword.value.forEachElement { views.append($0) }
        var found: JSONSchemaTypes = []
        for view in views {
            let type = try type(view, keyword)
            guard !found.contains(type) else { throw keyword.error(.badList) }
            found.insert(type)
        }
        guard !found.isEmpty else { throw keyword.error(.badList) }
        return found
    }

    private static func type(
        _ view: JSONView, _ keyword: Keyword
    ) throws(SchemaError) -> JSONSchemaTypes {
        guard let name = view.string else { throw keyword.error(.illTyped) }
        guard let type = JSONSchemaTypes.names.first(where: { $0.name == name })?.type else {
            throw keyword.error(.unknownType)
        }
        return type
    }

    static func number(_ keyword: Keyword) throws(SchemaError) -> ExactDecimal {
        guard keyword.value.kind == .number, let number = ExactDecimal(keyword.value.rawBytes)
        else { throw keyword.error(.illTyped) }
        return number
    }

    /// A whole number, not below zero; `2.0` is one.
    static func count(_ keyword: Keyword) throws(SchemaError) -> Int {
        guard let count = try number(keyword).count else { throw keyword.error(.illTyped) }
        return count
    }

    static func pattern(_ keyword: Keyword) throws(SchemaError) -> Pattern {
        guard let text = keyword.value.string else { throw keyword.error(.illTyped) }
        do {
            return try Pattern(text)
        } catch {
            throw keyword.error(.badPattern(error))
        }
    }
}
