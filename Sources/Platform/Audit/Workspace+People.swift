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
                "attributes",
                .members(profile.attributes.map { ($0.name, Self.present($0)) })
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

    /// A value, and the event that it is of. One that cannot be told exactly is null and says so (D4).
    private static func present(_ attribute: ProfileSummary.Attribute) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("value", attribute.json.map(Self.value) ?? .null)
        ]
        if attribute.json == nil { members.append(("unknown", "a value does not fit exactly")) }
        if let values = attribute.values {
            members.append(("values", .array(values.map(Self.value))))
        }
        if let offset = attribute.offset {
            members.append(("occurred", .time(attribute.time)))
            members.append(("offset", .offset(offset)))
        }
        return .members(members)
    }

    /// A trait's own JSON; one that cannot be read is shown as its text.
    private static func value(_ json: String) -> JSONValue {
        do {
            return try JSONValue(parsing: Array(json.utf8))
        } catch {
            return .string(json)
        }
    }
}
