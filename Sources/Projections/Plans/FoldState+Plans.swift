public import CustomerModel
import EventLog
import JSONText

/// Violations of one kind, for people.
public struct PlanViolations: Equatable, Sendable {
    public var plan: String
    public var type: EventType?
    /// The event's name; empty for a type without names.
    public var event: String
    /// A JSON pointer to the keyword of the schema; empty for events that are not planned.
    public var rule: String
    public var reason: String
    /// What became of the events; nil for the sum of what there was no room to tell apart.
    public var outcome: PlanVerdict.Outcome?
    public var count: UInt64
    public var last: UInt64
    /// Offsets of the first ones.
    public var samples: [UInt64]
}

/// One event that its tracking plan put in quarantine.
public struct QuarantinedEvent: Sendable {
    public var offset: UInt64
    /// The policy that judged it.
    public var policyVersion: Int
    /// Destinations that have an effect of it now, with where that stands: it was released to them.
    public var effects: [(destination: String, status: EffectStatus)]
}

extension CompiledPolicy {
    /// What its tracking plans say of an event; nil when none is about its source.
    public func verdict(on body: EventBody, source: String) -> PlanVerdict? {
        body.type.flatMap {
            plans.verdict(on: body, type: $0, name: body.name?.string ?? "", source: source)
        }
    }
}

extension FoldState {
    /// Asks the source's tracking plan about one event and counts what breaks it. Once an event, whatever
    /// the number of destinations.
    mutating func checkPlan(_ event: FoldedEvent, source: String, policy: CompiledPolicy)
        -> PlanVerdict?
    {
        guard !policy.plans.isEmpty,
            let verdict = policy.plans.verdict(
                on: event.body, type: event.type, name: event.name, source: source)
        else { return nil }
        if verdict.outcome != .conforms {
            planTable.note(verdict, type: event.type, event: event.name, offset: event.offset)
        }
        return verdict
    }

    // MARK: Questions

    /// Every kind of violation so far, in order of first appearance.
    public func planViolations() -> [PlanViolations] {
        planTable.rows.map { row in
            PlanViolations(
                plan: row.plan, type: EventType(rawValue: row.type), event: row.event,
                rule: row.rule, reason: row.reason,
                outcome: row.outcome == 0 ? nil : PlanVerdict.Outcome(rawValue: row.outcome),
                count: row.count, last: row.last, samples: row.samples)
        }
    }

    public var quarantinedCount: Int { planTable.quarantined.count }

    /// Offsets of a range that were put in quarantine when they came.
    public func quarantinedOffsets(in range: Range<UInt64>) -> [UInt64] {
        let start = planTable.quarantined.partitioningIndex { $0 >= range.lowerBound }
        let end = planTable.quarantined.partitioningIndex { $0 >= range.upperBound }
        return Array(planTable.quarantined[start..<max(start, end)])
    }

    /// Events that were put in quarantine, oldest first, with what became of them.
    public func quarantine(in range: Range<UInt64>, limit: Int) -> [QuarantinedEvent] {
        quarantinedOffsets(in: range).prefix(limit).map { offset in
            var effects: [(destination: String, status: EffectStatus)] = []
            for lane in lanes {
                guard let row = lane.row(offset) else { continue }
                effects.append((lane.lane.destination, row.status))
            }
            return QuarantinedEvent(
                offset: offset, policyVersion: decisions.version(at: offset) ?? 0,
                effects: effects)
        }
    }
}
