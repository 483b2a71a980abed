import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections

/// What was shared about a person (A3).
extension Workspace {
    func disclosures(_ parameters: Parameters, by principal: Principal) async throws -> JSONValue {
        let person = try parameters.person()
        let limit = try parameters.integer("limit", default: 10_000, in: 1...1_000_000)
        let asOf = projection.applied.value
        guard let references = projection.read({ $0.disclosures(of: person) }),
            let profile = projection.read({ $0.profile(person) })
        else { throw unknownPerson() }
        try await noteRead("audit.disclosures", person, by: principal, upTo: asOf)
        let rows = try await OwnThread.run("sluice.disclosures") { [log] in
            try DisclosureReader(log: log).rows(Array(references.suffix(limit)))
        }
        let received = references.count { $0.outcome == .delivered }
        let maybe = references.count { $0.outcome == .unknown || $0.outcome == .attempting }
        return [
            "profile": .string(profile.id.description),
            "formerProfiles": .texts(profile.formerIDs.map(\.description)),
            "received": .count(received), "mayHaveReceived": .count(maybe),
            "shown": .count(rows.count), "disclosures": .array(rows),
            "asOf": stamp(asOf: asOf, question: .asCorrected),
        ]
    }

    func unknownPerson() -> OperationError {
        .notFound("nobody is known by that identifier or profile id")
    }

    /// Reading about a person is itself a disclosure: recorded, durable before the answer.
    func noteRead(
        _ what: String, _ person: PersonReference?, by principal: Principal, upTo offset: UInt64
    ) async throws {
        var extractor = EventExtractor(key: log.identity.key)
        let subject: UInt64? =
            switch person {
            case .identifier(let type, let value)?:
                Array(value.utf8).withUnsafeBytes {
                    extractor.identifierKey(type: type, value: $0)
                }
            case .profile(let id)?:
                Array(id.description.utf8).withUnsafeBytes {
                    extractor.identifierKey(type: "profile", value: $0)
                }
            case nil: nil
            }
        let record = AuditReadRecord(
            what: what, subject: subject, by: principal.name, from: 0, to: offset)
        let ticket: AppendTicket
        do {
            ticket = try log.append([ControlDraft.make(record)])
        } catch {
            throw OperationError.busy(
                "the read could not be recorded (\(error)), so nothing is shown; try again")
        }
        try await log.waitDurable(ticket)
    }
}

/// Reads the attempts that a ledger refers to. Blocking.
struct DisclosureReader {
    let log: EventLog

    func rows(_ references: [DisclosureReference]) throws -> [JSONValue] {
        var reader = log.makeReader()
        var fieldSets: [UInt64: FieldSetRecord] = [:]
        var rows: [JSONValue] = []
        var last: (offset: UInt64, record: AttemptRecord)?
        for reference in references {
            if last?.offset != reference.attempt {
                guard let line = try reader.line(at: Offset(reference.attempt)) else { continue }
                last = (reference.attempt, try Self.body(line) { try AttemptRecord($0) })
            }
            guard let attempt = last?.record, reference.member < attempt.members.count else {
                continue
            }
            let member = attempt.members[reference.member]
            if fieldSets[member.fieldSet] == nil,
                let line = try reader.line(at: Offset(member.fieldSet))
            {
                fieldSets[member.fieldSet] = try Self.body(line) { try FieldSetRecord($0) }
            }
            rows.append(
                row(
                    reference, attempt, member, fieldSets[member.fieldSet],
                    try event(reference, &reader)))
        }
        return rows
    }

    private func event(_ reference: DisclosureReference, _ reader: inout LogReader) throws -> (
        name: String?, messageID: String?
    ) {
        if let audience = reference.audience { return ("audience \(audience)", nil) }
        guard let line = try reader.line(at: Offset(reference.at)) else { return (nil, nil) }
        var parser = JSONParser()
        return try parser.parse(line) { view in
            let body = EventBody(line: view)
            return (body.map(EventExtractor.columnName), body?.messageID?.string)
        }
    }

    private func row(
        _ reference: DisclosureReference, _ attempt: AttemptRecord,
        _ member: AttemptRecord.Member, _ fields: FieldSetRecord?,
        _ event: (name: String?, messageID: String?)
    ) -> JSONValue {
        let outcome =
            switch reference.outcome {
            case .delivered: "received"
            case .unknown, .attempting: "may have received"
            case .rejected: "refused by the recipient"
            default: "not received"
            }
        return [
            "when": .string(attempt.started.description),
            "destination": .string(attempt.destination), "epoch": .count(attempt.epoch),
            "recipient": .string(attempt.recipient), "outcome": .string(outcome),
            "action": .string(member.action.rawValue), "event": .text(event.name),
            "messageId": .text(event.messageID), "offset": .offset(reference.at),
            "fields": .texts(fields?.fields ?? []),
            "identifiers": .texts(fields?.identifiers ?? []),
            "policyVersion": .count(member.policy), "consent": .optionalOffset(member.consent),
            "plan": .text(attempt.plan), "bodyDigest": .string(member.digest.hex),
            "attempt": .offset(reference.attempt), "receipt": .optionalOffset(reference.receipt),
        ]
    }

    private static func body<R>(_ line: [UInt8], _ read: (JSONView) throws -> R) throws -> R {
        var parser = JSONParser()
        return try parser.parse(line) { view in
            guard let body = view["body"] else {
                throw OperationError.failed("a control record has no body; run `sluice log verify`")
            }
            return try read(body)
        }
    }
}
