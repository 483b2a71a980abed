public import EventLog

/// Reading on past what cannot be read (L9).
///
/// Whoever answers from the log names the ranges that he was handed here; none is passed over in silence.
extension LogReader {
    /// As `forEach(from:to:needs:kinds:_:)`, or as `forEach(of:from:to:needs:_:)` when there is a selection, and
    /// hands each damaged range to `unreadable`, in its place among the records.
    ///
    /// - Returns: where to go on.
    /// - Throws: what the bodies throw, and every error of the log but damage.
    public mutating func forEachReadable(
        of selection: Selection? = nil, from: Offset, to: Offset, needs: ReadNeeds,
        kinds: KindSet? = nil, _ body: (borrowing RecordView) throws -> Step,
        unreadable: (Damage) throws -> Step
    ) throws -> Offset {
        var next = from
        while true {
            var failed: (any Error)?
            let damage: Damage
            let noting = { (view: borrowing RecordView) throws -> Step in
                do {
                    let step = try body(view)
                    next = view.offset + 1
                    return step
                } catch {
                    // The body may read too; its damage is its own.
                    failed = error
                    throw error
                }
            }
            do {
                guard let selection else {
                    return try forEach(from: next, to: to, needs: needs, kinds: kinds, noting)
                }
                return try forEach(of: selection, from: next, to: to, needs: needs, noting)
            } catch LogError.damaged(let found) {
                if let failed { throw failed }
                damage = found
            }
            guard damage.offsets.upperBound > next.value else { throw LogError.damaged(damage) }
            next = Offset(damage.offsets.upperBound)
            if try unreadable(damage) == .stop { return next }
        }
    }

    /// As `candidates(for:from:to:)`, without those in ranges that cannot be read.
    public mutating func readableCandidates(
        for keyHash: UInt64, from: Offset, to: Offset, unreadable: (Damage) -> Void
    ) throws -> [Offset] {
        var found: [Offset] = []
        _ = try forEachReadable(
            of: Selection(key: keyHash), from: from, to: to, needs: .columnsWithoutKeys
        ) { record in
            found.append(record.offset)
            return .next
        } unreadable: { damage in
            unreadable(damage)
            return .next
        }
        return found
    }

    /// As `line(at:)`; `unreadable` says why there is none.
    public mutating func readableLine(at offset: Offset, unreadable: (Damage) -> Void) throws
        -> [UInt8]?
    {
        do {
            return try line(at: offset)
        } catch LogError.damaged(let damage) {
            unreadable(damage)
            return nil
        }
    }
}
