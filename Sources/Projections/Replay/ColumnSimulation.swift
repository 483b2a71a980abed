public import CustomerModel
import Hashing

/// Why a simulation must fold the lines again.
public struct NeedsFold: Error, Equatable, Sendable {
    public var reason: String
}

extension SimulationBasis {
    /// What `candidate` would have changed, from columns alone: no line is read.
    ///
    /// It answers for rules about destinations. What a person is and what they consented to stays as it was
    /// decided, so identity and consent rules must be those that were in force.
    ///
    /// - Parameter from: the candidate judges from this offset on; what is before stays as it was.
    /// - Throws: ``NeedsFold`` with what the columns do not know.
    public func difference(
        under candidate: Policy, from: UInt64, range: Range<UInt64>, samples: Int
    ) throws(NeedsFold) -> SimulationReport {
        let run = try ColumnSimulation(self, candidate, from: from, to: range.upperBound)
        return run.report(range, samples: samples)
    }
}

/// One candidate, ready to be counted.
private struct ColumnSimulation {
    private let basis: SimulationBasis
    private let candidate: Policy
    private let from: UInt64
    /// By moment and destination: the judgement before, and after but for ``perEvent``.
    private var old: [UInt16] = []
    private var new: [UInt16] = []
    /// By destination: what must be asked of each event's own times or person.
    private var perEvent: [PerEvent]
    /// By version and destination: where the tracking plan's gate stands as it was recorded; nil where there
    /// are no plans.
    private var planTwins: [UInt32: [Int?]] = [:]
    private var width: Int { basis.names.count }

    private struct PerEvent {
        var maximumAge: Int64?
        var share: Int?
        var isEmpty: Bool { maximumAge == nil && share == nil }
    }

    init(_ basis: SimulationBasis, _ candidate: Policy, from: UInt64, to: UInt64) throws(NeedsFold)
    {
        self.basis = basis
        self.candidate = candidate
        self.from = from
        perEvent = basis.names.map { _ in PerEvent() }
        let versions = Set(basis.columns.rowVersions)
        let governing = Self.governing(basis.policies, from: from, to: min(to, basis.end))
            .filter { versions.contains(UInt32($0.version)) }
        for policy in governing { try Self.check(candidate, stands: policy.policy) }
        guard
            !basis.situations.situations.elements.contains(where: { $0.flags.contains(.open) })
        else { throw NeedsFold(reason: "some events have names or integrations past the tables") }
        let reusable = try reuse(governing)
        try judgeMoments(reusable)
    }

    /// The versions that judged something in a range.
    private static func governing(_ policies: [CompiledPolicy], from: UInt64, to: UInt64)
        -> [CompiledPolicy]
    {
        policies.indices.filter { index in
            let end = index + 1 < policies.count ? policies[index + 1].activatedAt : .max
            let start = policies[index].version == 0 ? 0 : policies[index].activatedAt
            return start < to && end > from
        }.map { policies[$0] }
    }

    private static func check(_ candidate: Policy, stands policy: Policy) throws(NeedsFold) {
        guard candidate.identity == policy.identity else {
            throw NeedsFold(reason: "the identity rules are others")
        }
        guard candidate.consent == policy.consent else {
            throw NeedsFold(reason: "the consent rules are others")
        }
        guard candidate.plans == policy.plans else {
            throw NeedsFold(reason: "the tracking plans are others")
        }
        let asksAudiences = candidate.profileFields.contains { $0.names[1] == "audiences" }
        guard !asksAudiences || candidate.audiences == policy.audiences else {
            throw NeedsFold(reason: "the audiences that a filter asks are others")
        }
        for purpose in candidate.purposes {
            var known = policy.purpose(named: purpose.name)
            // These two are read by gates and plans, and not by what people said.
            known?.basis = purpose.basis
            known?.isRetroactive = purpose.isRetroactive
            guard known == purpose else {
                throw NeedsFold(
                    reason: "the purpose \(purpose.name) is new or means something else")
            }
        }
    }

    // MARK: Moments

    /// For each version, by destination, the gates whose judgement stands as it was recorded.
    private mutating func reuse(_ governing: [CompiledPolicy]) throws(NeedsFold)
        -> [UInt32: [UInt16]]
    {
        var found: [UInt32: [UInt16]] = [:]
        for policy in governing {
            var masks: [UInt16] = []
            for (number, destination) in candidate.destinations.enumerated() {
                let before = policy.policy.destination(named: destination.name)
                var mask = Decision.allow
                if let filter = destination.filter {
                    guard before?.filter == filter else {
                        throw NeedsFold(reason: "the filter of \(destination.name) is another")
                    }
                    mask.fail(.filter)
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
            found[UInt32(policy.version)] = masks
            planTwins[UInt32(policy.version)] = try twins(in: policy.policy)
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

    private mutating func judgeMoments(_ reusable: [UInt32: [UInt16]]) throws(NeedsFold) {
        let columns = basis.columns
        var numbers: [UInt8] = []
        for purpose in candidate.purposes {
            guard let number = basis.purposes.firstIndex(of: purpose.name) else {
                throw NeedsFold(reason: "the purpose \(purpose.name) is new")
            }
            numbers.append(UInt8(number))
        }
        var gate = Decision.allow
        gate.fail(.trackingPlanViolation)
        let plansGate = gate.bits
        var judge = SituationJudge(candidate, purposes: numbers, basis)
        let count = columns.momentKeys.count * width
        old.reserveCapacity(count)
        new.reserveCapacity(count)
        for moment in 0..<UInt32(columns.momentKeys.count) {
            let row = columns.row(ofMoment: moment)
            let situation = basis.situations.situations[columns.situation(ofMoment: moment)]
            // A version that judged nothing in the range: its moments are not met there.
            let masks = reusable[columns.rowVersions[Int(row)]]
            for number in 0..<width {
                let before = basis.tables[number][Int(row)]
                old.append(before)
                guard number < candidate.destinations.count, let masks else {
                    new.append(0xFFFF)
                    continue
                }
                var kept = before == 0xFFFF ? 0 : before & masks[number]
                if let twin = planTwins[columns.rowVersions[Int(row)]]?[number] {
                    kept |= basis.tables[twin][Int(row)] & plansGate
                }
                new.append(judge.bits(situation, number) | kept)
            }
        }
    }

    // MARK: Counting

    func report(_ range: Range<UInt64>, samples: Int) -> SimulationReport {
        let end = min(range.upperBound, basis.end)
        let start = min(range.lowerBound, end)
        var results = basis.names.map { SimulationReport.DestinationDifference(name: $0) }
        // What the candidate does not judge stays as it was.
        let split = min(max(start, from), end)
        let classes = MomentClasses(
            moments: basis.columns.momentKeys.count, width: width, old: old, new: new,
            leavingOut: perEvent.map { !$0.isEmpty })
        let standing = MomentClasses(
            moments: basis.columns.momentKeys.count, width: width, old: old, new: old,
            leavingOut: perEvent.map { _ in false })
        let before = count(start..<split, standing, &results, samples: samples)
        let after = count(split..<end, classes, &results, samples: samples)
        for number in 0..<width {
            var days = standing.pairs(of: number, before)
            if perEvent[number].isEmpty {
                days += classes.pairs(of: number, after)
            } else {
                days += countEach(number, split..<end, &results[number], samples: samples)
            }
            ReasonPairs.sum(Self.merged(days), into: &results[number])
            results[number].overShared =
                overShared(number, start..<split, isAsBefore: true)
                + overShared(number, split..<end, isAsBefore: false)
        }
        return SimulationReport(
            from: start, to: end, events: basis.columns.eventCount(in: start..<end),
            destinations: results, peopleBefore: basis.people, peopleAfter: basis.people)
    }

    private static func merged(_ days: [(day: Int64, counts: [Int])]) -> [(
        day: Int64, counts: [Int]
    )] {
        var all: [Int64: [Int]] = [:]
        for (day, counts) in days {
            guard let known = all[day] else {
                all[day] = counts
                continue
            }
            all[day] = zip(known, counts).map { $0 + $1 }
        }
        return all.keys.sorted().map { ($0, all[$0] ?? []) }
    }

    /// Counts events by class and day, and keeps samples.
    private func count(
        _ range: Range<UInt64>, _ classes: MomentClasses,
        _ results: inout [SimulationReport.DestinationDifference], samples: Int
    ) -> [(day: Int64, counts: [Int])] {
        var tally = DayTally(width: classes.count)
        var wanted = samples > 0 ? classes.changing : classes.changing.map { _ in false }
        let columns = basis.columns
        for stretch in columns.stretches(in: range) {
            columns.moments.forEachPart(of: stretch.rows) { place, moments in
                let first = place & (EventColumn<Int64>.chunkSize - 1)
                let times = columns.received.chunks[place >> 16][first..<first + moments.count]
                var done = 0
                while done < moments.count {
                    // Up to an event that may be a sample, which is looked at on its own.
                    done += tally.note(
                        moments.dropFirst(done), times.dropFirst(done), classes.classes,
                        until: wanted)
                    guard done < moments.count else { break }
                    let moment = moments[moments.startIndex + done]
                    let number = Int(classes.classes[Int(moment)])
                    let offset =
                        stretch.offsets.lowerBound
                        + UInt64(place + done - stretch.rows.lowerBound)
                    wanted[number] = sample(offset, moment, classes, &results, limit: samples)
                    tally.note(times[times.startIndex + done], number)
                    done += 1
                }
            }
        }
        return tally.finish()
    }

    /// - Returns: whether another event of the class may still be wanted.
    private func sample(
        _ offset: UInt64, _ moment: UInt32, _ classes: MomentClasses,
        _ results: inout [SimulationReport.DestinationDifference], limit: Int
    ) -> Bool {
        var isWanted = false
        for number in 0..<width where !classes.leavesOut[number] {
            let place = Int(moment) * width + number
            guard (old[place] == 0) != (new[place] == 0) else { continue }
            results[number].sample(offset, old[place], new[place], limit: limit)
            let kept =
                new[place] == 0
                ? results[number].allowedSamples.count : results[number].withheldSamples.count
            if kept < limit { isWanted = true }
        }
        return isWanted
    }

    // MARK: Event by event

    private func after(_ place: Int, _ moment: UInt32, _ number: Int) -> UInt16 {
        var decision = Decision(bits: new[Int(moment) * width + number])
        guard decision.bits != 0xFFFF else { return decision.bits }
        let gates = perEvent[number]
        if let limit = gates.maximumAge,
            Judge.isTooOld(
                received: basis.columns.received[place], occurred: basis.columns.occurred[place],
                limit: limit)
        {
            decision.fail(.tooOld)
        }
        if let share = gates.share {
            let person = basis.columns.people[place]
            let profile = person == DecisionColumns.none ? nil : basis.births[person]
            if !Judge.isSampled(profile, share: share, key: basis.key) {
                decision.fail(.sampledOut)
            }
        }
        return decision.bits
    }

    private func countEach(
        _ number: Int, _ range: Range<UInt64>,
        _ result: inout SimulationReport.DestinationDifference, samples: Int
    ) -> [(day: Int64, counts: [Int])] {
        var tally = DayTally(width: ReasonPairs.width)
        for stretch in basis.columns.stretches(in: range) {
            for (place, offset) in zip(stretch.rows, stretch.offsets) {
                let moment = basis.columns.moments[place]
                guard moment != DecisionColumns.none else { continue }
                let before = old[Int(moment) * width + number]
                let after = after(place, moment, number)
                tally.note(basis.columns.received[place], ReasonPairs.pair(before, after))
                result.sample(offset, before, after, limit: samples)
            }
        }
        return tally.finish()
    }

    /// Counts what the destination was told and the judgement withholds.
    private func overShared(_ number: Int, _ range: Range<UInt64>, isAsBefore: Bool) -> Int {
        var found = 0
        for stretch in basis.columns.stretches(in: range) {
            OffsetSet.forEachRow(of: basis.told[number], in: stretch.rows) { place in
                let moment = basis.columns.moments[place]
                guard moment != DecisionColumns.none else { return }
                let bits =
                    isAsBefore ? old[Int(moment) * width + number] : after(place, moment, number)
                if bits != 0 { found += 1 }
            }
        }
        return found
    }
}
