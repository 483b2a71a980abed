import CustomerModel
import EventLog
import Hashing
import JSONText
import Projections

/// What a planner worked out for one destination: nothing of it is recorded yet.
struct PlanDraft: Sendable {
    /// One plan's share of the range: a plan never spans a restore (L3), and its record fits a line (L1).
    struct Part: Sendable {
        var planned: OffsetBitmap
        /// Of a correction.
        var retracted: OffsetBitmap?
        /// Of a correction: who is to be told to have left an audience.
        var exits: [ReleasedRecord.Membership] = []
        var counts: PlanRecord.Counts
    }

    var lane: Lane
    var parts: [Part]
    /// What could not be read.
    var losses: [LogLoss]

    /// Offsets that one plan speaks of at most: two bitmaps of them fit a line.
    static let widest: UInt64 = 1 << 23
    /// Exits that one plan names at most: they fit a line.
    static let mostExits = 20_000

    func total(_ count: KeyPath<PlanRecord.Counts, Int>) -> Int {
        parts.reduce(0) { $0 + $1.counts[keyPath: count] }
    }

    /// The parts of a range that one plan each can speak of.
    static func shares(of range: Range<UInt64>, in state: borrowing FoldState) -> [Range<UInt64>] {
        state.stretches(in: range).flatMap { stretch in
            stride(from: stretch.lowerBound, to: stretch.upperBound, by: Int(widest)).map {
                $0..<min($0 + widest, stretch.upperBound)
            }
        }
    }
}

/// A plan about to be recorded.
struct PlanOrder: Sendable {
    var act: PlanRecord.Act
    var policyVersion: Int
    var isRetroactive = false
}

extension Workspace {
    /// Records a draft's plans, unless this is a dry run, and wakes the lane.
    ///
    /// - Returns: the answer's first and last members; what was counted goes between.
    func carryOut(_ draft: PlanDraft, _ order: PlanOrder, _ scope: ReplayScope) async throws
        -> PlanAnswer
    {
        let records = draft.parts.filter { $0.counts.planned > 0 }.map { part in
            PlanRecord(
                id: Self.planID(), act: order.act, destination: draft.lane.destination,
                epoch: draft.lane.epoch, slot: draft.lane.slot,
                policyVersion: order.policyVersion, approver: scope.approver,
                ratePerSecond: scope.rate, counts: part.counts, planned: part.planned,
                retracted: part.retracted, exits: part.exits, isRetroactive: order.isRetroactive,
                narrowing: scope.recorded(key: log.identity))
        }
        let recorded = scope.isDryRun ? [] : records
        if !recorded.isEmpty { try await append(recorded.map { ControlDraft.make($0) }) }
        nudgeDispatchers(of: draft.lane.destination)
        let head: [(String, JSONValue)] = [
            ("plan", .text(recorded.first?.id)), ("dryRun", .bool(scope.isDryRun)),
            ("destination", .string(draft.lane.destination)),
            ("policyVersion", .count(order.policyVersion)),
            ("from", .offset(draft.parts.first?.planned.from ?? scope.range.lowerBound)),
            ("to", .offset(draft.parts.last?.planned.to ?? scope.range.lowerBound)),
        ]
        var tail: [(String, JSONValue)] = [
            ("planned", .count(draft.total(\.planned))), ("approver", .string(scope.approver)),
        ]
        if recorded.count > 1 { tail.append(("plans", .texts(recorded.map(\.id)))) }
        if !draft.losses.isEmpty {
            tail.append(("unreadable", .array(draft.losses.map { Self.present($0) })))
        }
        return PlanAnswer(head: head, tail: tail)
    }

    private static func planID() -> String {
        "plan-" + Hexadecimal.encode(Secrets.randomBytes(6))
    }

    func plans() -> JSONValue {
        let plans = projection.read { $0.planStatuses() }
        return [
            "plans": .array(
                plans.map { plan in
                    [
                        "plan": .string(plan.id), "act": .string(plan.act),
                        "destination": .string(plan.lane.destination),
                        "record": .offset(plan.record), "planned": .count(plan.planned),
                        "state": .string(plan.outcome?.rawValue ?? "running"),
                        "delivered": .count(plan.counts[.delivered] ?? 0),
                        "pending": .count(
                            (plan.counts[.pending] ?? 0) + (plan.counts[.attempting] ?? 0)),
                        "unknown": .count(plan.counts[.unknown] ?? 0),
                        "rejected": .count(plan.counts[.rejected] ?? 0),
                        "cancelled": .count(plan.counts[.cancelled] ?? 0),
                        "superseded": .count(plan.counts[.superseded] ?? 0),
                        "parked": .count(plan.counts[.parked] ?? 0),
                    ]
                })
        ]
    }
}

/// The members of every plan's answer.
struct PlanAnswer {
    var head: [(String, JSONValue)]
    var tail: [(String, JSONValue)]

    func with(_ counts: [(String, JSONValue)], seconds: String) -> JSONValue {
        .members(head + counts + tail + [("seconds", .number(seconds))])
    }
}
