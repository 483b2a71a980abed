public import JSONText

extension JSONSchema {
    /// How a value breaks the schema, in the order in which its parts are visited; empty when it is valid.
    ///
    /// - Parameter limit: no more violations than this are looked for.
    public func violations(of view: JSONView, limit: Int = 32) -> [SchemaViolation] {
        var checker = SchemaChecker(nodes: nodes, limit: limit)
        _ = checker.check(0, view)
        return checker.result
    }

    /// The same in one word, and faster: it stops at the first violation.
    public func isValid(_ view: JSONView) -> Bool {
        violations(of: view, limit: 1).isEmpty
    }
}

/// One walk of a schema over a value.
struct SchemaChecker {
    private enum Step {
        case name(JSONView)
        case place(Int)
    }

    let nodes: [SchemaNode]
    private let limit: Int
    private var violations: [SchemaViolation] = []
    private var path: [Step] = []
    /// Above 0 inside `anyOf` and `not`, where violations are expected and not told.
    private var trials = 0
    private var depth = 0
    private var left = JSONSchema.maximumCost

    /// Calls of ``check(_:_:)`` inside each other. Values and chains of references are each bounded
    /// already; this keeps their product within a thread's stack.
    private static let maximumDepth = 1_024

    init(nodes: [SchemaNode], limit: Int) {
        self.nodes = nodes
        self.limit = max(limit, 1)
    }

    /// What was found. A value that cost too much is invalid, even where a `not` would turn that around.
    var result: [SchemaViolation] {
        if left >= 0 { return violations }
        return [SchemaViolation(instancePath: "", schemaPath: "", reason: .tooExpensive)]
    }

    /// Whether no more is to be looked at.
    private var isDone: Bool { left < 0 || trials == 0 && violations.count >= limit }

    /// Whether `view` keeps to a schema. In a trial it stops at the first violation.
    mutating func check(_ node: Int, _ view: JSONView) -> Bool {
        left -= 1
        if view.kind == .number || view.kind == .string { left -= view.rawBytes.count / 16 }
        depth += 1
        defer { depth -= 1 }
        if depth > Self.maximumDepth { left = -1 }
        guard !isDone else { return false }
        if nodes[node].isNever { return fail(node, nil, .never) }
        var isValid = checkKind(node, view)
        if !isValid, trials > 0 { return false }
        isValid = checkConstants(node, view) && isValid
        if !isValid, trials > 0 { return false }
        switch view.kind {
        case .number: isValid = checkNumber(node, view) && isValid
        case .string: isValid = checkString(node, view) && isValid
        case .array: isValid = checkArray(node, view) && isValid
        case .object: isValid = checkObject(node, view) && isValid
        case .bool, .null: break
        }
        if !isValid, trials > 0 { return false }
        return checkInPlace(node, view) && isValid
    }

    /// Notes a violation.
    ///
    /// - Returns: false.
    private mutating func fail(
        _ node: Int, _ keyword: String?, _ reason: SchemaViolation.Reason
    ) -> Bool {
        guard trials == 0, !isDone else { return false }
        var instancePath = ""
        for step in path {
            switch step {
            case .name(let view):
                let name = String(decoding: SchemaConstant.text(view), as: UTF8.self)
                instancePath += JSONPointerStep.text(name)
            case .place(let place): instancePath += "/\(place)"
            }
        }
        violations.append(
            SchemaViolation(
                instancePath: instancePath,
                schemaPath: keyword.map { "\(nodes[node].pointer)/\($0)" } ?? nodes[node].pointer,
                reason: reason))
        return false
    }

    private mutating func check(_ node: Int, _ view: JSONView, under step: Step) -> Bool {
        path.append(step)
        defer { path.removeLast() }
        return check(node, view)
    }

    // MARK: Keywords for every kind

    private mutating func checkKind(_ node: Int, _ view: JSONView) -> Bool {
        guard let types = nodes[node].types else { return true }
        let type: JSONSchemaTypes =
            switch view.kind {
            case .null: .null
            case .bool: .boolean
            case .object: .object
            case .array: .array
            case .number: .number
            case .string: .string
            }
        if types.contains(type) { return true }
        if type == .number, types.contains(.integer),
            view.int != nil || ExactDecimal(view.rawBytes)?.isWhole == true
        {
            return true
        }
        return fail(node, "type", .wrongType(expected: types))
    }

    private mutating func checkConstants(_ node: Int, _ view: JSONView) -> Bool {
        var isValid = true
        if let oneOf = nodes[node].oneOf {
            left -= oneOf.count * (1 + view.rawBytes.count / 8)
            if !oneOf.contains(where: { $0.equals(view) }) {
                isValid = fail(node, "enum", .notOneOf)
            }
        }
        if let constant = nodes[node].constant, !constant.equals(view) {
            isValid = fail(node, "const", .notTheConstant)
        }
        return isValid
    }

    private mutating func checkInPlace(_ node: Int, _ view: JSONView) -> Bool {
        var isValid = true
        if let reference = nodes[node].reference { isValid = check(reference, view) && isValid }
        for inner in nodes[node].allOf where isValid || trials == 0 {
            isValid = check(inner, view) && isValid
        }
        if let anyOf = nodes[node].anyOf {
            trials += 1
            let isAny = anyOf.contains { check($0, view) }
            trials -= 1
            if !isAny { isValid = fail(node, "anyOf", .noAlternative) }
        }
        if let not = nodes[node].not {
            trials += 1
            let isExcluded = check(not, view)
            trials -= 1
            if isExcluded { isValid = fail(node, "not", .excluded) }
        }
        return isValid
    }

    // MARK: Keywords for one kind

    private mutating func checkNumber(_ node: Int, _ view: JSONView) -> Bool {
        guard
            nodes[node].minimum != nil || nodes[node].maximum != nil
                || nodes[node].exclusiveMinimum != nil
                || nodes[node].exclusiveMaximum != nil
        else { return true }
        guard let number = ExactDecimal(view.rawBytes) else {
            preconditionFailure("a parsed number that is none")
        }
        var isValid = true
        if let bound = nodes[node].minimum, number.compare(with: bound) < 0 {
            isValid = fail(node, "minimum", .belowMinimum)
        }
        if let bound = nodes[node].maximum, number.compare(with: bound) > 0 {
            isValid = fail(node, "maximum", .aboveMaximum)
        }
        if let bound = nodes[node].exclusiveMinimum, number.compare(with: bound) <= 0 {
            isValid = fail(node, "exclusiveMinimum", .belowMinimum)
        }
        if let bound = nodes[node].exclusiveMaximum, number.compare(with: bound) >= 0 {
            isValid = fail(node, "exclusiveMaximum", .aboveMaximum)
        }
        return isValid
    }

    private mutating func checkString(_ node: Int, _ view: JSONView) -> Bool {
        guard
            nodes[node].minimumLength != nil || nodes[node].maximumLength != nil
                || nodes[node].pattern != nil
        else { return true }
        var isValid = true
        if nodes[node].minimumLength != nil || nodes[node].maximumLength != nil {
            let length = Self.length(view)
            if let least = nodes[node].minimumLength, length < least {
                isValid = fail(node, "minLength", .tooShort)
            }
            if let most = nodes[node].maximumLength, length > most {
                isValid = fail(node, "maxLength", .tooLong)
            }
        }
        if let pattern = nodes[node].pattern {
            let (cost, overflowed) = view.rawBytes.count.multipliedReportingOverflow(
                by: pattern.cost)
            guard !overflowed, cost / 8 <= left else {
                left = -1
                return false
            }
            left -= cost / 8
            if view.withUTF8({ pattern.matches(utf8: $0) }) != true {
                isValid = fail(node, "pattern", .doesNotMatch)
            }
        }
        return isValid
    }

    /// In Unicode code points: bytes that begin one.
    private static func length(_ view: JSONView) -> Int {
        guard let length = view.withUTF8({ $0.count { $0 & 0xC0 != 0x80 } }) else {
            preconditionFailure("no string")
        }
        return length
    }

    private mutating func checkArray(_ node: Int, _ view: JSONView) -> Bool {
        var isValid = true
        if let least = nodes[node].minimumItems, view.count < least {
            isValid = fail(node, "minItems", .tooFewItems)
        }
        if let most = nodes[node].maximumItems, view.count > most {
            isValid = fail(node, "maxItems", .tooManyItems)
        }
        guard let items = nodes[node].items else { return isValid }
        var place = 0
        view.forEachElement { element in
            guard !isDone, isValid || trials == 0 else { return }
            isValid = check(items, element, under: .place(place)) && isValid
            place += 1
        }
        return isValid
    }

    private mutating func checkObject(_ node: Int, _ view: JSONView) -> Bool {
        guard nodes[node].hasMemberRules else { return true }
        var isValid = true
        var requiredCount = 0
        view.forEachMember { key, value in
            guard !isDone, isValid || trials == 0 else { return }
            left -= 1
            let member = key.withUTF8 { nodes[node].member($0) }.flatMap(\.self).map {
                nodes[node].members[$0]
            }
            if member?.isRequired == true { requiredCount += 1 }
            if let inner = member?.schema {
                isValid = check(inner, value, under: .name(key)) && isValid
            } else if let additional = nodes[node].additional {
                isValid = checkAdditional(additional, node, key, value) && isValid
            }
        }
        if requiredCount < nodes[node].requiredCount, isValid || trials == 0, !isDone {
            isValid = failMissing(node, view)
        }
        return isValid
    }

    private mutating func checkAdditional(
        _ additional: Int, _ node: Int, _ key: JSONView, _ value: JSONView
    ) -> Bool {
        guard nodes[additional].isNever else { return check(additional, value, under: .name(key)) }
        path.append(.name(key))
        defer { path.removeLast() }
        return fail(node, "additionalProperties", .unexpected)
    }

    private mutating func failMissing(_ node: Int, _ view: JSONView) -> Bool {
        for member in nodes[node].members where member.isRequired {
            left -= view.count
            let isThere = member.name.withUnsafeBytes { view.member(utf8: $0) != nil }
            if !isThere {
                let name = String(decoding: member.name, as: UTF8.self)
                _ = fail(node, "required", .missing(name))
            }
            if isDone { break }
        }
        return false
    }
}
