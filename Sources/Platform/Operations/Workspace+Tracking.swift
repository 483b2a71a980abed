import CustomerModel
import EventLog
import JSONText
import Projections

/// Tracking plans: what broke them, what waits in quarantine, and how it gets out.
extension Workspace {
    /// How often each rule was broken, by event name, with offsets to look at.
    func planViolations() -> JSONValue {
        let (violations, quarantined) = projection.read {
            ($0.planViolations(), $0.quarantinedCount)
        }
        return [
            "violations": .array(
                violations.map { item in
                    [
                        "plan": .string(item.plan), "type": .text(item.type?.name),
                        "event": .string(item.event), "outcome": .text(item.outcome?.name),
                        "reason": .string(item.reason), "rule": .string(item.rule),
                        "count": .offset(item.count), "last": .offset(item.last),
                        "samples": .array(item.samples.map(JSONValue.offset)),
                    ]
                }),
            "quarantined": .count(quarantined),
        ]
    }

    static func presentTracking(_ violations: [PlanViolations], quarantined: Int) -> JSONValue {
        func count(_ outcome: PlanVerdict.Outcome?) -> JSONValue {
            .offset(violations.filter { $0.outcome == outcome }.reduce(0) { $0 + $1.count })
        }
        return [
            "withheldViolations": count(.withheld), "strippedViolations": count(.stripped),
            "quarantineViolations": count(.quarantined), "quarantined": .count(quarantined),
        ]
    }

    // MARK: Quarantine

    /// Events that were put in quarantine, oldest first, with why, and what became of them.
    func quarantine(_ parameters: Parameters) async throws -> JSONValue {
        let from = try await range(parameters, "from") ?? 0
        let to = try await range(parameters, "to") ?? .max
        let limit = try parameters.integer("limit", default: 100, in: 1...10_000)
        let (events, total, current) = projection.read { state in
            let range = from..<max(from, to)
            return (
                state.quarantine(in: range, limit: limit),
                state.quarantinedOffsets(in: range).count, state.policy
            )
        }
        let rows = try await OwnThread.run("sluice.quarantine") { [log, projection] in
            var reader = log.makeReader()
            return try events.map { event -> JSONValue in
                let place = try StoredPlace.read(at: Offset(event.offset), with: &reader)
                if case .unreadable(let damage) = place { projection.notice(damage) }
                return try Self.present(event, place.record, projection: projection, now: current)
            }
        }
        return [
            "quarantined": .count(total), "events": .array(rows),
            "truncated": .bool(rows.count < total),
        ]
    }

    private static func present(
        _ event: QuarantinedEvent, _ stored: StoredRecord?, projection: LiveProjection,
        now: CompiledPolicy?
    ) throws -> JSONValue {
        let policy = projection.read { $0.policy(version: event.policyVersion) }
        let (name, id, then, today) =
            try stored?.parse { line in
                EventBody.read(line: line) { body in
                    (
                        EventExtractor.columnName(of: body), body.messageID?.string,
                        policy?.verdict(on: body, source: stored?.source ?? ""),
                        now?.verdict(on: body, source: stored?.source ?? "")
                    )
                }
            } ?? (nil, nil, nil, nil)
        let state: String
        if !event.effects.isEmpty {
            state = "released"
        } else if stored == nil {
            state = "held: its record cannot be read"
        } else if today?.outcome == .quarantined {
            state = "held"
        } else {
            state = "ready: see sluice policy release"
        }
        return [
            "offset": .offset(event.offset), "source": .text(stored?.source),
            "messageId": .text(id), "event": .text(name), "state": .string(state),
            "reasons": .texts(then.map(reasons) ?? []),
            "policyVersion": .count(event.policyVersion),
            "releasedTo": .texts(event.effects.map { "\($0.destination): \($0.status.name)" }),
        ]
    }

    private static func reasons(_ verdict: PlanVerdict) -> [String] {
        verdict.violations.isEmpty
            ? ["the plan \(verdict.plan) does not name it"]
            : verdict.violations.map(\.description)
    }

    /// Plans, and unless `dryRun` records, the release of what is in quarantine and does not break the
    /// policy in force: for one destination, or for each of the policy's.
    ///
    /// A backfill of those offsets and no others (R1, R2): allowed at the event and now, never told before.
    /// Asking again plans nothing more.
    func releaseQuarantine(_ parameters: Parameters, by principal: Principal) async throws
        -> JSONValue
    {
        let names: [String]
        if parameters.has("destination") {
            names = [try parameters.text("destination")]
        } else {
            names = projection.read { $0.policy?.policy.destinations.map(\.name) ?? [] }
        }
        return [
            "destinations": .array(
                try await backfill(parameters, to: names, only: .quarantined, by: principal))
        ]
    }

    // MARK: Explaining

    static func present(_ verdict: PlanVerdict) -> JSONValue {
        [
            "plan": .string(verdict.plan), "outcome": .string(verdict.outcome.name),
            "planned": .bool(verdict.selector != nil),
            "violations": .texts(verdict.violations.map(\.description)),
            "stripped": .texts(verdict.stripped.map(\.description)),
        ]
    }

    static func words(_ verdict: PlanVerdict) -> String {
        let why = reasons(verdict).joined(separator: "; ")
        return switch verdict.outcome {
        case .conforms: "It keeps to tracking plan \(verdict.plan)."
        case .stripped:
            "Tracking plan \(verdict.plan) strips \(verdict.stripped.map(\.description).joined(separator: ", ")) from it: \(why)."
        case .withheld: "It breaks tracking plan \(verdict.plan): \(why)."
        case .quarantined:
            "Tracking plan \(verdict.plan) put it in quarantine: \(why). It is released by `sluice policy release` once a policy in force does not hold it."
        }
    }

    /// What the filter read of the profile.
    static func present(_ fields: ProfileValues?) -> JSONValue {
        guard let fields else { return .null }
        return .members(
            zip(fields.paths, fields.tokens).map { path, token in
                (path.description, .text(token.map { String(decoding: $0, as: UTF8.self) }))
            })
    }
}
