import CustomerModel
import EventLog
import JSONText
import Projections

/// What was decided of events when they came (D1): from the columns, not by asking the gates again as
/// `explain` does.
extension Workspace {
    /// The decisions on one person's events, or on those of a range: `from` and `to` are offsets or times.
    /// `destination` narrows the answer, `asOf` ends it.
    func pastDecisions(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue
    {
        let limit = try parameters.integer("limit", default: 100, in: 1...100_000)
        let destination = try parameters.optionalText("destination")
        if let destination {
            let isKnown = projection.read { state in
                state.policies.contains { $0.destinationIndex(destination) != nil }
            }
            guard isKnown else {
                throw OperationError.notFound("no policy ever named a destination \(destination)")
            }
        }
        let past = try await pastOffset(parameters)
        let end = projection.applied.value
        var answer: [(String, JSONValue)] = []
        let rows: [EventDecisions]
        if parameters.has("person") {
            guard !parameters.has("from"), !parameters.has("to") else {
                throw OperationError.badRequest("name a person, or a range, not both")
            }
            let person = try parameters.person()
            try await noteRead("audit.decisions", person, by: principal, upTo: past ?? end)
            guard
                let found = projection.read({ $0.decisions(of: person, asOf: past, limit: limit) })
            else { throw unknownPerson() }
            answer.append(("profile", .string(found.profile.description)))
            answer.append(("events", .count(found.total)))
            rows = found.rows
        } else {
            let from = try await range(parameters, "from") ?? 0
            let to = min(try await range(parameters, "to") ?? end, past.map { $0 + 1 } ?? end)
            try await noteRead("audit.decisions", nil, by: principal, upTo: to)
            rows =
                from < to ? projection.read { $0.decisions(in: from..<to, limit: limit) } : []
            answer.append(("from", .offset(from)))
            answer.append(("to", .offset(rows.count < limit ? to : (rows.last?.offset ?? to) + 1)))
        }
        answer.append(("shown", .count(rows.count)))
        answer.append(("rows", .array(rows.map { Self.present($0, destination) })))
        // Each decision is as known at its own event; whose events they are may be as corrected.
        let isKnown = past != nil || !parameters.has("person")
        answer.append(
            ("asOf", stamp(asOf: past ?? end, question: isKnown ? .asKnown : .asCorrected)))
        return .members(answer)
    }

    private static func present(_ row: EventDecisions, _ destination: String?) -> JSONValue {
        let judged = row.judgements.filter { destination == nil || $0.destination == destination }
        return [
            "offset": .offset(row.offset), "source": .text(row.source),
            "type": .text(row.type?.name), "name": .text(row.name),
            "received": .time(row.received), "occurred": .time(row.occurred),
            "profile": .text(row.profile?.description),
            "policyVersion": .count(row.policyVersion), "policyFrom": .offset(row.policyFrom),
            "consent": .members(row.purposes.map { ($0.name, .string($0.value.name)) }),
            "decisions": .array(
                judged.map {
                    [
                        "destination": .string($0.destination),
                        "decision": .string($0.decision.isAllow ? "allow" : "withhold"),
                        "reasons": .texts($0.decision.gates.map(\.name)),
                    ]
                }),
        ]
    }
}
