public import CustomerModel
import EventLog
import Hashing

/// What may be told to whom, as facts for the log (D2).
extension FoldState {
    /// The widest range that one release speaks of.
    static let widestRelease: UInt64 = 262_144

    /// Lanes of the newest policy, in its order.
    public var currentLanes: [Lane] {
        (policies.last?.policy.destinations ?? []).map {
            Lane(destination: $0.name, epoch: $0.epoch)
        }
    }

    /// The release that is due for a lane: everything decided since `from`, or nil when none of it is
    /// allowed and the range is not yet worth closing.
    ///
    /// - Parameter from: where the last release that was written ends; nil to take the lane's own end.
    public func dueRelease(of lane: Lane, from: UInt64?) -> ReleasedRecord? {
        guard let number = laneNumbers[lane], let policy = policies.last,
            let index = policy.destinationIndex(lane.destination)
        else { return nil }
        let open = max(lanes[number].releasedTo, from ?? 0)
        // One release never speaks of two incarnations (L3).
        guard let range = stretch(from: open, limit: Self.widestRelease) else { return nil }
        let start = range.lowerBound
        let end = range.upperBound
        let table = table(of: number)
        var allowed = OffsetBitmap(from: start, to: end)
        var considered = 0
        for offset in range {
            let row = decisions.row(at: offset)
            guard row != DecisionColumns.none, table[Int(row)] != 0xFFFF else { continue }
            considered += 1
            if table[Int(row)] == 0 { allowed.set(offset) }
        }
        var memberships = dueMemberships(
            policy.policy.destinations[index], policy: policy, lane: number, from: start, to: end)
        memberships += dueWithdrawals(lane: number, from: start, to: end, beside: memberships)
        guard
            allowed.count > 0 || !memberships.isEmpty || end - start == Self.widestRelease
                || end < next
        else { return nil }
        return ReleasedRecord(
            destination: lane.destination, epoch: lane.epoch, slot: lane.slot,
            generation: generation, policyVersion: policy.version,
            digest: decisions.digest(from: start, to: end, table: table), considered: considered,
            allowed: allowed, memberships: memberships)
    }

    /// Membership changes in a range that the destination may be told, judged as of each change. Changes
    /// that came from an import are not sent (T2). Exits from what the destination no longer asks for are: it
    /// may have been told of the entry (E2), and the second look says whether it was. Exits that a policy
    /// makes are all withdrawals, since only those who were told of have to be told.
    private func dueMemberships(
        _ destination: Destination, policy: CompiledPolicy, lane: Int, from: UInt64, to: UInt64
    ) -> [ReleasedRecord.Membership] {
        guard !destination.audiences.isEmpty || !lanes[lane].audiences.isEmpty else { return [] }
        let wanted = destination.audiences.map { policy.audienceNumbers[$0] }
        var due: [ReleasedRecord.Membership] = []
        var index = memberships.firstChange(from: from)
        while index < memberships.changeCount, memberships.changeOffsets[index] < to {
            defer { index += 1 }
            guard let change = memberships.change(index), change.reason != .imported else {
                continue
            }
            let audience = UInt16(change.audience)
            let isExit = change.change == .exited
            guard !isExit || change.reason != .policy,
                wanted.contains(change.audience)
                    || isExit && lanes[lane].audiences.contains(audience)
            else { continue }
            let root = identity.root(change.node, asOf: change.offset)
            let decision = judgeMembership(
                destination, policy: policy, root: root, now: projectionTime,
                asOf: change.offset)
            guard
                decision.isAllow
                    || isExit && decision.againstExit.isAllow
                        && told(
                            lane: lane, audience: audience, root: identity.root(change.node))
                            != .nothing
            else { continue }
            due.append(
                ReleasedRecord.Membership(
                    audience: memberships.audiences.names[change.audience],
                    profile: change.profile, change: change.change, at: change.offset))
        }
        return due
    }

    /// The most withdrawals that one release names; what is left over goes with the next.
    private static let mostWithdrawals = 10_000

    /// Exits of those who are held and should not be. What came up before this range was named by the release
    /// before it, unless that one had no room for it.
    private func dueWithdrawals(
        lane: Int, from: UInt64, to: UInt64, beside due: [ReleasedRecord.Membership]
    )
        -> [ReleasedRecord.Membership]
    {
        lanes[lane].withdrawals.lazy
            .filter { $0.at < to && ($0.at >= from || $0.at < lanes[lane].releasedTo) }
            .map { key in
                ReleasedRecord.Membership(
                    audience: memberships.audiences.names[Int(key.audience)],
                    profile: key.profile, change: .exited, at: key.at)
            }
            .filter { !due.contains($0) }
            .prefix(Self.mostWithdrawals).map { $0 }
    }

    /// The gates of a membership: those of an event that do not speak of an event.
    func judgeMembership(
        _ destination: Destination, policy: CompiledPolicy, root: UInt32, now: Int64,
        asOf offset: UInt64?
    ) -> Decision {
        var decision = Decision.allow
        if !destination.isEnabled { decision.fail(.destinationDisabled) }
        if isSuppressed(root: root, candidates: []) { decision.fail(.suppressed) }
        if hasUnreadable(keys: [], root: root, asOf: offset) { decision.fail(.unreadable) }
        var states: [ConsentState] = []
        purposeStates(of: root, policy: policy, now: now, asOf: offset, into: &states)
        Judge.consent(
            destination, states: states, purposes: policy.policy.purposes, into: &decision)
        Self.judgeTCF(
            destination, person: tcString(of: root, policy: policy, asOf: offset), into: &decision)
        if !hasRequired(destination, root: root, asOf: offset) {
            decision.fail(.missingIdentifier)
        }
        if let share = destination.samplePerMillion,
            !Judge.isSampled(
                offset.flatMap { identity.profileID(ofRoot: root, asOf: $0) }
                    ?? identity.profileID(ofRoot: root), share: share, key: key)
        {
            decision.fail(.sampledOut)
        }
        return decision
    }
}
