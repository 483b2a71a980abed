import CustomerModel
import EventLog

/// What plans name, what was tried and what came of it, as the log says it.
extension FoldState {
    // MARK: Plans

    mutating func apply(_ record: PlanRecord, at offset: UInt64) throws {
        let number = try lane(record.destination, record.epoch, record.slot)
        let plan = UInt32(plans.count)
        let planned = record.planned.members
        let exits = record.exits.compactMap(key(of:))
        guard planned.allSatisfy(decisions.holds), exits.allSatisfy({ decisions.holds($0.at) })
        else { throw FoldProblem.notInTheLog }
        plans.append(
            PlanState(
                record: offset, id: record.id, lane: number, planned: planned, exits: exits,
                act: record.act,
                policyVersion: UInt32(clamping: record.policyVersion),
                rate: UInt32(clamping: record.ratePerSecond ?? 0)))
        switch record.act {
        case .correct:
            planCorrections(record, plan: plan, lane: number)
            for exit in exits
            where told(lane: number, audience: exit.audience, of: subject(of: exit, asOf: nil))
                != .nothing
            {
                lanes[number].release(exit, change: .exited, plan: plan)
            }
            lanes[number].endWithdrawals(exits)
        case .backfill, .repair:
            for member in planned {
                lanes[number].plan(
                    member, plan: plan, unknown: record.act == .repair ? .lookUp : .leave)
            }
        }
    }

    /// Names corrections of what was told and is not being corrected yet; anything else stays as it is (R3).
    private mutating func planCorrections(_ record: PlanRecord, plan: UInt32, lane: Int) {
        for told in deliveries(in: record.from..<record.to, lane: lane)
        where record.planned.contains(told.at) {
            lanes[lane].corrections.append(
                CorrectionTable.Effect(
                    key: CorrectionTable.Key(at: told.at, plan: plan),
                    correction: record.retracted?.contains(told.at) == true ? .retract : .amend,
                    corrects: told.attempt,
                    row: LaneState.EffectRow(status: .pending, plan: plan)))
        }
    }

    mutating func apply(_ record: PlanEndedRecord) {
        guard let index = plans.firstIndex(where: { $0.id == record.id }) else { return }
        switch record.outcome {
        case .complete: plans[index].outcome = 1
        case .incomplete: plans[index].outcome = 2
        case .cancelled: plans[index].outcome = 3
        }
    }

    // MARK: Attempts and receipts

    mutating func apply(_ record: AttemptRecord, at offset: UInt64) throws {
        let number = try lane(record.destination, record.epoch, record.slot)
        let plan = record.plan.map { id in
            plans.lastIndex { $0.id == id }.map(UInt32.init) ?? AttemptTable.lostPlan
        }
        var members: [(at: UInt64, subject: UInt32, audience: UInt16)] = []
        for member in record.members {
            if member.action.correction != nil {
                guard let plan, decisions.holds(member.at) else { throw FoldProblem.notInTheLog }
                let key = CorrectionTable.Key(at: member.at, plan: plan)
                if var row = lanes[number].corrections.effect(key)?.row {
                    row.status = .attempting
                    row.tries += 1
                    row.attempt = offset
                    row.isFrozen = false
                    lanes[number].corrections.setRow(key, row)
                }
                members.append(
                    (member.at, decisions.anchor(at: member.at), AttemptTable.noAudience))
            } else if let key = membershipKey(member) {
                var row =
                    lanes[number].membership(key)?.row ?? LaneState.EffectRow(status: .pending)
                row.status = .attempting
                row.tries += 1
                row.attempt = offset
                lanes[number].setMembership(key, row)
                members.append(
                    (
                        key.at, identity.identifier(born: key.profile) ?? IdentityTable.none,
                        key.audience
                    ))
            } else {
                guard member.audience == nil, decisions.holds(member.at) else {
                    throw FoldProblem.notInTheLog
                }
                var row = lanes[number].row(member.at) ?? LaneState.EffectRow(status: .pending)
                row.status = .attempting
                row.tries += 1
                row.attempt = offset
                row.isFrozen = false
                lanes[number].setRow(member.at, row)
                members.append(
                    (member.at, decisions.anchor(at: member.at), AttemptTable.noAudience))
            }
        }
        attempts.append(
            offset: offset, lane: number, look: record.look, plan: plan ?? AttemptTable.noPlan,
            members: members)
    }

    private func membershipKey(_ member: AttemptRecord.Member) -> LaneState.MembershipEffect.Key? {
        guard let name = member.audience, let profile = member.profile,
            let audience = memberships.audiences.number(of: name)
        else { return nil }
        return LaneState.MembershipEffect.Key(audience: audience, profile: profile, at: member.at)
    }

    mutating func apply(_ record: ReceiptRecord, at offset: UInt64) throws {
        guard let attempt = attempts.index(of: record.attempt) else {
            // The answer to a request whose record was lost: that loss is listed already (L9).
            if losses.contains(record.attempt) { return }
            throw FoldProblem.unknownAttempt
        }
        let lane = Int(attempts.lanes[attempt])
        for (place, member) in attempts.range(attempt).enumerated() {
            let status = Self.status(record.outcome(ofMember: place), isParked: record.parked)
            if isCorrection(attempt: attempt),
                attempts.audiences[member] == AttemptTable.noAudience
            {
                settle(
                    correction: CorrectionTable.Key(
                        at: attempts.members[member], plan: attempts.plans[attempt]),
                    of: record.attempt, lane: lane, status: status)
                continue
            }
            settle(
                member: member, of: record.attempt, lane: lane, status: status, at: offset)
        }
        attempts.settle(attempt, receipt: offset) { place in
            Self.status(record.outcome(ofMember: place), isParked: false)
        }
        noteRaces(attempt, at: offset)
    }

    private static func status(_ outcome: ReceiptOutcome, isParked: Bool) -> EffectStatus {
        switch outcome {
        case .delivered: .delivered
        case .rejected: .rejected
        case .retry: isParked ? .parked : .pending
        case .unknown: isParked ? .parked : .unknown
        }
    }

    private mutating func settle(
        correction key: CorrectionTable.Key, of attempt: UInt64, lane: Int, status: EffectStatus
    ) {
        guard var row = lanes[lane].corrections.effect(key)?.row, row.attempt == attempt,
            row.status == .attempting || row.status == .unknown
        else { return }
        row.status = status
        lanes[lane].corrections.setRow(key, row)
    }

    /// Only the effect's last attempt settles it, and only while its end is open.
    private mutating func settle(
        member: Int, of attempt: UInt64, lane: Int, status: EffectStatus, at offset: UInt64
    ) {
        let at = attempts.members[member]
        let audience = attempts.audiences[member]
        guard audience != AttemptTable.noAudience else {
            guard var row = lanes[lane].row(at), row.attempt == attempt,
                row.status == .attempting || row.status == .unknown
            else { return }
            row.status = status
            lanes[lane].setRow(at, row)
            return
        }
        let subject = attempts.subjects[member]
        guard subject != IdentityTable.none else { return }
        let key = LaneState.MembershipEffect.Key(
            audience: audience, profile: identity.birth(subject), at: at)
        guard let effect = lanes[lane].membership(key), effect.row.attempt == attempt,
            effect.row.status == .attempting || effect.row.status == .unknown
        else { return }
        var row = effect.row
        row.status = status
        lanes[lane].setMembership(key, row)
        noteTold(
            key, change: effect.change, status: status, attempt: attempt, lane: lane, at: offset)
    }

    mutating func apply(_ record: CancelledRecord) throws {
        let number = try lane(record.destination, record.epoch, record.slot)
        if let plan = record.plan.flatMap({ id in plans.lastIndex { $0.id == id } }),
            plans[plan].isCorrection
        {
            cancelCorrections(record, plan: UInt32(plan), lane: number)
        } else {
            for member in record.members {
                guard var row = lanes[number].row(member.at), row.status.isOpen else { continue }
                row.status = .cancelled
                row.gates = member.gates.bits
                lanes[number].setRow(member.at, row)
            }
        }
        for member in record.memberships {
            guard let audience = memberships.audiences.number(of: member.audience) else { continue }
            let key = LaneState.MembershipEffect.Key(
                audience: audience, profile: member.profile, at: member.at)
            guard var row = lanes[number].membership(key)?.row, row.status.isOpen else { continue }
            row.status = member.superseded ? .superseded : .cancelled
            row.gates = member.gates.bits
            lanes[number].setMembership(key, row)
        }
    }

    private mutating func cancelCorrections(_ record: CancelledRecord, plan: UInt32, lane: Int) {
        for member in record.members {
            let key = CorrectionTable.Key(at: member.at, plan: plan)
            guard var row = lanes[lane].corrections.effect(key)?.row, row.status.isOpen else {
                continue
            }
            row.status = member.gates.isAllow ? .superseded : .cancelled
            row.gates = member.gates.bits
            lanes[lane].corrections.setRow(key, row)
        }
    }
}
