import EventLog
import Projections

/// Whether a state that was folded earlier is what the log folds to now (P2): since then a part of it may
/// have been damaged, or healed. Blocking.
struct LogSoundness {
    let log: EventLog
    /// What opening met.
    let damages: [Damage]

    func isWhatFolds(to state: FoldState) -> Bool {
        guard damages.allSatisfy({ state.knows($0.offsets) }) else { return false }
        return state.unreadableRanges.allSatisfy(isLost)
    }

    /// Whether any of a range still cannot be read. An error of the disk heals nothing.
    private func isLost(_ range: Range<UInt64>) -> Bool {
        var isLost = false
        var reader = log.makeReader()
        do {
            _ = try reader.forEachReadable(
                from: Offset(range.lowerBound), to: Offset(range.upperBound), needs: .lines
            ) { _ in
                .next
            } unreadable: { _ in
                isLost = true
                return .stop
            }
        } catch {
            return true
        }
        return isLost
    }
}
