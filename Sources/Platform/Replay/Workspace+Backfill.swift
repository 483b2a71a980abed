import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections

/// Sending what a newer policy allows of the past, by a stored plan (R1, R2).
extension Workspace {
    /// Plans, and unless `dryRun` records, a backfill of one destination under the policy in force.
    ///
    /// An effect is planned when the policy in force allows the event with the consent that it had then,
    /// allows it now, and the destination was never told of it and is not about to be. The dispatcher looks
    /// again before each one leaves.
    func backfill(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        try await backfill(
            parameters, to: try parameters.text("destination"), only: .everything, by: principal)
    }

    /// Which of a range's events a plan is about.
    enum BackfillScope {
        case everything
        /// What a tracking plan put in quarantine when it came.
        case quarantined
    }

    func backfill(
        _ parameters: Parameters, to name: String, only scope: BackfillScope,
        by principal: Principal
    ) async throws -> JSONValue {
        let from = try await range(parameters, "from") ?? 0
        let to = try await range(parameters, "to") ?? .max
        let isDryRun = try parameters.flag("dryRun")
        let rate =
            try parameters.has("rate")
            ? parameters.integer("rate", default: 1, in: 1...1_000_000) : nil
        guard let policy = projection.read({ $0.policy }),
            let destination = policy.policy.destinations.first(where: { $0.name == name })
        else {
            throw OperationError.notFound(
                "the policy in force has no destination \(name); `sluice status` lists them")
        }
        let approver = try parameters.optionalText("approver") ?? principal.name
        let lane = Lane(destination: name, epoch: destination.epoch)
        return try await replays.run {
            let started = ContinuousClock.now
            let planned = try await OwnThread.run("sluice.backfill") { [log, projection] in
                try BackfillPlanner(log: log, projection: projection).plan(
                    policy.policy, lane: lane, range: from..<max(from, to), only: scope)
            }
            // One plan an incarnation: its range never spans a restore (L3).
            let records = planned.parts.filter { $0.counts.planned > 0 }.map { part in
                PlanRecord(
                    id: Self.planID(), act: .backfill, destination: name, epoch: lane.epoch,
                    slot: lane.slot, policyVersion: policy.version, approver: approver,
                    ratePerSecond: rate, counts: part.counts, planned: part.bitmap)
            }
            let recorded = isDryRun ? [] : records
            if !recorded.isEmpty { try await append(recorded.map { ControlDraft.make($0) }) }
            nudgeDispatchers(of: name)
            let answer: JSONValue = [
                "plan": .text(recorded.first?.id), "dryRun": .bool(isDryRun),
                "destination": .string(name), "policyVersion": .count(policy.version),
                "from": .offset(planned.parts.first?.bitmap.from ?? from),
                "to": .offset(planned.parts.last?.bitmap.to ?? from),
                "considered": .count(planned.total(\.considered)),
                "allowedAtEvent": .count(planned.total(\.allowed)),
                "alreadyTold": .count(planned.total(\.alreadyTold)),
                "withheldNow": .count(planned.total(\.deniedNow)),
                "planned": .count(planned.total(\.planned)),
                "approver": .string(approver),
                "seconds": .number(Self.seconds(since: started)),
            ]
            return answer.adding(
                (recorded.count > 1 ? [("plans", .texts(recorded.map(\.id)))] : [])
                    + (planned.losses.isEmpty
                        ? []
                        : [("unreadable", .array(planned.losses.map { Self.present($0) }))]))
        }
    }

    private static func planID() -> String {
        "plan-" + Hexadecimal.encode(Secrets.randomBytes(6))
    }

    /// What should be looked at although no rule was broken.
    func findings() -> JSONValue {
        let findings = projection.read { $0.allFindings() }
        return [
            "findings": .array(
                findings.map { finding in
                    [
                        "finding": .string(finding.kind.name),
                        "destination": .string(finding.lane.destination),
                        "event": .offset(finding.event), "attempt": .offset(finding.attempt),
                        "denial": .offset(finding.denial), "foundAt": .offset(finding.foundAt),
                    ]
                } + identityFindings())
        ]
    }

    func plans() -> JSONValue {
        let plans = projection.read { $0.planStatuses() }
        return [
            "plans": .array(
                plans.map { plan in
                    [
                        "plan": .string(plan.id), "destination": .string(plan.lane.destination),
                        "record": .offset(plan.record), "planned": .count(plan.planned),
                        "state": .string(plan.outcome?.rawValue ?? "running"),
                        "delivered": .count(plan.counts[.delivered] ?? 0),
                        "pending": .count(
                            (plan.counts[.pending] ?? 0) + (plan.counts[.attempting] ?? 0)),
                        "unknown": .count(plan.counts[.unknown] ?? 0),
                        "rejected": .count(plan.counts[.rejected] ?? 0),
                        "cancelled": .count(plan.counts[.cancelled] ?? 0),
                        "parked": .count(plan.counts[.parked] ?? 0),
                    ]
                })
        ]
    }
}

/// Works out what a backfill would send. Blocking; sends nothing.
struct BackfillPlanner {
    let log: EventLog
    let projection: LiveProjection

    /// What is to be sent, an incarnation at a time, and what could not be read.
    struct Planned: Sendable {
        var parts: [(bitmap: OffsetBitmap, counts: PlanRecord.Counts)]
        var losses: [LogLoss]

        func total(_ count: KeyPath<PlanRecord.Counts, Int>) -> Int {
            parts.reduce(0) { $0 + $1.counts[keyPath: count] }
        }
    }

    func plan(
        _ policy: Policy, lane: Lane, range: Range<UInt64>, only scope: Workspace.BackfillScope
    ) throws -> Planned {
        var state = FoldState(key: log.identity.key, schedule: .candidate(policy, from: 0))
        var replayer = Replayer(log: log)
        let end = projection.applied
        try replayer.advance(&state, to: end)
        let parts = try state.stretches(in: range).map { stretch in
            try plan(stretch, lane: lane, only: scope, state)
        }
        return Planned(parts: parts, losses: state.logLosses(in: range))
    }

    private func plan(
        _ range: Range<UInt64>, lane: Lane, only scope: Workspace.BackfillScope,
        _ state: borrowing FoldState
    ) throws -> (bitmap: OffsetBitmap, counts: PlanRecord.Counts) {
        let from = range.lowerBound
        let to = range.upperBound
        let everything = state.allowed(lane.destination, in: from..<to)
        let allowed: [UInt64]
        let considered: Int
        switch scope {
        case .everything:
            allowed = everything
            considered = state.eventCount(in: from..<to)
        case .quarantined:
            let held = projection.read { $0.quarantinedOffsets(in: from..<to) }
            let wanted = Set(held)
            allowed = everything.filter(wanted.contains)
            considered = held.count
        }
        let untold = projection.read { live in
            allowed.filter { !live.isTold($0, lane: lane) }
        }
        var bitmap = OffsetBitmap(from: from, to: to)
        var deniedNow = 0
        var reader = log.makeReader()
        for start in stride(from: 0, to: untold.count, by: 256) {
            let slice = untold[start..<min(start + 256, untold.count)]
            let effects = slice.map {
                PendingEffect(
                    subject: .event(Offset($0)), plan: nil, tries: 0, isUnknown: false,
                    lastAttempt: nil)
            }
            let look = try projection.look(
                effects, in: lane, now: Timestamp.now(), reader: &reader)
            for (offset, verdict) in zip(slice, look.verdicts) {
                switch verdict {
                case .send: bitmap.set(offset)
                case .cancel, .superseded: deniedNow += 1
                }
            }
        }
        return (
            bitmap,
            PlanRecord.Counts(
                considered: considered, allowed: allowed.count,
                alreadyTold: allowed.count - untold.count, deniedNow: deniedNow,
                planned: bitmap.count)
        )
    }
}
