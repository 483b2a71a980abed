import CustomerModel
import EventLog
import JSONText
import Projections

/// Works out which corrections a destination needs (E3). Blocking; sends nothing.
struct CorrectionPlanner {
    let log: EventLog
    let projection: LiveProjection
    let scope: ReplayScope
    var wants = Wants.both

    enum Wants: Sendable { case both, amendments, retractions }

    typealias OwedExit = FoldState.OwedExit

    struct Planned: Sendable {
        var draft: PlanDraft
        var counts = Counts()
    }

    struct Counts: Sendable {
        var amended = 0
        var retracted = 0
        var unchanged = 0
        /// Memberships that the destination is to be told have ended (E2).
        var exits = 0
        /// Why, where it is not that the membership itself ended.
        var exitReasons: [Gate: Int] = [:]
        var exitSamples: [OwedExit] = []
        /// What would be corrected and may not leave now.
        var barred = 0
        var unreadable = 0
        /// First reason of each retraction.
        var reasons: [Gate: Int] = [:]
        /// First reason of what may not leave.
        var barredBy: [Gate: Int] = [:]
        var amendSamples: [UInt64] = []
        var retractSamples: [UInt64] = []
    }

    static let samples = 5

    /// - Parameter policy: the one in force.
    func plan(_ policy: Policy, _ lane: Lane) throws -> Planned {
        var planned = Planned(draft: PlanDraft(lane: lane, parts: [], losses: []))
        // R2: an amendment sends, so the rules in force must allow the event with what was known then too.
        let state = wants == .retractions ? nil : try fold(policy)
        let shares = projection.read { PlanDraft.shares(of: scope.range, in: $0) }
        for share in shares {
            var allowed = OffsetBitmap(from: share.lowerBound, to: share.upperBound)
            for offset in state?.allowed(lane.destination, in: share) ?? [] { allowed.set(offset) }
            planned.draft.parts.append(
                try plan(share, lane: lane, allowedAtEvent: allowed, &planned.counts))
        }
        if wants != .amendments { planExits(lane, &planned) }
        planned.draft.losses = projection.read { $0.logLosses(in: scope.range) }
        return planned
    }

    /// Exits of those who are held and should not be: whom a destination was told of in the plan's range, or,
    /// where the range is all of history, at whatever time. They are states and no events, so that a plan which
    /// is narrowed to events has none.
    private func planExits(_ lane: Lane, _ planned: inout Planned) {
        guard scope.narrowing.sources.isEmpty, scope.narrowing.events.isEmpty else { return }
        let now = Timestamp.now().microseconds
        let (owed, next) = projection.read { state in
            (state.owedExits(of: lane, person: scope.narrowing.person, now: now), state.next)
        }
        var exits: [ReleasedRecord.Membership] = []
        for exit in owed
        where exit.toldAt.map(scope.range.contains) ?? (scope.range.upperBound == .max) {
            planned.counts.exit(exit)
            guard exit.barred.isAllow else { continue }
            exits.append(
                ReleasedRecord.Membership(
                    audience: exit.audience, profile: exit.profile, change: .exited,
                    at: next - 1))
        }
        for start in stride(from: 0, to: exits.count, by: PlanDraft.mostExits) {
            let some = Array(exits[start..<min(start + PlanDraft.mostExits, exits.count)])
            planned.draft.add(some, at: next - 1)
        }
    }

    private func fold(_ policy: Policy) throws -> FoldState {
        try BackfillPlanner(log: log, projection: projection, scope: scope).fold(policy)
    }

    private func plan(
        _ share: Range<UInt64>, lane: Lane, allowedAtEvent: OffsetBitmap, _ counts: inout Counts
    ) throws -> PlanDraft.Part {
        let everything = projection.read { $0.deliveries(in: share, lane: lane) }
        let meant = Set(
            try scope.narrow(everything.map(\.at), log: log, projection: projection))
        let deliveries = everything.filter { meant.contains($0.at) }
        var planned = OffsetBitmap(from: share.lowerBound, to: share.upperBound)
        var retracted = planned
        let before = counts
        var reader = log.makeReader()
        for start in stride(from: 0, to: deliveries.count, by: SecondLook.slice) {
            let slice = deliveries[start..<min(start + SecondLook.slice, deliveries.count)]
            let needs = try projection.correctionNeeds(
                of: slice, in: lane, now: Timestamp.now(), reader: &reader)
            for (delivery, need) in zip(slice, needs) {
                let at = delivery.at
                switch need {
                case nil: counts.unreadable += 1
                case .amend? where wants != .retractions && allowedAtEvent.contains(at):
                    planned.set(at)
                    counts.amend(at)
                case .retract(let reasons)? where wants != .amendments:
                    planned.set(at)
                    retracted.set(at)
                    counts.retract(at, reasons)
                case .barred(let reasons)?: counts.bar(reasons)
                case .amend?, .retract?, CorrectionNeed.none?: counts.unchanged += 1
                }
            }
        }
        return PlanDraft.Part(
            planned: planned, retracted: retracted.count > 0 ? retracted : nil,
            counts: PlanRecord.Counts(
                considered: deliveries.count, allowed: planned.count,
                alreadyTold: counts.unchanged - before.unchanged,
                deniedNow: counts.barred - before.barred, planned: planned.count))
    }
}

extension CorrectionPlanner.Counts {
    fileprivate mutating func amend(_ at: UInt64) {
        amended += 1
        if amendSamples.count < CorrectionPlanner.samples { amendSamples.append(at) }
    }

    fileprivate mutating func retract(_ at: UInt64, _ decision: Decision) {
        retracted += 1
        if retractSamples.count < CorrectionPlanner.samples { retractSamples.append(at) }
        if let gate = decision.firstGate { reasons[gate, default: 0] += 1 }
    }

    fileprivate mutating func exit(_ exit: FoldState.OwedExit) {
        guard exit.barred.isAllow else { return bar(exit.barred) }
        exits += 1
        if exitSamples.count < CorrectionPlanner.samples { exitSamples.append(exit) }
        if let gate = exit.decision.firstGate { exitReasons[gate, default: 0] += 1 }
    }

    fileprivate mutating func bar(_ decision: Decision) {
        barred += 1
        if let gate = decision.firstGate { barredBy[gate, default: 0] += 1 }
    }
}

extension PlanDraft {
    /// Adds exits to the last part, or a part of their own where that has some or there is none.
    fileprivate mutating func add(_ exits: [ReleasedRecord.Membership], at offset: UInt64) {
        if let last = parts.last, last.exits.isEmpty {
            parts[parts.count - 1].exits = exits
        } else {
            parts.append(
                Part(
                    planned: OffsetBitmap(from: offset, to: offset + 1), exits: exits,
                    counts: PlanRecord.Counts(
                        considered: 0, allowed: 0, alreadyTold: 0, deniedNow: 0, planned: 0)))
        }
        parts[parts.count - 1].counts.allowed += exits.count
        parts[parts.count - 1].counts.planned += exits.count
    }
}
