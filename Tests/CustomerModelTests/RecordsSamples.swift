import CustomerModel
import Hashing
import JSONText
import Testing

/// One record of every kind that the platform writes, full, and again with everything optional left out.
enum RecordSamples {
    struct Sample: Sendable, CustomTestStringConvertible {
        var name: String
        var kind: RecordKind
        /// Dotted paths of the body's members, and whether each may be absent.
        var members: [(path: String, isOptional: Bool)]
        var body: JSONValue
        /// Reads a body and writes it again.
        var reread: @Sendable (JSONValue) throws -> (isEqual: Bool, body: JSONValue)

        var testDescription: String { name }

        func roundTrip() throws {
            let again = try reread(body)
            #expect(again.isEqual)
            #expect(again.body == body)
        }

        func readsWithUnknownMembers() throws {
            #expect(try reread(body.addingUnknownMembers).isEqual)
        }

        /// What reading says when one member is replaced, or removed.
        func error(changing path: String, to value: JSONValue?) -> RecordError? {
            do {
                _ = try reread(body.changing(path.steps, to: value))
                return nil
            } catch {
                return error as? RecordError
            }
        }
    }

    static func sample(_ name: String) -> Sample {
        guard let found = all.first(where: { $0.name == name }) else {
            preconditionFailure("no sample \(name)")
        }
        return found
    }

    private static func sample<Record: ControlRecord>(
        _ name: String, _ record: Record, required: [String], optional: [String] = []
    ) -> Sample {
        let body = json(record)
        return Sample(
            name: name, kind: Record.kind,
            members: required.map { ($0, false) } + optional.map { ($0, true) }, body: body
        ) { changed in
            var parser = JSONParser()
            return try parser.parse(Array(changed.text.utf8)) { view in
                let read = try Record(view)
                return (read == record, json(read))
            }
        }
    }

    private static func json(_ record: some ControlRecord) -> JSONValue {
        var writer = JSONWriter()
        record.write(into: &writer)
        do {
            return try JSONValue(parsing: writer.bytes)
        } catch {
            preconditionFailure("a record wrote no JSON: \(error)")
        }
    }

    private static let digest = Hashing.SHA256.of("anything")
    private static let time = Timestamp(microseconds: 1_773_500_966_535_001)
    /// Quotes, a control character, two and four UTF-8 bytes.
    private static let oddText = "a\"b\\c\u{1}é\u{1F600}"
    /// The largest that JSON integers of the project hold.
    private static let last = UInt64(Int64.max)
    private static let key = EffectKey(high: 0x0123_4567_89AB_CDEF, low: 1)

    private static var bitmap: OffsetBitmap {
        var bitmap = OffsetBitmap(from: 100, to: 120)
        bitmap.set(100)
        bitmap.set(119)
        return bitmap
    }

    static let all: [Sample] = [
        sample(
            "policy",
            PolicyRecord(
                version: 3, text: "name: \(oddText)\n", sha256: digest, approver: "ada", note: "why"
            ),
            required: ["version", "text", "sha256", "approver"], optional: ["note"]),
        sample(
            "policy without a note",
            PolicyRecord(version: 1, text: "", sha256: digest, approver: "", note: nil),
            required: ["version", "text", "sha256", "approver"]),
        sample(
            "released",
            ReleasedRecord(
                destination: "crm", epoch: 1, slot: "event", generation: 0, policyVersion: 1,
                digest: digest, considered: 20, allowed: bitmap,
                memberships: [
                    .init(
                        audience: "vip", profile: ProfileID(offset: 12, ordinal: 0),
                        change: .entered, at: 101),
                    .init(
                        audience: "vip", profile: ProfileID(offset: last, ordinal: .max),
                        change: .exited, at: last),
                ]),
            required: [
                "destination", "epoch", "slot", "from", "to", "generation", "policyVersion",
                "digest", "considered", "allowed", "bitmap", "memberships",
                "memberships[1].audience", "memberships[1].profile", "memberships[0].change",
                "memberships[0].at",
            ]),
        sample(
            "released, an empty range",
            ReleasedRecord(
                destination: "crm", epoch: 2, slot: "event", generation: 7, policyVersion: 2,
                digest: digest, considered: 0, allowed: OffsetBitmap(from: last, to: last),
                memberships: []),
            required: ["bitmap"]),
        sample(
            "attempt",
            AttemptRecord(
                destination: oddText, epoch: 1, recipient: "Example GmbH", slot: "event",
                plan: "p-1", look: last, generation: 4, try: 2, request: key.hex,
                bodyDigest: digest, bodyBytes: 4096, started: time, position: 77,
                members: [
                    .init(
                        key: key, action: .deliver, at: 5, digest: digest, policy: 2, consent: 3,
                        fieldSet: 4, identifiers: [0, .max]),
                    .init(
                        key: key, action: .entered, at: 6, audience: "vip",
                        profile: ProfileID(offset: 1, ordinal: 2), digest: digest, policy: 2,
                        consent: nil, fieldSet: 4, identifiers: []),
                ]),
            required: [
                "destination", "epoch", "recipient", "slot", "look", "generation", "try", "request",
                "bodyDigest", "bodyBytes", "started", "members", "members[0].key",
                "members[1].action", "members[0].at", "members[0].digest", "members[1].policy",
                "members[0].fieldSet", "members[0].identifiers",
            ],
            optional: [
                "plan", "position", "members[1].audience", "members[1].profile",
                "members[0].consent",
            ]),
        sample(
            "attempt, the least there is",
            AttemptRecord(
                destination: "crm", epoch: 1, recipient: "", slot: "event", plan: nil, look: 0,
                generation: 0, try: 1, request: "", bodyDigest: digest, bodyBytes: 0,
                started: Timestamp(microseconds: 0), position: nil, members: []),
            required: ["members"]),
        sample(
            "fieldSet",
            FieldSetRecord(
                destination: "crm", epoch: 1, fields: ["context.page.url", "properties.total"],
                identifiers: ["email", "user_id"]),
            required: ["destination", "epoch", "fields", "identifiers"]),
        sample(
            "receipt",
            ReceiptRecord(
                attempt: last, outcome: .retry, status: 429, retryAfterMilliseconds: 1500,
                reason: "slow down", settled: time,
                exceptions: [.init(member: 0, outcome: .delivered)], parked: true),
            required: [
                "attempt", "outcome", "reason", "settled", "exceptions", "exceptions[0].member",
                "exceptions[0].outcome", "parked",
            ],
            optional: ["status", "retryAfterMilliseconds"]),
        sample(
            "receipt without an answer",
            ReceiptRecord(attempt: 0, outcome: .unknown, reason: "interrupted", settled: time),
            required: ["parked"]),
        sample(
            "cancelled",
            CancelledRecord(
                destination: "crm", epoch: 1, slot: "event", plan: "p-1", look: 9,
                members: [.init(at: 1, gates: Decision(bits: .max))],
                memberships: [
                    .init(
                        audience: "vip", profile: ProfileID(offset: 0, ordinal: 0), at: 2,
                        gates: .allow, superseded: true)
                ]),
            required: [
                "destination", "epoch", "slot", "look", "members", "members[0].at",
                "members[0].gates", "memberships", "memberships[0].audience",
                "memberships[0].profile", "memberships[0].at", "memberships[0].gates",
                "memberships[0].superseded",
            ], optional: ["plan"]),
        sample("tick", TickRecord(time: time, asIfLive: true), required: ["time", "asIfLive"]),
        sample(
            "operator",
            OperatorRecord(act: .redrive, subject: "crm", by: "ada", note: oddText),
            required: ["act", "subject", "by"], optional: ["note"]),
        sample(
            "operator, a loss accepted",
            OperatorRecord(
                act: .acceptLoss, subject: "log", by: "ada", note: oddText, from: 3, to: last),
            required: ["act", "subject", "by"], optional: ["note", "from", "to"]),
        sample(
            "restored",
            RestoredRecord(incarnation: 2, previous: 1, from: 7, to: 1 << 44, backup: time),
            required: ["incarnation", "previous", "from", "to"], optional: ["backup"]),
        sample(
            "suppression", SuppressionRecord(type: "email", value: "a@b.c", by: "ada"),
            required: ["type", "value", "by"]),
        sample(
            "promoted",
            PromotedRecord(
                generation: 2, at: 50, digest: digest, codeVersion: 1,
                schedule: [.init(stage: .decisions, version: 2, from: 10)], reason: "new rule"),
            required: [
                "generation", "at", "digest", "codeVersion", "schedule", "schedule[0].stage",
                "schedule[0].version", "schedule[0].from", "reason",
            ]),
        sample(
            "plan",
            PlanRecord(
                id: "p-1", act: .backfill, destination: "crm", epoch: 1, slot: "event",
                policyVersion: 2, approver: "ada", ratePerSecond: 50,
                counts: .init(
                    considered: 20, allowed: 5, alreadyTold: 1, deniedNow: 2, planned: 2),
                planned: bitmap),
            required: [
                "id", "act", "destination", "epoch", "slot", "from", "to", "policyVersion",
                "approver", "counts", "counts.considered", "counts.allowed", "counts.alreadyTold",
                "counts.deniedNow", "counts.planned", "bitmap",
            ], optional: ["ratePerSecond"]),
        sample(
            "plan of exits",
            PlanRecord(
                id: "p-1", act: .correct, destination: "crm", epoch: 1, slot: "event",
                policyVersion: 2, approver: "ada", ratePerSecond: nil,
                counts: .init(
                    considered: 0, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                planned: bitmap,
                exits: [
                    .init(
                        audience: "gold", profile: ProfileID(offset: 2, ordinal: 1),
                        change: .exited, at: 7)
                ]),
            required: [
                "id", "act", "destination", "epoch", "slot", "from", "to", "policyVersion",
                "approver", "counts", "counts.considered", "counts.allowed", "counts.alreadyTold",
                "counts.deniedNow", "counts.planned", "bitmap", "exits[0].audience",
                "exits[0].profile", "exits[0].at",
            ], optional: ["exits"]),
        sample(
            "planEnded",
            PlanEndedRecord(
                id: "p-1", outcome: .incomplete,
                counts: .init(delivered: 1, rejected: 2, unknown: 3, cancelled: 4, parked: 5)),
            required: [
                "id", "outcome", "counts", "counts.delivered", "counts.rejected",
                "counts.unknown", "counts.cancelled", "counts.parked",
            ]),
        sample(
            "auditRead",
            AuditReadRecord(what: "explain", subject: .max, by: "ada", from: 0, to: last),
            required: ["what", "subject", "by"], optional: ["from", "to"]),
        sample(
            "auditRead about nobody", AuditReadRecord(what: "tail", subject: nil, by: "ada"),
            required: ["subject"]),
        sample(
            "consent",
            ConsentRecord(
                type: "email", value: oddText, granted: ["analytics"], denied: ["ads", "sale"],
                asserted: time, document: oddText, method: "letter", by: "ada"),
            required: ["type", "value", "granted", "denied", "by"],
            optional: ["asserted", "document", "method"]),
        sample(
            "consent without evidence",
            ConsentRecord(type: "email", value: "a", granted: [], denied: ["ads"], by: "ada"),
            required: ["denied"]),
        sample(
            "settled",
            SettledRecord(
                destination: "crm", epoch: 1, slot: "event", at: 3, outcome: .pending, by: "ada"),
            required: ["destination", "epoch", "slot", "at", "outcome", "by"]),
        sample(
            "settled membership",
            SettledRecord(
                destination: "crm", epoch: 1, slot: "event", at: 3, audience: "gold",
                profile: ProfileID(offset: 2, ordinal: 1), outcome: .delivered, by: "ada"),
            required: ["destination", "epoch", "slot", "at", "outcome", "by"],
            optional: ["audience", "profile"]),
        sample(
            "settled correction",
            SettledRecord(
                destination: "crm", epoch: 1, slot: "event", at: 3, plan: "p-1",
                outcome: .rejected, by: "ada"),
            required: ["destination", "epoch", "slot", "at", "outcome", "by"],
            optional: ["plan"]),
        sample(
            "identity",
            IdentityRecord(
                act: .retract, first: .init(type: "user_id", value: "4711"),
                second: .init(type: "email", value: "ada@example.com"), by: "ada",
                reason: "two people"),
            required: ["act", "first", "first.type", "first.value", "second", "by"],
            optional: ["reason"]),
    ]
}

/// One step into a JSON value.
enum JSONStep: Equatable {
    case name(String)
    case place(Int)
}

extension String {
    /// `members[3].key` as steps.
    fileprivate var steps: [JSONStep] {
        split(separator: ".").flatMap { part -> [JSONStep] in
            guard let bracket = part.firstIndex(of: "["),
                let place = Int(part[part.index(after: bracket)...].dropLast())
            else { return [.name(String(part))] }
            return [.name(String(part[..<bracket])), .place(place)]
        }
    }
}

extension JSONValue {
    /// Itself with one value inside it replaced, or removed.
    fileprivate func changing(_ path: [JSONStep], to value: JSONValue?) -> JSONValue {
        guard let step = path.first else { return value ?? .null }
        let rest = Array(path.dropFirst())
        switch (step, array, object) {
        case (.place(let place), let elements?, _):
            return .array(
                elements.enumerated().map { index, element in
                    index == place ? element.changing(rest, to: value) : element
                })
        case (.name(let name), _, let members?):
            return .object(
                JSONObject(
                    members.compactMap { key, member in
                        if key != name { return (key, member) }
                        if rest.isEmpty { return value.map { (key, $0) } }
                        return (key, member.changing(rest, to: value))
                    }))
        default:
            preconditionFailure("no such place in the sample")
        }
    }

    /// Itself with a member nobody knows in each of its objects.
    fileprivate var addingUnknownMembers: JSONValue {
        if let array { return .array(array.map(\.addingUnknownMembers)) }
        guard let object else { return self }
        let later: [(key: String, value: JSONValue)] = [("later", .array([.null, .int(1)]))]
        return .object(
            JSONObject(later + object.map { ($0.key, $0.value.addingUnknownMembers) }))
    }
}
