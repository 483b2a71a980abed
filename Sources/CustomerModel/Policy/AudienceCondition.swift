/// What must be true of a profile to be in an audience.
///
/// Numbers of metrics are indexes into the audience's own list.
public indirect enum AudienceCondition: Equatable, Sendable {
    case all([AudienceCondition])
    case any([AudienceCondition])
    case not(AudienceCondition)
    /// A trait of the profile; the path starts inside its traits.
    case trait(FieldPath, Comparison)
    /// A metric's value. A count and a sum always have one; the others are absent where no event counts.
    case metric(Int, Comparison)
    /// When the event of a `first` or `last` metric happened; false where there is none.
    case moment(Int, MomentComparison)
    /// One event of each metric, in this order and less than `within` from first to last; nil for however
    /// long. Every metric measures `moments`.
    case sequence([Int], within: Int64?)
    /// An event of metric `after` that no event of metric `of` followed in less than `within`, once that
    /// time has passed. Both metrics measure `moments`. Microseconds.
    case absence(of: Int, after: Int, within: Int64)
    /// The person's state on a purpose of the policy, by name, as of projection time.
    case consent(purpose: String, ConsentState.Value)
    /// Being in another audience of the same policy, by name.
    case member(of: String)
}

/// How the moment of an event is compared.
public enum MomentComparison: Equatable, Sendable {
    /// Before that moment, or at or after it. Microseconds since 1970.
    case before(Int64)
    case since(Int64)
    /// At least so long before projection time, or less. Microseconds.
    case olderThan(Int64)
    case newerThan(Int64)
}

/// One value over a person's events.
public struct Metric: Equatable, Sendable {
    public enum Measure: Equatable, Sendable {
        case count
        /// The exact sum of a numeric field; an event without it adds nothing.
        case sum(FieldPath)
        /// The smallest and the largest number of a field.
        case minimum(FieldPath)
        case maximum(FieldPath)
        /// The field of the earliest and of the latest event that has it, by (`occurred`, offset); without
        /// a path, of every event that counts, for its moment alone.
        case first(FieldPath?)
        case last(FieldPath?)
        /// How many different texts, numbers and truth values a field had.
        case distinct(FieldPath)
        /// When each event happened: what sequences and absences are found in.
        case moments

        /// The field that is measured.
        public var path: FieldPath? {
            switch self {
            case .count, .moments: nil
            case .sum(let path), .minimum(let path), .maximum(let path), .distinct(let path): path
            case .first(let path), .last(let path): path
            }
        }
    }
    public var selector: EventSelector
    public var measure: Measure
    /// Must hold for an event to count; nil for every event that the selector means.
    public var filter: Condition?
    /// Only events whose `occurred` is less than this before projection time; nil for ever. Microseconds.
    public var windowMicroseconds: Int64?

    /// Different values that `distinct` tells apart; beyond it is known only that they are more.
    public static let maximumDistinct = 1_000
    /// Longest text of a value that is kept, in bytes.
    public static let maximumValueBytes = 512
    /// Newest events of one identifier that `moments`, and measures other than counts and sums that have
    /// a window, look at.
    public static let maximumMoments = 10_000

    public init(
        selector: EventSelector, measure: Measure, filter: Condition? = nil,
        windowMicroseconds: Int64? = nil
    ) {
        self.selector = selector
        self.measure = measure
        self.filter = filter
        self.windowMicroseconds = windowMicroseconds
    }
}

/// A value with a name that every person has, worked out from their events.
public struct Attribute: Equatable, Sendable {
    public var name: String
    public var metric: Metric

    public init(name: String, metric: Metric) {
        self.name = name
        self.metric = metric
    }
}

/// What is known of a condition.
///
/// `unknown` is for what cannot be said exactly (D4): a sum that does not fit. Nobody enters an audience
/// on it, and joining follows Kleene, so that it does not depend on the order of the parts.
public enum Truth: Equatable, Sendable {
    case no
    case unknown
    case yes

    public init(_ holds: Bool) { self = holds ? .yes : .no }

    public static prefix func ! (truth: Truth) -> Truth {
        switch truth {
        case .no: .yes
        case .unknown: .unknown
        case .yes: .no
        }
    }
}

extension AudienceCondition {
    /// Joins what `leaf` says of every part that is no `all`, `any` or `not`.
    ///
    /// Parts that can no longer change the answer are not asked: as long as no part that was asked changes,
    /// neither does the answer.
    public func evaluate(_ leaf: (AudienceCondition) -> Truth) -> Truth {
        switch self {
        case .all(let parts):
            var result = Truth.yes
            for part in parts {
                switch part.evaluate(leaf) {
                case .no: return .no
                case .unknown: result = .unknown
                case .yes: break
                }
            }
            return result
        case .any(let parts):
            var result = Truth.no
            for part in parts {
                switch part.evaluate(leaf) {
                case .yes: return .yes
                case .unknown: result = .unknown
                case .no: break
                }
            }
            return result
        case .not(let part): return !part.evaluate(leaf)
        default: return leaf(self)
        }
    }

    /// Joins what `next` says of each direct part, in order; of a part that has none it is asked once.
    public func evaluateParts(_ next: () -> Truth) -> Truth {
        switch self {
        case .all(let parts): parts.map { _ in next() }.min(by: Self.isLess) ?? .yes
        case .any(let parts): parts.map { _ in next() }.max(by: Self.isLess) ?? .no
        case .not: !next()
        default: next()
        }
    }

    /// `no` before `unknown` before `yes`: all of some is the least of them, any of some the greatest.
    private static func isLess(_ a: Truth, _ b: Truth) -> Bool {
        switch (a, b) {
        case (.no, .unknown), (.no, .yes), (.unknown, .yes): true
        default: false
        }
    }

    /// Calls `visit` with every part that is no `all`, `any` or `not`, in order.
    public func forEachLeaf(_ visit: (AudienceCondition) -> Void) {
        switch self {
        case .all(let parts), .any(let parts):
            for part in parts { part.forEachLeaf(visit) }
        case .not(let part): part.forEachLeaf(visit)
        default: visit(self)
        }
    }
}
