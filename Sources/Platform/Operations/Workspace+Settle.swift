import CustomerModel
import EventLog
import JSONText
import Projections

/// Ending what may have arrived, once somebody has asked its recipient (E7).
extension Workspace {
    /// Records what became of one request's effects of which nobody knows whether they arrived.
    ///
    /// Only what nothing takes up by itself is settled: where the same key is sent again or looked up, the
    /// platform finds out.
    func settle(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let name = try parameters.text("destination")
        guard parameters.has("attempt") else {
            throw OperationError.badRequest(
                "the parameter attempt is missing: `sluice replay findings` names it")
        }
        let attempt = UInt64(try parameters.integer("attempt", default: 0, in: 0...Int.max))
        let word = try parameters.text("as")
        guard let outcome = SettledRecord.Outcome(rawValue: word) else {
            throw OperationError.badRequest(
                "the parameter as must be delivered, rejected or pending, which tries it again")
        }
        let by = try parameters.optionalText("by") ?? principal.name
        let effects = projection.read { $0.unknownEffects() }.filter {
            $0.lane.destination == name && $0.attempt == attempt
        }
        guard !effects.isEmpty else {
            throw OperationError.notFound(
                "nothing of attempt \(attempt) at \(name) waits for an operator; `sluice replay findings` lists what does"
            )
        }
        let records = effects.map { effect in
            SettledRecord(
                destination: effect.lane.destination, epoch: effect.lane.epoch,
                slot: effect.lane.slot, at: effect.at, audience: effect.audience,
                profile: effect.profile, plan: effect.isCorrection ? effect.plan : nil,
                outcome: outcome, by: by)
        }
        let offset = try await append(records.map { ControlDraft.make($0) })
        nudgeDispatchers(of: name)
        return [
            "destination": .string(name), "attempt": .offset(attempt), "as": .string(word),
            "settled": .count(records.count), "offset": .offset(offset.value),
        ]
    }
}
