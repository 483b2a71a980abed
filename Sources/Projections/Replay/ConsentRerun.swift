import CustomerModel

/// The moments of a range of events under other consent rules: each a moment as it was decided, with the state
/// that the event's person would have had.
struct ConsentRerun {
    /// By place of the decision columns: the number of a pair; `none` where there is no event, or where it was
    /// not asked for.
    private(set) var moments = EventColumn<UInt32>()
    /// A moment and a state, by number.
    private(set) var pairs = PairNumbers()
    private var walk: ConsentWalk

    var states: InternTable<ConsentRow> { walk.states }

    init(_ walk: ConsentWalk, _ columns: DecisionColumns, range: Range<UInt64>) {
        self.walk = walk
        for stretch in columns.stretches(in: range) { run(stretch, columns) }
    }

    private mutating func run(_ stretch: OffsetSpace.Stretch, _ columns: DecisionColumns) {
        moments.append(repeating: DecisionColumns.none, upTo: stretch.rows.lowerBound)
        let size = EventColumn<UInt32>.chunkSize
        var room = [UInt32](repeating: DecisionColumns.none, count: size)
        var place = stretch.rows.lowerBound
        while place < stretch.rows.upperBound {
            let chunk = place / size
            let first = chunk * size
            let end = min(first + size, stretch.rows.upperBound)
            let part = Part(
                moments: columns.moments.chunks[chunk], people: columns.people.chunks[chunk],
                received: columns.received.chunks[chunk],
                // What is added to a place within the chunk to have its offset.
                base: stretch.offsets.lowerBound &+ UInt64(first)
                    &- UInt64(stretch.rows.lowerBound))
            run(part, place - first..<end - first, into: &room)
            moments.append(contentsOf: room[place - first..<end - first])
            place = end
        }
    }

    /// A chunk of the decision columns.
    private struct Part {
        var moments: [UInt32]
        var people: [UInt32]
        var received: [Int64]
        var base: UInt64
    }

    private mutating func run(_ part: Part, _ places: Range<Int>, into room: inout [UInt32]) {
        var place = places.lowerBound
        while place < places.upperBound {
            let offset = part.base &+ UInt64(place)
            if walk.nextChange <= offset { walk.advance(through: offset) }
            let change = walk.nextChange &- part.base
            let end = change < UInt64(places.upperBound) ? Int(change) : places.upperBound
            while place < end {
                place = Self.look(part, place..<end, walk, pairs, into: &room)
                guard place < end else { break }
                room[place] = look(part, place)
                place += 1
            }
        }
    }

    /// One event whose person's state, or whose pair, is not known yet.
    private mutating func look(_ part: Part, _ place: Int) -> UInt32 {
        let person = part.people[place]
        let now = part.received[place]
        guard person != DecisionColumns.none else {
            return pairs.intern(part.moments[place], walk.unknown)
        }
        if !walk.people[Int(person)].holds(at: now) {
            walk.refresh(person, at: part.base &+ UInt64(place), now: now)
        }
        return pairs.intern(part.moments[place], walk.people[Int(person)].row)
    }

    /// Looks events up until one needs more than that; returns its place.
    private static func look(
        _ part: Part, _ places: Range<Int>, _ walk: ConsentWalk, _ pairs: PairNumbers,
        into room: inout [UInt32]
    ) -> Int {
        let (moments, people) = (part.moments.span, part.people.span)
        let (received, standings) = (part.received.span, walk.people.span)
        let (keys, numbers) = (pairs.keys.span, pairs.numbers.span)
        let unknown = walk.unknown
        var out = room.mutableSpan
        for place in places {
            let moment = moments[place]
            guard moment != DecisionColumns.none else {
                out[place] = moment
                continue
            }
            let person = people[place]
            var row = unknown
            if person != DecisionColumns.none {
                let standing = standings[Int(person)]
                guard standing.holds(at: received[place]) else { return place }
                row = standing.row
            }
            let pair = PairNumbers.find(PairNumbers.key(moment, row), in: keys, numbers)
            guard pair != PairNumbers.none else { return place }
            out[place] = pair
        }
        return places.upperBound
    }
}
