import CustomerModel
import EventLog
import JSONText
import Projections

/// Questions about audiences.
extension Workspace {
    func audiences() -> JSONValue {
        let audiences = projection.read { $0.audienceSummaries() }
        return [
            "audiences": .array(
                audiences.map {
                    [
                        "audience": .string($0.name), "members": .count($0.members),
                        "defined": .bool($0.definition != nil),
                    ]
                })
        ]
    }

    /// How many are in it, what it means, and who is told.
    func showAudience(_ parameters: Parameters) throws -> JSONValue {
        let name = try parameters.text("name")
        let found = projection.read { state in
            state.audienceSummaries().first { $0.name == name }
        }
        guard let audience = found else { throw Self.unknownAudience(name) }
        return [
            "audience": .string(name), "members": .count(audience.members),
            "definition": audience.definition.map(JSONValue.string) ?? .null,
            "destinations": .texts(audience.destinations),
            "changes": .array(
                audience.changes.map {
                    [
                        "reason": .string($0.reason.name), "entered": .count($0.entered),
                        "exited": .count($0.exited),
                    ]
                }),
        ]
    }

    /// Who is in it, or was as known at an offset or a time.
    func audience(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let name = try parameters.text("name")
        let limit = try parameters.integer("limit", default: 1000, in: 1...1_000_000)
        let asOf = try await pastOffset(parameters)
        let end = projection.applied.value
        guard let members = projection.read({ $0.members(ofAudience: name, asOf: asOf) }) else {
            throw Self.unknownAudience(name)
        }
        try await noteRead("audience", nil, by: principal, upTo: asOf ?? end)
        let shown = members.prefix(limit)
        return [
            "audience": .string(name), "members": .count(members.count),
            "profiles": .texts(shown.map(\.profile.description)),
            "since": .array(shown.map { .offset($0.since) }),
            "asOf": stamp(
                asOf: asOf ?? end, question: asOf == nil ? .asCorrected : .asKnown),
        ]
    }

    /// Why a person is in it or not, or was as known at an offset or a time, part by part.
    func explainAudience(_ parameters: Parameters, by principal: Principal) async throws
        -> JSONValue
    {
        let name = try parameters.text("name")
        let person = try parameters.person()
        let asOf = try await pastOffset(parameters)
        let end = projection.applied.value
        try await noteRead("audience.explain", person, by: principal, upTo: asOf ?? end)
        guard projection.read({ $0.definesAudience(name, asOf: asOf) }) else {
            throw Self.unknownAudience(name, asOf: asOf)
        }
        guard let why = try await explanation(of: person, in: name, asOf: asOf) else {
            throw unknownPerson()
        }
        var members: [(String, JSONValue)] = [
            ("audience", .string(name)), ("profile", .string(why.profile.description)),
            ("member", .bool(why.isMember)), ("since", .optionalOffset(why.since)),
            ("condition", Self.present(why.condition)),
            // Where a record cannot be read, nobody can tell whether it agrees.
            ("agrees", why.unreadable.isEmpty ? .bool(why.agrees) : .null),
            ("projectionTime", .time(why.projectionTime)),
            ("policyVersion", .count(why.policyVersion)),
        ]
        if !why.unreadable.isEmpty {
            members.append(("unreadable", .array(why.unreadable.map(JSONValue.offset))))
        }
        members.append(
            ("asOf", stamp(asOf: asOf ?? end, question: asOf == nil ? .asCorrected : .asKnown)))
        return .members(members)
    }

    /// Of the past it is counted from the person's own lines.
    private func explanation(
        of person: PersonReference, in name: String, asOf offset: UInt64?
    ) async throws -> AudienceExplanation? {
        guard let offset else { return projection.read { $0.explain(audience: name, of: person) } }
        guard
            let past = projection.read({ $0.past(audience: name, of: person, asOf: offset) })
        else { return nil }
        return try await OwnThread.run("sluice.past") { [log, projection] in
            var past = past
            var reader = log.makeReader()
            for damage in try past.metrics.count(with: &reader) { projection.notice(damage) }
            return past.explain()
        }
    }

    private static func present(_ part: AudienceExplanation.Part) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("condition", .string(part.text)), ("holds", .string(part.truth.word)),
        ]
        if let found = part.found { members.append(("found", .string(found))) }
        if let time = part.changesAt { members.append(("canChangeAt", .time(time))) }
        if !part.parts.isEmpty { members.append(("parts", .array(part.parts.map(present)))) }
        return .members(members)
    }

    private static func unknownAudience(_ name: String, asOf offset: UInt64? = nil)
        -> OperationError
    {
        OperationError.notFound(
            offset.map { "the policy in force at offset \($0) names no audience \(name)" }
                ?? "no policy in force names an audience \(name); `sluice audience list` lists them"
        )
    }
}

extension Truth {
    fileprivate var word: String {
        switch self {
        case .no: "no"
        case .unknown: "unknown"
        case .yes: "yes"
        }
    }
}
