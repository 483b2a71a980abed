public import CustomerModel

/// What left, per person (A3).
public struct DisclosureReference: Equatable, Sendable {
    /// The attempt's record; its members say the fields, the policy version and the consent.
    public var attempt: UInt64
    /// Which member of it.
    public var member: Int
    public var lane: Lane
    /// The event's offset, or where the membership changed.
    public var at: UInt64
    public var audience: String?
    public var outcome: EffectStatus
    public var receipt: UInt64?
    /// Whether it was about somebody who is another person now, and was this one then: a split has come
    /// between, and this person's identifiers may have been sent along.
    public var isOfFormerPerson = false
}

/// Where one lane stands.
public struct LaneStatus: Sendable {
    public var lane: Lane
    public var start: UInt64
    public var releasedTo: UInt64
    public var counts: [EffectStatus: Int]
    /// Of what was delivered before (E3).
    public var corrections: [EffectStatus: Int]
    public var isPaused: Bool
    public var isCurrent: Bool
    /// Releases whose decisions this fold does not agree with.
    public var disagreements: [UInt64]
}

/// Where a plan stands.
public struct PlanStatus: Sendable {
    public var id: String
    public var record: UInt64
    public var lane: Lane
    public var planned: Int
    /// `backfill`, `repair` or `correct`.
    public var act: String
    public var counts: [EffectStatus: Int]
    /// nil while it runs.
    public var outcome: PlanEndedRecord.Outcome?
}

extension FoldState {
    /// Everything that was sent, or may have been, about the present person: events and memberships of
    /// every identifier that is theirs now, whatever profile they hung on then; and of everybody who was one
    /// with them then and is not any more, since a split unsays nothing (A3).
    public func disclosures(of person: PersonReference) -> [DisclosureReference]? {
        guard let root = root(of: person, asOf: nil) else { return nil }
        let former = FormerSelf(of: root, in: identity)
        var mine: [Int] = []
        for subject in former.subjects(in: identity) {
            attempts.forEachMember(of: subject) { mine.append($0) }
        }
        mine.sort()
        return mine.compactMap { member in
            let attempt = attempts.attempt(ofMember: member)
            guard
                let isTheirs = former.relation(
                    of: attempts.subjects[member], at: attempts.members[member], in: identity),
                let outcome = EffectStatus(rawValue: attempts.outcomes[member])
            else { return nil }
            let audience = attempts.audiences[member]
            return DisclosureReference(
                attempt: attempts.offsets[attempt],
                member: member - attempts.range(attempt).lowerBound,
                lane: lanes[Int(attempts.lanes[attempt])].lane, at: attempts.members[member],
                audience: audience == AttemptTable.noAudience
                    ? nil : memberships.audiences.names[Int(audience)],
                outcome: outcome,
                receipt: attempts.receipts[attempt] == .max ? nil : attempts.receipts[attempt],
                isOfFormerPerson: isTheirs == .then)
        }
    }

    /// Whom a person was one with before a split.
    private struct FormerSelf {
        enum Relation { case now, then }

        var root: UInt32
        var members: [UInt32] = []

        init(of root: UInt32, in identity: IdentityTable) {
            self.root = root
            if !identity.moves.isEmpty {
                identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
            }
        }

        /// Every identifier that is this person's, or may have been one with them: where a split took some of
        /// them away, those who stayed, and whoever a split ever took.
        func subjects(in identity: IdentityTable) -> Set<UInt32> {
            var found: Set<UInt32> = []
            identity.forEachMember(ofRoot: root) { found.insert($0) }
            guard !members.isEmpty else { return found }
            found.formUnion(identity.moves.moved)
            for member in members where identity.moves.hasMoved(member) {
                let present = identity.nodes[Int(member)]
                for node in identity.moves.nodes(of: member, present: present) {
                    identity.forEachMember(ofRoot: identity.root(node)) { found.insert($0) }
                }
            }
            return found
        }

        /// Whether somebody is this person, or was when the record at `offset` had been applied.
        func relation(of subject: UInt32, at offset: UInt64, in identity: IdentityTable)
            -> Relation?
        {
            if identity.root(ofIdentifier: subject) == root { return .now }
            guard !members.isEmpty,
                let then = identity.root(ofIdentifier: subject, asOf: offset)
            else { return nil }
            return members.contains { identity.root(ofIdentifier: $0, asOf: offset) == then }
                ? .then : nil
        }
    }

    public func laneStatuses() -> [LaneStatus] {
        let current = Set(currentLanes)
        return lanes.map { lane in
            LaneStatus(
                lane: lane.lane, start: lane.start, releasedTo: lane.releasedTo,
                counts: lane.counts(), corrections: lane.corrections.counts(),
                isPaused: pausedDestinations.contains(lane.lane.destination),
                isCurrent: current.contains(lane.lane), disagreements: lane.disagreements)
        }
    }

    public func planStatuses() -> [PlanStatus] {
        plans.enumerated().map { number, plan in
            var counts: [EffectStatus: Int] = [:]
            for offset in plan.planned {
                counts[status(of: offset, inPlan: number) ?? .cancelled, default: 0] += 1
            }
            for exit in plan.exits {
                counts[row(of: exit, inPlan: number)?.status ?? .cancelled, default: 0] += 1
            }
            let outcome: PlanEndedRecord.Outcome? =
                switch plan.outcome {
                case 1: .complete
                case 2: .incomplete
                case 3: .cancelled
                default: nil
                }
            return PlanStatus(
                id: plan.id, record: plan.record, lane: lanes[plan.lane].lane,
                planned: plan.planned.count + plan.exits.count, act: plan.act.rawValue,
                counts: counts,
                outcome: outcome)
        }
    }

    /// Where what a plan names of an event stands; nil where the plan could not take it up.
    private func status(of offset: UInt64, inPlan number: Int) -> EffectStatus? {
        row(of: offset, inPlan: number)?.status
    }

    private func row(of offset: UInt64, inPlan number: Int) -> LaneState.EffectRow? {
        let plan = plans[number]
        guard plan.isCorrection else { return lanes[plan.lane].row(offset) }
        return lanes[plan.lane].corrections
            .effect(CorrectionTable.Key(at: offset, plan: UInt32(number)))?.row
    }

    private func row(of exit: LaneState.MembershipEffect.Key, inPlan number: Int)
        -> LaneState.EffectRow?
    {
        guard let row = lanes[plans[number].lane].membership(exit)?.row,
            row.plan == UInt32(number)
        else { return nil }
        return row
    }

    /// How many effects of a plan may leave a second; nil for no limit.
    public func planRate(_ id: String) -> Int? {
        guard let plan = plans.first(where: { $0.id == id }), plan.rate > 0 else { return nil }
        return Int(plan.rate)
    }

    /// Plans that run and have nothing left to do, with how they ended: complete only when every effect
    /// is settled; one that is still unknown or parked makes it incomplete (R1, R3).
    public func duePlanEnds() -> [PlanEndedRecord] {
        let due = plans.indices.filter { plans[$0].outcome == 0 && !isRunning($0) }
        guard !due.isEmpty else { return [] }
        let ids = Set(due.map { plans[$0].id })
        return planStatuses().filter { ids.contains($0.id) }.map { plan in
            let parked = plan.counts[.parked] ?? 0
            let unknown = plan.counts[.unknown] ?? 0
            return PlanEndedRecord(
                id: plan.id, outcome: parked + unknown == 0 ? .complete : .incomplete,
                counts: PlanEndedRecord.Counts(
                    delivered: plan.counts[.delivered] ?? 0,
                    rejected: plan.counts[.rejected] ?? 0, unknown: unknown,
                    cancelled: (plan.counts[.cancelled] ?? 0)
                        + (plan.counts[.superseded] ?? 0), parked: parked))
        }
    }

    /// Asked after every batch of records, so it ends at the first effect that is still to be settled.
    private func isRunning(_ number: Int) -> Bool {
        let plan = plans[number]
        return plan.planned.contains { offset in
            (plan.isCorrection || !lanes[plan.lane].delivered.contains(offset))
                && isUnsettled(row(of: offset, inPlan: number), lane: plan.lane)
        } || plan.exits.contains { isUnsettled(row(of: $0, inPlan: number), lane: plan.lane) }
    }

    private func isUnsettled(_ row: LaneState.EffectRow?, lane: Int) -> Bool {
        switch row?.status {
        case .pending, .attempting: true
        // What a restore left behind, nothing takes up by itself (L3), nor where nobody can be asked (E7).
        case .unknown: row?.isFrozen == false && takesUpUnknown(lane)
        case .delivered, .rejected, .cancelled, .superseded, .parked, nil: false
        }
    }

    /// Whether an event's effect was told, is on its way, or has an end that a plan must not touch.
    public func isTold(_ offset: UInt64, lane: Lane) -> Bool {
        guard let number = laneNumbers[lane] else { return false }
        switch lanes[number].row(offset)?.status {
        case .delivered, .attempting, .unknown, .pending: return true
        case .rejected, .cancelled, .superseded, .parked, nil: return false
        }
    }

    public struct Counts: Sendable {
        public var events: Int
        public var people: Int
        public var identifiers: Int
        public var refusedLinks: Int
        public var parked: [(offset: UInt64, reason: String)]
        public var audiences: [(name: String, members: Int)]
    }

    public func counts() -> Counts {
        Counts(
            events: decisions.eventCount(in: 0..<next), people: personCount,
            identifiers: identity.identifierCount, refusedLinks: identity.refusals.count,
            parked: zip(parked.offsets, parked.reasons).map { ($0, $1) },
            audiences: memberships.audiences.names.enumerated().map {
                ($1, memberships.count($0))
            })
    }

    /// The ids of an audience's members, oldest first; nil when no policy ever named it.
    public func members(ofAudience name: String) -> [ProfileID]? {
        guard let number = memberships.audiences.number(of: name) else { return nil }
        var found: [ProfileID] = []
        memberships.forEachMember(Int(number)) { found.append(identity.profileID(ofRoot: $0)) }
        return found.sorted()
    }
}

/// One entry or exit, as tails tell it.
public struct MembershipEvent: Sendable {
    public var audience: String
    public var profile: ProfileID
    public var change: MembershipChange
    public var at: UInt64
    public var reason: MembershipReason
}

extension FoldState {
    /// Membership changes in a range of offsets, in order.
    public func membershipChanges(in range: Range<UInt64>) -> [MembershipEvent] {
        var found: [MembershipEvent] = []
        var index = memberships.firstChange(from: range.lowerBound)
        while index < memberships.changeCount,
            memberships.changeOffsets[index] < range.upperBound
        {
            if let change = memberships.change(index) {
                found.append(
                    MembershipEvent(
                        audience: memberships.audiences.names[change.audience],
                        profile: change.profile, change: change.change, at: change.offset,
                        reason: change.reason))
            }
            index += 1
        }
        return found
    }

    /// Everybody whom a merge, a split or an event in a range of offsets concerned, as they are now, in order of
    /// first mention, and then those whom time alone or a policy moved.
    public func changedProfiles(in range: Range<UInt64>) -> [ProfileSummary] {
        var seen: Set<UInt32> = []
        var found: [ProfileSummary] = []
        // Whom a merge or a split concerned, which no event need have done.
        for entry in identity.lineage.entries(in: range) {
            for identifier in [identity.lineage.kept[entry], identity.lineage.others[entry]] {
                guard let root = identity.root(ofIdentifier: identifier),
                    seen.insert(root).inserted, let profile = profile(node: root)
                else { continue }
                found.append(profile)
            }
        }
        for stretch in decisions.stretches(in: range) {
            for anchor in stretch.rows.lazy.map({ decisions.anchors[$0] })
            where anchor != DecisionColumns.none {
                guard let root = identity.root(ofIdentifier: anchor), seen.insert(root).inserted,
                    let profile = profile(node: root)
                else { continue }
                found.append(profile)
            }
        }
        for node in movedPeople(in: range) {
            let root = identity.root(node)
            guard seen.insert(root).inserted, let profile = profile(node: root) else { continue }
            found.append(profile)
        }
        return found
    }
}

extension FoldState {
    /// Records that could not be folded.
    public var parkedCount: Int { parked.offsets.count }

    /// Every source that an event came from, in order of first appearance.
    public var sourceNames: [String] { sources.names }

    /// Whether any event was ever applied.
    public var hasEvents: Bool { decisions.rowVersions.count > 0 }
}

/// One request to a destination.
public struct RequestStatus: Sendable {
    public var attempt: UInt64
    public var receipt: UInt64?
    public var lane: Lane
    public var members: Int
    /// The word of the request as a whole: its members' when they agree, else `mixed`.
    public var outcome: String
}

extension FoldState {
    /// Attempts so far.
    public var attemptCount: Int { attempts.count }

    /// Requests from the given attempt on, in order.
    public func requests(from first: Int) -> [RequestStatus] {
        guard first < attempts.count else { return [] }
        return (first..<attempts.count).map { attempt in
            let outcomes = Set(attempts.outcomes[attempts.range(attempt)])
            let word =
                outcomes.count == 1
                ? outcomes.first.flatMap(EffectStatus.init(rawValue:))?.requestWord : nil
            return RequestStatus(
                attempt: attempts.offsets[attempt],
                receipt: attempts.receipts[attempt] == .max ? nil : attempts.receipts[attempt],
                lane: lanes[Int(attempts.lanes[attempt])].lane,
                members: attempts.range(attempt).count, outcome: word ?? "mixed")
        }
    }
}

extension EffectStatus {
    /// As a receipt says it: an effect that is pending again was to be retried.
    var requestWord: String { self == .pending ? "retry" : name }
}
