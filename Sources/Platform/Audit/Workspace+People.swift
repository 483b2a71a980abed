import CustomerModel
import EventLog
import JSONText
import Projections

/// Questions about people and audiences.
extension Workspace {
    func profile(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let person = try parameters.person()
        let asOf = try await optionalOffset(parameters)
        let end = projection.applied.value
        try await noteRead("profile", person, by: principal, upTo: asOf ?? end)
        guard let profile = projection.read({ $0.profile(person, asOf: asOf) }) else {
            throw unknownPerson()
        }
        return Self.present(profile).adding([
            (
                "asOf",
                stamp(asOf: asOf ?? end, question: asOf == nil ? .asCorrected : .asKnown)
            )
        ])
    }

    func optionalOffset(_ parameters: Parameters) async throws -> UInt64? {
        guard let text = try parameters.optionalText("asOf") else { return nil }
        if let offset = UInt64(text) { return offset }
        return try await moment(parameters)?.offset
    }

    static func present(_ profile: ProfileSummary) -> JSONValue {
        .members([
            ("profile", .string(profile.id.description)),
            ("mpid", .text(profile.mpid?.description)),
            ("formerProfiles", .texts(profile.formerIDs.map(\.description))),
            (
                "identifiers",
                .array(
                    profile.identifiers.map { identifier in
                        [
                            "type": .string(identifier.type), "value": .string(identifier.value),
                            "born": .string(identifier.born.description),
                            "linkedAt": .offset(identifier.linkedAt),
                            "suppressed": .bool(identifier.isSuppressed),
                        ]
                    })
            ),
            (
                "traits",
                .members(profile.traits.map { ($0.name, Self.value($0.json)) })
            ),
            ("firstSeen", .time(profile.firstSeen)), ("lastSeen", .time(profile.lastSeen)),
            ("events", profile.eventCount.map(JSONValue.count) ?? .null),
            (
                "audiences",
                .array(
                    profile.memberships.map {
                        ["audience": .string($0.audience), "since": .offset($0.since)]
                    })
            ),
            (
                "refusedLinks",
                .array(
                    profile.refusals.map {
                        [
                            "type": .string($0.type), "value": .string($0.value),
                            "offset": .offset($0.offset), "limit": .string($0.limit),
                            "reason": .string($0.reason),
                        ]
                    })
            ),
            ("evidence", .array(profile.evidence.map(present))),
        ])
    }

    /// A trait's own JSON; one that cannot be read is shown as its text.
    private static func value(_ json: String) -> JSONValue {
        do {
            return try JSONValue(parsing: Array(json.utf8))
        } catch {
            return .string(json)
        }
    }

    func audiences() -> JSONValue {
        let audiences = projection.read { $0.counts().audiences }
        return [
            "audiences": .array(
                audiences.map { ["audience": .string($0.name), "members": .count($0.members)] })
        ]
    }

    func audience(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let name = try parameters.text("name")
        let limit = try parameters.integer("limit", default: 1000, in: 1...1_000_000)
        let end = projection.applied.value
        guard let members = projection.read({ $0.members(ofAudience: name) }) else {
            throw OperationError.notFound(
                "no policy ever named an audience \(name); `sluice audience` lists them")
        }
        try await noteRead("audience", nil, by: principal, upTo: end)
        return [
            "audience": .string(name), "members": .count(members.count),
            "profiles": .texts(members.prefix(limit).map(\.description)),
            "asOf": stamp(asOf: end, question: .asCorrected),
        ]
    }
}
