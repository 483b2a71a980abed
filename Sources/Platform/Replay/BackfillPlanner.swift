import CustomerModel
import EventLog
import JSONText
import Projections

/// Works out what a backfill would send. Blocking; sends nothing.
struct BackfillPlanner {
    let log: EventLog
    let projection: LiveProjection
    let scope: ReplayScope
    /// Which of the events a plan is about.
    var kind = Kind.everything
    var isRetroactive = false

    enum Kind {
        case everything
        /// What a tracking plan put in quarantine when it came.
        case quarantined
    }

    /// What the policy decides of the past, for any number of destinations.
    func fold(_ policy: Policy) throws -> FoldState {
        var state = FoldState(key: log.identity.key, schedule: .candidate(policy, from: 0))
        var replayer = Replayer(log: log)
        try replayer.advance(&state, to: projection.applied)
        return state
    }

    func plan(_ lane: Lane, _ state: borrowing FoldState) throws -> PlanDraft {
        var parts: [PlanDraft.Part] = []
        for share in PlanDraft.shares(of: scope.range, in: state) {
            parts.append(try plan(share, lane: lane, state))
        }
        return PlanDraft(lane: lane, parts: parts, losses: state.logLosses(in: scope.range))
    }

    private func plan(_ range: Range<UInt64>, lane: Lane, _ state: borrowing FoldState) throws
        -> PlanDraft.Part
    {
        let everything = state.allowed(
            lane.destination, in: range, isRetroactive: isRetroactive)
        var allowed: [UInt64]
        var considered: Int
        switch kind {
        case .everything:
            allowed = try scope.narrow(everything, log: log, projection: projection)
            considered =
                scope.narrowing.isEmpty
                ? state.eventCount(in: range)
                : try scope.narrow(Array(range), log: log, projection: projection).count
        case .quarantined:
            let held = try scope.narrow(
                projection.read { $0.quarantinedOffsets(in: range) }, log: log,
                projection: projection)
            let wanted = Set(held)
            allowed = everything.filter(wanted.contains)
            considered = held.count
        }
        let untold = projection.read { [allowed] live in
            allowed.filter { !live.isTold($0, lane: lane) }
        }
        var second = SecondLook(log: log, projection: projection, lane: lane)
        let planned = try second.allowed(untold, in: range)
        return PlanDraft.Part(
            planned: planned,
            counts: PlanRecord.Counts(
                considered: considered, allowed: allowed.count,
                alreadyTold: allowed.count - untold.count,
                deniedNow: untold.count - planned.count, planned: planned.count))
    }
}

/// Asks what of some events may leave now (R2), as the dispatcher will ask again. Blocking.
struct SecondLook {
    let projection: LiveProjection
    let lane: Lane
    private var reader: LogReader

    init(log: EventLog, projection: LiveProjection, lane: Lane) {
        self.projection = projection
        self.lane = lane
        reader = log.makeReader()
    }

    static let slice = 256

    mutating func allowed(_ offsets: [UInt64], in range: Range<UInt64>) throws -> OffsetBitmap {
        var bitmap = OffsetBitmap(from: range.lowerBound, to: range.upperBound)
        for start in stride(from: 0, to: offsets.count, by: Self.slice) {
            let slice = offsets[start..<min(start + Self.slice, offsets.count)]
            let effects = slice.map {
                PendingEffect(
                    subject: .event(Offset($0)), plan: nil, tries: 0, isUnknown: false,
                    lastAttempt: nil)
            }
            let look = try projection.look(
                effects, in: lane, now: Timestamp.now(), reader: &reader)
            for (offset, verdict) in zip(slice, look.verdicts) {
                if case .send = verdict { bitmap.set(offset) }
            }
        }
        return bitmap
    }
}
