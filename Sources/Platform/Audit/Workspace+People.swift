import CustomerModel
import EventLog
import JSONText
import Projections

/// Questions about people.
extension Workspace {
    /// One person now, or as known at an offset or a time: then their attributes are counted from their own
    /// lines again.
    func profile(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let person = try parameters.person()
        guard let offset = try await pastOffset(parameters) else {
            let end = projection.applied.value
            try await noteRead("profile", person, by: principal, upTo: end)
            guard let profile = projection.read({ $0.profile(person) }) else {
                throw unknownPerson()
            }
            return Self.present(profile).adding([
                ("asOf", stamp(asOf: end, question: .asCorrected))
            ])
        }
        try await noteRead("profile", person, by: principal, upTo: offset)
        guard let past = projection.read({ $0.past(person, asOf: offset) }) else {
            throw unknownPerson()
        }
        let profile = try await OwnThread.run("sluice.past") { [log, projection] in
            var past = past
            var reader = log.makeReader()
            for damage in try past.metrics.count(with: &reader) { projection.notice(damage) }
            return past.profile()
        }
        return Self.present(profile).adding([
            ("asOf", stamp(asOf: offset, question: .asKnown))
        ])
    }

    /// Where `asOf` stands, as an offset that is applied; nil when it is not given.
    ///
    /// A time means what was recorded up to then, so the record at a later time is none of it.
    func pastOffset(_ parameters: Parameters) async throws -> UInt64? {
        guard let text = try parameters.optionalText("asOf") else { return nil }
        let offset: UInt64
        if let number = UInt64(text) {
            offset = number
        } else {
            guard let time = Timestamp(parsing: text) else {
                throw OperationError.badRequest(
                    "\"\(text)\" is neither an offset nor a time like 2026-03-14T15:09:26Z")
            }
            let next = try await self.offset(
                Timestamp(microseconds: time.microseconds + 1).description)
            guard next > 0 else {
                throw OperationError.notFound("nothing was recorded up to \(time)")
            }
            offset = next - 1
        }
        let end = log.durableEnd
        guard offset < end.value else {
            throw OperationError.badRequest(
                "nothing is known at offset \(offset) yet; the last one is \(end.value == 0 ? 0 : end.value - 1)"
            )
        }
        try await projection.waitApplied(through: Offset(offset) + 1)
        return offset
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
            ("events", .count(profile.eventCount)),
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
        if let lost = attribute.unreadable {
            members.append(("unknown", .string("record \(lost) cannot be read")))
        } else if attribute.json == nil {
            members.append(("unknown", "a value does not fit exactly"))
        }
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
