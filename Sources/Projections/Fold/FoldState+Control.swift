import CustomerModel
import EventLog
import Hashing
import JSONText
import PolicyText

/// What the platform wrote about its own work.
extension FoldState {
    mutating func applyControl(_ record: FoldRecord, _ line: JSONView) throws -> FoldStep {
        guard let kind = RecordKind(rawValue: record.kind) else { return .done }
        guard let body = line["body"] else { throw FoldProblem.notAnEvent }
        if isSimulation {
            // What was told changes no decision; only these do.
            switch kind {
            case .policy, .tick, .suppression, .consent, .restored, .identity: break
            default: return .done
            }
        }
        switch kind {
        case .policy: return try activate(PolicyRecord(body), at: record.offset)
        case .tick: apply(try TickRecord(body), at: record.offset)
        case .suppression: apply(try SuppressionRecord(body), at: record.offset)
        case .consent: try apply(ConsentRecord(body), received: line["received"], at: record.offset)
        case .operator: apply(try OperatorRecord(body), at: record.offset)
        case .identity:
            apply(try IdentityRecord(body), at: record.offset, recorded: record.recorded)
        case .restored: apply(try RestoredRecord(body), at: record.offset)
        case .promoted: generation = try PromotedRecord(body).generation
        case .released: try apply(ReleasedRecord(body), at: record.offset)
        case .attempt: try apply(AttemptRecord(body), at: record.offset)
        case .receipt: try apply(ReceiptRecord(body), at: record.offset)
        case .cancelled: try apply(CancelledRecord(body))
        case .settled: try apply(SettledRecord(body), at: record.offset)
        case .plan: try apply(PlanRecord(body), at: record.offset)
        case .planEnded: apply(try PlanEndedRecord(body))
        case .event, .auditRead, .fieldSet, .sealed, .tombstone: break
        }
        return .done
    }

    // MARK: Policy

    private mutating func activate(_ record: PolicyRecord, at offset: UInt64) throws -> FoldStep {
        let expected = (policies.last?.version ?? 0) + 1
        // A version may be missing only where records are (L9).
        guard record.version == expected || record.version > expected && !losses.losses.isEmpty
        else { throw FoldProblem.wrongVersion(expected: expected, found: record.version) }
        let policy: Policy
        do {
            policy = try PolicyFile.read(record.text, name: "policy version \(record.version)")
        } catch {
            throw FoldProblem.badPolicy("\(error)")
        }
        guard hasRoom(for: policy) else {
            throw FoldProblem.badPolicy("more than \(Self.maximumPurposes) purposes in all")
        }
        let compiled = compile(
            policy, version: record.version, at: offset, text: record.text)
        policies.append(compiled)
        openLanes(of: compiled)
        journal?.append(.policy(version: record.version))
        if isSimulation { return .done }
        let fresh = adoptMetrics(of: compiled)
        if fresh.isEmpty {
            finishActivation(at: offset)
            return .done
        }
        return .needsHistory(metrics: fresh)
    }

    // MARK: Time and people

    private mutating func apply(_ record: TickRecord, at offset: UInt64) {
        guard record.time.microseconds > projectionTime else { return }
        projectionTime = record.time.microseconds
        ticks.append(projectionTime, at: offset)
        passTime(at: offset)
    }

    private mutating func apply(_ record: SuppressionRecord, at offset: UInt64) {
        guard let type = identity.types.intern(record.type) else { return }
        // A value that the rule would refuse is kept as it stands: suppressing too much is the safe error.
        let value = normalised(type: record.type, value: record.value)
        let identifier = value.withUnsafeBytes {
            identity.identifier(type: type, $0, offset: offset, ordinal: 0)
        }
        identity.suppress(identifier, from: offset)
        if let root = identity.root(ofIdentifier: identifier) {
            journal?.append(.profile(node: root))
        }
        suppressedCount += 1
    }

    /// Whether a record of the log suppresses this subject.
    public func holdsSuppression(type: String, value: String) -> Bool {
        guard
            let identifier = identity.find(
                type: type, value: normalised(type: type, value: value))
        else { return false }
        return identity.suppressedFrom[Int(identifier)] != .max
    }

    private mutating func apply(_ record: OperatorRecord, at offset: UInt64) {
        switch record.act {
        case .pause:
            if !pausedDestinations.contains(record.subject) {
                pausedDestinations.append(record.subject)
                pausedDestinations.sort()
            }
        case .resume:
            pausedDestinations.removeAll { $0 == record.subject }
            restoredDestinations.removeAll { $0 == record.subject }
        case .redrive:
            for index in lanes.indices where lanes[index].lane.destination == record.subject {
                lanes[index].redrive()
            }
        case .acceptLoss:
            if let from = record.from, let to = record.to, from <= to {
                losses.accept(from..<to, at: offset)
            }
        case .keyCreated, .keyRevoked, .tokenCreated, .tokenRevoked, .sourceChanged: break
        }
    }

    // MARK: Releases

    private mutating func apply(_ record: ReleasedRecord, at offset: UInt64) throws {
        let number = try lane(record.destination, record.epoch, record.slot)
        // A release speaks of records before it, of one incarnation (L3).
        guard decisions.holds(record.from..<record.to) else { throw FoldProblem.notInTheLog }
        let agrees =
            decisions.digest(
                from: record.from, to: record.to, table: table(of: number)) == record.digest
        // Behind a loss nobody can decide again as it was decided then (L9): what is withheld now is left to
        // the second look.
        if !agrees, !losses.begins(before: record.to) {
            lanes[number].disagreements.append(offset)
        }
        // What was released is what the record says, whoever would decide otherwise today (D2).
        for offset in record.allowed.members { lanes[number].release(offset) }
        lanes[number].releasedTo = max(lanes[number].releasedTo, record.to)
        for membership in record.memberships {
            guard let key = key(of: membership) else { continue }
            lanes[number].release(key, change: membership.change)
        }
        lanes[number].endWithdrawals(
            record.memberships.lazy.filter { $0.change == .exited }.compactMap(key(of:)))
    }

    func key(of membership: ReleasedRecord.Membership) -> LaneState.MembershipEffect.Key? {
        memberships.audiences.number(of: membership.audience).map {
            LaneState.MembershipEffect.Key(
                audience: $0, profile: membership.profile, at: membership.at)
        }
    }

    /// For each decision row, the judgement for a lane's destination under the row's own policy.
    func table(of lane: Int) -> [UInt16] {
        let wanted = lanes[lane].lane
        return decisions.table { version in
            guard let policy = policy(version: version),
                let index = policy.destinationIndex(wanted.destination),
                policy.policy.destinations[index].epoch == wanted.epoch
            else { return nil }
            return index
        }
    }

    mutating func lane(_ destination: String, _ epoch: Int, _ slot: String) throws -> Int {
        if let number = laneNumber(destination, epoch, slot) { return number }
        // The policy that opened it may be among what is lost (L9); what it was told is kept all the same.
        guard !losses.isEmpty else { throw FoldProblem.unknownLane(destination) }
        return open(Lane(destination: destination, epoch: epoch, slot: slot))
    }
}
