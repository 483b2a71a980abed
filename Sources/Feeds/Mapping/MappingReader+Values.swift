import CustomerModel
import JSONText

/// One value of a mapping file.
extension MappingReader {
    /// The key that says which column or member is meant.
    private var fieldKey: String { format == .csv ? "column" : "path" }

    mutating func expression(
        _ node: YAMLNode, wanted: FieldType
    ) throws(FeedMappingError) -> FieldExpression {
        let sources = [fieldKey, "constant", "template", "product", "when"]
        let members = try node.members("a value", allowed: sources + ["otherwise", "as", "unless"])
        let found = members.filter { sources.contains($0.name) }
        guard let source = found.first, found.count == 1 else {
            throw node.error(
                "a value has exactly one of the keys \(sources.joined(separator: ", "))")
        }
        func value(_ name: String) -> YAMLNode? { members.first { $0.name == name }?.value }
        if source.name != "when", let misplaced = value("otherwise") {
            throw misplaced.error("\"otherwise\" belongs to \"when\"")
        }
        let unless = try value("unless").map { node throws(FeedMappingError) in
            try node.choice("unless", among: EnvelopeField.identifiers)
        }
        let type = try type(value("as"), of: source, wanted: wanted)
        return FieldExpression(
            source: try self.source(source, value("otherwise"), type), type: type, unless: unless)
    }

    private func type(
        _ node: YAMLNode?, of source: YAMLNode.Member, wanted: FieldType
    ) throws(FeedMappingError) -> FieldType {
        let fixed: FieldType? =
            source.name == "template" ? .text : source.name == "product" ? .decimal : nil
        guard let node else { return fixed ?? wanted }
        let type = try node.choice("as", FieldType.self)
        if let fixed, type != fixed { throw node.error("a \(source.name) is always \(fixed)") }
        return type
    }

    private mutating func source(
        _ member: YAMLNode.Member, _ otherwise: YAMLNode?, _ type: FieldType
    ) throws(FeedMappingError) -> FieldExpression.Source {
        switch member.name {
        case "constant":
            return .constant(try constant(member.value, type))
        case "template":
            return .template(try template(member.value))
        case "product":
            var factors: [Int] = []
            for element in try member.value.elements("a product") {
                factors.append(try field(element, "a factor"))
            }
            return .product(factors)
        case "when":
            var choices: [(condition: FieldCondition, value: Constant)] = []
            for element in try member.value.elements("when") {
                choices.append(try choice(element, type))
            }
            let rest = try otherwise.map { node throws(FeedMappingError) in
                try constant(node, type)
            }
            return .choice(choices, otherwise: rest)
        default:
            return .field(try field(member.value, member.name))
        }
    }

    private func constant(
        _ node: YAMLNode, _ type: FieldType
    ) throws(FeedMappingError) -> Constant {
        let text = Array(try node.text("a constant").utf8)
        var json: [UInt8] = []
        var writer = TokenWriter(zone: .utc)
        let fits = text.withUnsafeBytes { writer.write($0, as: type, into: &json) }
        guard fits else { throw node.error("the constant is not \(type.noun)") }
        return Constant(text: text, json: json)
    }

    // MARK: when

    private mutating func choice(
        _ node: YAMLNode, _ type: FieldType
    ) throws(FeedMappingError) -> (condition: FieldCondition, value: Constant) {
        let tests = ["equals", "startsWith", "isEmpty", "lessThan", "greaterThan"]
        let members = try node.members("a test", allowed: [fieldKey, "value"] + tests)
        let found = members.filter { tests.contains($0.name) }
        guard let test = found.first, found.count == 1 else {
            throw node.error("a test has exactly one of the keys \(tests.joined(separator: ", "))")
        }
        guard let fieldNode = members.first(where: { $0.name == fieldKey })?.value,
            let valueNode = members.first(where: { $0.name == "value" })?.value
        else { throw node.error("a test has the keys \"\(fieldKey)\" and \"value\"") }
        let condition = FieldCondition(
            field: try field(fieldNode, fieldKey), test: try self.test(test))
        return (condition, try constant(valueNode, type))
    }

    private func test(_ member: YAMLNode.Member) throws(FeedMappingError) -> FieldCondition.Test {
        let text = try member.value.text(member.name)
        switch member.name {
        case "equals": return .equals(Array(text.utf8))
        case "startsWith": return .startsWith(Array(text.utf8))
        case "isEmpty":
            guard let flag = ["true": true, "false": false][text] else {
                throw member.value.error("isEmpty is true or false")
            }
            return .isEmpty(flag)
        default:
            guard JSONValue.isNumber(text), let amount = Amount(token: Array(text.utf8)) else {
                throw member.value.error("\(member.name) takes a number of at most nine decimals")
            }
            return member.name == "lessThan" ? .lessThan(amount) : .greaterThan(amount)
        }
    }

    // MARK: template

    private mutating func template(
        _ node: YAMLNode
    ) throws(FeedMappingError) -> [TemplatePart] {
        var rest = try node.text("a template")[...]
        var parts: [TemplatePart] = []
        var text: [UInt8] = []
        while let character = rest.popFirst() {
            if character == "}" || (character == "{" && rest.first == "{") {
                guard rest.popFirst() == character else {
                    throw node.error("a \"}\" without \"{\" in the template; \"}}\" stands for one")
                }
                text += Array(String(character).utf8)
                continue
            }
            guard character == "{" else {
                text += Array(String(character).utf8)
                continue
            }
            guard let end = rest.firstIndex(of: "}"), end > rest.startIndex else {
                throw node.error("a \"{\" in the template has no name and \"}\" behind it")
            }
            if !text.isEmpty { parts.append(.text(text)) }
            text = []
            let name = String(rest[..<end])
            parts.append(name == "#" ? .recordNumber : .field(field(name, node)))
            rest = rest[end...].dropFirst()
        }
        if !text.isEmpty { parts.append(.text(text)) }
        guard !parts.isEmpty else { throw node.error("the template is empty") }
        return parts
    }
}
