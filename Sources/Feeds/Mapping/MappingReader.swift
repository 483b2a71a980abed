import CustomerModel

/// Turns a mapping file's nodes into a ``FeedMapping``.
struct MappingReader {
    let file: String
    var format = FeedMapping.Format.csv
    var fields: [FieldName] = []
    private var places: [String: Int] = [:]

    init(file: String) { self.file = file }

    func root(_ yaml: String) throws(FeedMappingError) -> YAMLNode {
        try YAMLNode.root(yaml, file: file)
    }

    mutating func mapping(_ root: YAMLNode) throws(FeedMappingError) -> FeedMapping {
        let sections = ["properties", "traits", "context"]
        let members = try root.members(
            "a mapping file",
            allowed: ["format", "delimiter", "timeZone", "type"]
                + EnvelopeField.allCases.map(\.rawValue) + sections)
        // What the rest depends on is read first, wherever it stands.
        func value(_ name: String) -> YAMLNode? { members.first { $0.name == name }?.value }
        guard let formatNode = value("format"), let typeNode = value("type") else {
            throw root.error("the keys \"format\" and \"type\" are required")
        }
        format = try formatNode.choice("format", FeedMapping.Format.self)
        let type = try eventType(typeNode)
        let delimiter = try value("delimiter").map { node throws(FeedMappingError) in
            try self.delimiter(node)
        }
        let zone = try zone(value("timeZone"))
        var envelope: [(field: EnvelopeField, value: FieldExpression)] = []
        var objects = ObjectPlan()
        for member in members {
            if let field = EnvelopeField(rawValue: member.name) {
                guard Self.fields(of: type).contains(field) else {
                    throw member.key.error(
                        "a message of type \(type.name) has no \(field.rawValue)")
                }
                envelope.append((field, try envelopeValue(field, member.value)))
            } else if sections.contains(member.name) {
                guard member.name == "context" || member.name == type.fieldsKey else {
                    throw member.key.error(
                        "a message of type \(type.name) has \(type.fieldsKey), no \(member.name)")
                }
                try object(member, into: &objects)
            }
        }
        try checkRequired(envelope, type: type, root)
        return FeedMapping(
            format: format, type: type, file: file, delimiter: delimiter ?? UInt8(ascii: ","),
            zone: zone, envelope: envelope, objects: objects, fields: fields)
    }

    // MARK: The settings

    private func eventType(_ node: YAMLNode) throws(FeedMappingError) -> EventType {
        let name = try node.text("type")
        guard let type = EventType(name: name) else {
            let names = EventType.allCases.map(\.name)
            throw node.error(
                "type is one of \(names.joined(separator: ", ")), not \"\(name)\""
                    + Suggestion.text(for: name, among: names))
        }
        return type
    }

    private func delimiter(_ node: YAMLNode) throws(FeedMappingError) -> UInt8 {
        guard format == .csv else { throw node.error("only csv has a delimiter") }
        let text = Array(try node.text("delimiter").utf8)
        guard text.count == 1, text[0] < 0x80, !Array("\"\r\n".utf8).contains(text[0]) else {
            throw node.error("delimiter is one ASCII character, no quote and no line end")
        }
        return text[0]
    }

    private func zone(_ node: YAMLNode?) throws(FeedMappingError) -> LocalZone {
        guard let node else { return .utc }
        let name = try node.text("timeZone")
        guard let zone = LocalZone(name: name) else {
            throw node.error(
                "unknown time zone \"\(name)\""
                    + Suggestion.text(for: name, among: LocalZone.names))
        }
        return zone
    }

    /// The envelope's members that a type may have, after section 3 of Segment's spec.
    private static func fields(of type: EventType) -> [EnvelopeField] {
        let common: [EnvelopeField] = [.messageId, .timestamp, .userId, .anonymousId]
        return switch type {
        case .track: common + [.event]
        case .page, .screen: common + [.name, .category]
        case .group: common + [.groupId]
        case .alias: common + [.previousId]
        case .identify: common
        }
    }

    private func checkRequired(
        _ envelope: [(field: EnvelopeField, value: FieldExpression)], type: EventType,
        _ root: YAMLNode
    ) throws(FeedMappingError) {
        var required: [EnvelopeField] = [.messageId]
        switch type {
        case .track: required.append(.event)
        case .group: required.append(.groupId)
        case .alias: required += [.previousId, .userId]
        case .identify, .page, .screen: break
        }
        let present = envelope.map(\.field)
        for field in required where !present.contains(field) {
            throw root.error("the key \"\(field.rawValue)\" is required for type \(type.name)")
        }
        guard present.contains(.userId) || present.contains(.anonymousId) else {
            throw root.error("one of the keys \"userId\" and \"anonymousId\" is required")
        }
        for (field, value) in envelope {
            guard let other = value.unless else { continue }
            guard other != field,
                envelope.contains(where: { $0.field == other && $0.value.unless == nil })
            else {
                throw root.error(
                    "\(field.rawValue) is left out \"unless: \(other.rawValue)\", which has to be "
                        + "a key of this file and without \"unless\" of its own")
            }
        }
    }

    // MARK: Values

    private mutating func envelopeValue(
        _ field: EnvelopeField, _ node: YAMLNode
    ) throws(FeedMappingError) -> FieldExpression {
        let wanted: FieldType = field == .timestamp ? .time : .text
        let value = try expression(node, wanted: wanted)
        guard value.type == wanted else {
            throw node.error(
                "\(field.rawValue) is \(wanted.noun): it cannot be \"as: \(value.type)\"")
        }
        return value
    }

    private mutating func object(
        _ section: YAMLNode.Member, into objects: inout ObjectPlan
    ) throws(FeedMappingError) {
        for member in try section.value.members(section.name) {
            let path = member.name.split(separator: ".", omittingEmptySubsequences: false)
                .map(String.init)
            guard !path.contains("") else {
                throw member.key.error("\"\(member.name)\" has an empty part")
            }
            let value = try expression(member.value, wanted: .text)
            guard objects.insert(value, at: ([section.name] + path)[...]) else {
                throw member.key.error(
                    "\"\(member.name)\" is given twice, as a value and as an object")
            }
        }
    }

    mutating func field(_ node: YAMLNode, _ what: String) throws(FeedMappingError) -> Int {
        field(try node.text(what), node)
    }

    /// The place of a column or path in ``fields``, put there when it is new.
    mutating func field(_ name: String, _ node: YAMLNode) -> Int {
        if let known = places[name] { return known }
        fields.append(FieldName(name: name, line: node.line, column: node.column))
        places[name] = fields.count - 1
        return fields.count - 1
    }
}
