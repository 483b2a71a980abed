/// Every identifier's own events, newest first, as places in the decision columns.
///
/// A question about one person's past costs by that person's events and not by the log: 4 bytes a record.
/// Derived from the anchors and never written.
struct AnchorChains {
    private static let none = UInt32.max

    /// By place: the place of the same identifier's event before it.
    private var earlier = EventColumn<UInt32>()
    /// By identifier: the place of its newest event.
    private var newest: [UInt32] = []

    init() {}

    /// - Parameter identifiers: how many there are; none is larger.
    init(_ anchors: EventColumn<UInt32>, identifiers: Int) {
        newest = Array(repeating: Self.none, count: identifiers)
        for chunk in anchors.chunks {
            for anchor in chunk { append(anchor) }
        }
    }

    /// Takes in the anchor of the next place; ``DecisionColumns/none`` where there is none.
    @inline(__always)
    mutating func append(_ anchor: UInt32) {
        guard anchor != DecisionColumns.none else {
            earlier.append(Self.none)
            return
        }
        let missing = Int(anchor) + 1 - newest.count
        if missing > 0 { newest.append(contentsOf: repeatElement(Self.none, count: missing)) }
        precondition(earlier.count < Int(Self.none), "more than four billion records")
        earlier.append(newest[Int(anchor)])
        newest[Int(anchor)] = UInt32(earlier.count - 1)
    }

    @inline(__always)
    func touch(_ identifier: UInt32) -> UInt64 {
        Int(identifier) < newest.count ? UInt64(newest[Int(identifier)]) : 0
    }

    /// Calls `visit` with the place of each event that was anchored to `identifier`, newest first.
    func forEach(of identifier: UInt32, _ visit: (Int) -> Void) {
        guard Int(identifier) < newest.count else { return }
        var place = newest[Int(identifier)]
        while place != Self.none {
            visit(Int(place))
            place = earlier[Int(place)]
        }
    }
}
