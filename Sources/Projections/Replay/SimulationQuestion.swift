public import CustomerModel
import EventLog
import JSONText

/// What a simulation by a fold is asked, beside the candidate.
public struct SimulationQuestion: Sendable {
    /// Whose consent counts.
    public enum Consent: Equatable, Sendable {
        /// As it was decided at each event.
        case atEvent
        /// As it was known once the record at an offset had been applied; nil for now. What each event said
        /// itself narrows it as ever, and a grant must have run still when the event came.
        case asKnown(UInt64?)
    }

    /// Which differences are written out one by one.
    public enum List: String, CaseIterable, Sendable {
        /// Withheld before, allowed by the candidate.
        case allowed
        /// Allowed before, withheld by the candidate.
        case withheld
        /// Either.
        case changed
        /// Told, and withheld by the candidate.
        case overShared = "over-shared"

        func takes(before: UInt16, after: UInt16, isTold: Bool) -> Bool {
            switch self {
            case .allowed: before != 0 && after == 0
            case .withheld: before == 0 && after != 0
            case .changed: (before == 0) != (after == 0)
            case .overShared: isTold && after != 0
            }
        }
    }

    public var range: Range<UInt64>
    public var consent = Consent.atEvent
    public var narrowing = EventNarrowing()
    public var list: List?
    /// Only these; empty for all.
    public var destinations: [String] = []
    /// Of each destination.
    public var samples: Int

    public init(range: Range<UInt64>, samples: Int) {
        self.range = range
        self.samples = samples
    }
}

/// One event's judgement for one destination, before and under a candidate.
public struct EventDifference: Sendable {
    public var offset: UInt64
    public var destination: String
    /// Nil where there was no such destination.
    public var before: Decision?
    public var after: Decision?
    public var isTold: Bool
}

extension FoldState {
    /// Compares what this fold, under its candidate, decided with what was decided live, event by event.
    ///
    /// - Parameters:
    ///   - meant: offsets that the narrowing is about; nil for all.
    ///   - replayer: reads lines again where consent is asked as known at another time.
    ///   - emit: takes what the question lists, in order of the events.
    public func difference(
        from basis: SimulationBasis, _ question: SimulationQuestion,
        meant: ((UInt64) -> Bool)? = nil, replayer: inout Replayer,
        emit: (EventDifference) throws -> Void
    ) throws -> SimulationReport {
        let end = min(question.range.upperBound, basis.end, next)
        let start = min(question.range.lowerBound, end)
        var counter = DifferenceCounter(self, basis, question)
        switch question.consent {
        case .atEvent:
            try compare(start..<end, in: &counter, meant: meant, emit: emit)
        case .asKnown(let asOf):
            guard let candidate else { preconditionFailure("only a candidate is simulated") }
            var parser = JSONParser()
            var gates: [UInt16] = []
            _ = try replayer.forEachReadable(from: Offset(start), to: Offset(end)) { record in
                guard let place = decisions.placeOfEvent(at: record.offset),
                    meant?(record.offset) ?? true
                else { return }
                try parser.parseTrusted(record.line) { line in
                    consentGates(
                        of: record, line, policy: candidate, asOf: asOf, into: &gates)
                }
                try counter.note(place, record.offset, consent: gates, emit)
            }
        }
        return counter.report(from: start, to: end)
    }

    /// The same over a whole range, with consent as it was decided at each event.
    public func difference(from basis: SimulationBasis, range: Range<UInt64>, samples: Int)
        -> SimulationReport
    {
        let end = min(range.upperBound, basis.end, next)
        let start = min(range.lowerBound, end)
        var counter = DifferenceCounter(
            self, basis, SimulationQuestion(range: range, samples: samples))
        compare(start..<end, in: &counter, meant: nil, emit: { _ in })
        return counter.report(from: start, to: end)
    }

    private func compare(
        _ range: Range<UInt64>, in counter: inout DifferenceCounter, meant: ((UInt64) -> Bool)?,
        emit: (EventDifference) throws -> Void
    ) rethrows {
        for stretch in decisions.stretches(in: range) {
            for (place, offset) in zip(stretch.rows, stretch.offsets)
            where decisions.moments[place] != DecisionColumns.none && meant?(offset) ?? true {
                try counter.note(place, offset, consent: nil, emit)
            }
        }
    }

    /// What the candidate's consent gates say of an event when asked with what was known at another time;
    /// one entry a destination.
    private func consentGates(
        of record: FoldRecord, _ line: JSONView, policy: CompiledPolicy, asOf: UInt64?,
        into gates: inout [UInt16]
    ) {
        gates.removeAll(keepingCapacity: true)
        let isEvent: Void? = EventBody.read(line: line) { body in
            guard let received = EventClock.time(line["received"]) else { return }
            consentGates(
                of: record, body, received: received, policy: policy, asOf: asOf, into: &gates)
        }
        // What cannot be read withholds.
        let missing = policy.policy.destinations.count - gates.count
        if isEvent == nil || missing > 0 {
            for _ in 0..<missing { gates.append(Gate.unreadable.bit) }
        }
    }

    private func consentGates(
        of record: FoldRecord, _ body: EventBody, received: Timestamp, policy: CompiledPolicy,
        asOf: UInt64?, into gates: inout [UInt16]
    ) {
        let anchor = decisions.anchor(at: record.offset)
        var root: UInt32?
        if anchor != DecisionColumns.none {
            root =
                if let asOf {
                    identity.root(ofIdentifier: anchor, asOf: asOf)
                } else {
                    identity.root(ofIdentifier: anchor)
                }
        }
        let signal = ConsentSignal.read(body, by: policy.reading, received: received)
        var states: [ConsentState] = []
        purposeStates(
            of: root ?? IdentityTable.none, policy: policy, now: received.microseconds,
            asOf: asOf, into: &states)
        Self.narrow(
            &states, by: signal, policy: policy, body: body, source: record.source,
            offset: record.offset)
        let person = tcString(of: root ?? IdentityTable.none, policy: policy, asOf: asOf)
        for destination in policy.policy.destinations {
            var decision = Decision.allow
            Judge.consent(
                destination, states: states, purposes: policy.policy.purposes, into: &decision)
            Self.judgeTCF(destination, person: person, own: signal.tcString, into: &decision)
            gates.append(decision.bits)
        }
    }
}

/// Counts differences, an event at a time for all destinations.
private struct DifferenceCounter {
    private let state: FoldState
    private let basis: SimulationBasis
    private let question: SimulationQuestion
    /// By destination of the basis: judgements by row, and its place in the candidate.
    private let after: [[UInt16]]
    private let places: [Int?]
    private var tallies: [DayTally]
    private var results: [SimulationReport.DestinationDifference]
    private let wanted: [Int]
    private var events = 0
    /// What is before the candidate stays as it was, whatever this fold could still tell of it.
    private let judgedFrom: UInt64

    private static let consentGates =
        Gate.consentUnknown.bit | Gate.consentDenied.bit | Gate.consentExpired.bit

    init(_ state: FoldState, _ basis: SimulationBasis, _ question: SimulationQuestion) {
        self.state = state
        self.basis = basis
        self.question = question
        after = basis.names.map { name in
            state.decisions.table { state.policy(version: $0)?.destinationIndex(name) }
        }
        if case .candidate(_, let from) = state.schedule {
            judgedFrom = from
        } else {
            judgedFrom = 0
        }
        places = basis.names.map { state.candidate?.destinationIndex($0) }
        tallies = basis.names.map { _ in DayTally(width: ReasonPairs.width) }
        results = basis.names.map { SimulationReport.DestinationDifference(name: $0) }
        wanted = basis.names.indices.filter {
            question.destinations.isEmpty || question.destinations.contains(basis.names[$0])
        }
    }

    /// - Parameter consent: by destination of the candidate, what its consent gates say instead.
    mutating func note(
        _ place: Int, _ offset: UInt64, consent: [UInt16]?, _ emit: (EventDifference) throws -> Void
    ) rethrows {
        events += 1
        let newRow = Int(state.decisions.row(atPlace: place))
        // Both sides folded the same log, so the same record stands at the same place.
        let oldRow = basis.columns.row(atPlace: place)
        for number in wanted {
            let old = oldRow == DecisionColumns.none ? 0xFFFF : basis.tables[number][Int(oldRow)]
            var new = offset < judgedFrom ? old : after[number][newRow]
            if offset >= judgedFrom, let consent, new != 0xFFFF, let place = places[number] {
                new = new & ~Self.consentGates | consent[place]
            }
            tallies[number].note(state.decisions.received[place], ReasonPairs.pair(old, new))
            let isTold = new != 0 && basis.told[number].contains { $0.contains(offset) }
            if isTold { results[number].overShared += 1 }
            results[number].sample(offset, old, new, limit: question.samples)
            if question.list?.takes(before: old, after: new, isTold: isTold) == true {
                try emit(
                    EventDifference(
                        offset: offset, destination: basis.names[number],
                        before: old == 0xFFFF ? nil : Decision(bits: old),
                        after: new == 0xFFFF ? nil : Decision(bits: new), isTold: isTold))
            }
        }
    }

    mutating func report(from: UInt64, to: UInt64) -> SimulationReport {
        for number in results.indices {
            ReasonPairs.sum(tallies[number].finish(), into: &results[number])
        }
        return SimulationReport(
            from: from, to: to, events: events, destinations: results,
            peopleBefore: basis.people, peopleAfter: state.personCount)
    }
}
