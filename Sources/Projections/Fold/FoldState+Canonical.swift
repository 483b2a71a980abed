import CustomerModel
public import Hashing
import PolicyText

/// The state as bytes: what a checkpoint holds and what a digest is taken of.
extension FoldState {
    /// The canonical bytes (P2), as a checkpoint holds them.
    public func canonicalBytes() -> [UInt8] {
        var out = CanonicalWriter()
        write(into: &out, for: .checkpoint)
        return out.bytes
    }

    private func write(into out: inout CanonicalWriter, for use: LossTable.Use) {
        out.section("FOLD")
        out.integer(UInt32(Self.codeVersion))
        out.integer(next)
        out.integer(projectionTime)
        out.integer(UInt32(generation))
        out.integer(UInt32(policies.count))
        for policy in policies {
            out.integer(UInt32(policy.version))
            out.integer(policy.activatedAt)
            out.text(policy.text)
        }
        identity.write(into: &out)
        consent.write(into: &out)
        traits.write(into: &out)
        activity.write(into: &out)
        metrics.write(into: &out, now: projectionTime)
        memberships.write(into: &out)
        wakes.write(into: &out)
        situations.write(into: &out)
        decisions.write(into: &out)
        out.integer(UInt32(lanes.count))
        for lane in lanes { lane.write(into: &out) }
        attempts.write(into: &out)
        out.integer(UInt32(plans.count))
        for plan in plans {
            out.integer(plan.record)
            out.text(plan.id)
            out.integer(UInt32(plan.lane))
            out.column(plan.planned)
            out.integer(UInt64(plan.exits.count))
            for key in plan.exits { LaneState.write(key, into: &out) }
            out.text(plan.act.rawValue)
            out.integer(plan.policyVersion)
            out.integer(plan.rate)
            out.integer(plan.outcome)
        }
        out.section("REST")
        out.integer(UInt32(pausedDestinations.count))
        for name in pausedDestinations { out.text(name) }
        out.integer(UInt32(restoredDestinations.count))
        for name in restoredDestinations { out.text(name) }
        out.integer(UInt32(restores.count))
        for restore in restores {
            out.integer(restore.at)
            out.integer(restore.missingFrom)
            out.integer(restore.incarnation)
            out.integer(restore.backup ?? .min)
        }
        out.column(parked.offsets)
        for reason in parked.reasons { out.text(reason) }
        losses.write(into: &out, for: use)
        out.integer(suppressedCount)
        findings.write(into: &out)
        sources.write(into: &out)
        profileColumns.write(into: &out)
        planTable.write(into: &out)
        ticks.write(into: &out)
    }

    /// SHA-256 of ``canonicalBytes()``, without the words of losses: equal states have equal digests, on
    /// every machine.
    public func digest() -> Digest256 {
        var out = CanonicalWriter(hashing: SHA256())
        write(into: &out, for: .digest)
        return out.digest()
    }

    /// Restores a state from its bytes.
    ///
    /// - Throws: ``CanonicalError`` when the bytes are not whole, or of another code version; then the
    ///   log is folded from its start.
    public init(canonicalBytes bytes: [UInt8], key: SipKey) throws {
        try self.init(ByteStream(bytes), key: key)
    }

    /// The same from bytes that still come.
    init(_ bytes: ByteStream, key: SipKey) throws {
        self.init(key: key)
        var reader = CanonicalReader(bytes)
        try reader.section("FOLD")
        guard try reader.integer(UInt32.self) == UInt32(Self.codeVersion) else {
            throw CanonicalError(position: 4, expected: "code version \(Self.codeVersion)")
        }
        next = try reader.integer()
        projectionTime = try reader.integer()
        generation = Int(try reader.integer(UInt32.self))
        var texts: [(version: Int, offset: UInt64, text: String)] = []
        for _ in 0..<(try reader.integer(UInt32.self)) {
            texts.append(
                (
                    Int(try reader.integer(UInt32.self)), try reader.integer(), try reader.text()
                ))
        }
        identity = try IdentityTable(from: &reader, key: key)
        consent = try ConsentTable(from: &reader, key: key)
        traits = try TraitTable(from: &reader)
        activity = try ActivityTable(from: &reader)
        // Policies name metrics and audiences in the order in which they were first counted.
        for entry in texts {
            let policy = try PolicyFile.read(entry.text, name: "policy version \(entry.version)")
            let compiled = compile(
                policy, version: entry.version, at: entry.offset, text: entry.text)
            policies.append(compiled)
            _ = adoptMetrics(of: compiled)
        }
        try metrics.read(from: &reader)
        memberships = try MembershipTable(from: &reader, nodes: identity.nodeCount)
        wakes = try WakeQueue(from: &reader, nodes: identity.nodeCount)
        situations = try SituationTable(from: &reader, key: key)
        decisions = try DecisionColumns(
            from: &reader, situations: situations.situations.count,
            identifiers: identity.identifierCount)
        anchorRefusals()
        for number in 0..<Int(try reader.integer(UInt32.self)) {
            lanes.append(try LaneState(from: &reader, space: decisions.space))
            laneNumbers[lanes[number].lane] = number
        }
        attempts = try AttemptTable(from: &reader)
        for _ in 0..<(try reader.integer(UInt32.self)) {
            plans.append(try PlanState(from: &reader))
        }
        try reader.section("REST")
        for _ in 0..<(try reader.integer(UInt32.self)) {
            pausedDestinations.append(try reader.text())
        }
        for _ in 0..<(try reader.integer(UInt32.self)) {
            restoredDestinations.append(try reader.text())
        }
        for _ in 0..<(try reader.integer(UInt32.self)) {
            restores.append(try Self.restore(&reader))
        }
        parked.offsets = try reader.column()
        for _ in parked.offsets.indices { parked.reasons.append(try reader.text()) }
        losses = try LossTable(from: &reader)
        suppressedCount = try reader.integer()
        findings = try FindingColumns(from: &reader)
        sources = try NameTable(from: &reader)
        let columns = try ProfileColumns(from: &reader, key: key)
        // The policies' fields were numbered in the order in which they came.
        guard columns.fields == profileColumns.fields,
            columns.end <= UInt64(decisions.count)
        else { throw CanonicalError(position: reader.position, expected: "the policies' fields") }
        profileColumns = columns
        planTable = try PlanTable(from: &reader)
        ticks = try TickColumns(from: &reader)
        guard reader.isAtEnd, decisions.end == next else {
            throw CanonicalError(position: reader.position, expected: "the end of the state")
        }
    }

    private static func restore(_ reader: inout CanonicalReader) throws(CanonicalError)
        -> LogRestore
    {
        var restore = LogRestore(at: try reader.integer(), missingFrom: try reader.integer())
        restore.incarnation = try reader.integer()
        let backup = try reader.integer(Int64.self)
        restore.backup = backup == .min ? nil : backup
        return restore
    }
}

extension FoldState.PlanState {
    fileprivate init(from reader: inout CanonicalReader) throws(CanonicalError) {
        record = try reader.integer()
        id = try reader.text()
        lane = Int(try reader.integer(UInt32.self))
        planned = try reader.column()
        for _ in 0..<(try reader.count(UInt64.self)) { exits.append(try LaneState.key(&reader)) }
        guard let act = PlanRecord.Act(rawValue: try reader.text()) else {
            throw CanonicalError(position: reader.position, expected: "what a plan does")
        }
        self.act = act
        policyVersion = try reader.integer()
        rate = try reader.integer()
        outcome = try reader.integer()
    }
}
