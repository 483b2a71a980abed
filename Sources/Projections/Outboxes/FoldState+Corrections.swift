public import CustomerModel
import EventLog
package import Hashing
package import JSONText

/// What a destination holds of one event.
public struct Delivery: Equatable, Sendable {
    /// The event.
    public var at: UInt64
    /// The attempt that told it last.
    public var attempt: UInt64
    /// That attempt's; nil where an operator settled it.
    public var receipt: UInt64?
    /// Whether a correction of it waits or is on its way.
    public var isUnderCorrection = false
}

/// What an attempt's record says of an event that it told.
package struct ToldMember: Equatable, Sendable {
    package var plan: String?
    package var action: EffectAction
    package var digest: Digest256
    package var identifiers: [UInt64]

    package init(plan: String?, member: AttemptRecord.Member) {
        self.plan = plan
        action = member.action
        digest = member.digest
        identifiers = member.identifiers
    }
}

/// What is to be done about an event that was delivered (E3).
package enum CorrectionNeed: Sendable {
    /// It stands as it is.
    case none
    /// It would have another body.
    case amend
    /// It is withheld under what is known now.
    case retract(Decision)
    /// It would be corrected, and nothing may leave about it.
    case barred(Decision)
}

extension FoldState {
    func isCorrection(attempt: Int) -> Bool {
        switch attempts.plans[attempt] {
        case AttemptTable.noPlan: false
        case AttemptTable.lostPlan: true
        case let plan: plans[Int(plan)].isCorrection
        }
    }

    /// What a lane's destination holds of the events in a range, in order of the events, without what is
    /// being corrected.
    package func deliveries(in range: Range<UInt64>, lane: Lane) -> [Delivery] {
        laneNumbers[lane].map { deliveries(in: range, lane: $0) } ?? []
    }

    /// What a destination holds in every epoch, with what is being corrected.
    public func allDeliveries(to destination: String) -> [Delivery] {
        lanes.indices.filter { lanes[$0].lane.destination == destination }.flatMap {
            everyDelivery(in: 0..<next, lane: $0)
        }
    }

    /// The destination as the newest policy that names it has it.
    public func latestDestination(_ name: String) -> Destination? {
        for policy in policies.reversed() {
            if let index = policy.destinationIndex(name) {
                return policy.policy.destinations[index]
            }
        }
        return nil
    }

    func deliveries(in range: Range<UInt64>, lane: Int) -> [Delivery] {
        everyDelivery(in: range, lane: lane).filter { !$0.isUnderCorrection }
    }

    private func everyDelivery(in range: Range<UInt64>, lane: Int) -> [Delivery] {
        var found: [Delivery] = []
        let state = lanes[lane]
        for attempt in attempts.offsets.indices
        where Int(attempts.lanes[attempt]) == lane && !isCorrection(attempt: attempt) {
            for member in attempts.range(attempt) {
                let at = attempts.members[member]
                guard range.contains(at), attempts.audiences[member] == AttemptTable.noAudience,
                    state.delivered.contains(at)
                else { continue }
                // One that an operator settled as delivered has no receipt that says so.
                switch EffectStatus(rawValue: attempts.outcomes[member]) {
                case .delivered, .unknown, .attempting: break
                default: continue
                }
                var delivery = Delivery(at: at, attempt: attempts.offsets[attempt])
                if let told = state.corrections.told[at] {
                    guard told.correction == .amend else { continue }
                    delivery.attempt = told.attempt
                }
                delivery.receipt = attempts.index(of: delivery.attempt).flatMap {
                    attempts.receipts[$0] == .max ? nil : attempts.receipts[$0]
                }
                delivery.isUnderCorrection = state.corrections.isUnderWay(at)
                found.append(delivery)
            }
        }
        found.sort { ($0.at, $0.attempt) < ($1.at, $1.attempt) }
        var last = 0
        for place in found.indices {
            if found[place].at != found[last].at { last += 1 }
            found[last] = found[place]
        }
        if !found.isEmpty { found.removeSubrange((last + 1)...) }
        return found
    }

    /// What an event that was delivered needs, by the rules in force and by what is known now.
    ///
    /// It is judged at its own time: a grant that ran out since, or an event that has grown old, was rightly
    /// shared. What may leave about it is judged at the present time.
    package func correctionNeed(
        of offset: UInt64, line: JSONView, lane: Lane, policy: CompiledPolicy,
        destination: Destination, meta: FoldLine, now: Timestamp
    ) -> CorrectionNeed {
        EventBody.read(line: line) { body in
            correctionNeed(
                of: offset, body, received: EventClock.time(line["received"]), lane: lane,
                policy: policy, destination: destination, meta: meta, now: now)
        } ?? .none
    }

    private func correctionNeed(
        of offset: UInt64, _ body: EventBody, received: Timestamp?, lane: Lane,
        policy: CompiledPolicy, destination: Destination, meta: FoldLine, now: Timestamp
    ) -> CorrectionNeed {
        guard
            let then = sight(
                of: offset, body, received: received, policy: policy, destination: destination,
                meta: meta, at: nil)
        else { return .none }
        var reasons = then.decision
        // Neither says that it should not have been shared.
        reasons.bits &= ~(Gate.unreadable.bit | Gate.suppressed.bit)
        guard reasons.isAllow else {
            var barred = Decision.allow
            // X1: nothing is dispatched about a suppressed subject, not even this.
            if then.decision.fails(.suppressed) { barred.fail(.suppressed) }
            if then.decision.fails(.destinationDisabled) { barred.fail(.destinationDisabled) }
            return barred.isAllow ? .retract(reasons) : .barred(barred)
        }
        guard let told = meta.told,
            let outgoing = outgoing(
                then, of: offset, lane: lane, policy: policy, destination: destination, meta: meta),
            SHA256.of(bytes(of: outgoing, as: told, then, lane: lane, source: meta.source))
                != told.digest,
            let today = sight(
                of: offset, body, received: received, policy: policy, destination: destination,
                meta: meta, at: now)
        else { return .none }
        return today.decision.isAllow ? .amend : .barred(today.decision)
    }

    /// What a body would have been in the attempt that told it last.
    private func bytes(
        of outgoing: Outgoing, as told: ToldMember, _ sight: Sight, lane: Lane, source: String
    ) -> [UInt8] {
        guard told.action == .amend, let plan = told.plan else { return outgoing.body }
        return amendment(outgoing, sight, lane: lane, source: source, plan: plan).body
    }

    private func amendment(
        _ outgoing: Outgoing, _ sight: Sight, lane: Lane, source: String, plan: String
    ) -> Outgoing {
        let key = correctionKey(.amend, sight, lane: lane, source: source, plan: plan)
        let rendered = Rendering.amendment(
            id: key.hex, plan: plan, corrects: outgoing.key.hex, messageID: sight.messageID,
            effect: Rendered(
                bytes: outgoing.body, fields: outgoing.fields,
                identifierTypes: outgoing.identifiers))
        var amended = outgoing
        amended.key = key
        amended.action = .amend
        amended.body = rendered.bytes
        return amended
    }

    private func correctionKey(
        _ correction: Correction, _ sight: Sight, lane: Lane, source: String, plan: String
    ) -> EffectKey {
        EffectKey.make(
            destination: lane.destination, epoch: lane.epoch, source: source,
            messageID: sight.messageID, slot: lane.slot, action: correction.action, plan: plan)
    }

    /// Judges one correction as of now and renders it.
    ///
    /// It leaves only while what it corrects is what the destination was told last, so that an older plan
    /// never overwrites what a newer one said (R3), and an amendment only under the version it was planned
    /// with. A retraction needs no consent, since it asks to delete; it says no more than the recipient was
    /// told.
    func look(
        correction: Correction, at offset: UInt64, plan id: String, line: JSONView, lane: Lane,
        policy: CompiledPolicy, destination: Destination, meta: FoldLine, now: Timestamp
    ) -> Verdict {
        EventBody.read(line: line) { body in
            look(
                correction: correction, at: offset, plan: id, body,
                received: EventClock.time(line["received"]), lane: lane, policy: policy,
                destination: destination, meta: meta, now: now)
        } ?? .superseded
    }

    private func look(
        correction: Correction, at offset: UInt64, plan id: String, _ body: EventBody,
        received: Timestamp?, lane: Lane, policy: CompiledPolicy, destination: Destination,
        meta: FoldLine, now: Timestamp
    ) -> Verdict {
        guard let number = laneNumbers[lane],
            let plan = plans.lastIndex(where: { $0.id == id }),
            let effect = lanes[number].corrections.effect(
                CorrectionTable.Key(at: offset, plan: UInt32(plan))),
            lanes[number].delivered.contains(offset),
            lanes[number].corrections.told[offset].map({ $0.attempt == effect.corrects }) ?? true,
            let sight = sight(
                of: offset, body, received: received, policy: policy, destination: destination,
                meta: meta, at: now)
        else { return .superseded }
        let need = correctionNeed(
            of: offset, body, received: received, lane: lane, policy: policy,
            destination: destination, meta: meta, now: now)
        switch (correction, need) {
        case (_, .barred(let decision)): return .cancel(decision)
        case (.amend, .amend) where plans[plan].policyVersion == UInt32(policy.version):
            guard
                let outgoing = outgoing(
                    sight, of: offset, lane: lane, policy: policy, destination: destination,
                    meta: meta)
            else { return .superseded }
            return .send(amendment(outgoing, sight, lane: lane, source: meta.source, plan: id))
        case (.retract, .retract):
            return .send(
                retraction(
                    of: offset, sight, lane: lane, policy: policy, destination: destination,
                    meta: meta, plan: id))
        case (.amend, _), (.retract, _): return .superseded
        }
    }

    private func retraction(
        of offset: UInt64, _ sight: Sight, lane: Lane, policy: CompiledPolicy,
        destination: Destination, meta: FoldLine, plan: String
    ) -> Outgoing {
        let key = correctionKey(.retract, sight, lane: lane, source: meta.source, plan: plan)
        let told = Set(meta.told?.identifiers ?? [])
        let identifiers = outgoingIdentifiers(
            destination.identifiers, root: sight.then, asOf: offset, now: sight.root
        ).filter { told.contains(hashes([$0])[0]) }
        let corrects = EffectKey.make(
            destination: lane.destination, epoch: lane.epoch, source: meta.source,
            messageID: sight.messageID, slot: lane.slot, action: .deliver)
        let rendered = Rendering.retraction(
            id: key.hex, plan: plan, corrects: corrects.hex, messageID: sight.messageID,
            identifiers: identifiers)
        return Outgoing(
            key: key, action: .retract, at: Offset(offset), audience: nil, profile: nil,
            body: rendered.bytes, policyVersion: policy.version, consent: nil, fields: [],
            identifiers: rendered.identifierTypes, identifierHashes: hashes(identifiers))
    }
}
