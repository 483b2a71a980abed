/// Where every identifier stands on every purpose (C3), as masks, at one place of a walk through the log.
///
/// What one assertion said of several purposes stands in one entry until something else is said of them: the
/// same rules as ``ConsentStanding/take(_:)``, a word of purposes at a time.
struct StandingTable {
    static let none = UInt32.max

    /// What holds of one assertion. No purpose stands in two entries of an identifier, nor in both masks.
    struct Entry {
        /// Asserted, microseconds. A repeated denial keeps the newest.
        var time: Int64
        var offset: UInt64
        var granted: UInt64
        var denied: UInt64
        var isEmpty: Bool { granted | denied == 0 }
    }

    private var heads: [UInt32]
    private var entries: [Entry] = []
    private var next: [UInt32] = []
    private var free = none

    init(identifiers: Int) { heads = [UInt32](repeating: Self.none, count: identifiers) }

    @inline(__always)
    func forEach(of identifier: UInt32, _ visit: (Entry) -> Void) {
        var place = heads[Int(identifier)]
        while place != Self.none {
            visit(entries[Int(place)])
            place = next[Int(place)]
        }
    }

    func hasAny(_ identifier: UInt32) -> Bool { heads[Int(identifier)] != Self.none }

    /// Takes an assertion of a later record, or of the same one, in. Denials count where a purpose stands in
    /// both masks.
    mutating func take(_ assertion: Entry, on identifier: UInt32) {
        var new = assertion
        new.granted &= ~new.denied
        // A denial that repeats a newer one keeps that one's time.
        var kept: [Entry] = []
        var before = Self.none
        var place = heads[Int(identifier)]
        while place != Self.none {
            let following = next[Int(place)]
            var entry = entries[Int(place)]
            if entry.time > new.time, entry.denied & new.denied != 0 {
                kept.append(
                    Entry(
                        time: entry.time, offset: new.offset, granted: 0,
                        denied: entry.denied & new.denied))
            }
            entry.granted &= ~assertion.denied
            entry.denied &= ~assertion.denied
            if new.time > entry.time {
                entry.granted &= ~new.granted
                if new.offset > entry.offset { entry.denied &= ~new.granted }
            }
            new.granted &= ~(entry.granted | entry.denied)
            if entry.isEmpty {
                remove(place, after: before, of: identifier)
            } else {
                entries[Int(place)] = entry
                before = place
            }
            place = following
        }
        for entry in kept {
            new.denied &= ~entry.denied
            add(entry, to: identifier)
        }
        if !new.isEmpty { add(new, to: identifier) }
    }

    private mutating func remove(_ place: UInt32, after before: UInt32, of identifier: UInt32) {
        let following = next[Int(place)]
        if before == Self.none {
            heads[Int(identifier)] = following
        } else {
            next[Int(before)] = following
        }
        next[Int(place)] = free
        free = place
    }

    private mutating func add(_ entry: Entry, to identifier: UInt32) {
        var place = free
        if place == Self.none {
            place = UInt32(entries.count)
            entries.append(entry)
            next.append(heads[Int(identifier)])
        } else {
            free = next[Int(place)]
            entries[Int(place)] = entry
            next[Int(place)] = heads[Int(identifier)]
        }
        heads[Int(identifier)] = place
    }
}
