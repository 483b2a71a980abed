public import CustomerModel
import EventLog

/// An effect of which nobody knows whether it arrived, and which nothing takes up by itself (E7).
public struct UnknownEffect: Equatable, Sendable {
    public var lane: Lane
    /// The attempt that may have told it.
    public var attempt: UInt64
    /// The event's offset, or where the membership changed.
    public var at: UInt64
    public var audience: String?
    public var profile: ProfileID?
    /// The plan that names it; nil when a release did.
    public var plan: String?
    public var isCorrection = false
}

/// What may have arrived and stays so until an operator settles it: where the destination can neither be
/// asked nor be sent the same again, and what a restore left behind (L3).
extension FoldState {
    /// Whether something at a lane's destination takes an unknown effect up by itself.
    func takesUpUnknown(_ lane: Int) -> Bool {
        latestDestination(lanes[lane].lane.destination)?.connector.unknownExit
            != .settledByOperator
    }

    /// In order of lanes, then of events, memberships and corrections.
    public func unknownEffects() -> [UnknownEffect] {
        lanes.indices.flatMap { unknownEffects(lane: $0) }
    }

    private func unknownEffects(lane number: Int) -> [UnknownEffect] {
        let lane = lanes[number]
        let isTakenUp = takesUpUnknown(number)
        func waits(_ row: LaneState.EffectRow) -> Bool {
            row.status == .unknown && (row.isFrozen || !isTakenUp)
        }
        func effect(_ row: LaneState.EffectRow, at offset: UInt64) -> UnknownEffect {
            UnknownEffect(
                lane: lane.lane, attempt: row.attempt, at: offset,
                plan: row.plan == .max ? nil : plans[Int(row.plan)].id)
        }
        var found: [UnknownEffect] = []
        for offset in lane.exceptions.keys.sorted() {
            guard let row = lane.exceptions[offset], waits(row) else { continue }
            found.append(effect(row, at: offset))
        }
        for item in lane.memberships where waits(item.row) {
            var effect = effect(item.row, at: item.key.at)
            effect.audience = memberships.audiences.names[Int(item.key.audience)]
            effect.profile = item.key.profile
            found.append(effect)
        }
        for item in lane.corrections.effects where waits(item.row) {
            var effect = effect(item.row, at: item.key.at)
            effect.isCorrection = true
            found.append(effect)
        }
        return found
    }

    /// An operator found out what became of an effect. Only what is unknown is settled; whatever has an end
    /// keeps it.
    mutating func apply(_ record: SettledRecord, at offset: UInt64) throws {
        let number = try lane(record.destination, record.epoch, record.slot)
        let status: EffectStatus =
            switch record.outcome {
            case .delivered: .delivered
            case .rejected: .rejected
            case .pending: .pending
            }
        func settled(_ row: LaneState.EffectRow?) -> LaneState.EffectRow? {
            guard var row, row.status == .unknown else { return nil }
            row.status = status
            row.isFrozen = false
            return row
        }
        if let name = record.audience, let profile = record.profile {
            guard let audience = memberships.audiences.number(of: name) else { return }
            let key = LaneState.MembershipEffect.Key(
                audience: audience, profile: profile, at: record.at)
            guard let effect = lanes[number].membership(key), let row = settled(effect.row) else {
                return
            }
            lanes[number].setMembership(key, row)
            if status == .delivered {
                noteTold(
                    key, change: effect.change, status: status, attempt: row.attempt,
                    lane: number, at: offset)
            } else if effect.change == .entered {
                noteNotTold(key, lane: number)
            }
        } else if let plan = record.plan.flatMap({ id in plans.lastIndex { $0.id == id } }),
            plans[plan].isCorrection
        {
            let key = CorrectionTable.Key(at: record.at, plan: UInt32(plan))
            guard let row = settled(lanes[number].corrections.effect(key)?.row) else { return }
            lanes[number].corrections.setRow(key, row)
        } else if let row = settled(lanes[number].row(record.at)) {
            lanes[number].setRow(record.at, row)
        }
    }
}
