import CustomerModel
import EventLog
import JSONText
import Projections

/// Sending what a newer policy allows of the past, by a stored plan (R1, R2).
extension Workspace {
    /// Plans, and unless `dryRun` records, a backfill of one destination under the policy in force.
    ///
    /// An effect is planned when the policy in force allows the event with the consent that it had then,
    /// allows it now, and the destination was never told of it and is not about to be. With `retroactive`,
    /// consent that was unknown or expired then is enough where the policy marks the purpose so. The
    /// dispatcher looks again before each one leaves.
    func backfill(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let answers = try await backfill(
            parameters, to: [try parameters.text("destination")], only: .everything, by: principal)
        return answers.first ?? .null
    }

    /// The same for several destinations, with one fold of the log.
    func backfill(
        _ parameters: Parameters, to names: [String], only kind: BackfillPlanner.Kind,
        by principal: Principal
    ) async throws -> [JSONValue] {
        let scope = try await replayScope(parameters, by: principal)
        let isRetroactive = try parameters.flag("retroactive")
        let lanes = try names.map { try currentLane(of: $0).lane }
        guard let policy = projection.read({ $0.policy }) else { return [] }
        if isRetroactive, !policy.policy.purposes.contains(where: \.isRetroactive) {
            throw OperationError.refused(
                "no purpose of the policy in force is `retroactive: true`, so nothing that was unknown or expired at the event may be sent"
            )
        }
        return try await replays.run {
            let started = ContinuousClock.now
            let drafts = try await OwnThread.run("sluice.backfill") { [log, projection] in
                var planner = BackfillPlanner(log: log, projection: projection, scope: scope)
                planner.kind = kind
                planner.isRetroactive = isRetroactive
                let state = try planner.fold(policy.policy)
                return try lanes.map { try planner.plan($0, state) }
            }
            let order = PlanOrder(
                act: .backfill, policyVersion: policy.version, isRetroactive: isRetroactive)
            var answers: [JSONValue] = []
            for draft in drafts {
                answers.append(
                    try await carryOut(draft, order, scope).with(
                        [
                            ("considered", .count(draft.total(\.considered))),
                            ("allowedAtEvent", .count(draft.total(\.allowed))),
                            ("alreadyTold", .count(draft.total(\.alreadyTold))),
                            ("withheldNow", .count(draft.total(\.deniedNow))),
                        ], seconds: Self.seconds(since: started)))
            }
            return answers
        }
    }
}
