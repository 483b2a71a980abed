import CustomerModel
import JSONText

/// Makes one message after the other by one mapping.
struct MessageMaker {
    /// Segment's own bound for a message id.
    private static let longestMessageID = 100

    let mapping: FeedMapping
    private let head: [UInt8]
    private var tokens: TokenWriter
    private var present = EnvelopeSet()
    /// Kept between templates for its room.
    private var scratch: [UInt8] = []
    /// As long as the longest message so far, to make room for the next at once.
    private var usualLength = 256

    init(mapping: FeedMapping) {
        self.mapping = mapping
        head = Array("{\"type\":\"\(mapping.type.name)\"".utf8)
        tokens = TokenWriter(zone: mapping.zone)
    }

    /// The message of one record.
    mutating func message(
        from row: some FeedRow, record: Int
    ) throws(RowProblem) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(usualLength)
        out.append(contentsOf: head)
        present = EnvelopeSet()
        for (field, token, value) in mapping.envelope {
            try writeEnvelope(field, token, value, row, record, into: &out)
        }
        guard present.contains(.userId) || present.contains(.anonymousId) else {
            throw RowProblem(reason: "neither userId nor anonymousId")
        }
        for member in mapping.objects.members {
            _ = try write(member, row, record, into: &out)
        }
        out.append(UInt8(ascii: "}"))
        usualLength = max(usualLength, out.count)
        return out
    }

    private mutating func writeEnvelope(
        _ field: EnvelopeField, _ token: [UInt8], _ value: FieldExpression, _ row: some FeedRow,
        _ record: Int, into out: inout [UInt8]
    ) throws(RowProblem) {
        let start = out.count
        out.append(UInt8(ascii: ","))
        out.append(contentsOf: token)
        let valueStart = out.count
        if try write(value, row, record, into: &out) {
            present.insert(field)
            // Escapes make a token longer than its text: a close look only at the few that could
            // pass.
            if field == .messageId, out.count - valueStart > Self.longestMessageID + 2 {
                throw RowProblem(reason: "messageId is longer than \(Self.longestMessageID) bytes")
            }
            return
        }
        out.removeLast(out.count - start)
        switch field {
        case .messageId, .event, .groupId, .previousId, .timestamp:
            throw RowProblem(reason: "\(field.rawValue) is empty")
        case .userId, .anonymousId, .name, .category: break
        }
    }

    /// Appends a member of an object; nothing when it has no value, or is an object without any.
    private mutating func write(
        _ member: ObjectPlan.Member, _ row: some FeedRow, _ record: Int, into out: inout [UInt8]
    ) throws(RowProblem) -> Bool {
        let start = out.count
        if out.last != UInt8(ascii: "{") { out.append(UInt8(ascii: ",")) }
        out.append(contentsOf: member.token)
        var isThere = false
        switch member.value {
        case .expression(let value):
            isThere = try write(value, row, record, into: &out)
        case .object(let object):
            out.append(UInt8(ascii: "{"))
            for inner in object.members where try write(inner, row, record, into: &out) {
                isThere = true
            }
            out.append(UInt8(ascii: "}"))
        }
        if !isThere { out.removeLast(out.count - start) }
        return isThere
    }

    // MARK: Values

    private mutating func write(
        _ value: FieldExpression, _ row: some FeedRow, _ record: Int, into out: inout [UInt8]
    ) throws(RowProblem) -> Bool {
        if let other = value.unless, present.contains(other) { return false }
        switch value.source {
        case .constant(let constant):
            out.append(contentsOf: constant.json)
            return true
        case .field(let field):
            return try writeField(field, as: value.type, row, into: &out)
        case .template(let parts):
            return try writeTemplate(parts, row, record, into: &out)
        case .product(let factors):
            return try writeProduct(factors, row, into: &out)
        case .choice(let choices, let otherwise):
            for choice in choices where try holds(choice.condition, row) {
                out.append(contentsOf: choice.value.json)
                return true
            }
            guard let otherwise else { return false }
            out.append(contentsOf: otherwise.json)
            return true
        }
    }

    private mutating func writeField(
        _ field: Int, as type: FieldType, _ row: some FeedRow, into out: inout [UInt8]
    ) throws(RowProblem) -> Bool {
        let fits =
            type == .json
            ? try row.withJSON(of: field) { tokens.write($0, as: type, into: &out) }
            : try row.withText(of: field) { tokens.write($0, as: type, into: &out) }
        guard let fits else { return false }
        guard fits else { throw problem(field, "is not \(type.noun)") }
        return true
    }

    /// The text is put together first and then quoted, since a field may hold anything.
    private mutating func writeTemplate(
        _ parts: [TemplatePart], _ row: some FeedRow, _ record: Int, into out: inout [UInt8]
    ) throws(RowProblem) -> Bool {
        var text: [UInt8] = []
        swap(&text, &scratch)
        defer { swap(&text, &scratch) }
        text.removeAll(keepingCapacity: true)
        for part in parts {
            switch part {
            case .text(let bytes): text.append(contentsOf: bytes)
            case .recordNumber: Amount(Int64(record)).write(into: &text)
            case .field(let field):
                let found: Void? = try row.withText(of: field) { text.append(contentsOf: $0) }
                guard found != nil else { return false }
            }
        }
        guard text.withUnsafeBytes({ tokens.write($0, as: .text, into: &out) }) else {
            throw RowProblem(reason: "a template's text is not UTF-8")
        }
        return true
    }

    private func writeProduct(
        _ factors: [Int], _ row: some FeedRow, into out: inout [UInt8]
    ) throws(RowProblem) -> Bool {
        var product = Amount(1)
        for factor in factors {
            guard let amount = try amount(of: factor, row) else { return false }
            guard let next = product.multiplied(by: amount) else {
                throw problem(factor, "makes a product that is too large or has too many decimals")
            }
            product = next
        }
        product.write(into: &out)
        return true
    }

    private func holds(
        _ condition: FieldCondition, _ row: some FeedRow
    ) throws(RowProblem) -> Bool {
        switch condition.test {
        case .equals(let wanted):
            return try row.withText(of: condition.field) { $0.elementsEqual(wanted) } == true
        case .startsWith(let wanted):
            return try row.withText(of: condition.field) { $0.starts(with: wanted) } == true
        case .isEmpty(let wanted):
            return (try row.withText(of: condition.field) { _ in } == nil) == wanted
        case .lessThan(let bound):
            return try amount(of: condition.field, row).map { $0 < bound } == true
        case .greaterThan(let bound):
            return try amount(of: condition.field, row).map { $0 > bound } == true
        }
    }

    /// A field as an exact decimal; nil when it is empty.
    private func amount(of field: Int, _ row: some FeedRow) throws(RowProblem) -> Amount? {
        let found = try row.withText(of: field) { text -> Amount? in
            guard JSONValue.isNumber(utf8: text) else { return nil }
            return Amount(decimal: text)
        }
        guard let found else { return nil }
        guard let amount = found else {
            throw problem(field, "is not a number of at most nine decimals")
        }
        return amount
    }

    private func problem(_ field: Int, _ what: String) -> RowProblem {
        let kind = mapping.format == .csv ? "column" : "path"
        return RowProblem(reason: "\(kind) \"\(mapping.fields[field].name)\" \(what)")
    }
}
