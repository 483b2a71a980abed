public import CustomerModel
public import Hashing
import JSONText
import PolicyText

/// Everything that is derived from the log, as of one offset.
///
/// A pure function of the log's prefix, the schedule and ``codeVersion`` (P1, P2): it reads no clock, sends
/// nothing, and every order in it is the log's order. Not thread-safe; whoever holds it holds it alone.
public struct FoldState: Sendable {
    /// Changes when the same log would fold to another state. A checkpoint of another version is not read.
    public static let codeVersion = 9

    let key: SipKey
    /// The first offset that is not applied.
    public internal(set) var next: UInt64 = 0
    /// What windows are measured against; only ticks move it (T2). Microseconds.
    public internal(set) var projectionTime: Int64 = .min
    /// The generation that was promoted last; 1 before any promotion.
    public internal(set) var generation = 1
    public internal(set) var policies: [CompiledPolicy] = []
    var identity: IdentityTable
    var consent: ConsentTable
    var traits = TraitTable()
    var activity = ActivityTable()
    var metrics: MetricTable
    var memberships = MembershipTable()
    var wakes = WakeQueue()
    var situations: SituationTable
    var decisions = DecisionColumns()
    var lanes: [LaneState] = []
    var attempts = AttemptTable()
    var plans: [PlanState] = []
    var pausedDestinations: [String] = []
    /// Destinations that nobody has resumed since the log was restored (L3), in order of their names.
    var restoredDestinations: [String] = []
    var restores: [LogRestore] = []
    var parked = ParkedColumns()
    /// What cannot be read, and whom it withholds from there on (L9).
    var losses = LossTable()
    var suppressedCount: UInt64 = 0
    var findings = FindingColumns()
    /// Every source that an event came from, in order of first appearance.
    var sources = NameTable()
    /// What filters read of profiles, by event.
    var profileColumns: ProfileColumns
    var planTable = PlanTable()
    /// Where projection time moved.
    var ticks = TickColumns()

    // Derived, never written.
    let schedule: Schedule
    let simulatedAudiences: SimulatedAudiences
    var laneNumbers: [Lane: Int] = [:]
    var audienceIndex = AudienceIndex()
    /// Changes since somebody last took them; nil when nobody listens.
    public var journal: [ProjectionChange]?
    var personStandings = PersonStandings()
    var scratch: Scratch

    struct PlanState: Equatable {
        var record: UInt64
        var id: String
        var lane: Int
        var planned: [UInt64]
        /// Of a correction, exits from audiences (E2).
        var exits: [LaneState.MembershipEffect.Key] = []
        var act: PlanRecord.Act
        /// Whether it corrects what was told (E3).
        var isCorrection: Bool { act == .correct }
        /// The policy version that it was worked out under.
        var policyVersion: UInt32 = 0
        /// Effects a second at most; 0 for no limit.
        var rate: UInt32 = 0
        /// 0 while it runs, then 1 complete, 2 incomplete, 3 cancelled.
        var outcome: UInt8 = 0
    }

    struct ParkedColumns {
        var offsets: [UInt64] = []
        var reasons: [String] = []
    }

    /// Buffers that would otherwise be allocated for every event.
    struct Scratch {
        var parser = JSONParser()
        var reader: EventReader
        var candidates: [Candidate] = []
        var bits: [UInt16] = []
        var purposes: [ConsentState] = []
        var tcStrings: [UInt32: TCString] = [:]
        /// What the last policy's gates said of situations, but for its details.
        var judgements = SituationJudgements()
        /// Audiences of those who went under another person in this record, until that one is judged.
        var brought: [Int] = []
        /// Identifiers that a batch probably holds.
        var hints: [UInt32] = []
        /// What was looked at ahead, so that looking is not left out.
        var seen: UInt64 = 0
    }

    /// Which policy judges which offsets.
    public enum Schedule: Sendable {
        /// Each version from the offset of its own activation.
        case asActivated
        /// A candidate for identity, consent and decisions from an offset on; the past before it as it was.
        case candidate(Policy, from: UInt64)
    }

    /// An empty state. `key` is the log's own.
    public init(
        key: SipKey, schedule: Schedule = .asActivated, audiences: SimulatedAudiences = .whereAsked
    ) {
        self.key = key
        self.schedule = schedule
        simulatedAudiences = audiences
        identity = IdentityTable(key: key)
        profileColumns = ProfileColumns(key: key)
        consent = ConsentTable(key: key)
        metrics = MetricTable(key: key)
        situations = SituationTable(key: key)
        scratch = Scratch(reader: EventReader(key: key))
        initial = compile(.initial, version: 0, at: 0, text: "")
        if case .candidate(let policy, _) = schedule {
            let compiled = compile(policy, version: Self.candidateVersion, at: 0, text: "")
            candidate = compiled
            if keepsAudiences { _ = adoptMetrics(of: compiled) }
        }
    }

    /// The most purposes over all versions of all policies: a set of them is one word.
    public static let maximumPurposes = 64

    /// Whether `policy` still fits beside what was activated before.
    public func hasRoom(for policy: Policy) -> Bool {
        let known = Set(consent.purposes.names)
        let fresh = policy.purposes.filter { !known.contains($0.name) }
        return known.count + fresh.count <= Self.maximumPurposes
    }

    static let candidateVersion = Int(UInt32.max)
    var candidate: CompiledPolicy?
    /// What holds before the first policy: people are resolved and nothing leaves.
    var initial: CompiledPolicy?

    /// The newest activated policy; nil before the first.
    public var policy: CompiledPolicy? { policies.last }

    /// The policy that judges a record at `offset`.
    func governing(_ offset: UInt64) -> CompiledPolicy? {
        if case .candidate(_, let from) = schedule, offset >= from { return candidate }
        return policies.last ?? initial
    }

    /// Where another may govern than at `offset`, though no policy comes.
    private func governingEnd(_ offset: UInt64) -> UInt64 {
        if case .candidate(_, let from) = schedule, offset < from { return from }
        return .max
    }

    public func policy(version: Int) -> CompiledPolicy? {
        if version == Self.candidateVersion { return candidate }
        if version == 0 { return initial }
        // Versions are dense from 1, in order of activation, unless a policy's record was lost (L9).
        if version >= 1, version <= policies.count, policies[version - 1].version == version {
            return policies[version - 1]
        }
        return policies.first { $0.version == version }
    }

    var isSimulation: Bool {
        if case .candidate = schedule { return true }
        return false
    }

    /// Whether audiences are kept: always in a generation, in a simulation where it is asked.
    var keepsAudiences: Bool {
        !isSimulation || simulatedAudiences == .kept || candidate?.asksAudiences == true
    }

    /// When a simulation keeps audiences.
    public enum SimulatedAudiences: Equatable, Sendable {
        /// Where the candidate's filters ask for them.
        case whereAsked
        case kept
    }

    /// Whose audiences people are judged by: they apply to all of history at once (P1).
    var audiencePolicy: CompiledPolicy? { isSimulation ? candidate : policies.last }

    // MARK: Applying

    /// Applies the next record.
    ///
    /// A record that cannot be processed is parked with its reason, its identifiers are withheld (everybody,
    /// where it is no event), and the projection keeps moving (L9).
    /// - Precondition: `record.offset` is ``next`` or later; where later, the offsets between were never
    ///   given out, since the log was restored from a backup (L3).
    public mutating func apply(_ record: FoldRecord) -> FoldStep {
        begin(record)
        var step = FoldStep.done
        do {
            // Moved out and back, so that its buffers are never shared and never copied.
            var parser = JSONParser()
            swap(&parser, &scratch.parser)
            defer { swap(&parser, &scratch.parser) }
            try parser.parseTrusted(record.line) { line in
                step = try fold(record, line)
            }
        } catch {
            park(record, reason: "\(error)")
        }
        if decisions.end < next { decisions.appendNone() }
        return step
    }

    /// What applying records that were read ahead left to do.
    enum BatchStep {
        case done
        /// As ``FoldStep/needsHistory(metrics:)``.
        case needsHistory(metrics: [Int])
        /// Something was lost, and the next record was read without its keys.
        case needsKeys
    }

    /// Applies records that were read ahead, up to one that leaves something to do.
    mutating func apply(_ batch: borrowing RecordBatch) -> BatchStep {
        for group in 0..<batch.groupCount {
            let step = apply(group: group, of: batch)
            guard case .done = step else { return step }
        }
        return .done
    }

    /// The same for one group of them.
    mutating func apply(group: Int, of batch: borrowing RecordBatch) -> BatchStep {
        // Once for all of them: each reads its own out of these.
        let reader = batch.reader
        let room = FoundBody.Room()
        defer { room.deallocate() }
        let readBy = batch.policy
        var policy = governing(next)
        var policyEnd = governingEnd(next)
        let records = batch.records(ofGroup: group)
        warm(reader.offers[batch.offers(of: records)])
        for number in records {
            if next >= policyEnd {
                policy = governing(next)
                policyEnd = governingEnd(next)
            }
            let isRead = policy != nil && policy === readBy
            if !batch.hasKeys(number), asksKeys || !isRead { return .needsKeys }
            let step = apply(number, of: batch, reader, room, readBy: isRead ? policy : nil)
            if case .needsHistory(let metrics) = step { return .needsHistory(metrics: metrics) }
            // A control record may have brought another.
            if !batch.isEvent(number) { policyEnd = 0 }
        }
        return .done
    }

    /// - Parameter policy: which governs the record, if it is the one that it was read by.
    private mutating func apply(
        _ number: Int, of batch: borrowing RecordBatch, _ reader: EventReader,
        _ room: FoundBody.Room, readBy policy: CompiledPolicy?
    ) -> FoldStep {
        batch.withRecord(number) { record, line, reading in
            begin(record)
            var step = FoldStep.done
            do {
                let line = try line.get()
                if let reading, let policy {
                    room.clear()
                    applyEvent(record, .line(line, room), reading, in: reader, policy: policy)
                } else {
                    step = try fold(record, line)
                }
            } catch {
                park(record, reason: "\(error)")
            }
            if decisions.end < next { decisions.appendNone() }
            return step
        }
    }

    /// Looks at everything that some events will ask of their people, in one go.
    ///
    /// Tables of a million people lie in memory far from the processor. Asked one event after the other, each
    /// look waits for the one before; asked together, they overlap. Nothing follows from what is seen here.
    private mutating func warm(_ offers: ArraySlice<EventReader.Offer>) {
        scratch.hints.removeAll(keepingCapacity: true)
        for offer in offers {
            if let likely = identity.values.likely(hash: offer.hash) {
                scratch.hints.append(likely)
            }
        }
        var seen: UInt64 = 0
        for likely in scratch.hints {
            seen &+= identity.touch(likely) &+ activity.touch(likely) &+ decisions.touch(likely)
        }
        for likely in scratch.hints {
            guard let root = identity.root(ofIdentifier: likely) else { continue }
            seen &+= UInt64(identity.oldestMember(ofRoot: root)) &+ personStandings.touch(root)
        }
        scratch.seen = seen
    }

    private mutating func begin(_ record: FoldRecord) {
        precondition(record.offset >= next, "records are applied in order")
        if record.offset > next { beginIncarnation(at: record.offset) }
        next = record.offset + 1
        if !scratch.brought.isEmpty { scratch.brought.removeAll() }
    }

    private mutating func fold(_ record: FoldRecord, _ line: JSONView) throws -> FoldStep {
        guard record.kind == RecordKind.event.rawValue else {
            return try applyControl(record, line)
        }
        guard let policy = governing(record.offset) else { return .done }
        var reader = EventReader(key: key)
        swap(&reader, &scratch.reader)
        defer { swap(&reader, &scratch.reader) }
        reader.removeAll()
        let isEvent: Bool? = try EventBody.read(line: line) { body in
            let reading = try reader.read(body, source: record.source, policy: policy)
            applyEvent(record, .here(body), reading, in: reader, policy: policy)
            return true
        }
        guard isEvent == true else { throw FoldProblem.notAnEvent }
        return .done
    }

    mutating func park(_ record: FoldRecord, reason: String) {
        parked.offsets.append(record.offset)
        parked.reasons.append(reason)
        losses.withhold(record.keys, from: record.offset)
        guard !Self.isHarmless(record.kind) else { return }
        losses.add(
            LogLoss(
                from: record.offset, to: record.offset + 1, reason: reason, reach: .everything))
    }

    // MARK: Policies

    /// - Precondition: ``hasRoom(for:)``.
    mutating func compile(_ policy: Policy, version: Int, at offset: UInt64, text: String)
        -> CompiledPolicy
    {
        precondition(hasRoom(for: policy), "more than 64 purposes over all policies")
        return CompiledPolicy(
            version: version, activatedAt: offset, policy: policy, text: text,
            identity: CompiledIdentity(policy.identity, types: &identity.types),
            purposeNumbers: policy.purposes.compactMap { purpose in
                consent.purposes.intern(purpose.name).map { UInt8($0) }
            },
            audienceNumbers: policy.audiences.compactMap { audience in
                memberships.audiences.intern(audience.name).map(Int.init)
            },
            profileNumbers: policy.profileFields.map { profileColumns.intern($0) })
    }

    mutating func openLanes(of policy: CompiledPolicy) {
        for destination in policy.policy.destinations {
            let lane = Lane(destination: destination.name, epoch: destination.epoch)
            if laneNumbers[lane] == nil { _ = open(lane) }
        }
    }

    /// Opens a lane here: nothing earlier is released by itself.
    mutating func open(_ lane: Lane) -> Int {
        laneNumbers[lane] = lanes.count
        lanes.append(LaneState(lane: lane, start: next, space: decisions.space))
        return lanes.count - 1
    }

    func laneNumber(_ destination: String, _ epoch: Int, _ slot: String) -> Int? {
        laneNumbers[Lane(destination: destination, epoch: epoch, slot: slot)]
    }
}
