public import CustomerModel
import EventLog
public import JSONText

/// Why an event was or was not for a destination, worked out anew from the log (A2).
public struct Explanation: Sendable {
    public struct Purpose: Sendable {
        public var name: String
        public var state: ConsentState
        public var needsConsent: Bool
    }
    public var offset: UInt64
    public var destination: String
    /// The policy that judged the event; 0 before any.
    public var policyVersion: Int
    /// What every gate says when asked again, as known at the event.
    public var rederived: Decision
    /// What the decision column holds; nil when the destination was not in the policy then.
    public var recorded: Decision?
    /// The allowlist line that meant the event.
    public var rule: EventRule?
    public var purposes: [Purpose]
    /// What the TCF says, where the destination is one of its vendors.
    public var tcf: TCF?
    public struct TCF: Sendable {
        public var use: TCFUse
        /// The event that carried the person's most recent string; nil when there is none.
        public var offset: UInt64?
        /// Why that string, or the event's own, does not permit it; nil when it does.
        public var refusal: String?
    }
    /// What its source's tracking plan said of it; nil when there was none.
    public var tracking: PlanVerdict?
    /// What the filter read of the profile, as of the event.
    public var fields: ProfileValues?
    public var profile: ProfileID?
    public var presentProfile: ProfileID?
    /// Whether the lane was open when the event came, and so whether it could be released by itself.
    public var laneStart: UInt64?
    public var releasedTo: UInt64?
    public var status: EffectStatus?
    public var tries: Int
    /// Whether a restore of the log left its effect behind (L3).
    public var wasLeftBehind: Bool
    public var cancelledBy: Decision?
    public var plan: String?
    /// Offsets of the attempts that carried it, with their outcome and receipt.
    public var attempts: [Attempt]
    public struct Attempt: Sendable {
        public var offset: UInt64
        public var receipt: UInt64?
        public var outcome: EffectStatus
        /// What it corrected with; nil when it told the event itself.
        public var correction: Correction?
    }

    /// A2: a difference is shown, not hidden.
    public var agrees: Bool { recorded.map { $0 == rederived } ?? true }
}

extension FoldState {
    /// Asks every gate about one event again, as known at the event.
    ///
    /// - Parameters:
    ///   - line: the event's own line.
    ///   - occurred, keys: from the log's columns.
    /// - Returns: nil when the line is no event or no policy ever named the destination.
    public func explain(
        at offset: UInt64, line: JSONView, source: String, occurred: Int64, keys: [UInt64],
        destination name: String
    ) -> Explanation? {
        let explanation = EventBody.read(line: line) { body in
            explain(
                at: offset, line: line, body, source: source, occurred: occurred, keys: keys,
                destination: name)
        }
        return explanation ?? nil
    }

    private func explain(
        at offset: UInt64, line: JSONView, _ body: EventBody, source: String, occurred: Int64,
        keys: [UInt64], destination name: String
    ) -> Explanation? {
        guard offset < next, let type = body.type,
            let received = EventClock.time(line["received"])
        else { return nil }
        let version = decisions.version(at: offset) ?? 0
        guard let policy = policy(version: version) else { return nil }
        let known = policy.destinationIndex(name)
        guard let judged = known.map({ policy.policy.destinations[$0] }) ?? latestDestination(name)
        else {
            return nil
        }
        let anchor = decisions.anchor(at: offset)
        let root =
            anchor == DecisionColumns.none
            ? nil : identity.root(ofIdentifier: anchor, asOf: offset)
        let signal = ConsentSignal.read(body, by: policy.reading, received: received)
        var states: [ConsentState] = []
        purposeStates(
            of: root ?? IdentityTable.none, policy: policy, now: received.microseconds,
            asOf: offset, into: &states)
        Self.narrow(
            &states, by: signal, policy: policy, body: body, source: source, offset: offset)
        let tcString = tcString(of: root ?? IdentityTable.none, policy: policy, asOf: offset)
        let profile = root.flatMap { identity.profileID(ofRoot: $0, asOf: offset) }
        let item = Case(
            body: body, source: source, type: type, name: body.name?.string ?? "",
            received: received.microseconds, occurred: occurred, purposes: states,
            isSuppressed: wasSuppressed(root, asOf: offset),
            isUnreadable: signal.isUnreadable
                || hasUnreadable(keys: keys, root: root ?? IdentityTable.none, asOf: offset),
            profile: profile, eventReceived: received.microseconds,
            fields: self.profile(policy, of: root, asOf: offset),
            plan: policy.plans.verdict(
                on: body, type: type, name: body.name?.string ?? "", source: source))
        var rederived = Decision.allow
        if known != nil {
            rederived = Judge.decide(
                judged, item, purposes: policy.policy.purposes,
                hasRequiredIdentifier: hasRequired(
                    judged, root: root ?? IdentityTable.none, asOf: offset),
                sampleKey: key)
            Self.judgeTCF(judged, person: tcString, own: signal.tcString, into: &rederived)
        } else {
            // The destination did not exist for this event: nothing was connected to it.
            rederived.fail(.destinationDisabled)
        }
        let lane = laneNumber(judged.name, judged.epoch, Lane.eventSlot)
        let row = lane.flatMap { lanes[$0].row(offset) }
        let judgedStates = known == nil ? [] : judged.purposes + judged.anyPurposes
        return Explanation(
            offset: offset, destination: name, policyVersion: version, rederived: rederived,
            recorded: known.flatMap {
                decisions.decision(row: decisions.row(at: offset), destination: $0)
            },
            rule: Judge.rule(for: item, in: judged),
            purposes: judgedStates.map {
                Explanation.Purpose(
                    name: policy.policy.purposes[$0].name, state: states[$0],
                    needsConsent: policy.policy.purposes[$0].needsConsent)
            },
            tcf: known == nil
                ? nil : judged.tcf.map { Self.explain($0, tcString, own: signal.tcString) },
            tracking: item.plan, fields: item.fields, profile: profile,
            presentProfile: root == nil
                ? nil : identity.root(ofIdentifier: anchor).map { identity.profileID(ofRoot: $0) },
            laneStart: lane.map { lanes[$0].start }, releasedTo: lane.map { lanes[$0].releasedTo },
            status: row?.status, tries: Int(row?.tries ?? 0),
            wasLeftBehind: row?.isFrozen ?? false,
            cancelledBy: row.flatMap { $0.status == .cancelled ? Decision(bits: $0.gates) : nil },
            plan: row.flatMap { $0.plan == .max ? nil : plans[Int($0.plan)].id },
            attempts: lane.map { attemptsOf(offset, lane: $0) } ?? [])
    }

    private static func explain(
        _ use: TCFUse, _ person: PersonTCString?, own: CarriedTCString?
    ) -> Explanation.TCF {
        let refusal = person?.string.refusal(of: use) ?? own?.string.refusal(of: use)
        return Explanation.TCF(
            use: use, offset: person?.offset,
            refusal: person == nil ? "there is no TC string" : refusal?.description)
    }

    /// Where an event's effect for a destination stands, in the newest epoch that has one.
    public func effectStatus(of offset: UInt64, destination: String) -> EffectStatus? {
        for lane in lanes.reversed() where lane.lane.destination == destination {
            if let row = lane.row(offset) { return row.status }
        }
        return nil
    }

    private func wasSuppressed(_ root: UInt32?, asOf offset: UInt64) -> Bool {
        guard let root, suppressedCount > 0 else { return false }
        var found = false
        identity.forEachMember(ofRoot: root, asOf: offset) {
            if identity.suppressedFrom[Int($0)] <= offset { found = true }
        }
        return found
    }

    private func correction(of offset: UInt64, attempt: Int, lane: Int) -> Correction? {
        guard isCorrection(attempt: attempt) else { return nil }
        return lanes[lane].corrections
            .effect(CorrectionTable.Key(at: offset, plan: attempts.plans[attempt]))?.correction
    }

    private func attemptsOf(_ offset: UInt64, lane: Int) -> [Explanation.Attempt] {
        var found: [Explanation.Attempt] = []
        // Of nobody there may be many; of a person there are that person's.
        attempts.forEachMember(of: decisions.anchor(at: offset)) { member in
            guard attempts.members[member] == offset,
                attempts.audiences[member] == AttemptTable.noAudience
            else { return }
            let attempt = attempts.attempt(ofMember: member)
            guard Int(attempts.lanes[attempt]) == lane else { return }
            found.append(
                Explanation.Attempt(
                    offset: attempts.offsets[attempt],
                    receipt: attempts.receipts[attempt] == .max ? nil : attempts.receipts[attempt],
                    outcome: EffectStatus(rawValue: attempts.outcomes[member]) ?? .unknown,
                    correction: correction(of: offset, attempt: attempt, lane: lane)))
        }
        return found.reversed()
    }
}
