/// Everything that changes somebody's consent, by the part of people whom it concerns, in the order of the log.
struct ConsentChanges: Sendable {
    /// One assertion.
    struct Assertion: Sendable {
        /// In the decision columns, which is as good an order as offsets.
        var place: UInt32
        var position: UInt32
        /// Microseconds.
        var time: Int64
        /// Over the fold's purposes.
        var granted: UInt64
        var denied: UInt64
    }

    /// Somebody joined, divided, or linked after they said something: what was worked out holds no more.
    struct Renewal: Sendable {
        var place: UInt32
        var position: UInt32
    }

    /// Part after part.
    let assertions: [Assertion]
    let renewals: [Renewal]
    /// By part.
    let assertionsOfPart: [Range<Int>]
    let renewalsOfPart: [Range<Int>]

    init(
        _ history: ConsentHistory, _ groups: ConsentGroups, speakers: [UInt32], _ space: OffsetSpace
    ) {
        func place(_ offset: UInt64) -> UInt32 {
            guard let row = space.row(offset) else {
                preconditionFailure("what changes consent stands at a record")
            }
            return UInt32(row)
        }
        var renewals: [Renewal] = []
        func renew(_ identifier: UInt32, at offset: UInt64) {
            let position = groups.positions[Int(identifier)]
            guard position != ConsentGroups.none else { return }
            renewals.append(Renewal(place: place(offset), position: position))
        }
        for (entry, offset) in history.lineage.offsets.enumerated() {
            renew(history.lineage.kept[entry], at: offset)
            renew(history.lineage.others[entry], at: offset)
        }
        // Identifiers that said something before they belonged to anybody.
        let people = history.people
        let said = history.assertions
        var isKnown = [Bool](repeating: false, count: people.identifierCount)
        for (entry, identifier) in speakers.enumerated() where !isKnown[Int(identifier)] {
            isKnown[Int(identifier)] = true
            let linked = people.linkOffsets[Int(identifier)]
            if linked != .max, linked > said.offsets[entry] { renew(identifier, at: linked) }
        }
        renewals.sort { ($0.place, $0.position) < ($1.place, $1.position) }
        let renewalPositions = renewals.map(\.position)
        let all = renewals
        (self.renewals, renewalsOfPart) = Self.byPart(groups, renewalPositions) { all[$0] }
        let positions = speakers.map { groups.positions[Int($0)] }
        (assertions, assertionsOfPart) = Self.byPart(groups, positions) { entry in
            Assertion(
                place: place(said.offsets[entry]), position: positions[entry],
                time: said.times[entry], granted: said.granted[entry],
                denied: said.denied[entry])
        }
    }

    /// Puts entries in order of their parts, and within a part leaves them in theirs. Who never belonged to
    /// anybody is left out.
    private static func byPart<Entry>(
        _ groups: ConsentGroups, _ positions: [UInt32], _ entry: (Int) -> Entry
    ) -> ([Entry], [Range<Int>]) {
        var cursors = [Int](repeating: 0, count: groups.parts.count)
        var kept = 0
        for position in positions where position != ConsentGroups.none {
            cursors[groups.part(ofPosition: position)] += 1
            kept += 1
        }
        var ranges: [Range<Int>] = []
        for (part, size) in cursors.enumerated() {
            let start = ranges.last?.upperBound ?? 0
            ranges.append(start..<start + size)
            cursors[part] = start
        }
        let entries = [Entry](unsafeUninitializedCapacity: kept) { room, initialized in
            for (number, position) in positions.enumerated() where position != ConsentGroups.none {
                let part = groups.part(ofPosition: position)
                room.initializeElement(at: cursors[part], to: entry(number))
                cursors[part] += 1
            }
            initialized = kept
        }
        return (entries, ranges)
    }
}
