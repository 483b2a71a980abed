public import JSONText

extension JSONSchema {
    /// Compiles a parsed schema.
    ///
    /// - Throws: ``SchemaError`` with the first thing that is not taken.
    public init(compiling view: JSONView) throws(SchemaError) {
        var compiler = SchemaCompiler()
        _ = try compiler.compile(view, at: "", depth: 0)
        try compiler.resolve()
        nodes = compiler.nodes
    }
}

/// Turns a parsed schema into nodes, depth first, and then ties the references.
struct SchemaCompiler {
    var nodes: [SchemaNode] = []
    // Names are compared by their bytes; strings of the standard library are not.
    private var definitions: [[UInt8]: Int] = [:]
    private var references: [(node: Int, name: [UInt8])] = []
    /// The members of the nodes that are being compiled, by name.
    private var memberIndexes: [Int: [[UInt8]: Int]] = [:]

    /// - Returns: the schema's place.
    mutating func compile(
        _ view: JSONView, at pointer: String, depth: Int
    ) throws(SchemaError) -> Int {
        guard depth < JSONSchema.maximumDepth, nodes.count < JSONSchema.maximumNodes else {
            throw SchemaError(pointer: pointer, problem: .tooLarge)
        }
        let place = nodes.count
        nodes.append(SchemaNode(pointer: pointer))
        if let bool = view.bool {
            nodes[place].isNever = !bool
            return place
        }
        guard view.kind == .object else {
            throw SchemaError(pointer: pointer, problem: .notASchema)
        }
        for (name, value) in Self.members(of: view) {
            let keyword = Keyword(
                name: name, value: value, pointer: pointer + JSONPointerStep.text(name),
                depth: depth)
            try apply(keyword, to: place)
        }
        memberIndexes[place] = nil
        nodes[place].members.sort { $0.name.lexicographicallyPrecedes($1.name) }
        return place
    }

    /// A keyword with its value and where it stands.
    struct Keyword {
        var name: String
        var value: JSONView
        var pointer: String
        var depth: Int

        func error(_ problem: SchemaError.Problem) -> SchemaError {
            SchemaError(pointer: pointer, problem: problem)
        }
    }

    private static func members(of view: JSONView) -> [(name: String, value: JSONView)] {
        var found: [(name: String, value: JSONView)] = []
        view.forEachMember {
            found.append((String(decoding: SchemaConstant.text($0), as: UTF8.self), $1))
        }
        return found
    }

    private static func elements(of view: JSONView) -> [JSONView] {
        var found: [JSONView] = []
        view.forEachElement { found.append($0) }
        return found
    }

    private mutating func apply(_ keyword: Keyword, to place: Int) throws(SchemaError) {
        switch keyword.name {
        case "type": nodes[place].types = try Self.types(keyword)
        case "properties": try addProperties(keyword, to: place)
        case "required": try addRequired(keyword, to: place)
        case "additionalProperties":
            nodes[place].additional = try inner(keyword)
            nodes[place].hasMemberRules = true
        case "enum":
            guard keyword.value.kind == .array else { throw keyword.error(.illTyped) }
            nodes[place].oneOf = Self.elements(of: keyword.value).map { SchemaConstant($0) }
        case "const": nodes[place].constant = SchemaConstant(keyword.value)
        case "items": nodes[place].items = try inner(keyword)
        case "minimum": nodes[place].minimum = try Self.number(keyword)
        case "maximum": nodes[place].maximum = try Self.number(keyword)
        case "exclusiveMinimum": nodes[place].exclusiveMinimum = try Self.number(keyword)
        case "exclusiveMaximum": nodes[place].exclusiveMaximum = try Self.number(keyword)
        case "minLength": nodes[place].minimumLength = try Self.count(keyword)
        case "maxLength": nodes[place].maximumLength = try Self.count(keyword)
        case "minItems": nodes[place].minimumItems = try Self.count(keyword)
        case "maxItems": nodes[place].maximumItems = try Self.count(keyword)
        case "pattern": nodes[place].pattern = try Self.pattern(keyword)
        case "anyOf": nodes[place].anyOf = try list(keyword)
        case "allOf": nodes[place].allOf = try list(keyword)
        case "not": nodes[place].not = try inner(keyword)
        case "$ref": references.append((place, try Self.definitionName(keyword)))
        case "$defs": try addDefinitions(keyword, to: place)
        case "$schema":
            guard place == 0 else { throw keyword.error(.unsupportedKeyword) }
            guard keyword.value.equals("https://json-schema.org/draft/2020-12/schema") else {
                throw keyword.error(.unknownDialect)
            }
        case "title", "description", "$comment":
            guard keyword.value.kind == .string else { throw keyword.error(.illTyped) }
        case "default": break
        case "examples":
            guard keyword.value.kind == .array else { throw keyword.error(.illTyped) }
        default: throw keyword.error(.unsupportedKeyword)
        }
    }

    // MARK: Schemas inside

    private mutating func inner(_ keyword: Keyword) throws(SchemaError) -> Int {
        try compile(keyword.value, at: keyword.pointer, depth: keyword.depth + 1)
    }

    private mutating func list(_ keyword: Keyword) throws(SchemaError) -> [Int] {
        guard keyword.value.kind == .array else { throw keyword.error(.illTyped) }
        guard keyword.value.count > 0 else { throw keyword.error(.badList) }
        var found: [Int] = []
        for (index, view) in Self.elements(of: keyword.value).enumerated() {
            found.append(
                try compile(view, at: "\(keyword.pointer)/\(index)", depth: keyword.depth + 1))
        }
        return found
    }

    private mutating func addProperties(_ keyword: Keyword, to place: Int) throws(SchemaError) {
        guard keyword.value.kind == .object else { throw keyword.error(.illTyped) }
        nodes[place].hasMemberRules = true
        for (name, view) in Self.members(of: keyword.value) {
            let schema = try compile(
                view, at: keyword.pointer + JSONPointerStep.text(name), depth: keyword.depth + 1)
            let index = memberIndex(Array(name.utf8), of: place)
            nodes[place].members[index].schema = schema
        }
    }

    private mutating func addRequired(_ keyword: Keyword, to place: Int) throws(SchemaError) {
        guard keyword.value.kind == .array else { throw keyword.error(.illTyped) }
        nodes[place].hasMemberRules = true
        for view in Self.elements(of: keyword.value) {
            guard view.kind == .string else { throw keyword.error(.illTyped) }
            let index = memberIndex(SchemaConstant.text(view), of: place)
            guard !nodes[place].members[index].isRequired else { throw keyword.error(.badList) }
            nodes[place].members[index].isRequired = true
            nodes[place].requiredCount += 1
        }
    }

    /// `properties` and `required` may come in either order and share names.
    private mutating func memberIndex(_ name: [UInt8], of place: Int) -> Int {
        if let known = memberIndexes[place]?[name] { return known }
        let index = nodes[place].members.count
        memberIndexes[place, default: [:]][name] = index
        nodes[place].members.append(SchemaNode.Member(name: name))
        return index
    }

    private mutating func addDefinitions(_ keyword: Keyword, to place: Int) throws(SchemaError) {
        // Elsewhere nothing could refer to them.
        guard place == 0 else { throw keyword.error(.unsupportedKeyword) }
        guard keyword.value.kind == .object else { throw keyword.error(.illTyped) }
        for (name, view) in Self.members(of: keyword.value) {
            definitions[Array(name.utf8)] = try compile(
                view, at: keyword.pointer + JSONPointerStep.text(name), depth: keyword.depth + 1)
        }
    }

    // MARK: References

    /// Ties every reference, and refuses those that lead back without going into the value.
    mutating func resolve() throws(SchemaError) {
        for (node, name) in references {
            guard let target = definitions[name] else {
                throw SchemaError(
                    pointer: nodes[node].pointer + "/$ref", problem: .unknownReference)
            }
            nodes[node].reference = target
        }
        var lengths = [Int?](repeating: nil, count: nodes.count)
        var isOpen = [Bool](repeating: false, count: nodes.count)
        for node in nodes.indices { _ = try chain(node, 0, &lengths, &isOpen) }
    }

    /// How many schemas in a row are applied to one value from `node` on.
    private func chain(
        _ node: Int, _ depth: Int, _ lengths: inout [Int?], _ isOpen: inout [Bool]
    ) throws(SchemaError) -> Int {
        if let known = lengths[node] { return known }
        guard !isOpen[node] else {
            throw SchemaError(pointer: nodes[node].pointer, problem: .cycle)
        }
        isOpen[node] = true
        var longest = 0
        for next in nodes[node].inPlace {
            longest = max(longest, try chain(next, depth + 1, &lengths, &isOpen))
            guard longest < JSONSchema.maximumDepth, depth < JSONSchema.maximumDepth else {
                throw SchemaError(pointer: nodes[node].pointer, problem: .tooLarge)
            }
        }
        isOpen[node] = false
        lengths[node] = longest + 1
        return longest + 1
    }

    /// The name behind `#/$defs/`, with the escapes of pointers and of fragments undone.
    private static func definitionName(_ keyword: Keyword) throws(SchemaError) -> [UInt8] {
        let prefix = "#/$defs/"
        guard let text = keyword.value.string, text.utf8.starts(with: prefix.utf8) else {
            throw keyword.error(.badReference)
        }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8.dropFirst(prefix.utf8.count))[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal),
                let low = rest.popFirst().flatMap(hexadecimal)
            else { throw keyword.error(.badReference) }
            bytes.append(high << 4 | low)
        }
        guard !bytes.contains(UInt8(ascii: "/")), let name = unescaped(bytes) else {
            throw keyword.error(.badReference)
        }
        return name
    }

    private static func unescaped(_ step: [UInt8]) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = step[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "~") else {
                out.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "0")?: out.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1")?: out.append(UInt8(ascii: "/"))
            default: return nil
            }
        }
        return out
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }
}
