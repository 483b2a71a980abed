import CustomerModel
import JSONText

extension PolicyReader {
    /// `plans`: a mapping from name to sources and planned events.
    mutating func readPlans(_ node: PolicyNode) -> [TrackingPlan] {
        guard let entries = openSection(node, of: "`plans`") else { return [] }
        if entries.members.count > 256 {
            note(entries.members[256].keyPlace, "a policy has at most 256 tracking plans")
        }
        var plans: [TrackingPlan] = []
        for (name, place, value) in entries.members {
            checkName(name, at: place, of: "a tracking plan's name")
            guard let plan = plan(name, at: place, value) else { continue }
            for other in plans { checkSources(plan, other, at: place) }
            plans.append(plan)
        }
        return plans
    }

    /// An event is checked once, so its source has one plan.
    private mutating func checkSources(_ plan: TrackingPlan, _ other: TrackingPlan, at place: Place)
    {
        guard let mine = plan.sources, let theirs = other.sources else {
            if plan.sources == nil, other.sources == nil {
                note(
                    place, "`\(plan.name)` and `\(other.name)` are both about every source",
                    "name the `sources` of one of them")
            }
            return
        }
        for source in mine where theirs.contains(source) {
            note(
                place, "source `\(source)` stands in `\(other.name)` and in `\(plan.name)`",
                "a source has one tracking plan")
        }
    }

    private mutating func plan(_ name: String, at place: Place, _ node: PolicyNode)
        -> TrackingPlan?
    {
        let what = "tracking plan `\(name)`"
        let keys = ["sources", "unplanned", "violation", "events"]
        guard let section = section(node, of: what, keys: keys) else { return nil }
        var plan = TrackingPlan(name: name, sources: nil, rules: [])
        if let node = section["sources"] {
            plan.sources = sources(node)
        } else {
            note(place, "\(what) has no `sources`", "name them, or write `sources: all`")
        }
        if let node = section["unplanned"],
            let word = choice(
                node, of: "`unplanned`", among: TrackingPlan.Unplanned.allCases.map(\.rawValue)),
            let unplanned = TrackingPlan.Unplanned(rawValue: word)
        {
            plan.unplanned = unplanned
        }
        var violation = PlanRule.Violation.withhold
        if let node = section["violation"], let said = self.violation(node) { violation = said }
        guard let events = section["events"] else {
            note(place, "\(what) plans no `events`", "list at least one, as in `- track: NAME`")
            return nil
        }
        guard let items = list(events, of: "`events`") else { return nil }
        if items.isEmpty { note(events.place, "\(what) plans no event") }
        if items.count > 2_000 {
            note(items[2_000].place, "a tracking plan has at most 2000 events")
        }
        for item in items {
            guard let rule = planRule(item, violation) else { continue }
            if plan.rules.contains(where: { $0.selector == rule.selector }) {
                note(item.place, "this event is planned twice in `\(name)`", "keep one of the two")
            }
            plan.rules.append(rule)
        }
        return plan
    }

    private mutating func violation(_ node: PolicyNode) -> PlanRule.Violation? {
        let known = PlanRule.Violation.allCases.map(\.rawValue)
        return choice(node, of: "`violation`", among: known).flatMap {
            PlanRule.Violation(rawValue: $0)
        }
    }

    private mutating func planRule(_ node: PolicyNode, _ fallback: PlanRule.Violation)
        -> PlanRule?
    {
        guard
            let (section, selector) = eventSection(
                node, of: "a planned event", keys: ["violation"],
                elsewhere: ["schema": "it is called `properties`"])
        else { return nil }
        let own = selector.type.fieldsKey
        var rule = PlanRule(selector: selector, schema: nil, violation: fallback)
        if let node = section["violation"], let said = violation(node) { rule.violation = said }
        if let node = section[own] {
            guard let schema = schema(node) else { return nil }
            rule.schema = schema
        }
        return rule
    }

    // MARK: Schemas

    /// A JSON Schema written as YAML; what is wrong in it is noted where it stands.
    private mutating func schema(_ node: PolicyNode) -> PlanSchema? {
        let before = problems.count
        let value = json(node)
        guard problems.count == before, let value else { return nil }
        var bytes: [UInt8] = []
        value.write(into: &bytes)
        var parser = JSONParser()
        do {
            let schema = try parser.parse(bytes) { try JSONSchema(compiling: $0) }
            return PlanSchema(text: String(decoding: bytes, as: UTF8.self), schema: schema)
        } catch let error as SchemaError {
            noteSchema(error, node)
        } catch {
            note(node.place, "the schema cannot be read: \(error)")
        }
        return nil
    }

    private mutating func noteSchema(_ error: SchemaError, _ node: PolicyNode) {
        let steps = error.pointer.split(separator: "/", omittingEmptySubsequences: false)
            .dropFirst().map { JSONPointerStep.name($0) }
        var place = node.place
        var here = node
        for step in steps {
            switch here.content {
            case .mapping(let members):
                guard let member = members.first(where: { $0.key.text == step }) else { break }
                place = member.key.place
                here = member.value
            case .sequence(let items):
                guard let index = Int(step), items.indices.contains(index) else { break }
                here = items[index]
                place = here.place
            case .scalar: break
            }
        }
        let suggestion: String? =
            if case .unsupportedKeyword = error.problem, let name = steps.last {
                Suggestion.text(for: name, among: Self.schemaKeywords)
            } else {
                nil
            }
        note(place, "in the schema, \(error)", suggestion)
    }

    private static let schemaKeywords = [
        "type", "properties", "required", "additionalProperties", "enum", "const", "items",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
        "minItems", "maxItems", "pattern", "anyOf", "allOf", "not", "$ref", "$defs",
    ]

    private mutating func json(_ node: PolicyNode) -> JSONValue? {
        switch node.content {
        case .scalar:
            if node.isNull { return .null }
            return scalarJSON(node)
        case .sequence(let items):
            var values: [JSONValue] = []
            for item in items {
                guard let value = json(item) else { return nil }
                values.append(value)
            }
            return .array(values)
        case .mapping(let members):
            var object = JSONObject()
            for (key, value) in members {
                guard let name = key.text, !name.isEmpty else {
                    note(key.place, "a key in a schema must be a name")
                    return nil
                }
                guard let value = json(value) else { return nil }
                object[name] = value
            }
            return .object(object)
        }
    }

    private mutating func scalarJSON(_ node: PolicyNode) -> JSONValue? {
        guard case .scalar(let text, let isPlain) = node.content else { return nil }
        if isPlain, PolicyScalar.isNumber(text) {
            // The token stays as it stands: schemas compare exactly.
            return .number(text)
        }
        switch scalar(node, of: "a value in a schema") {
        case .text(let text): return .string(text)
        case .bool(let bool): return .bool(bool)
        case .number, nil: return nil
        }
    }
}

extension PolicyNode {
    /// The text of a scalar.
    var text: String? {
        guard case .scalar(let text, _) = content else { return nil }
        return text
    }
}
