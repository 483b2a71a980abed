import CustomerModel
import EventLog
import JSONText
import Projections

/// Trying again what was released and did not arrive, by a stored plan (R1, R3).
extension Workspace {
    /// Plans, and unless `dryRun` records, a repair of one destination.
    ///
    /// It takes up effects that a release or a plan named and that were rejected, parked or cancelled for a
    /// reason that does not hold any more. Nothing that was delivered, and no guess at an unknown outcome:
    /// where the destination can be asked, those that a restore left behind are looked up (E7).
    func repair(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let scope = try await replayScope(parameters, by: principal)
        let (policy, destination, lane) = try currentLane(
            of: try parameters.text("destination"))
        let only = try parameters.texts("state")
        let known = ["rejected", "parked", "cancelled", "unknown"]
        guard only.allSatisfy(known.contains) else {
            throw OperationError.badRequest(
                "the parameter state must be one of \(known.joined(separator: ", "))")
        }
        return try await replays.run {
            let started = ContinuousClock.now
            let planned = try await OwnThread.run("sluice.repair") { [log, projection] in
                try RepairPlanner(log: log, projection: projection, scope: scope).plan(
                    lane, canAsk: destination.connector.canBeAsked,
                    states: only.isEmpty ? known : only)
            }
            let order = PlanOrder(act: .repair, policyVersion: policy.version)
            let answer = try await carryOut(planned.draft, order, scope)
            return answer.with(
                [("considered", .count(planned.draft.total(\.considered)))]
                    + known.map { ($0, .count(planned.states[$0] ?? 0)) }
                    + [("withheldNow", .count(planned.draft.total(\.deniedNow)))],
                seconds: Self.seconds(since: started))
        }
    }
}

/// Works out what a repair would try again. Blocking; sends nothing.
struct RepairPlanner {
    let log: EventLog
    let projection: LiveProjection
    let scope: ReplayScope

    struct Planned: Sendable {
        var draft: PlanDraft
        /// What was considered, by how it had ended.
        var states: [String: Int]
    }

    func plan(_ lane: Lane, canAsk: Bool, states: [String]) throws -> Planned {
        let shares = projection.read { PlanDraft.shares(of: scope.range, in: $0) }
        var counts: [String: Int] = [:]
        var parts: [PlanDraft.Part] = []
        for share in shares {
            let all = projection.read { $0.repairCandidates(in: share, lane: lane) }
                .filter { states.contains($0.status.name) }
            let meant = Set(
                try scope.narrow(all.map(\.at), log: log, projection: projection))
            let candidates = all.filter { meant.contains($0.at) }
            for candidate in candidates { counts[candidate.status.name, default: 0] += 1 }
            let ended = candidates.filter { $0.status != .unknown }.map(\.at)
            var look = SecondLook(log: log, projection: projection, lane: lane)
            var planned = try look.allowed(ended, in: share)
            let withheld = ended.count - planned.count
            for candidate in candidates
            where candidate.status == .unknown && candidate.wasLeftBehind && canAsk {
                planned.set(candidate.at)
            }
            parts.append(
                PlanDraft.Part(
                    planned: planned,
                    counts: PlanRecord.Counts(
                        considered: candidates.count, allowed: candidates.count, alreadyTold: 0,
                        deniedNow: withheld, planned: planned.count)))
        }
        let losses = projection.read { $0.logLosses(in: scope.range) }
        return Planned(
            draft: PlanDraft(lane: lane, parts: parts, losses: losses), states: counts)
    }
}
