import CustomerModel
import JSONText

/// What is measured over a person's events, in audiences and as attributes.
extension PolicyReader {
    static let measures = ["count", "sum", "min", "max", "first", "last", "distinct"]
    private static let bounds = ["atLeast", "atMost", "moreThan", "lessThan"]
    private static let moments = ["before", "since", "olderThan", "newerThan"]
    private static let selectors = ["event", "page", "screen", "identify", "group"]

    /// `attributes`: a mapping from name to one measure.
    mutating func readAttributes(_ node: PolicyNode) -> [Attribute] {
        guard let entries = openSection(node, of: "`attributes`") else { return [] }
        if entries.members.count > 200 {
            note(entries.members[200].keyPlace, "a policy has at most 200 attributes")
        }
        for (name, place, value) in entries.members {
            checkName(name, at: place, of: "an attribute's name")
            let what = "attribute `\(name)`"
            guard let section = section(value, of: what, keys: Self.measures) else { continue }
            guard section.members.count == 1, let only = section.members.first,
                !section.hasUnknownKeys
            else {
                if !section.hasUnknownKeys {
                    let names = Self.measures.map { "`\($0)`" }.joined(separator: ", ")
                    note(value.place, "\(what) must say exactly one of \(names)")
                }
                continue
            }
            let keys = Self.selectors + ["of", "where", "within"]
            let elsewhere = Dictionary(
                uniqueKeysWithValues: (Self.bounds + Self.moments + ["is", "isOneOf", "present"])
                    .map { ($0, "an attribute is a value; audiences compare it") })
            guard
                let inner = self.section(
                    only.value, of: "`\(only.name)`", keys: keys, elsewhere: elsewhere),
                let metric = metric(only.name, inner)
            else { continue }
            attributes.append(Attribute(name: name, metric: metric))
        }
        return attributes
    }

    /// `attribute`: the name of one, and a comparison that suits what it measures.
    mutating func attributeCondition(
        _ node: PolicyNode, metrics: inout [Metric]
    ) -> AudienceCondition? {
        let keys =
            ["name", "is", "isOneOf", "present"] + Self.bounds + Self.moments
        guard let section = section(node, of: "`attribute`", keys: keys) else { return nil }
        guard let nameNode = section["name"] else {
            note(section.place, "`attribute` has no `name`")
            return nil
        }
        guard let name = text(nameNode, of: "`name`") else { return nil }
        guard let attribute = attributes.first(where: { $0.name == name }) else {
            note(
                nameNode.place, "unknown attribute `\(name)`",
                Suggestion.text(for: name, among: attributes.map(\.name)))
            return nil
        }
        var compared = section
        compared.members.removeAll { $0.name == "name" }
        return compare(
            attribute.metric, compared, of: "attribute `\(name)`", metrics: &metrics)
    }

    mutating func metricCondition(
        _ kind: String, _ node: PolicyNode, metrics: inout [Metric]
    ) -> AudienceCondition? {
        let own = Self.selectors + ["of", "where", "within"]
        var elsewhere: [String: String] = [:]
        var keys = own + Self.bounds
        switch kind {
        case "count", "sum", "distinct":
            elsewhere["is"] =
                "a count or sum is compared with \(Self.bounds.joined(separator: ", "))"
        case "min", "max": keys.append("present")
        default: keys += ["is", "isOneOf", "present"] + Self.moments
        }
        guard
            let section = section(node, of: "`\(kind)`", keys: keys, elsewhere: elsewhere),
            let metric = metric(kind, section)
        else { return nil }
        var compared = section
        compared.members.removeAll { own.contains($0.name) }
        return compare(metric, compared, of: "`\(kind)`", metrics: &metrics)
    }

    // MARK: Measures

    /// What is measured; comparisons in the section are left alone.
    private mutating func metric(_ kind: String, _ section: Section) -> Metric? {
        var path: FieldPath?
        if let node = section["of"] {
            guard kind != "count" else {
                note(
                    section.keyPlace("of"), "`count` counts events and has no `of`",
                    "did you mean `sum`?")
                return nil
            }
            path = messagePath(node, of: "`of`")
            guard path != nil else { return nil }
        } else if !["count", "first", "last"].contains(kind) {
            note(
                section.place, "`\(kind)` does not say of what", "add `of: properties.NAME`")
            return nil
        }
        guard let selector = metricSelector(section, of: "`\(kind)`") else { return nil }
        var metric = Metric(selector: selector, measure: .count)
        switch (kind, path) {
        case ("sum", let path?): metric.measure = .sum(path)
        case ("min", let path?): metric.measure = .minimum(path)
        case ("max", let path?): metric.measure = .maximum(path)
        case ("distinct", let path?): metric.measure = .distinct(path)
        case ("first", let path): metric.measure = .first(path)
        case ("last", let path): metric.measure = .last(path)
        default: break
        }
        if let node = section["where"] { metric.filter = condition(node, of: "`where`") }
        if let node = section["within"] {
            metric.windowMicroseconds = duration(node, of: "`within`")
        }
        return metric
    }

    private mutating func metricSelector(_ section: Section, of what: String) -> EventSelector? {
        let said = section.members.filter { Self.selectors.contains($0.name) }
        guard said.count == 1, let only = said.first else {
            if !section.hasUnknownKeys {
                let names = Self.selectors.map { "`\($0)`" }.joined(separator: ", ")
                note(section.place, "\(what) needs exactly one of \(names)")
            }
            return nil
        }
        return selector(only.name == "event" ? "track" : only.name, only.value)
    }

    private func index(of metric: Metric, in metrics: inout [Metric]) -> Int {
        if let known = metrics.firstIndex(of: metric) { return known }
        metrics.append(metric)
        return metrics.count - 1
    }

    // MARK: Comparisons

    /// The comparisons of a section that holds nothing else.
    private mutating func compare(
        _ metric: Metric, _ section: Section, of what: String, metrics: inout [Metric]
    ) -> AudienceCondition? {
        let fitting = comparisons(fitting: metric.measure)
        guard !section.members.isEmpty else {
            if !section.hasUnknownKeys {
                let names = fitting.map { "`\($0)`" }.joined(separator: ", ")
                note(section.place, "\(what) compares with nothing", "add one of \(names)")
            }
            return nil
        }
        var isRight = true
        for member in section.members where !fitting.contains(member.name) {
            isRight = false
            if section.hasUnknownKeys { continue }
            note(
                member.keyPlace, "\(what) cannot be compared with `\(member.name)`",
                "it is compared with \(fitting.joined(separator: ", "))")
        }
        guard isRight else { return nil }
        if let place = literal(in: section), let path = metric.measure.path, holdsIdentifier(path) {
            note(
                place, "a policy cannot name a person: `\(path)` holds identifiers",
                "test `present: true`")
        }
        let index = index(of: metric, in: &metrics)
        var conditions: [AudienceCondition] = []
        var values = section
        values.members.removeAll { Self.moments.contains($0.name) }
        if !values.members.isEmpty {
            let comparisons = comparisons(values, of: what)
            if case .distinct = metric.measure { checkDistinct(comparisons, values) }
            conditions += comparisons.map { .metric(index, $0) }
        }
        for member in section.members {
            if let moment = moment(member.name, member.value) {
                conditions.append(.moment(index, moment))
            }
        }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    private func comparisons(fitting measure: Metric.Measure) -> [String] {
        switch measure {
        case .count, .sum, .distinct, .moments: Self.bounds
        case .minimum, .maximum: Self.bounds + ["present"]
        case .first(let path), .last(let path):
            (path == nil ? [] : ["is", "isOneOf"] + Self.bounds) + ["present"] + Self.moments
        }
    }

    /// Beyond the limit a number of different values is only known to be larger.
    private mutating func checkDistinct(_ comparisons: [Comparison], _ section: Section) {
        let limit = Amount(Int64(Metric.maximumDistinct))
        for comparison in comparisons {
            switch comparison {
            case .atLeast(let bound), .atMost(let bound), .moreThan(let bound),
                .lessThan(let bound):
                guard bound > limit else { continue }
                note(
                    section.members.first?.value.place ?? section.place,
                    "at most \(Metric.maximumDistinct) different values are told apart, so"
                        + " `distinct` cannot be compared with \(bound)")
            default: continue
            }
        }
    }

    private mutating func moment(_ name: String, _ node: PolicyNode) -> MomentComparison? {
        switch name {
        case "before": return time(node, of: "`before`").map(MomentComparison.before)
        case "since": return time(node, of: "`since`").map(MomentComparison.since)
        case "olderThan":
            return duration(node, of: "`olderThan`").map(MomentComparison.olderThan)
        case "newerThan":
            return duration(node, of: "`newerThan`").map(MomentComparison.newerThan)
        default: return nil
        }
    }

    private mutating func time(_ node: PolicyNode, of what: String) -> Int64? {
        guard case .scalar(let text, _) = node.content, let time = Timestamp(parsing: text) else {
            note(
                node.place, "\(what) must be a moment", "write it as `2026-01-31T00:00:00Z`")
            return nil
        }
        return time.microseconds
    }

    // MARK: Sequences and absences

    /// `sequence`: steps in order, `within` from the first to the last, `over` a rolling window.
    mutating func sequence(_ node: PolicyNode, metrics: inout [Metric]) -> AudienceCondition? {
        let keys = ["steps", "within", "over"]
        guard let section = section(node, of: "`sequence`", keys: keys) else { return nil }
        guard let stepsNode = section["steps"] else {
            if !section.hasUnknownKeys { note(section.place, "`sequence` has no `steps`") }
            return nil
        }
        guard let items = list(stepsNode, of: "`steps`") else { return nil }
        guard (2...10).contains(items.count) else {
            note(stepsNode.place, "`steps` must list 2 to 10 events")
            return nil
        }
        let (within, over) = lengths(section, of: "`sequence`")
        var steps: [Int] = []
        for item in items {
            guard let metric = step(item, of: "a step", over: over) else { continue }
            steps.append(index(of: metric, in: &metrics))
        }
        return .sequence(steps, within: within)
    }

    /// `absence`: `of` one event, `within` a time `after` another.
    mutating func absence(_ node: PolicyNode, metrics: inout [Metric]) -> AudienceCondition? {
        let keys = ["of", "after", "within", "over"]
        guard let section = section(node, of: "`absence`", keys: keys) else { return nil }
        var isWhole = true
        for (name, help) in [
            ("after", "the event that it begins with"), ("of", "the event that did not follow"),
            ("within", "how long it was waited for"),
        ] where section[name] == nil {
            isWhole = false
            if !section.hasUnknownKeys {
                note(section.place, "`absence` has no `\(name)`", "say \(help)")
            }
        }
        guard isWhole, let ofNode = section["of"], let afterNode = section["after"] else {
            return nil
        }
        let (within, over) = lengths(section, of: "`absence`")
        guard let missing = step(ofNode, of: "`of`", over: over),
            let first = step(afterNode, of: "`after`", over: over), let within
        else { return nil }
        let after = index(of: first, in: &metrics)
        return .absence(of: index(of: missing, in: &metrics), after: after, within: within)
    }

    private mutating func lengths(_ section: Section, of what: String) -> (Int64?, Int64?) {
        let within = section["within"].flatMap { duration($0, of: "`within`") }
        guard let node = section["over"], let over = duration(node, of: "`over`") else {
            return (within, nil)
        }
        if what == "`absence`", let within, over <= within {
            note(node.place, "`over` must be longer than `within`, or \(what) is never found")
        }
        return (within, over)
    }

    private mutating func step(_ node: PolicyNode, of what: String, over: Int64?) -> Metric? {
        guard let section = section(node, of: what, keys: Self.selectors + ["where"]),
            let selector = metricSelector(section, of: what)
        else { return nil }
        var metric = Metric(selector: selector, measure: .moments, windowMicroseconds: over)
        if let node = section["where"] { metric.filter = condition(node, of: "`where`") }
        return metric
    }
}
