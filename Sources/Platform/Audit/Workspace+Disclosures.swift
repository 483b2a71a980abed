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
        let (rows, lost) = try await OwnThread.run("sluice.disclosures") { [log, projection] in
            var reader = DisclosureReader(log: log)
            let rows = try reader.rows(Array(references.suffix(limit)))
            for damage in reader.damages { projection.notice(damage) }
            return (rows, reader.damages)
        }
        let doubts =
            gaps(upTo: asOf)
            + lost.map {
                "records \($0.offsets.lowerBound)..<\($0.offsets.upperBound), which say more of what is listed, cannot be read (\($0.reason))"
            }
        let received = references.count { $0.outcome == .delivered }
        let maybe = references.count { $0.outcome == .unknown || $0.outcome == .attempting }
        return [
            "profile": .string(profile.id.description),
            "formerProfiles": .texts(profile.formerIDs.map(\.description)),
            "received": .count(received), "mayHaveReceived": .count(maybe),
            "shown": .count(rows.count), "mayBeIncomplete": .bool(!doubts.isEmpty),
            "because": .texts(doubts), "disclosures": .array(rows),
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
    private var reader: LogReader
    private var fieldSets: [UInt64: FieldSetRecord] = [:]
    /// What could not be read on the way.
    private(set) var damages: [Damage] = []

    init(log: EventLog) { reader = log.makeReader() }

    mutating func rows(_ references: [DisclosureReference]) throws -> [JSONValue] {
        var rows: [JSONValue] = []
        var last: (offset: UInt64, record: AttemptRecord?)?
        for reference in references {
            if last?.offset != reference.attempt {
                let record = try line(at: reference.attempt).map {
                    try Self.body($0) { try AttemptRecord($0) }
                }
                last = (reference.attempt, record)
            }
            guard let attempt = last?.record, reference.member < attempt.members.count else {
                // What is known of it from the fold is said all the same.
                rows.append(bareRow(reference))
                continue
            }
            let member = attempt.members[reference.member]
            rows.append(
                row(
                    reference, attempt, member, try fieldSet(at: member.fieldSet),
                    try event(reference)))
        }
        return rows
    }

    private mutating func line(at offset: UInt64) throws -> [UInt8]? {
        var met: Damage?
        let line = try reader.readableLine(at: Offset(offset), unreadable: { met = $0 })
        if let met, !damages.contains(met) { damages.append(met) }
        return line
    }

    private mutating func fieldSet(at offset: UInt64) throws -> FieldSetRecord? {
        if let known = fieldSets[offset] { return known }
        let record = try line(at: offset).map { try Self.body($0) { try FieldSetRecord($0) } }
        fieldSets[offset] = record
        return record
    }

    private mutating func event(_ reference: DisclosureReference) throws -> (
        name: String?, messageID: String?
    ) {
        if let audience = reference.audience { return ("audience \(audience)", nil) }
        guard let line = try line(at: reference.at) else { return (nil, nil) }
        var parser = JSONParser()
        return try parser.parse(line) { view in
            EventBody.read(line: view) {
                (EventExtractor.columnName(of: $0), $0.messageID?.string)
            } ?? (nil, nil)
        }
    }

    private func row(
        _ reference: DisclosureReference, _ attempt: AttemptRecord,
        _ member: AttemptRecord.Member, _ fields: FieldSetRecord?,
        _ event: (name: String?, messageID: String?)
    ) -> JSONValue {
        return [
            "when": .string(attempt.started.description),
            "destination": .string(attempt.destination), "epoch": .count(attempt.epoch),
            "recipient": .string(attempt.recipient),
            "outcome": .string(Self.word(reference.outcome)),
            "action": .string(member.action.rawValue), "event": .text(event.name),
            "messageId": .text(event.messageID), "offset": .offset(reference.at),
            "fields": .texts(fields?.fields ?? []),
            "identifiers": .texts(fields?.identifiers ?? []),
            "policyVersion": .count(member.policy), "consent": .optionalOffset(member.consent),
            "plan": .text(attempt.plan), "bodyDigest": .string(member.digest.hex),
            "attempt": .offset(reference.attempt), "receipt": .optionalOffset(reference.receipt),
            "beforeSplit": .bool(reference.isOfFormerPerson),
        ]
    }

    private static func word(_ outcome: EffectStatus) -> String {
        switch outcome {
        case .delivered: "received"
        case .unknown, .attempting: "may have received"
        case .rejected: "refused by the recipient"
        default: "not received"
        }
    }

    /// A disclosure whose attempt cannot be read.
    private func bareRow(_ reference: DisclosureReference) -> JSONValue {
        [
            "destination": .string(reference.lane.destination),
            "epoch": .count(reference.lane.epoch),
            "outcome": .string(Self.word(reference.outcome)),
            "event": .text(reference.audience.map { "audience \($0)" }),
            "offset": .offset(reference.at), "attempt": .offset(reference.attempt),
            "receipt": .optionalOffset(reference.receipt), "unreadable": true,
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
