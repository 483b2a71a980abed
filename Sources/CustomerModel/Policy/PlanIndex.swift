import JSONText

/// A policy's tracking plans, so that an event finds its rule by its source and name.
public struct PlanIndex: Sendable {
    private struct Entry: Sendable {
        var plan: TrackingPlan
        /// Places in the plan's rules, by type and then by name.
        var named: [[String: Int]] = Array(repeating: [:], count: 7)
        var unnamed: [Int?] = Array(repeating: nil, count: 7)
        /// For each rule, how an event without any fields breaks it.
        var withoutFields: [[SchemaViolation]] = []
    }

    private var entries: [Entry] = []
    private var bySource: [String: Int] = [:]
    private var everySource: Int?

    public init(_ plans: [TrackingPlan]) {
        for (place, plan) in plans.enumerated() {
            if let sources = plan.sources {
                for source in sources where bySource[source] == nil { bySource[source] = place }
            } else if everySource == nil {
                everySource = place
            }
            entries.append(Self.entry(plan))
        }
    }

    public var isEmpty: Bool { entries.isEmpty }

    private static func entry(_ plan: TrackingPlan) -> Entry {
        var entry = Entry(plan: plan)
        for (place, rule) in plan.rules.enumerated() {
            let type = Int(rule.selector.type.rawValue)
            if let name = rule.selector.name {
                if entry.named[type][name] == nil { entry.named[type][name] = place }
            } else if entry.unnamed[type] == nil {
                entry.unnamed[type] = place
            }
            entry.withoutFields.append(
                rule.schema.map { violations(of: $0, in: [0x7B, 0x7D]) } ?? [])
        }
        return entry
    }

    private static func violations(of schema: PlanSchema, in text: [UInt8]) -> [SchemaViolation] {
        var parser = JSONParser()
        do {
            return try parser.parse(text) {
                schema.schema.violations(of: $0, limit: PlanVerdict.maximumViolations)
            }
        } catch {
            return [SchemaViolation(instancePath: "", schemaPath: "", reason: .tooExpensive)]
        }
    }

    /// What the source's plan says of one event; nil when its source has no plan.
    ///
    /// - Parameter name: the event's name; empty for one without.
    public func verdict(on event: EventBody, type: EventType, name: String, source: String)
        -> PlanVerdict?
    {
        guard !entries.isEmpty, let place = bySource[source] ?? everySource else { return nil }
        let entry = entries[place]
        let kind = Int(type.rawValue)
        guard let number = entry.named[kind][name] ?? entry.unnamed[kind] else {
            let outcome: PlanVerdict.Outcome =
                switch entry.plan.unplanned {
                case .allow: .conforms
                case .withhold: .withheld
                case .quarantine: .quarantined
                }
            return PlanVerdict(outcome: outcome, plan: entry.plan.name, selector: nil)
        }
        let rule = entry.plan.rules[number]
        guard let schema = rule.schema else {
            return PlanVerdict(outcome: .conforms, plan: entry.plan.name, selector: rule.selector)
        }
        let fields = event.item.member(type.fieldsKey)
        let violations =
            fields.map { schema.schema.violations(of: $0, limit: PlanVerdict.maximumViolations) }
            ?? entry.withoutFields[number]
        guard !violations.isEmpty else {
            return PlanVerdict(outcome: .conforms, plan: entry.plan.name, selector: rule.selector)
        }
        var verdict = PlanVerdict(
            outcome: rule.violation == .quarantine ? .quarantined : .withheld,
            plan: entry.plan.name, selector: rule.selector, violations: violations)
        if rule.violation == .strip, let fields,
            let stripped = Self.strip(fields, violations, schema)
        {
            verdict.outcome = .stripped
            verdict.stripped = stripped.map { FieldPath(names: [type.fieldsKey] + $0) }
        }
        return verdict
    }

    // MARK: Stripping

    /// The paths inside `fields` without which the schema holds; nil when taking out does not mend it.
    private static func strip(
        _ fields: JSONView, _ violations: [SchemaViolation], _ schema: PlanSchema
    ) -> [[String]]? {
        var value = JSONValue(fields)
        var found: [[String]] = []
        var left = violations
        // What was hidden behind the first ones shows once those are gone.
        for _ in 0..<4 {
            for violation in left {
                guard let path = offender(violation.instancePath, in: value) else { return nil }
                guard !path.isEmpty else { return nil }
                Reshaping.edit(&value, path[...], .drop)
                found.append(path)
            }
            var text: [UInt8] = []
            value.write(into: &text)
            left = Self.violations(of: schema, in: text)
            if left.isEmpty { return found }
        }
        return nil
    }

    /// The member that a JSON pointer leads to; the whole list, where it leads into one.
    private static func offender(_ pointer: String, in value: JSONValue) -> [String]? {
        var value = value
        var path: [String] = []
        for step in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard value.array == nil else { return path }
            let name = JSONPointerStep.name(step)
            guard let inner = value[name] else {
                // An offender above it, or it itself, is out already.
                return path + [name]
            }
            path.append(name)
            value = inner
        }
        return path
    }
}
