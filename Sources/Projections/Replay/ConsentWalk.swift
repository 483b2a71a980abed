import CustomerModel

/// A walk through the records of a log that keeps the consent of one part of its people under one policy's
/// rules, as known at each record. No line is read.
///
/// A person is known by the oldest of their identifiers. Their state stays as it is until somebody of their
/// group says something, until people of it are joined or divided, or until a grant ends: so it is worked out
/// when an event asks for it after that, and otherwise looked up.
struct ConsentWalk {
    /// A person's state and the times between which it holds.
    struct Standing {
        /// In the states that all walks share.
        var row: UInt32
        /// Microseconds; nothing lies in `from..<until` while the state must be worked out again.
        var from: Int64
        var until: Int64

        static let stale = Standing(row: .max, from: .max, until: .min)

        @inline(__always)
        func holds(at now: Int64) -> Bool { now >= from && now < until }
    }

    /// One event that asks. The answer takes the place of the question.
    struct Question {
        /// Microseconds.
        var received: Int64
        var place: UInt32
        /// The person's position; then the number of their state.
        var person: UInt32
    }

    private let positions: Range<Int>
    // The way there, in ``ConsentFrame/changes``.
    private var assertions: Range<Int>
    private var renewals: Range<Int>
    private var standings: StandingTable
    /// By position within the part.
    private var people: [Standing]
    private var found: [(rank: Int, entry: StandingTable.Entry)] = []

    init(_ frame: ConsentFrame, part: Int) {
        positions = frame.groups.parts[part]
        assertions = frame.changes.assertionsOfPart[part]
        renewals = frame.changes.renewalsOfPart[part]
        standings = StandingTable(identifiers: positions.count)
        people = [Standing](repeating: .stale, count: positions.count)
    }

    /// Answers questions, which come in the order of the log.
    ///
    /// The frame is handed in and not kept: threads that count who holds it would wait for each other.
    mutating func answer(
        _ questions: UnsafeMutableBufferPointer<Question>, in frame: ConsentFrame,
        _ states: inout SharedNumbers<ConsentRow>
    ) {
        var change = nextChange(frame)
        let base = UInt32(positions.lowerBound)
        for place in questions.indices {
            let question = questions[place]
            if question.place >= change {
                advance(through: question.place, frame)
                change = nextChange(frame)
            }
            let person = Int(question.person - base)
            if !people[person].holds(at: question.received) {
                refresh(person, at: question.place, now: question.received, frame, &states)
            }
            questions[place].person = people[person].row
        }
    }

    // MARK: What changes

    /// The place of the next record that changes something; `.max` when none does any more.
    private func nextChange(_ frame: ConsentFrame) -> UInt32 {
        let assertion =
            assertions.isEmpty
            ? UInt32.max : frame.changes.assertions[assertions.lowerBound].place
        let renewal =
            renewals.isEmpty
            ? UInt32.max : frame.changes.renewals[renewals.lowerBound].place
        return min(assertion, renewal)
    }

    /// Takes in everything up to and with the record at `place`: within one event, identity and assertions
    /// come before its decision (C5).
    private mutating func advance(through place: UInt32, _ frame: ConsentFrame) {
        while let next = renewals.first {
            let renewal = frame.changes.renewals[next]
            guard renewal.place <= place else { break }
            forget(renewal.position, frame)
            renewals = next + 1..<renewals.upperBound
        }
        while let next = assertions.first {
            let assertion = frame.changes.assertions[next]
            guard assertion.place <= place else { break }
            standings.take(
                StandingTable.Entry(
                    time: assertion.time, offset: UInt64(assertion.place),
                    granted: assertion.granted, denied: assertion.denied),
                on: assertion.position - UInt32(positions.lowerBound))
            forget(assertion.position, frame)
            assertions = next + 1..<assertions.upperBound
        }
    }

    /// Forgets the states of everybody in a group.
    private mutating func forget(_ position: UInt32, _ frame: ConsentFrame) {
        let start = frame.groups.starts[Int(position)]
        var member = Int(start)
        while member < positions.upperBound, frame.groups.starts[member] == start {
            people[member - positions.lowerBound] = .stale
            member += 1
        }
    }

    // MARK: What holds

    /// Works a person's state out again, as of what was taken in and at the time `now`.
    private mutating func refresh(
        _ person: Int, at place: UInt32, now: Int64, _ frame: ConsentFrame,
        _ states: inout SharedNumbers<ConsentRow>
    ) {
        let isOne = collect(person, at: frame.space.offset(ofRow: UInt64(place)), frame)
        let resolved = frame.judge.resolve(found, isOne: isOne, now: now)
        people[person] = Standing(
            row: states.number(of: resolved.row), from: resolved.from, until: resolved.until)
    }

    /// Collects what holds of the person's identifiers. Returns whether it is all of one identifier.
    private mutating func collect(_ person: Int, at offset: UInt64, _ frame: ConsentFrame) -> Bool {
        found.removeAll(keepingCapacity: true)
        let own = frame.groups.identifiers[person + positions.lowerBound]
        let start = frame.groups.starts[person + positions.lowerBound]
        var root: UInt32?
        var speakerCount = 0
        for member in Int(start)..<Int(frame.groups.speakerEnds[Int(start)]) {
            let local = UInt32(member - positions.lowerBound)
            guard standings.hasAny(local) else { continue }
            let identifier = frame.groups.identifiers[member]
            if identifier != own {
                let wanted = root ?? frame.people.root(ofIdentifier: own, asOf: offset)
                root = wanted
                guard frame.people.root(ofIdentifier: identifier, asOf: offset) == wanted
                else { continue }
            }
            speakerCount += 1
            let rank = frame.ranks[Int(frame.people.types[Int(identifier)])]
            standings.forEach(of: local) { found.append((rank, $0)) }
        }
        return speakerCount < 2
    }
}

/// What all parts of a walk share and none changes.
final class ConsentFrame: Sendable {
    let judge: ConsentJudge
    let people: PersonHistory
    let groups: ConsentGroups
    let changes: ConsentChanges
    let space: OffsetSpace
    /// The rank of each type of identifier.
    let ranks: [Int]

    init(
        _ history: ConsentHistory, _ space: OffsetSpace, by judge: ConsentJudge, ranks: [Int],
        partBits: Int
    ) {
        self.judge = judge
        self.space = space
        self.ranks = ranks
        people = history.people
        let speakers = history.assertions.identifiers
        var speaks = [Bool](repeating: false, count: history.people.identifierCount)
        for identifier in speakers { speaks[Int(identifier)] = true }
        groups = ConsentGroups(history.people, speaks: speaks, partBits: partBits)
        changes = ConsentChanges(history, groups, speakers: speakers, space)
    }
}
