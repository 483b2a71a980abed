public import CustomerModel

/// What was decided of one event for every destination, as decided when it came (D1).
public struct EventDecisions: Equatable, Sendable {
    public struct Judgement: Equatable, Sendable {
        public var destination: String
        public var decision: Decision
    }
    public struct Purpose: Equatable, Sendable {
        public var name: String
        /// The person's state at the event, narrowed by the event's own signal.
        public var value: ConsentState.Value
    }
    public var offset: UInt64
    public var source: String?
    public var type: EventType?
    /// Empty where the event has none; nil where it is not kept in the columns.
    public var name: String?
    /// Microseconds.
    public var received: Int64
    public var occurred: Int64
    /// The person that it was of then.
    public var profile: ProfileID?
    /// The policy that governed it, and from which offset it did.
    public var policyVersion: Int
    public var policyFrom: UInt64
    /// By that policy's purposes and destinations, in its order.
    public var purposes: [Purpose]
    public var judgements: [Judgement]
}

extension FoldState {
    /// The decisions on a person's events, newest last: on the events of the identifiers that were theirs
    /// once the record at `offset` was applied, or are now. Nil when nobody is, or was, known by that
    /// reference. Costs by the person's events.
    ///
    /// - Parameter limit: at most so many, the newest; ``total`` counts all.
    public func decisions(
        of person: PersonReference, asOf offset: UInt64?, limit: Int
    ) -> (profile: ProfileID, total: Int, rows: [EventDecisions])? {
        guard let root = root(of: person, asOf: offset) else { return nil }
        var places: [Int] = []
        var members: [UInt32] = []
        identity.appendMembers(ofRoot: root, upTo: offset, to: &members)
        for member in members {
            forEachPlace(of: member, asOf: offset ?? .max) { places.append($0) }
        }
        places.sort()
        let profile =
            offset.flatMap { identity.profileID(ofRoot: root, asOf: $0) }
            ?? identity.profileID(ofRoot: root)
        return (
            profile, places.count,
            places.suffix(limit).compactMap { eventDecisions(atPlace: $0) }
        )
    }

    /// The decisions on the events of a range of offsets, in order, at most `limit` of them.
    public func decisions(in range: Range<UInt64>, limit: Int) -> [EventDecisions] {
        var rows: [EventDecisions] = []
        for stretch in decisions.stretches(in: range) {
            for place in stretch.rows {
                guard rows.count < limit else { return rows }
                if let row = eventDecisions(atPlace: place) { rows.append(row) }
            }
        }
        return rows
    }

    private func eventDecisions(atPlace place: Int) -> EventDecisions? {
        let moment = decisions.moments[place]
        guard moment != DecisionColumns.none else { return nil }
        let row = decisions.row(ofMoment: moment)
        let situation = situations.situations[decisions.situation(ofMoment: moment)]
        let version = Int(decisions.rowVersions[Int(row)])
        guard let policy = policy(version: version) else { return nil }
        let consent = situations.consents[situation.consent]
        let person = decisions.people[place]
        return EventDecisions(
            offset: decisions.space.offset(ofRow: UInt64(place)),
            source: situation.source == .max ? nil : sources.names[Int(situation.source)],
            type: EventType(rawValue: situation.type),
            name: situation.name == .max ? nil : situations.names.text(UInt32(situation.name)),
            received: decisions.received[place], occurred: decisions.occurred[place],
            profile: person == DecisionColumns.none ? nil : identity.birth(person),
            policyVersion: version, policyFrom: policy.activatedAt,
            purposes: zip(policy.policy.purposes, policy.purposeNumbers).map {
                EventDecisions.Purpose(name: $0.name, value: consent[$1])
            },
            judgements: zip(policy.policy.destinations, decisions.bits(ofRow: row)).map {
                EventDecisions.Judgement(destination: $0.name, decision: Decision(bits: $1))
            })
    }
}
