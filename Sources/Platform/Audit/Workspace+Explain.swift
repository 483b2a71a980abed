import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections

/// Why a destination got, or did not get, an event.
extension Workspace {
    /// `event` is an offset, or `source/messageId`, or a message id that one source has used.
    func explain(_ parameters: Parameters) async throws -> JSONValue {
        let reference = try parameters.text("event")
        let destination = try parameters.text("destination")
        let stored = try await event(reference)
        let explanation = try projection.read { state in
            try stored.parse {
                state.explain(
                    at: stored.offset, line: $0, source: stored.source,
                    occurred: stored.occurred, destination: destination)
            }
        }
        guard let explanation else {
            throw OperationError.notFound(
                "no policy ever named a destination \(destination), or record \(stored.offset) is no event"
            )
        }
        return try await present(explanation, stored)
    }

    /// Finds the event that a reference means.
    private func event(_ reference: String) async throws -> StoredRecord {
        if let offset = UInt64(reference) {
            guard let stored = try await record(at: offset),
                stored.kind == RecordKind.event.rawValue
            else { throw OperationError.notFound("no event stands at offset \(offset)") }
            return stored
        }
        var candidates: [(source: String, id: String)] = []
        if let slash = reference.firstIndex(of: "/") {
            candidates.append(
                (String(reference[..<slash]), String(reference[reference.index(after: slash)...])))
        }
        for source in projection.read({ $0.sourceNames }) { candidates.append((source, reference)) }
        let wanted = candidates
        let found = try await OwnThread.run("sluice.find") { [log] in
            try wanted.compactMap { try Self.find($0.id, source: $0.source, in: log) }
        }
        guard let first = found.first else {
            throw OperationError.notFound(
                "no event has the message id \(reference); give an offset or SOURCE/MESSAGE_ID")
        }
        guard found.allSatisfy({ $0.offset == first.offset }) else {
            throw OperationError.conflict(
                "several sources used that message id; give SOURCE/MESSAGE_ID or one of the offsets \(found.map { String($0.offset) }.joined(separator: ", "))"
            )
        }
        return first
    }

    /// Reads the frames that may hold the id, and compares the id itself (L7).
    private static func find(_ id: String, source: String, in log: EventLog) throws -> StoredRecord?
    {
        var extractor = EventExtractor(key: log.identity.key)
        let hash = Array(id.utf8).withUnsafeBytes {
            extractor.messageKey(source: source, messageID: $0)
        }
        var reader = log.makeReader()
        for offset in try reader.candidates(for: hash, from: Offset(0), to: log.durableEnd) {
            guard let found = try StoredRecord.read(at: offset, with: &reader),
                found.source == source
            else { continue }
            let isIt = try found.parse { EventBody(line: $0)?.messageID?.string == id }
            if isIt { return found }
        }
        return nil
    }

    private func present(_ explanation: Explanation, _ stored: StoredRecord) async throws
        -> JSONValue
    {
        let event: JSONValue = try stored.parse { line in
            let body = EventBody(line: line)
            return [
                "offset": .offset(stored.offset), "source": .string(stored.source),
                "messageId": .text(body?.messageID?.string),
                "type": .text(body?.type?.name), "name": .text(body?.name?.string),
                "received": .text(line["received"]?.string),
                "occurred": .time(stored.occurred), "recorded": .time(stored.recorded),
            ]
        }
        let gates = Gate.allCases.map { gate -> JSONValue in
            [
                "gate": .string(gate.name), "passed": .bool(!explanation.rederived.fails(gate)),
            ]
        }
        var attempts: [JSONValue] = []
        for attempt in explanation.attempts {
            attempts.append(try await present(attempt))
        }
        return [
            "event": event, "destination": .string(explanation.destination),
            "decision": .string(explanation.rederived.isAllow ? "allow" : "withhold"),
            "reasons": .texts(explanation.rederived.gates.map(\.name)),
            "story": .texts(story(explanation)),
            "policyVersion": .count(explanation.policyVersion),
            "rule": .text(explanation.rule.map { Self.words($0.selector) }),
            "gates": .array(gates),
            "consent": .array(
                explanation.purposes.map { purpose in
                    [
                        "purpose": .string(purpose.name),
                        "state": .string(purpose.state.value.name),
                        "offset": .optionalOffset(purpose.state.offset),
                        "required": .bool(purpose.needsConsent),
                    ]
                }),
            "profile": .text(explanation.profile?.description),
            "presentProfile": .text(explanation.presentProfile?.description),
            "recordedDecision": explanation.recorded.map {
                .texts($0.isAllow ? ["allow"] : $0.gates.map(\.name))
            } ?? .null,
            "agrees": .bool(explanation.agrees),
            "effect": [
                "status": .text(explanation.status?.name), "tries": .count(explanation.tries),
                "plan": .text(explanation.plan),
                "cancelledBy": .texts(explanation.cancelledBy?.gates.map(\.name) ?? []),
            ],
            "attempts": .array(attempts),
            "asOf": stamp(asOf: explanation.offset, question: .asKnown),
        ]
    }

    private static func words(_ selector: EventSelector) -> String {
        "\(selector.type.name): \(selector.name ?? "*")"
    }

    /// The answer in sentences, the decisive one first.
    private func story(_ explanation: Explanation) -> [String] {
        var lines: [String] = []
        let name = explanation.destination
        if explanation.recorded == nil {
            lines.append(
                "When the event came, the policy in force (version \(explanation.policyVersion)) had no destination \(name)."
            )
        } else if explanation.rederived.isAllow {
            lines.append(
                "Policy version \(explanation.policyVersion) allowed it for \(name).")
        } else {
            lines.append(
                "Policy version \(explanation.policyVersion) withheld it from \(name): \(explanation.rederived.gates.map(\.name).joined(separator: ", "))."
            )
        }
        for purpose in explanation.purposes {
            let because = purpose.state.offset.map { ", asserted by record \($0)" } ?? ""
            lines.append(
                "Consent for \(purpose.name) was \(purpose.state.value.name)\(because)."
                    + (purpose.needsConsent ? "" : " This purpose does not rest on consent."))
        }
        switch explanation.status {
        case nil where explanation.rederived.isAllow && explanation.recorded != nil:
            lines.append("It has not been released yet.")
        case nil: break
        case .cancelled?:
            let gates = explanation.cancelledBy?.gates.map(\.name).joined(separator: ", ") ?? ""
            lines.append("It was cancelled before it left, at the second look: \(gates).")
        case .unknown?:
            lines.append("It may have been received: no answer to the last attempt is recorded.")
        case let status?:
            lines.append(
                "Its effect is \(status.name)"
                    + (explanation.plan.map { " under plan \($0)" } ?? "") + ".")
        }
        if !explanation.agrees {
            lines.append(
                "The decision on record differs from the one worked out now. Run `sluice replay verify`."
            )
        }
        return lines
    }

    private func present(_ attempt: Explanation.Attempt) async throws -> JSONValue {
        let sent = try await record(at: attempt.offset)
        let receipt = try await attempt.receipt.flatMapAsync { try await self.record(at: $0) }
        let started = try sent?.parse { $0["body"]?["started"]?.string }
        let (status, reason, settled) =
            try receipt?.parse { line in
                let body = line["body"]
                return (
                    body?["status"]?.int, body?["reason"]?.string, body?["settled"]?.string
                )
            } ?? (nil, nil, nil)
        return [
            "attempt": .offset(attempt.offset), "started": .text(started ?? nil),
            "outcome": .string(attempt.outcome.name), "receipt": .optionalOffset(attempt.receipt),
            "status": status.map(JSONValue.int) ?? .null, "reason": .text(reason),
            "settled": .text(settled),
        ]
    }
}

extension Optional {
    func flatMapAsync<R>(_ body: (Wrapped) async throws -> R?) async rethrows -> R? {
        guard let self else { return nil }
        return try await body(self)
    }
}
