import CustomerModel
import EventLog
import JSONText
import Projections

/// What operators do: facts for the log first, then the effect.
extension Workspace {
    func destination(
        _ act: OperatorRecord.Act, _ parameters: Parameters, by principal: Principal
    ) async throws -> JSONValue {
        let name = try parameters.text("destination")
        let isKnown = projection.read { state in
            state.laneStatuses().contains { $0.lane.destination == name }
        }
        guard isKnown else {
            throw OperationError.notFound(
                "no policy ever named a destination \(name); `sluice status` lists them")
        }
        let offset = try await append([
            ControlDraft.make(
                OperatorRecord(
                    act: act, subject: name,
                    by: try parameters.optionalText("by") ?? principal.name,
                    note: try parameters.optionalText("note")))
        ])
        nudgeDispatchers(of: name)
        return [
            "destination": .string(name), "act": .string(act.rawValue),
            "offset": .offset(offset.value),
        ]
    }

    // MARK: Keys and tokens

    func createKey(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let source = try parameters.text("source")
        let made = try access.createKey(
            source: source, name: try parameters.optionalText("name"),
            with: try parameters.flag("secret") ? .secret : .noSecret, at: Timestamp.now())
        try await note(.keyCreated, made.name, by: principal)
        var answer: [(String, JSONValue)] = [
            ("name", .string(made.name)), ("source", .string(source)), ("key", .string(made.key)),
        ]
        if let secret = made.secret { answer.append(("secret", .string(secret))) }
        return .members(answer)
    }

    func createToken(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let name = try parameters.text("name")
        let text = try parameters.text("role")
        guard let role = Role(rawValue: text) else {
            throw OperationError.badRequest(
                "the role must be \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let token = try access.createToken(role: role, name: name, at: Timestamp.now())
        try await note(.tokenCreated, name, by: principal)
        return ["name": .string(name), "role": .string(role.rawValue), "token": .string(token)]
    }

    enum Grant { case key, token }

    func revoke(_ grant: Grant, _ parameters: Parameters, by principal: Principal) async throws
        -> JSONValue
    {
        let name = try parameters.text("name")
        switch grant {
        case .key: try access.revokeKey(name: name)
        case .token: try access.revokeToken(name: name)
        }
        try await note(grant == .key ? .keyRevoked : .tokenRevoked, name, by: principal)
        return ["name": .string(name), "revoked": true]
    }

    /// That it happened is a fact for the log; the key itself never is.
    func note(_ act: OperatorRecord.Act, _ subject: String, by principal: Principal)
        async throws
    {
        try await append([
            ControlDraft.make(OperatorRecord(act: act, subject: subject, by: principal.name))
        ])
    }

    func recentRejects(_ parameters: Parameters) async throws -> JSONValue {
        let limit = try parameters.integer("limit", default: 20, in: 1...10_000)
        return [
            "rejects": .array(await collector.rejects.recent(limit: limit)),
            "dropped": .count(collector.rejects.droppedCount),
        ]
    }
}
