import CustomerModel

/// A person's own events, as far as some offset.
extension FoldState {
    /// When a person was seen, and how many events were anchored to them, now or as of an offset.
    ///
    /// - Parameter members: the person's identifiers as of then.
    func seen(_ members: [UInt32], asOf offset: UInt64?) -> (
        first: Int64?, last: Int64?, count: Int
    ) {
        var first: Int64?
        var last: Int64?
        var count = 0
        func take(_ from: Int64, _ to: Int64, _ more: Int) {
            first = min(first ?? from, from)
            last = max(last ?? to, to)
            count += more
        }
        for member in members {
            guard let offset else {
                let place = Int(member)
                guard place < activity.counts.count, activity.counts[place] > 0 else { continue }
                take(activity.first[place], activity.last[place], Int(activity.counts[place]))
                continue
            }
            forEachPlace(of: member, asOf: offset) { place in
                let time = decisions.time(atPlace: place)
                take(time, time, 1)
            }
        }
        return (first, last, count)
    }

    /// Calls `visit` with the place of each event up to `offset` that was anchored to `identifier`, newest
    /// first. Costs by all events of the identifier.
    func forEachPlace(of identifier: UInt32, asOf offset: UInt64, _ visit: (Int) -> Void) {
        decisions.chains.forEach(of: identifier) { place in
            guard decisions.space.offset(ofRow: UInt64(place)) <= offset else { return }
            visit(place)
        }
    }
}

extension DecisionColumns {
    /// When the event at a place happened, as everything but age limits sees it: clipped to when it was
    /// received (T1). Microseconds.
    func time(atPlace place: Int) -> Int64 { min(occurred[place], received[place]) }
}
