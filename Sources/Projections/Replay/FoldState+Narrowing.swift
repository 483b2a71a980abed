public import CustomerModel

/// Which events a replay is about, beside its range. Empty lists narrow nothing.
public struct EventNarrowing: Equatable, Sendable {
    public var sources: [String]
    /// Names of events, or the type of those that have no name (`identify`).
    public var events: [String]
    public var person: PersonReference?

    public init(sources: [String] = [], events: [String] = [], person: PersonReference? = nil) {
        self.sources = sources
        self.events = events
        self.person = person
    }

    public var isEmpty: Bool { sources.isEmpty && events.isEmpty && person == nil }

    /// Whether it is about an event of this source, type and name.
    public func takes(source: String, type: EventType?, name: String) -> Bool {
        (sources.isEmpty || sources.contains(source))
            && (events.isEmpty || events.contains(name.isEmpty ? type?.name ?? "" : name))
    }
}

extension FoldState {
    /// What became of a narrowing at one event.
    public enum Narrowed: Equatable, Sendable {
        case meant
        case notMeant
        /// Its source or name found no room in the tables: its line says.
        case askLine
    }

    /// Whether a narrowing is about the events at some offsets.
    ///
    /// A person's events are those of every identifier that is theirs now.
    public func narrowed(_ offsets: some Sequence<UInt64>, by narrowing: EventNarrowing)
        -> [Narrowed]
    {
        let root = narrowing.person.map { self.root(of: $0, asOf: nil) }
        var known: [UInt32: Narrowed] = [:]
        return offsets.map { offset in
            guard let place = decisions.placeOfEvent(at: offset) else { return .notMeant }
            if let root {
                let anchor = decisions.anchors[place]
                guard anchor != DecisionColumns.none,
                    let theirs = identity.root(ofIdentifier: anchor), theirs == root
                else { return .notMeant }
            }
            let number = decisions.situation(ofMoment: decisions.moments[place])
            if let answer = known[number] { return answer }
            let situation = situations.situations[number]
            let answer: Narrowed
            if situation.flags.contains(.open),
                !narrowing.sources.isEmpty || !narrowing.events.isEmpty
            {
                answer = .askLine
            } else if situation.flags.contains(.open) {
                answer = .meant
            } else {
                answer =
                    narrowing.takes(
                        source: sources.names[Int(situation.source)],
                        type: EventType(rawValue: situation.type),
                        name: situations.names.text(situation.name)) ? .meant : .notMeant
            }
            known[number] = answer
            return answer
        }
    }

    /// Whether somebody is known by a reference.
    public func knows(_ person: PersonReference) -> Bool { root(of: person, asOf: nil) != nil }
}

extension DecisionColumns {
    /// Where the event at an offset stands in the columns; nil for anything else.
    func placeOfEvent(at offset: UInt64) -> Int? {
        guard let row = space.row(offset), row < UInt64(count), moments[Int(row)] != Self.none
        else { return nil }
        return Int(row)
    }
}
