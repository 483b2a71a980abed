import CustomerModel
package import EventLog
package import JSONText

/// What waits to be sent.
extension FoldState {
    package mutating func pendingEffects(
        in lane: Lane, limit: Int, skipping: (PendingEffect) -> Bool
    ) -> [PendingEffect] {
        guard let number = laneNumbers[lane], !isHeld(lane) else { return [] }
        var memberships = lanes[number].openMemberships.map { lanes[number].memberships[$0] }[...]
        var found: [PendingEffect] = []
        // First, since what they correct was told before anything that waits.
        var corrections = CorrectionTable()
        swap(&corrections, &lanes[number].corrections)
        corrections.forEachOpen { correction in
            offer(
                effect(
                    .correction(
                        correction.correction, at: Offset(correction.key.at),
                        corrects: Offset(correction.corrects)), correction.row),
                to: &found, skipping)
            return found.count < limit
        }
        swap(&corrections, &lanes[number].corrections)
        let exceptions = lanes[number].exceptions
        // Out of the lane while it is walked, since the walk moves the set's own low mark.
        var open = lanes[number].takeOpen()
        open.forEachAscending { offset in
            while let first = memberships.first, first.key.at < offset, found.count < limit {
                offer(membershipEffect(first), to: &found, skipping)
                memberships.removeFirst()
            }
            guard found.count < limit else { return false }
            let row = exceptions[offset] ?? LaneState.EffectRow(status: .pending)
            offer(effect(.event(Offset(offset)), row), to: &found, skipping)
            return found.count < limit
        }
        lanes[number].putBack(open)
        while let first = memberships.popFirst(), found.count < limit {
            offer(membershipEffect(first), to: &found, skipping)
        }
        return found
    }

    /// Whether nothing may leave in a lane: it is paused, it waits since a restore (L3), a loss was not
    /// accepted (L9), or its decisions differ from what was released (A2).
    package func isHeld(_ lane: Lane) -> Bool {
        guard let number = laneNumbers[lane] else { return true }
        return isHeldByLoss || !lanes[number].disagreements.isEmpty
            || pausedDestinations.contains(lane.destination)
            || restoredDestinations.contains(lane.destination)
    }

    private func offer(
        _ effect: PendingEffect, to found: inout [PendingEffect],
        _ skipping: (PendingEffect) -> Bool
    ) {
        if !skipping(effect) { found.append(effect) }
    }

    private func effect(_ subject: PendingEffect.Subject, _ row: LaneState.EffectRow)
        -> PendingEffect
    {
        PendingEffect(
            subject: subject, plan: row.plan == .max ? nil : plans[Int(row.plan)].id,
            tries: Int(row.tries), isUnknown: row.status == .unknown,
            lastAttempt: row.attempt == .max ? nil : Offset(row.attempt))
    }

    private func membershipEffect(_ item: LaneState.MembershipEffect) -> PendingEffect {
        effect(
            .membership(
                audience: memberships.audiences.names[Int(item.key.audience)],
                profile: item.key.profile, change: item.change, at: Offset(item.key.at)),
            item.row)
    }

    package func openAttempts(in lane: Lane) -> [Offset] {
        guard let number = laneNumbers[lane] else { return [] }
        return attempts.open.filter { Int(attempts.lanes[$0]) == number }.map {
            Offset(attempts.offsets[$0])
        }
    }

    package mutating func look(
        _ effects: [PendingEffect], lines: [[UInt8]?], metas: [FoldLine?],
        lane: Lane, now: Timestamp
    ) throws -> Look {
        guard let policy = policies.last, let index = policy.destinationIndex(lane.destination),
            policy.policy.destinations[index].epoch == lane.epoch
        else { throw LookProblem.laneClosed(lane.destination) }
        let destination = policy.policy.destinations[index]
        var verdicts: [Verdict] = []
        // What this look lets leave: who went and came again in between is told of it once (E2).
        var leaving: Set<LaneState.ToldKey> = []
        for (place, effect) in effects.enumerated() {
            guard let line = lines[place], let meta = metas[place] else {
                var unreadable = Decision.allow
                unreadable.fail(.unreadable)
                verdicts.append(.cancel(unreadable))
                continue
            }
            var parser = JSONParser()
            swap(&parser, &scratch.parser)
            defer { swap(&parser, &scratch.parser) }
            let verdict = try line.withUnsafeBytes { bytes in
                try parser.parseTrusted(bytes) { view -> Verdict in
                    verdictOf(
                        effect, view, meta, lane: lane, policy: policy, destination: destination,
                        now: now)
                }
            }
            if case .send(let outgoing) = verdict,
                !isNews(outgoing, lane: lane, beside: &leaving)
            {
                verdicts.append(.superseded)
            } else {
                verdicts.append(verdict)
            }
        }
        return Look(
            offset: Offset(next), policyVersion: policy.version, destination: destination,
            generation: generation, isHeld: isHeld(lane), verdicts: verdicts)
    }

    private func verdictOf(
        _ effect: PendingEffect, _ line: JSONView, _ meta: FoldLine, lane: Lane,
        policy: CompiledPolicy, destination: Destination, now: Timestamp
    ) -> Verdict {
        switch effect.subject {
        case .event(let offset):
            return look(
                at: offset.value, line: line, lane: lane, policy: policy,
                destination: destination, meta: meta, now: now)
        case .correction(let correction, let at, _):
            guard let plan = effect.plan else { return .superseded }
            return look(
                correction: correction, at: at.value, plan: plan, line: line, lane: lane,
                policy: policy, destination: destination, meta: meta, now: now)
        case .membership(let audience, let profile, let change, let at):
            guard let number = memberships.audiences.number(of: audience),
                let moment = EventClock.time(line["received"])
            else { return .superseded }
            return look(
                membership: LaneState.MembershipEffect.Key(
                    audience: number, profile: profile, at: at.value),
                change: change, plan: effect.plan, lane: lane, policy: policy,
                destination: destination, moment: moment, now: now)
        }
    }
}

/// Why a look could not be taken.
enum LookProblem: Error, CustomStringConvertible {
    case laneClosed(String)
    var description: String {
        switch self {
        case .laneClosed(let name):
            "the policy in force has no destination \(name) with this epoch; nothing is sent to it"
        }
    }
}
