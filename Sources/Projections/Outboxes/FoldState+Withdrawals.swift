public import CustomerModel
import EventLog

extension Decision {
    /// What says that somebody should not be held in an audience. That nothing may leave about them now, or
    /// that something of theirs cannot be read, does not say so.
    var againstMembership: Decision {
        Decision(bits: bits & ~(Gate.unreadable.bit | Self.muting))
    }

    /// What keeps back even what takes a membership back.
    var againstExit: Decision { Decision(bits: bits & Self.muting) }

    private static var muting: UInt16 {
        Gate.suppressed.bit | Gate.destinationDisabled.bit | Gate.missingIdentifier.bit
    }
}

/// Memberships that a destination was told of and should not hold any more (E2).
///
/// A destination should hold a membership while the person is a member, it asks for the audience, and the
/// rules in force let it be told of the person. Where it was told of an entry and one of these has ended, it
/// is told of an exit, whatever consent says: an exit asks to forget, as a retraction does (E3). What an event
/// told stays told (R2): that is no state.
extension FoldState {
    /// Whether a destination asks for an audience and somebody is in it.
    func holds(_ audience: UInt16, root: UInt32, policy: CompiledPolicy, destination: Destination)
        -> Bool
    {
        asks(destination, policy, for: audience) && memberships.isMember(Int(audience), root)
    }

    func asks(_ destination: Destination, _ policy: CompiledPolicy, for audience: UInt16) -> Bool {
        destination.audiences.contains { policy.audienceNumbers[$0] == Int(audience) }
    }

    /// Looks whether what lanes were told of a person is still so, after a record that may have ended it: an
    /// assertion, a link, a receipt, or time.
    mutating func withdrawMemberships(of root: UInt32, at offset: UInt64) {
        guard root != IdentityTable.none, lanes.contains(where: { !$0.told.isEmpty }) else {
            return
        }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
        for lane in lanes.indices where !lanes[lane].told.isEmpty {
            for audience in lanes[lane].audiences.sorted()
            where told(lane: lane, audience: audience, of: members) != .nothing {
                withdraw(audience, root: root, members, lane: lane, at: offset)
            }
        }
    }

    /// The same for everybody, after a policy.
    mutating func withdrawMemberships(at offset: UInt64) {
        for lane in lanes.indices {
            var seen: Set<LaneState.ToldKey> = []
            for key in lanes[lane].heldKeys {
                guard let root = identity.root(ofIdentifier: key.identifier),
                    seen.insert(.init(audience: key.audience, identifier: root)).inserted
                else { continue }
                var members: [UInt32] = []
                identity.appendMembers(ofRoot: root, upTo: nil, to: &members)
                withdraw(key.audience, root: root, members, lane: lane, at: offset)
            }
        }
    }

    private mutating func withdraw(
        _ audience: UInt16, root: UInt32, _ members: [UInt32], lane: Int, at offset: UInt64
    ) {
        guard let (policy, destination) = current(lane) else { return }
        let decision = judgeMembership(
            destination, policy: policy, root: root, now: projectionTime, asOf: nil)
        guard
            holds(audience, root: root, policy: policy, destination: destination),
            decision.againstMembership.isAllow
        else {
            // What may not leave waits for a policy that lets it, or for a plan.
            guard decision.againstExit.isAllow else { return }
            lanes[lane].withdraw(
                LaneState.MembershipEffect.Key(
                    audience: audience, profile: identity.profileID(ofRoot: root), at: offset))
            return
        }
        wakes.wake(root, by: expiry(of: members, destination, policy))
    }

    /// When the first grant that a destination rests on runs out, after projection time; `.max` for never.
    private func expiry(of members: [UInt32], _ destination: Destination, _ policy: CompiledPolicy)
        -> Int64
    {
        var earliest = Int64.max
        for place in destination.purposes + destination.anyPurposes {
            guard let length = policy.policy.purposes[place].expiresAfterMicroseconds else {
                continue
            }
            let number = Int(policy.purposeNumbers[place])
            for member in members {
                guard let standing = consent.standing(of: member, purpose: number),
                    standing.isGrant
                else { continue }
                let end = MetricSeries.end(of: standing.assertedTime, window: length)
                if end > projectionTime { earliest = min(earliest, end) }
            }
        }
        return earliest
    }

    /// The destination of a lane, under the policy in force; nil for a lane that it closed.
    private func current(_ lane: Int) -> (CompiledPolicy, Destination)? {
        guard let policy = policies.last,
            let index = policy.destinationIndex(lanes[lane].lane.destination)
        else { return nil }
        let destination = policy.policy.destinations[index]
        return destination.epoch == lanes[lane].lane.epoch ? (policy, destination) : nil
    }

    // MARK: For a plan

    /// Somebody whom a destination was told to be in an audience and should not hold, with no exit on its way.
    public struct OwedExit: Equatable, Sendable {
        public var audience: String
        public var profile: ProfileID
        /// Where the membership began that the destination was told of; nil where a split has come between.
        public var toldAt: UInt64?
        /// Why the rules in force withhold it; `allow` where the membership itself has ended.
        public var decision: Decision
        /// What keeps the exit back as well; `allow` for nothing.
        public var barred: Decision
    }

    /// Exits that a destination should be told of and that nothing tells by itself: a restore came between, an
    /// import ended the membership, an exit was refused.
    ///
    /// - Parameter now: what expiry is measured against. Microseconds.
    public func owedExits(of lane: Lane, person: PersonReference?, now: Int64) -> [OwedExit] {
        guard let number = laneNumbers[lane], let (policy, destination) = current(number) else {
            return []
        }
        let only = person.map { root(of: $0, asOf: nil) }
        let underWay = exitsUnderWay(lane: number)
        var seen: Set<LaneState.ToldKey> = []
        var found: [OwedExit] = []
        for key in lanes[number].heldKeys {
            guard let root = identity.root(ofIdentifier: key.identifier),
                only.map({ $0 == root }) ?? true,
                seen.insert(.init(audience: key.audience, identifier: root)).inserted,
                !underWay.contains(.init(audience: key.audience, identifier: root))
            else { continue }
            let decision = judgeMembership(
                destination, policy: policy, root: root, now: now, asOf: nil)
            let isHeld = holds(
                key.audience, root: root, policy: policy, destination: destination)
            guard !isHeld || !decision.againstMembership.isAllow else { continue }
            found.append(
                OwedExit(
                    audience: memberships.audiences.names[Int(key.audience)],
                    profile: identity.profileID(ofRoot: root),
                    toldAt: entry(of: root, audience: key.audience, lane: number),
                    decision: decision.againstMembership, barred: decision.againstExit))
        }
        return found
    }

    /// Exits that wait or are on their way, by audience and person.
    private func exitsUnderWay(lane: Int) -> Set<LaneState.ToldKey> {
        var found: Set<LaneState.ToldKey> = []
        func add(_ key: LaneState.MembershipEffect.Key) {
            guard let identifier = identity.identifier(born: key.profile),
                let root = identity.root(ofIdentifier: identifier)
            else { return }
            found.insert(.init(audience: key.audience, identifier: root))
        }
        lanes[lane].withdrawals.forEach(add)
        for effect in lanes[lane].memberships where effect.change == .exited {
            switch effect.row.status {
            case .pending, .attempting: add(effect.key)
            case .unknown where !effect.row.isFrozen: add(effect.key)
            case .unknown, .delivered, .rejected, .cancelled, .superseded, .parked: break
            }
        }
        return found
    }

    /// Where the newest entry began that a lane was told of a person.
    private func entry(of root: UInt32, audience: UInt16, lane: Int) -> UInt64? {
        var newest: UInt64?
        identity.forEachMember(ofRoot: root) { identifier in
            attempts.forEachMember(of: identifier) { member in
                let at = attempts.members[member]
                guard attempts.audiences[member] == audience,
                    Int(attempts.lanes[attempts.attempt(ofMember: member)]) == lane,
                    lanes[lane].membership(
                        .init(audience: audience, profile: identity.birth(identifier), at: at)
                    )?.change == .entered
                else { return }
                newest = max(newest ?? at, at)
            }
        }
        return newest
    }
}
