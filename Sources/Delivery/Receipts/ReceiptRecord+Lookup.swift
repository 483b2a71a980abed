package import CustomerModel
package import EventLog
package import JSONText

extension ReceiptRecord {
    /// What a lookup found: members that the destination holds are delivered, the others were certainly
    /// not taken and are tried again.
    package static func ofLookup(
        _ members: [EffectKey], found: Set<EffectKey>, attempt: Offset, settled: Timestamp
    ) -> ReceiptRecord {
        let missing = members.indices.filter { !found.contains(members[$0]) }
        if missing.count == members.count {
            return ReceiptRecord(
                attempt: attempt.value, outcome: .retry, reason: "not found by lookup",
                settled: settled)
        }
        return ReceiptRecord(
            attempt: attempt.value, outcome: .delivered, reason: "found by lookup",
            settled: settled,
            exceptions: missing.map { Exception(member: $0, outcome: .retry) })
    }
}
