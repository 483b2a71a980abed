import CustomerModel
import EventLog
import JSONText
import Projections

/// Amending and retracting what a destination was told, by a stored plan (E3).
extension Workspace {
    /// Plans, and unless `dryRun` records, corrections of what one destination was told.
    ///
    /// An event that is delivered is *retracted* when the rules in force, with what is known now, withhold it,
    /// and *amended* when they give it another body. Each is a request of its own that says so and names the
    /// plan; no live event is presented (R3). Somebody who was told to be in an audience and should not be held
    /// there, and of whom nothing else tells it, is told to have left it (E2). The dispatcher looks again before
    /// each one leaves.
    func correct(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let scope = try await replayScope(parameters, by: principal)
        let (policy, destination, lane) = try currentLane(
            of: try parameters.text("destination"))
        let wants = try correctionsWanted(parameters)
        return try await replays.run {
            let started = ContinuousClock.now
            let planned = try await OwnThread.run("sluice.correct") { [log, projection] in
                var planner = CorrectionPlanner(log: log, projection: projection, scope: scope)
                planner.wants = wants
                return try planner.plan(policy.policy, lane)
            }
            let order = PlanOrder(act: .correct, policyVersion: policy.version)
            let answer = try await carryOut(planned.draft, order, scope)
            let counts = planned.counts
            return answer.with(
                [
                    ("delivered", .count(planned.draft.total(\.considered))),
                    ("unchanged", .count(counts.unchanged)),
                    ("amend", .count(counts.amended)), ("retract", .count(counts.retracted)),
                    ("exit", .count(counts.exits)),
                    ("withheldNow", .count(counts.barred)),
                    ("cannotBeRead", .count(counts.unreadable)),
                    ("retractBecause", Self.reasons(counts.reasons)),
                    ("exitBecause", Self.reasons(counts.exitReasons, of: "memberships")),
                    ("withheldBecause", Self.reasons(counts.barredBy)),
                    ("amendSamples", .array(counts.amendSamples.map(JSONValue.offset))),
                    ("retractSamples", .array(counts.retractSamples.map(JSONValue.offset))),
                    ("exitSamples", .array(counts.exitSamples.map(Self.present))),
                    ("means", .string(destination.connector.deletionAdvice)),
                ], seconds: Self.seconds(since: started))
        }
    }

    private func correctionsWanted(_ parameters: Parameters) throws -> CorrectionPlanner.Wants {
        switch try parameters.optionalText("only") {
        case nil: .both
        case "amend"?: .amendments
        case "retract"?: .retractions
        default:
            throw OperationError.badRequest("the parameter only must be amend or retract")
        }
    }

    private static func reasons(_ counts: [Gate: Int], of what: String = "events") -> JSONValue {
        .array(
            Gate.allCases.compactMap { gate in
                counts[gate].map { .members([("reason", .string(gate.name)), (what, .count($0))]) }
            })
    }

    private static func present(_ exit: FoldState.OwedExit) -> JSONValue {
        [
            "audience": .string(exit.audience), "profile": .string(exit.profile.description),
            "toldAt": .optionalOffset(exit.toldAt),
            "because": .string(exit.decision.firstGate?.name ?? "not a member any more"),
        ]
    }
}
