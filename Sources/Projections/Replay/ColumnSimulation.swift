public import CustomerModel
import Hashing

/// Why a simulation must fold the lines again.
public struct NeedsFold: Error, Equatable, Sendable {
    public var reason: String
}

extension SimulationBasis {
    /// What `candidate` would have changed, from columns alone: no line is read.
    ///
    /// It answers for rules about destinations and for what becomes of people's words: how they are resolved,
    /// when they expire, where they are assumed. Who a person is, and which signals mean a purpose, must stay
    /// as they were.
    ///
    /// A filter that nobody asked before reads the lines of the events that reach it, once.
    ///
    /// - Parameters:
    ///   - from: the candidate judges from this offset on; what is before stays as it was.
    ///   - filters: how lines are read for a filter that is another one; nil where none are to be.
    /// - Throws: ``NeedsFold`` with what the columns do not know.
    public func difference(
        under candidate: Policy, from: UInt64, range: Range<UInt64>, samples: Int,
        filters: FilterReading? = nil
    ) throws(NeedsFold) -> SimulationReport {
        let end = min(range.upperBound, end)
        let run = try ColumnSimulation(
            self, candidate, from: from, range: min(range.lowerBound, end)..<end,
            filters: filters)
        return run.report(samples: samples)
    }
}

/// One candidate, ready to be counted.
struct ColumnSimulation {
    let basis: SimulationBasis
    let candidate: Policy
    /// What is counted; up to ``split`` as it was, from there on as the candidate judges.
    let range: Range<UInt64>
    let split: UInt64
    /// By place: the moment of each event that the candidate judges.
    private(set) var moments: EventColumn<UInt32>
    /// By such moment: the moment that was decided.
    private(set) var origins: [UInt32]
    /// By such moment: the person's state under the candidate; empty where that stays as it was.
    private let states: [ConsentRow]
    /// By moment as decided, and destination: the judgement before.
    private(set) var stood: [UInt16] = []
    /// By moment and destination: the judgement before, and after but for ``perEvent``.
    private(set) var old: [UInt16] = []
    private(set) var new: [UInt16] = []
    /// By destination: what must be asked of each event's own times or person.
    private(set) var perEvent: [PerEvent]
    var width: Int { basis.names.count }

    struct PerEvent {
        var maximumAge: Int64?
        var share: Int?
        var isEmpty: Bool { maximumAge == nil && share == nil }
    }

    /// - Parameter range: within ``SimulationBasis/end``.
    init(
        _ basis: SimulationBasis, _ candidate: Policy, from: UInt64, range: Range<UInt64>,
        filters: FilterReading?
    ) throws(NeedsFold) {
        self.basis = basis
        self.candidate = candidate
        self.range = range
        split = min(max(range.lowerBound, from), range.upperBound)
        perEvent = basis.names.map { _ in PerEvent() }
        let governing = basis.governing(from..<max(from, range.upperBound))
        let numbers = try basis.numbers(of: candidate)
        for policy in governing { try basis.check(candidate, against: policy) }
        guard
            !basis.situations.situations.elements.contains(where: { $0.flags.contains(.open) })
        else { throw NeedsFold(reason: "some events have names or integrations past the tables") }
        let consent = ConsentJudge(candidate, purposes: numbers)
        if try basis.resolvesAnew(candidate, governing) {
            let rerun = try basis.rerun(consent, candidate, split..<range.upperBound)
            moments = rerun.moments
            origins = rerun.pairs.map(\.first)
            states = rerun.pairs.map { rerun.states[Int($0.second)] }
        } else {
            moments = basis.columns.moments
            origins = Array(0..<UInt32(basis.columns.momentKeys.count))
            states = []
        }
        let recorded = try recorded(governing, asksFilters: filters != nil)
        judgeMoments(recorded, SituationJudge(candidate, purposes: numbers, basis), consent)
        if let filters { try ask(recorded, filters) }
    }

    // MARK: Moments

    /// What stands as one version recorded it, by destination.
    struct Recorded {
        /// The gates whose judgement stands.
        var masks: [UInt16]
        /// Whether the destination's filter must be asked.
        var asks: [Bool]
        /// Whose judgement by the tracking plans is this destination's too; nil where there are no plans.
        var planTwins: [Int?]
    }

    private mutating func recorded(_ governing: [CompiledPolicy], asksFilters: Bool)
        throws(NeedsFold) -> [UInt32: Recorded]
    {
        var found: [UInt32: Recorded] = [:]
        for policy in governing {
            var masks: [UInt16] = []
            var asks: [Bool] = []
            for (number, destination) in candidate.destinations.enumerated() {
                let before = policy.policy.destination(named: destination.name)
                var mask = Decision.allow
                if let filter = destination.filter {
                    asks.append(before?.filter != filter)
                    if asks[number] {
                        try basis.check(filter, of: destination, isReadable: asksFilters)
                    } else {
                        mask.fail(.filter)
                    }
                } else {
                    asks.append(false)
                }
                if destination.tcf != nil {
                    // A situation holds no TC string, so the consent gates stand whole or not at all.
                    guard let before, before.tcf == destination.tcf,
                        before.purposes.map({ policy.policy.purposes[$0] })
                            == destination.purposes.map({ candidate.purposes[$0] }),
                        before.anyPurposes.map({ policy.policy.purposes[$0] })
                            == destination.anyPurposes.map({ candidate.purposes[$0] })
                    else {
                        throw NeedsFold(
                            reason: "what the TCF permits \(destination.name) must be read again")
                    }
                    for gate in [Gate.consentUnknown, .consentDenied, .consentExpired] {
                        mask.fail(gate)
                    }
                }
                if let limit = destination.maximumAgeMicroseconds {
                    if before?.maximumAgeMicroseconds == limit {
                        mask.fail(.tooOld)
                    } else {
                        perEvent[number].maximumAge = limit
                    }
                }
                if let share = destination.samplePerMillion {
                    if before?.samplePerMillion == share {
                        mask.fail(.sampledOut)
                    } else {
                        perEvent[number].share = share
                    }
                }
                masks.append(mask.bits)
            }
            found[UInt32(policy.version)] = Recorded(
                masks: masks, asks: asks, planTwins: try twins(in: policy.policy))
        }
        return found
    }

    /// For each of the candidate's destinations one that the version judged by the plans as the candidate
    /// wants it judged: what breaks a plan does not depend on anything else of a destination.
    private func twins(in policy: Policy) throws(NeedsFold) -> [Int?] {
        guard !candidate.plans.isEmpty else { return candidate.destinations.map { _ in nil } }
        var found: [Int?] = []
        for destination in candidate.destinations {
            let twin = basis.names.firstIndex {
                policy.destination(named: $0)?.followsPlans == destination.followsPlans
            }
            guard let twin else {
                throw NeedsFold(
                    reason:
                        "no destination was judged by the tracking plans as \(destination.name) is")
            }
            found.append(twin)
        }
        return found
    }

    private mutating func judgeMoments(
        _ recorded: [UInt32: Recorded], _ judge: SituationJudge, _ consent: ConsentJudge
    ) {
        var judge = judge
        let columns = basis.columns
        stood.reserveCapacity(columns.momentKeys.count * width)
        for moment in 0..<UInt32(columns.momentKeys.count) {
            let row = Int(columns.row(ofMoment: moment))
            for table in basis.tables { stood.append(table[row]) }
        }
        // As it was decided: each state is looked up once.
        let consents = basis.situations.consents.elements.map { judge.number(of: $0) }
        old.reserveCapacity(origins.count * width)
        new.reserveCapacity(origins.count * width)
        for (number, moment) in origins.enumerated() {
            let place = Int(moment) * width
            old.append(contentsOf: stood[place..<place + width])
            let row = columns.row(ofMoment: moment)
            // A version that judged nothing in the range: its moments are not met there.
            guard let recorded = recorded[columns.rowVersions[Int(row)]] else {
                for _ in 0..<width { new.append(0xFFFF) }
                continue
            }
            let situation = basis.situations.situations[columns.situation(ofMoment: moment)]
            let state =
                states.isEmpty
                ? consents[Int(situation.consent)]
                : judge.number(
                    of: consent.narrowed(
                        states[number], by: basis.situations.signals[situation.signal]))
            judge.judge(situation, consent: state)
            for destination in 0..<width {
                guard destination < judge.bits.count else {
                    new.append(0xFFFF)
                    continue
                }
                let before = old[number * width + destination]
                var kept = before == 0xFFFF ? 0 : before & recorded.masks[destination]
                if let twin = recorded.planTwins[destination] {
                    kept |= basis.tables[twin][Int(row)] & Gate.trackingPlanViolation.bit
                }
                new.append(judge.bits[destination] | kept)
            }
        }
    }

    /// Takes moments over that are told apart by which filters do not hold.
    ///
    /// - Parameters:
    ///   - pairs: a moment as it was and a mask of filters.
    ///   - failing: the destination of each filter.
    mutating func take(
        _ refined: EventColumn<UInt32>, _ pairs: PairNumbers, failing destinations: [Int]
    ) {
        let (before, after, origins) = (old, new, origins)
        old = []
        new = []
        self.origins = []
        for (moment, mask) in pairs.pairs {
            let place = Int(moment) * width
            old.append(contentsOf: before[place..<place + width])
            new.append(contentsOf: after[place..<place + width])
            self.origins.append(origins[Int(moment)])
            for (question, destination) in destinations.enumerated()
            where mask & (1 << UInt32(question)) != 0 {
                new[new.count - width + destination] |= Gate.filter.bit
            }
        }
        moments = refined
    }
}
