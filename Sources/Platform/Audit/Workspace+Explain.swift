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
        let stored: StoredRecord
        switch try await event(reference) {
        case .record(let record): stored = record
        case .unreadable(let offset, let damage):
            return explainUnreadable(offset, damage, destination: destination)
        }
        let explanation = try projection.read { state in
            try stored.parse {
                state.explain(
                    at: stored.offset, line: $0, source: stored.source,
                    occurred: stored.occurred, keys: stored.keys, destination: destination)
            }
        }
        guard let explanation else {
            throw OperationError.notFound(
                "no policy ever named a destination \(destination), or record \(stored.offset) is no event"
            )
        }
        return try await present(explanation, stored)
    }

    private enum FoundEvent {
        case record(StoredRecord)
        case unreadable(UInt64, Damage)

        var offset: UInt64 {
            switch self {
            case .record(let record): record.offset
            case .unreadable(let offset, _): offset
            }
        }
    }

    /// Finds the event that a reference means.
    private func event(_ reference: String) async throws -> FoundEvent {
        if let offset = UInt64(reference) {
            switch try await place(at: offset) {
            case .record(let stored) where stored.kind == RecordKind.event.rawValue:
                return .record(stored)
            case .unreadable(let damage): return .unreadable(offset, damage)
            case .record, .nothing:
                throw OperationError.notFound("no event stands at offset \(offset)")
            }
        }
        var candidates: [(source: String, id: String)] = []
        if let slash = reference.firstIndex(of: "/") {
            candidates.append(
                (String(reference[..<slash]), String(reference[reference.index(after: slash)...])))
        }
        for source in projection.read({ $0.sourceNames }) { candidates.append((source, reference)) }
        let wanted = candidates
        let (found, lost) = try await OwnThread.run("sluice.find") { [log, projection] in
            var finder = EventFinder(log: log)
            let found = try wanted.compactMap { try finder.find($0.id, source: $0.source) }
            for damage in finder.damages { projection.notice(damage) }
            return (found, finder.damages)
        }
        guard let first = found.first else {
            let elsewhere = lost.map {
                "offsets \($0.offsets.lowerBound)..<\($0.offsets.upperBound) cannot be read, and it may be there; "
            }
            throw OperationError.notFound(
                "no event has the message id \(reference); \(elsewhere.joined())give an offset or SOURCE/MESSAGE_ID"
            )
        }
        guard found.allSatisfy({ $0.offset == first.offset }) else {
            throw OperationError.conflict(
                "several sources used that message id; give SOURCE/MESSAGE_ID or one of the offsets \(found.map { String($0.offset) }.joined(separator: ", "))"
            )
        }
        return first
    }

    /// Reads the frames that may hold a message id, and compares the id itself (L7). Blocks.
    private struct EventFinder {
        let log: EventLog
        private var reader: LogReader
        private var extractor: EventExtractor
        private(set) var damages: [Damage] = []

        init(log: EventLog) {
            self.log = log
            reader = log.makeReader()
            extractor = EventExtractor(key: log.identity.key)
        }

        /// A record that cannot be read is found by its hash alone: then it is probably the one.
        mutating func find(_ id: String, source: String) throws -> FoundEvent? {
            let hash = Array(id.utf8).withUnsafeBytes {
                extractor.messageKey(source: source, messageID: $0)
            }
            var met: [Damage] = []
            let offsets = try reader.readableCandidates(
                for: hash, from: Offset(0), to: log.durableEnd, unreadable: { met.append($0) })
            for damage in met where !damages.contains(damage) { damages.append(damage) }
            var unreadable: FoundEvent?
            for offset in offsets {
                switch try StoredPlace.read(at: offset, with: &reader) {
                case .record(let found) where found.source == source:
                    let held = try found.parse {
                        EventBody.read(line: $0) { $0.messageID?.string } ?? nil
                    }
                    if held == id { return .record(found) }
                case .unreadable(let damage):
                    if !damages.contains(damage) { damages.append(damage) }
                    unreadable = .unreadable(offset.value, damage)
                case .record, .nothing: continue
                }
            }
            return unreadable
        }
    }

    /// What can be said of an event whose record cannot be read: that it is withheld, and from whom (L9).
    private func explainUnreadable(_ offset: UInt64, _ damage: Damage, destination: String)
        -> JSONValue
    {
        let seen = projection.read { state in
            (
                loss: state.logLosses.first { $0.offsets.contains(offset) },
                status: state.effectStatus(of: offset, destination: destination),
                next: state.next
            )
        }
        var story = [
            "The record cannot be read: \(damage). Nothing about it can be sent, and no gate can be asked again."
        ]
        switch seen.loss?.reach {
        case .identifiers?:
            story.append(
                "Its columns still name whom it was about: they are withheld as unreadable from offset \(offset) on."
            )
        case .everything?:
            story.append(
                "Nobody knows whom it was about, or it may have been more than an event: all dispatch waits, or waited, for an operator to accept the loss."
            )
        case nil:
            story.append("It was folded while it could still be read.")
        }
        if let hold = dispatchHold { story.append("All dispatch is held: \(hold).") }
        if let status = seen.status {
            story.append("Its effect is \(status.name), as later records say.")
        }
        return [
            "event": ["offset": .offset(offset)], "destination": .string(destination),
            "decision": "withhold", "reasons": [.string(Gate.unreadable.name)],
            "story": .texts(story), "unreadable": Self.present(damage),
            "effect": ["status": .text(seen.status?.name)],
            "asOf": stamp(asOf: min(offset + 1, seen.next), question: .asKnown),
        ]
    }

    private func present(_ explanation: Explanation, _ stored: StoredRecord) async throws
        -> JSONValue
    {
        let event: JSONValue = try stored.parse { line in
            let body = EventBody.read(line: line) {
                (id: $0.messageID?.string, type: $0.type?.name, name: $0.name?.string)
            }
            return [
                "offset": .offset(stored.offset), "source": .string(stored.source),
                "messageId": .text(body?.id), "type": .text(body?.type),
                "name": .text(body?.name),
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
                        "ground": .string(purpose.state.ground.name),
                        "required": .bool(purpose.needsConsent),
                    ]
                }),
            "trackingPlan": explanation.tracking.map(Self.present) ?? .null,
            "filterRead": Self.present(explanation.fields),
            "tcf": explanation.tcf.map {
                [
                    "vendor": .count(Int($0.use.vendor)), "offset": .optionalOffset($0.offset),
                    "permitted": .bool($0.refusal == nil), "reason": .text($0.refusal),
                ]
            } ?? .null,
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
            let because = Self.because(purpose.state)
            lines.append(
                "Consent for \(purpose.name) was \(purpose.state.value.name)\(because)."
                    + (purpose.needsConsent ? "" : " This purpose does not rest on consent."))
        }
        if let tracking = explanation.tracking, tracking.outcome != .conforms {
            lines.append(Self.words(tracking))
        }
        if let tcf = explanation.tcf {
            let from = tcf.offset.map { " of record \($0)" } ?? ""
            lines.append(
                tcf.refusal.map {
                    "The TCF does not permit vendor \(tcf.use.vendor), by the string\(from): \($0)."
                } ?? "The TC string\(from) permits vendor \(tcf.use.vendor).")
        }
        switch explanation.status {
        case nil where explanation.rederived.isAllow && explanation.recorded != nil:
            lines.append("It has not been released yet.")
        case nil: break
        case .cancelled? where explanation.wasLeftBehind:
            lines.append(
                "It waited when the log was restored from a backup, and may have been received since the backup was made: it goes out only by a plan, see `sluice replay backfill`."
            )
        case .unknown? where explanation.wasLeftBehind:
            lines.append(
                "It may have been received: it was on its way when the backup was made from which the log was restored. An operator settles it."
            )
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
        for attempt in explanation.attempts where attempt.outcome == .delivered {
            switch attempt.correction {
            case .amend?:
                lines.append("It was amended: attempt \(attempt.offset) told another body for it.")
            case .retract?:
                lines.append(
                    "It was retracted: attempt \(attempt.offset) asked the recipient to delete it.")
            case nil: break
            }
        }
        if explanation.rederived.fails(.unreadable) {
            lines += unreadableStory(explanation)
        }
        if let hold = dispatchHold { lines.append("All dispatch is held: \(hold).") }
        if !explanation.agrees {
            lines.append(
                "The decision on record differs from the one worked out now. Run `sluice replay verify`."
            )
        }
        return lines
    }

    private static func because(_ state: ConsentState) -> String {
        switch state.ground {
        case .nothing: ""
        case .assertion(let reader):
            ", asserted by record \(state.offset.map(String.init) ?? "-") (\(reader.name))"
        case .ownSignal: ", since its own consent signal does not give it"
        case .regionalDefault(let country): " by the policy's default for \(country)"
        }
    }

    /// Which records that cannot be read withhold an event.
    private func unreadableStory(_ explanation: Explanation) -> [String] {
        let losses = projection.read { $0.logLosses(in: 0..<max(explanation.offset, 1)) }
        guard !losses.isEmpty else { return [] }
        let ranges = losses.map { "\($0.from)..<\($0.to)" }.joined(separator: ", ")
        return [
            "A record about this person lies in a part of the log that cannot be read (offsets \(ranges)): it may have been a denial."
        ]
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
            "action": .string(attempt.correction?.rawValue ?? "deliver"),
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
