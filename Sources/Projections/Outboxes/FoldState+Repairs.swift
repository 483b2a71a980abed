/// One effect that was released or planned and did not arrive.
public struct RepairCandidate: Equatable, Sendable {
    /// The event.
    public var at: UInt64
    public var status: EffectStatus
    /// Whether a restore left it behind, so that nothing takes it up by itself (L3).
    public var wasLeftBehind: Bool
}

extension FoldState {
    /// Event effects of a range that were named by a release or a plan and ended without being delivered, or
    /// whose outcome nobody knows; in order.
    public func repairCandidates(in range: Range<UInt64>, lane: Lane) -> [RepairCandidate] {
        guard let number = laneNumbers[lane] else { return [] }
        let state = lanes[number]
        return state.exceptions.keys.filter(range.contains).sorted().compactMap { offset in
            guard let row = state.exceptions[offset],
                state.released.contains(offset) || row.plan != .max
            else { return nil }
            switch row.status {
            case .rejected, .parked, .cancelled, .unknown:
                return RepairCandidate(
                    at: offset, status: row.status, wasLeftBehind: row.isFrozen)
            case .pending, .attempting, .delivered, .superseded: return nil
            }
        }
    }
}
