import CustomerModel
import JSONText

/// A restore of the log from a backup, as the fold met it (L3).
public struct LogRestore: Equatable, Sendable {
    /// The first offset of the new incarnation.
    public var at: UInt64
    /// The first offset that the backup does not hold.
    public var missingFrom: UInt64
    /// The new incarnation; 0 when its record could not be read.
    public var incarnation: UInt64 = 0
    /// When the backup was made, in microseconds; nil when the record could not be read.
    public var backup: Int64?
}

/// What a restored backup means (L3).
///
/// Nobody can tell from the restored log what was told after the backup was made. So every destination is
/// held until an operator resumes it; what was decided before and has no end goes out only by a plan; what
/// was on its way is unknown and stays so.
extension FoldState {
    /// Moves past a gap in the offsets. Only a restore leaves one.
    mutating func beginIncarnation(at offset: UInt64) {
        let end = decisions.end
        decisions.begin(at: offset)
        next = offset
        if let last = restores.last, last.at == end {
            // Nothing came of the one before: it is the same restore, seen from further on.
            restores[restores.count - 1].at = offset
        } else {
            restores.append(LogRestore(at: offset, missingFrom: end))
        }
        holdAfterRestore(at: offset)
    }

    mutating func apply(_ record: RestoredRecord, at offset: UInt64) {
        if restores.last?.at != offset {
            // The log says so; that the offsets had no gap proves nothing.
            restores.append(LogRestore(at: offset, missingFrom: record.from))
            holdAfterRestore(at: offset)
        }
        restores[restores.count - 1].incarnation = record.incarnation
        restores[restores.count - 1].backup = record.backup?.microseconds
    }

    private mutating func holdAfterRestore(at offset: UInt64) {
        for index in lanes.indices {
            for effect in lanes[index].restore(at: offset, space: decisions.space)
            where effect.change == .entered {
                noteMaybeTold(effect.key, lane: index)
            }
            let name = lanes[index].lane.destination
            if !restoredDestinations.contains(name) { restoredDestinations.append(name) }
        }
        restoredDestinations.sort()
        for index in plans.indices where plans[index].outcome == 0 { plans[index].outcome = 3 }
    }

    // MARK: Questions

    /// Every restore of this log, oldest first.
    public var logRestores: [LogRestore] { restores }

    /// Destinations that wait for an operator to resume them since the log was restored.
    public var destinationsHeldByRestore: [String] { restoredDestinations }

    /// Records that there are, readable or not: offsets without their gaps.
    public var recordCount: Int { decisions.count }

    /// The next at most `limit` offsets from `offset` on that follow each other without a gap; nil when
    /// nothing from there on is applied.
    public func stretch(from offset: UInt64, limit: UInt64) -> Range<UInt64>? {
        guard offset < next else { return nil }
        let start = decisions.space.pastGap(offset)
        guard start < next else { return nil }
        let end = min(next, decisions.space.runEnd(of: start))
        return start..<min(end, start.addingReportingOverflow(limit).partialValue)
    }

    /// A range of offsets, cut where the log was restored.
    public func stretches(in range: Range<UInt64>) -> [Range<UInt64>] {
        decisions.stretches(in: range).map(\.offsets)
    }
}
