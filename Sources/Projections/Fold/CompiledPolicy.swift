public import CustomerModel
import PolicyText

/// One policy version, ready to judge with: names turned into the fold's numbers.
public final class CompiledPolicy: Sendable {
    public let version: Int
    /// The offset of the record that activated it.
    public let activatedAt: UInt64
    public let policy: Policy
    /// The YAML it was read from.
    public let text: String
    let identity: CompiledIdentity
    /// The fold's number of each purpose.
    let purposeNumbers: [UInt8]
    /// The fold's number of each audience.
    let audienceNumbers: [Int]
    /// What its filters ask of profiles, and the numbers of those columns.
    let profileFields: [FieldPath]
    let profileNumbers: [Int]
    let plans: PlanIndex
    /// How it reads consent off an event.
    public let reading: ConsentReading

    init(
        version: Int, activatedAt: UInt64, policy: Policy, text: String,
        identity: CompiledIdentity, purposeNumbers: [UInt8], audienceNumbers: [Int],
        profileNumbers: [Int]
    ) {
        self.version = version
        self.activatedAt = activatedAt
        self.policy = policy
        self.text = text
        self.identity = identity
        self.purposeNumbers = purposeNumbers
        self.audienceNumbers = audienceNumbers
        profileFields = policy.profileFields
        asksAudiences = policy.asksAudiences
        self.profileNumbers = profileNumbers
        plans = PlanIndex(policy.plans)
        isSituational = policy.plans.isEmpty && policy.destinations.allSatisfy { $0.tcf == nil }
        details = policy.destinations.enumerated().compactMap { Detail($0.element, at: $0.offset) }
        isStrict =
            policy.consent.resolution == .strictest && !policy.consent.supersedesWeaker
            && policy.purposes.allSatisfy { $0.expiresAfterMicroseconds == nil }
        purposeMask = purposeNumbers.reduce(0) { $0 | 1 << UInt64($1) }
        reading = ConsentReading(policy)
    }

    /// Whether the same situation always gets the same judgement but for ``details``.
    let isSituational: Bool
    /// What looks at an event's payload, its times or its person, by destination.
    let details: [Detail]

    /// The gates of one destination that look at more than a situation.
    struct Detail: Sendable {
        var destination: Int
        var filter: Condition?
        var maximumAge: Int64?
        var share: Int?

        /// Their bits, whatever comes of them.
        static let gates = Gate.filter.bit | Gate.tooOld.bit | Gate.sampledOut.bit

        /// Nil where there is no such gate.
        init?(_ destination: Destination, at number: Int) {
            self.destination = number
            filter = destination.filter
            maximumAge = destination.maximumAgeMicroseconds
            share = destination.samplePerMillion
            if filter == nil, maximumAge == nil, share == nil { return nil }
        }
    }

    /// Whether any denial denies, and grants last for ever.
    let isStrict: Bool

    /// Its purposes as a mask over the fold's.
    let purposeMask: UInt64

    /// Whether a filter asks who is in which audience.
    let asksAudiences: Bool

    public func destinationIndex(_ name: String) -> Int? {
        policy.destinations.firstIndex { $0.name == name }
    }
}
