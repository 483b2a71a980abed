/// What the events of some sources must look like, and what becomes of those that do not.
///
/// A source has at most one plan, so that an event is checked once, for all destinations.
public struct TrackingPlan: Equatable, Sendable {
    public var name: String
    /// Whose events it is about; nil for every source.
    public var sources: [String]?
    /// What becomes of an event that the plan does not name. `withhold` if not said (P4).
    public var unplanned: Unplanned
    /// A rule for a name stands before one for every name, whatever their order.
    public var rules: [PlanRule]

    public enum Unplanned: String, Equatable, Sendable, CaseIterable {
        case allow, withhold, quarantine
    }

    public init(
        name: String, sources: [String]?, unplanned: Unplanned = .withhold, rules: [PlanRule]
    ) {
        self.name = name
        self.sources = sources
        self.unplanned = unplanned
        self.rules = rules
    }
}

/// One planned event.
public struct PlanRule: Equatable, Sendable {
    public var selector: EventSelector
    /// What `properties`, or `traits` of an identify or group, must be; nil for anything. An event without
    /// them counts as having an empty object.
    public var schema: PlanSchema?
    public var violation: Violation

    /// What becomes of an event that breaks its schema.
    public enum Violation: String, Equatable, Sendable, CaseIterable {
        /// It leaves for no destination that follows the plan. The default.
        case withhold
        /// The fields that break it do not leave for destinations that follow the plan. Where something
        /// needed is missing, or nothing can be taken out to mend it, the event is withheld.
        case strip
        /// It leaves for nobody, until it is released under a policy that it does not break.
        case quarantine
    }

    public init(selector: EventSelector, schema: PlanSchema?, violation: Violation = .withhold) {
        self.selector = selector
        self.schema = schema
        self.violation = violation
    }
}

/// A JSON Schema with its text: two are the same when their texts are.
public struct PlanSchema: Equatable, Sendable {
    /// As JSON.
    public let text: String
    public let schema: JSONSchema

    public init(text: String, schema: JSONSchema) {
        self.text = text
        self.schema = schema
    }

    public static func == (a: PlanSchema, b: PlanSchema) -> Bool {
        a.text.utf8.elementsEqual(b.text.utf8)
    }
}

/// What a tracking plan says of one event.
public struct PlanVerdict: Equatable, Sendable {
    public enum Outcome: UInt8, Equatable, Sendable {
        case conforms = 0
        case stripped = 1
        case withheld = 2
        case quarantined = 3

        public var name: String {
            switch self {
            case .conforms: "conforms"
            case .stripped: "stripped"
            case .withheld: "withheld"
            case .quarantined: "quarantined"
            }
        }
    }

    public var outcome: Outcome
    /// The plan's name.
    public var plan: String
    /// The rule that meant the event; nil for an event that is not planned.
    public var selector: EventSelector?
    /// At most ``maximumViolations``. Empty for an event that conforms, or is not planned.
    public var violations: [SchemaViolation]
    /// What does not leave, as paths from the message's root.
    public var stripped: [FieldPath]

    public static let maximumViolations = 32

    public init(
        outcome: Outcome, plan: String, selector: EventSelector?,
        violations: [SchemaViolation] = [], stripped: [FieldPath] = []
    ) {
        self.outcome = outcome
        self.plan = plan
        self.selector = selector
        self.violations = violations
        self.stripped = stripped
    }

    /// Whether the gate fails for a destination.
    public func withholds(from destination: Destination) -> Bool {
        switch outcome {
        case .quarantined: true
        case .withheld: destination.followsPlans
        case .stripped, .conforms: false
        }
    }
}
