/// One version of the rules, as values: what a policy file means once it has been read and checked.
///
/// Everything that judges an event takes this and nothing else, so that the same version gives the same
/// answer for ever. Lists keep the file's order; an index into a list is the thing's id within this
/// version only. Reading the YAML text is `PolicyText`'s work.
public struct Policy: Equatable, Sendable {
    /// The policy's own name, for people.
    public var name: String
    public var identity: IdentityRules
    /// At most 64, so that a set of purposes is one word.
    public var purposes: [Purpose]
    public var consent: ConsentRules
    public var destinations: [Destination]
    public var audiences: [Audience]
    /// Named values that every person has, worked out from their events.
    public var attributes: [Attribute]
    /// What events must look like, by source. No source is in two.
    public var plans: [TrackingPlan]

    public init(
        name: String, identity: IdentityRules, purposes: [Purpose], consent: ConsentRules,
        destinations: [Destination], audiences: [Audience], attributes: [Attribute] = [],
        plans: [TrackingPlan] = []
    ) {
        self.name = name
        self.identity = identity
        self.purposes = purposes
        self.consent = consent
        self.destinations = destinations
        self.audiences = audiences
        self.attributes = attributes
        self.plans = plans
    }
}

/// Which identifiers join people, in which order of strength, and how many a person may have (I1–I4).
public struct IdentityRules: Equatable, Sendable {
    /// Strongest first: the place in this list is the rank.
    public var types: [IdentifierType]
    /// Values that are no identifiers at all.
    public var blocked: [BlockedValue]
    /// A link that would give a profile more identifiers than this waits for a review (I4).
    public var reviewAbove: Int
    /// The guard against identifiers that everybody seems to have (I4); nil for none.
    public var burst: BurstRule?

    public init(
        types: [IdentifierType], blocked: [BlockedValue], reviewAbove: Int = 1_000,
        burst: BurstRule? = nil
    ) {
        self.types = types
        self.blocked = blocked
        self.reviewAbove = reviewAbove
        self.burst = burst
    }
}

/// An identifier met with more known people than this within a time links no more (I4).
public struct BurstRule: Equatable, Sendable {
    public var knownProfiles: Int
    public var withinMicroseconds: Int64

    public init(knownProfiles: Int, withinMicroseconds: Int64) {
        self.knownProfiles = knownProfiles
        self.withinMicroseconds = withinMicroseconds
    }
}

/// One kind of identifier.
public struct IdentifierType: Equatable, Sendable {
    /// As in `sluice profile TYPE:VALUE`: `user_id`, `email`, `anonymous_id`, or one of the policy's own.
    public var name: String
    /// How many values of this type one profile may have; nil for no limit. 1 with no window makes a
    /// profile *known* (I3).
    public var limit: Int?
    /// Sliding window of the limit in microseconds; nil means ever.
    public var windowMicroseconds: Int64?
    public var normalisation: Normalisation
    /// For phone numbers: the calling code of numbers that are written without one, as `49`. With it
    /// they are brought to E.164 (see ``PhoneNumber``); without, only what has a `+` is an identifier.
    public var phoneCountry: String?
    /// Extra places in the event that hold it, as dotted paths (`traits.crmId`); the built-in ones
    /// (see `EventIdentifiers`) are always read.
    public var paths: [FieldPath]

    public init(
        name: String, limit: Int?, windowMicroseconds: Int64?, normalisation: Normalisation,
        paths: [FieldPath] = [], phoneCountry: String? = nil
    ) {
        self.name = name
        self.limit = limit
        self.windowMicroseconds = windowMicroseconds
        self.normalisation = normalisation
        self.paths = paths
        self.phoneCountry = phoneCountry
    }
}

/// How a value is brought into one form before it is compared.
public enum Normalisation: String, Equatable, Sendable, CaseIterable {
    /// As it stands.
    case none
    /// Surrounding white space dropped, ASCII letters in lower case.
    case lowercase
    /// As `lowercase`; a value without exactly one `@` between two parts is no e-mail and no identifier.
    case email
    /// Digits with a leading `+`; anything else is no phone number and no identifier.
    case phone
}

/// A value that is no identifier: zeroes and dashes, `null`, `anonymous` and the like.
public struct BlockedValue: Equatable, Sendable {
    /// The type it is blocked for; nil for every type.
    public var type: String?
    public var match: Match

    public enum Match: Equatable, Sendable {
        /// The normalised value itself, compared without regard to ASCII case.
        case exactly(String)
        /// Only these characters, and the empty value: `allOf("0-")` is Segment's `^[0-]*$`.
        case allOf(String)
        case prefix(String)
        case suffix(String)
        /// Whatever the pattern finds a match in.
        case pattern(BlockedPattern)
    }

    public init(type: String?, match: Match) {
        self.type = type
        self.match = match
    }
}

/// What data may be used for, as people consent to it.
public struct Purpose: Equatable, Sendable {
    public var name: String
    /// Category ids of Segment's `context.consent.categoryPreferences` that mean this purpose. All of
    /// those present must be true for a grant.
    public var segmentCategories: [String]
    /// A grant older than this, by asserted time, is expired; nil for never.
    public var expiresAfterMicroseconds: Int64?
    /// Whether a GPC signal denies it (C1).
    public var deniedByGPC: Bool
    /// What the purpose rests on.
    public var basis: Basis
    /// Purpose names of mParticle's `consent_state.gdpr` that mean this purpose, as `segmentCategories`.
    public var mparticlePurposes: [String]
    /// Whether a plan may release what was unknown or expired at the event and is granted now (R2).
    public var isRetroactive: Bool
    /// Consent strings and opt-outs that mean it, and where it is granted by default.
    public var signals = PurposeSignals()

    /// What makes using data for a purpose lawful.
    public enum Basis: String, Equatable, Sendable, CaseIterable {
        /// Needs a grant: unknown, unreadable and expired are withheld (C6). The default.
        case consent
        /// These three need no grant. An explicit denial on record still withholds.
        case contract
        case legalObligation
        case legitimateInterest
    }

    /// Whether someone who has never been asked is withheld (C6).
    public var needsConsent: Bool { basis == .consent }

    public init(
        name: String, segmentCategories: [String], expiresAfterMicroseconds: Int64? = nil,
        deniedByGPC: Bool = false, basis: Basis = .consent, mparticlePurposes: [String] = [],
        isRetroactive: Bool = false
    ) {
        self.name = name
        self.segmentCategories = segmentCategories
        self.expiresAfterMicroseconds = expiresAfterMicroseconds
        self.deniedByGPC = deniedByGPC
        self.basis = basis
        self.mparticlePurposes = mparticlePurposes
        self.isRetroactive = isRetroactive
    }
}

/// How several assertions about one person become one state (C4).
public struct ConsentRules: Equatable, Sendable {
    public enum Resolution: String, Equatable, Sendable, CaseIterable {
        /// Any denial on any linked identifier denies. The default.
        case strictest
        /// The newest by asserted time, but never a weaker identifier's grant over a stronger one's denial.
        case latest
    }
    public var resolution: Resolution
    /// Whether a grant on a stronger identifier retires older denials on weaker ones (C4). Said in a
    /// policy as `supersedes: weaker`.
    public var supersedesWeaker: Bool
    /// Where signals stand on an event.
    public var places = ConsentPlaces()
    /// Where a person's country stands, and whose word counts for it (C6).
    public var countryFields: [TrustedField] = []

    public init(resolution: Resolution, supersedesWeaker: Bool = false) {
        self.resolution = resolution
        self.supersedesWeaker = supersedesWeaker
    }
}

/// One recipient and what it may have.
public struct Destination: Equatable, Sendable {
    public var name: String
    /// The recipient's legal name, as an auditor must read it.
    public var recipient: String
    /// Changes only by hand, and must when the recipient or the URL's host changes (E4). From 1.
    public var epoch: Int
    public var isEnabled: Bool
    public var connector: Connector
    /// Sources whose events it may get; nil for every source.
    public var sources: [String]?
    /// Every one of these must be granted. A destination without a purpose here or in ``anyPurposes`` gets
    /// nothing (P4).
    public var purposes: [Int]
    /// One of these must be granted; empty for no such need.
    public var anyPurposes: [Int]
    /// What it gets, closed: an event that no rule matches is withheld (P4). The first match counts.
    public var events: [EventRule]
    /// Identifier types sent along, by name.
    public var identifiers: [String]
    /// The person must have an identifier of one of these types; one of the event that identity refused is
    /// not the person's. Empty for no such need.
    public var requiredIdentifiers: [String]
    /// The name that a client's `integrations` object uses for it.
    public var integrationName: String
    /// Events older than this when received are too old; nil for no limit. Microseconds.
    public var maximumAgeMicroseconds: Int64?
    /// Share of profiles that it gets, in millionths; nil for all (D4).
    public var samplePerMillion: Int?
    /// Must hold for an event to leave; nil for no filter.
    public var filter: Condition?
    /// What it does as a vendor of the TCF: then the person's most recent TC string must permit it (C7).
    public var tcf: TCFUse?
    /// Audiences whose entries and exits it is told, as indexes into the policy's list.
    public var audiences: [Int]
    /// Whether it gets only what keeps to the tracking plans. What is in quarantine it gets in no case.
    public var followsPlans: Bool
    /// Effects in one request: 1 to 1,000.
    public var batchSize: Int
    /// Tries of one effect before it is parked.
    public var maximumAttempts: Int
    /// Milliseconds to wait for an answer.
    public var timeoutMilliseconds: Int

    public init(
        name: String, recipient: String, epoch: Int = 1, isEnabled: Bool = true,
        connector: Connector, sources: [String]? = nil, purposes: [Int], events: [EventRule],
        identifiers: [String], requiredIdentifiers: [String] = [], integrationName: String? = nil,
        maximumAgeMicroseconds: Int64? = nil, samplePerMillion: Int? = nil,
        filter: Condition? = nil, audiences: [Int] = [], batchSize: Int = 1,
        maximumAttempts: Int = 10, timeoutMilliseconds: Int = 15_000, anyPurposes: [Int] = [],
        followsPlans: Bool = true
    ) {
        self.name = name
        self.recipient = recipient
        self.epoch = epoch
        self.isEnabled = isEnabled
        self.connector = connector
        self.sources = sources
        self.purposes = purposes
        self.events = events
        self.identifiers = identifiers
        self.requiredIdentifiers = requiredIdentifiers
        self.integrationName = integrationName ?? name
        self.maximumAgeMicroseconds = maximumAgeMicroseconds
        self.samplePerMillion = samplePerMillion
        self.filter = filter
        self.audiences = audiences
        self.batchSize = batchSize
        self.maximumAttempts = maximumAttempts
        self.timeoutMilliseconds = timeoutMilliseconds
        self.anyPurposes = anyPurposes
        self.followsPlans = followsPlans
    }
}

/// How a destination is reached, and so how an unknown outcome is settled (E7).
public enum Connector: Equatable, Sendable {
    /// NDJSON appended to a file. The path is relative, to the data directory's `outputs/`. Declares
    /// `lookup`.
    case file(path: String)
    /// A Standard Webhooks POST. `secret` names an entry of `secrets.yaml`. Declares `idempotent`, unless its
    /// receiver takes a repeated id for something new.
    case webhook(url: String, secret: String, unknown: UnknownExit = .sentAgain)
}

/// How an effect of which nobody knows whether it arrived comes to an end (E7).
public enum UnknownExit: Equatable, Sendable {
    /// `idempotent`: the same key again, which the recipient takes once.
    case sentAgain
    /// `lookup`: the recipient is asked for the key.
    case lookedUp
    /// `none`: an operator settles it.
    case settledByOperator
}

/// One line of a destination's allowlist.
public struct EventRule: Equatable, Sendable {
    public var selector: EventSelector
    /// What of `properties` (track, page, screen, alias) or `traits` (identify, group) may leave. Paths
    /// start inside that object: `order_id`, not `properties.order_id`.
    public var fields: FieldList
    /// What of `context` may leave. Paths start inside it: `page.url`.
    public var context: FieldList
    /// What is done to that on its way out, in this order.
    public var transformations: [Transformation]

    public init(
        selector: EventSelector, fields: FieldList, context: FieldList,
        transformations: [Transformation] = []
    ) {
        self.selector = selector
        self.fields = fields
        self.context = context
        self.transformations = transformations
    }
}

/// Which events a rule is about.
public struct EventSelector: Equatable, Sendable {
    public var type: EventType
    /// The event's name (track) or page's or screen's name; nil for every name of that type.
    public var name: String?

    public init(type: EventType, name: String?) {
        self.type = type
        self.name = name
    }

    /// Whether an event of this type and name is meant.
    public func matches(type: EventType, name: String) -> Bool {
        self.type == type && (self.name == nil || self.name == name)
    }
}

/// Which fields may leave.
public enum FieldList: Equatable, Sendable {
    /// None. What a rule says when it says nothing.
    case none
    /// Everything, which must be written out (`all`).
    case all
    /// These paths and what is under them.
    case listed([FieldPath])
}

/// A dotted path into an event. In conditions and metrics it starts at the message's root
/// (`properties.order_id`); in an ``EventRule`` inside the object that the list is about.
public struct FieldPath: Hashable, Sendable, CustomStringConvertible {
    /// 1 to 16 names, none empty.
    public var names: [String]
    public init(names: [String]) { self.names = names }
    public var description: String { names.joined(separator: ".") }
}

/// A condition over one event's fields.
public indirect enum Condition: Equatable, Sendable {
    case all([Condition])
    case any([Condition])
    case not(Condition)
    /// A field compared with a value. A path that leads nowhere, or to `null`, makes every comparison
    /// but `isAbsent` false.
    case field(FieldPath, Comparison)
}

/// How a field is compared.
public enum Comparison: Equatable, Sendable {
    case isPresent
    case isAbsent
    case equals(Scalar)
    case isOneOf([Scalar])
    /// Exact decimal comparisons; anything but a number compares false.
    case atLeast(Amount)
    case atMost(Amount)
    case moreThan(Amount)
    case lessThan(Amount)
    /// Of text, by its bytes.
    case startsWith(String)
    case endsWith(String)
    /// A text that holds this text, or a list that holds this value.
    case contains(Scalar)
    /// A text in which the pattern is found anywhere.
    case matches(TextPattern)
    /// Of an RFC 3339 time. Microseconds.
    case before(Int64)
    case after(Int64)
    /// A time at most so many microseconds before the event was received, and not after it. False where
    /// there is no such moment.
    case withinLast(Int64)
}

/// A JSON scalar in a policy.
public enum Scalar: Equatable, Sendable {
    case text(String)
    case number(Amount)
    case bool(Bool)
}

/// A named set of people, defined by what is known of them.
public struct Audience: Equatable, Sendable {
    public var name: String
    public var condition: AudienceCondition
    /// What the condition asks of a person's events, each kept once.
    public var metrics: [Metric]

    public init(name: String, condition: AudienceCondition, metrics: [Metric]) {
        self.name = name
        self.condition = condition
        self.metrics = metrics
    }
}
