import JSONText

/// How audiences and attributes read in a sentence.
extension AudienceCondition {
    /// One line, as `sluice audience show` and a policy's difference say it.
    public func text(_ metrics: [Metric]) -> String {
        switch self {
        case .all(let parts): Self.join(parts, "and", metrics)
        case .any(let parts): Self.join(parts, "or", metrics)
        case .not(let part): "not (\(part.text(metrics)))"
        case .trait(let path, let comparison): "trait \(path) \(comparison.text)"
        case .metric(let index, let comparison): "\(metrics[index].text) \(comparison.text)"
        case .moment(let index, let comparison):
            "\(metrics[index].text) happened \(comparison.text)"
        case .sequence(let steps, let within):
            steps.map { metrics[$0].text }.joined(separator: ", then ")
                + (within.map { ", in less than \(DurationText.format($0))" } ?? "")
        case .absence(let missing, let after, let within):
            "\(metrics[after].text) and, in less than \(DurationText.format(within)) after it, no"
                + " \(metrics[missing].text)"
        case .consent(let purpose, let value): "consent to \(purpose) is \(value.name)"
        case .member(let audience): "in audience \(audience)"
        }
    }

    private static func join(
        _ parts: [AudienceCondition], _ word: String, _ metrics: [Metric]
    ) -> String {
        guard parts.count > 1 else { return parts.first?.text(metrics) ?? "nothing" }
        return parts.map { part in
            switch part {
            case .all, .any: "(\(part.text(metrics)))"
            default: part.text(metrics)
            }
        }.joined(separator: " \(word) ")
    }
}

extension Metric {
    /// `sum of properties.revenue of track "Order Completed" within 30d`.
    public var text: String {
        let what =
            switch measure {
            case .count: "count of "
            case .sum(let path): "sum of \(path) of "
            case .minimum(let path): "smallest \(path) of "
            case .maximum(let path): "largest \(path) of "
            case .first(let path): path.map { "first \($0) of " } ?? "first "
            case .last(let path): path.map { "last \($0) of " } ?? "last "
            case .distinct(let path): "number of different \(path) of "
            case .moments: ""
            }
        return what + selector.text + (filter.map { " where \($0.text)" } ?? "")
            + (windowMicroseconds.map { " within \(DurationText.format($0))" } ?? "")
    }
}

extension MomentComparison {
    var text: String {
        switch self {
        case .before(let moment): "before \(Timestamp(microseconds: moment))"
        case .since(let moment): "at or after \(Timestamp(microseconds: moment))"
        case .olderThan(let length): "at least \(DurationText.format(length)) ago"
        case .newerThan(let length): "less than \(DurationText.format(length)) ago"
        }
    }
}

extension Comparison {
    var text: String {
        switch self {
        case .isPresent: "is there"
        case .isAbsent: "is not there"
        case .equals(let scalar): "is \(scalar.text)"
        case .isOneOf(let scalars): "is one of \(scalars.map(\.text).text)"
        case .atLeast(let bound): "is at least \(bound)"
        case .atMost(let bound): "is at most \(bound)"
        case .moreThan(let bound): "is more than \(bound)"
        case .lessThan(let bound): "is less than \(bound)"
        case .startsWith(let text): "starts with \"\(text)\""
        case .endsWith(let text): "ends with \"\(text)\""
        case .contains(let scalar): "contains \(scalar.text)"
        case .matches(let pattern): "matches \(pattern.text)"
        case .before(let moment): "is before \(Timestamp(microseconds: moment))"
        case .after(let moment): "is after \(Timestamp(microseconds: moment))"
        case .withinLast(let length):
            "is at most \(DurationText.format(length)) before the event was received"
        }
    }
}

extension Condition {
    var text: String {
        switch self {
        case .all(let parts): parts.map(\.text).joined(separator: " and ")
        case .any(let parts): "(\(parts.map(\.text).joined(separator: " or ")))"
        case .not(let part): "not (\(part.text))"
        case .field(let path, let comparison): "\(path) \(comparison.text)"
        }
    }
}
