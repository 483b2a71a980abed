import CustomerModel
public import EventLog

/// What damage of the log means (L9).
extension FoldState {
    /// Moves past records that cannot be read.
    ///
    /// Where columns or footer still name their keys, and say that they were events, whoever has one of the
    /// keys is withheld from there on. Otherwise all dispatch stops until an operator accepts the loss. The
    /// fold goes on either way.
    /// - Precondition: the range ends past ``next``.
    public mutating func quarantine(_ quarantine: Quarantine) {
        let end = quarantine.offsets.upperBound
        precondition(end > next, "a quarantine moves the fold forward")
        // What stands before it was read: a frame that was read in part is lost from there on.
        let start = max(quarantine.offsets.lowerBound, next)
        if start > next { beginIncarnation(at: start) }
        decisions.appendNone(count: Int(end - start))
        next = end
        losses.add(
            LogLoss(
                from: start, to: end, reason: quarantine.damage.reason,
                reach: Self.reach(of: quarantine)))
        losses.withhold(quarantine.keys ?? [], from: start)
    }

    private static func reach(of quarantine: Quarantine) -> LogLoss.Reach {
        guard quarantine.keys != nil, let kinds = quarantine.kinds,
            kinds.allSatisfy(isHarmless)
        else { return .everything }
        return .identifiers
    }

    /// Kinds whose loss says nothing about anybody but whom their keys name: events, and what the log writes
    /// about itself. Any other kind may have been a denial to the whole platform: a policy, a suppression, an
    /// operator's pause.
    static func isHarmless(_ kind: UInt8) -> Bool {
        switch RecordKind(rawValue: kind) {
        case .event, .sealed, .tombstone: true
        default: false
        }
    }

    // MARK: Questions

    /// Everything that could not be read so far, oldest first.
    public var logLosses: [LogLoss] { losses.losses }

    /// The ranges that could not be read. A record that was read and could not be processed is none of them.
    public var unreadableRanges: [Range<UInt64>] {
        losses.losses.map(\.offsets).filter { range in
            range.count > 1 || !parked.offsets.contains(range.lowerBound)
        }
    }

    /// The losses that concern a range of offsets.
    public func logLosses(in range: Range<UInt64>) -> [LogLoss] {
        losses.losses.filter { $0.offsets.overlaps(range) }
    }

    /// Whether the state met all of a range as lost, as far as it came.
    public func knows(_ range: Range<UInt64>) -> Bool {
        var left = range.lowerBound
        for loss in losses.losses where loss.from <= left && left < loss.to { left = loss.to }
        return left >= min(range.upperBound, next)
    }

    /// Whether all dispatch waits for an operator to accept a loss.
    public var isHeldByLoss: Bool { losses.holding > 0 }

    /// Whether anything was lost that an event's keys may name.
    var asksKeys: Bool { !losses.withheld.isEmpty }

    /// The losses before `offset` that name one of `keys`, or one of the person's identifiers; or of which
    /// nobody knows whom they named.
    public func hasUnreadable(
        keys: some Sequence<UInt64>, root: UInt32, asOf offset: UInt64? = nil
    ) -> Bool {
        guard !losses.withheld.isEmpty else { return false }
        let end = offset ?? .max
        if keys.contains(where: { losses.withholds($0, asOf: end) }) { return true }
        guard root != IdentityTable.none else { return false }
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: offset, to: &members)
        var extractor = EventExtractor(key: key)
        return members.contains { member in
            let value = Array(identity.values.text(member).utf8)
            let hash = value.withUnsafeBytes {
                extractor.identifierKey(type: identity.typeName(member), value: $0)
            }
            return losses.withholds(hash, asOf: end)
        }
    }
}
