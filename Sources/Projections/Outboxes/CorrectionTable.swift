import CustomerModel

/// One lane's corrections of events that it was told, and what of them its destination holds now (E3).
///
/// A correction has the states of an effect (E7) and is no state of the effect that it corrects: that one
/// stays delivered.
struct CorrectionTable {
    struct Key: Hashable {
        /// The event.
        var at: UInt64
        /// Index of the plan.
        var plan: UInt32
    }

    struct Effect: Equatable {
        var key: Key
        var correction: Correction
        /// The attempt that told what is corrected.
        var corrects: UInt64
        var row: LaneState.EffectRow
    }

    /// What the destination was told last of an event that was corrected.
    struct Told: Equatable {
        var attempt: UInt64
        var correction: Correction
    }

    /// In order of their plans, then of their events.
    private(set) var effects: [Effect] = []
    private var index: [Key: Int] = [:]
    // Derived: places in `effects` that the dispatcher may take up.
    private var open = OffsetSet()
    // Derived: how many of an event's corrections have no end yet.
    private var underWay: [UInt64: Int] = [:]
    // Derived from the corrections that were delivered.
    private(set) var told: [UInt64: Told] = [:]

    init() {}

    var isEmpty: Bool { effects.isEmpty }

    func effect(_ key: Key) -> Effect? { index[key].map { effects[$0] } }

    /// Whether a correction of an event waits, is on its way, or may have arrived.
    func isUnderWay(_ at: UInt64) -> Bool { underWay[at] != nil }

    mutating func append(_ effect: Effect) {
        guard index[effect.key] == nil else { return }
        index[effect.key] = effects.count
        effects.append(effect)
        note(effects.count - 1)
    }

    mutating func setRow(_ key: Key, _ row: LaneState.EffectRow) {
        guard let place = index[key], effects[place].row.status != .delivered else { return }
        if effects[place].row.isUnderWay { leave(key.at) }
        effects[place].row = row
        note(place)
    }

    private mutating func leave(_ at: UInt64) {
        guard let count = underWay[at] else { return }
        underWay[at] = count == 1 ? nil : count - 1
    }

    /// Brings what is derived up to date with one effect.
    private mutating func note(_ place: Int) {
        let effect = effects[place]
        if effect.row.isOpen { open.insert(UInt64(place)) } else { open.remove(UInt64(place)) }
        if effect.row.isUnderWay { underWay[effect.key.at, default: 0] += 1 }
        guard effect.row.status == .delivered,
            told[effect.key.at].map({ $0.attempt < effect.row.attempt }) ?? true
        else { return }
        told[effect.key.at] = Told(attempt: effect.row.attempt, correction: effect.correction)
    }

    /// Visits what may be taken up, in order, until `visit` says false.
    mutating func forEachOpen(_ visit: (Effect) -> Bool) {
        // Out of the table while it is walked: the walk moves the set's own low mark.
        var walked = OffsetSet()
        swap(&walked, &open)
        walked.forEachAscending { visit(effects[Int($0)]) }
        swap(&walked, &open)
    }

    /// Takes parked corrections up again.
    mutating func redrive() {
        for effect in effects where effect.row.status == .parked {
            var row = effect.row
            row.status = .pending
            row.tries = 0
            setRow(effect.key, row)
        }
    }

    /// Leaves what has no end behind, as ``LaneState/restore(at:space:)`` does.
    mutating func restore(_ leftBehind: (LaneState.EffectRow) -> LaneState.EffectRow?) {
        for effect in effects {
            if let row = leftBehind(effect.row) { setRow(effect.key, row) }
        }
    }

    func counts() -> [EffectStatus: Int] {
        effects.reduce(into: [:]) { $0[$1.row.status, default: 0] += 1 }
    }

    func write(into out: inout CanonicalWriter) {
        out.integer(UInt64(effects.count))
        for effect in effects {
            out.integer(effect.key.at)
            out.integer(effect.key.plan)
            out.flag(effect.correction == .retract)
            out.integer(effect.corrects)
            LaneState.write(effect.row, into: &out)
        }
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        for _ in 0..<(try reader.count(UInt64.self)) {
            append(
                Effect(
                    key: Key(at: try reader.integer(), plan: try reader.integer()),
                    correction: try reader.flag() ? .retract : .amend,
                    corrects: try reader.integer(), row: try LaneState.row(&reader)))
        }
    }
}

extension LaneState.EffectRow {
    /// Whether it has no end yet, or one that nobody knows.
    fileprivate var isUnderWay: Bool {
        switch status {
        case .pending, .attempting, .unknown: true
        case .delivered, .rejected, .cancelled, .superseded, .parked: false
        }
    }
}
