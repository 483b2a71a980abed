import CustomerModel

/// A walk through the offsets of a log that keeps each person's consent under one policy's rules, as known at
/// each offset. No line is read.
///
/// A person is known by the oldest of their identifiers. Their state stays as it is until somebody says
/// something on one of their identifiers, until people are joined or divided, or until a grant ends: so it is
/// worked out when an event asks for it after that, and otherwise looked up.
struct ConsentWalk {
    /// A person's state and the times between which it holds.
    struct Standing {
        /// In ``states``.
        var row: UInt32
        /// Microseconds; nothing lies in `from..<until` while the state must be worked out again.
        var from: Int64
        var until: Int64

        static let stale = Standing(row: .max, from: .max, until: .min)

        @inline(__always)
        func holds(at now: Int64) -> Bool { now >= from && now < until }
    }

    let judge: ConsentJudge
    private let history: ConsentHistory
    private let columns: DecisionColumns
    /// The rank of each type of identifier.
    private let ranks: [Int]
    // The way there.
    private let identifiers: [UInt32]
    private var nextAssertion = 0
    private var nextLineage = 0
    /// Identifiers that said something before they belonged to anybody, in order of their links.
    private let late: [UInt32]
    private var nextLate = 0
    private var standings: StandingTable
    // By carrying node of today: the identifiers that ever said anything and were ever of its people.
    private let speakers: [UInt32]
    private let speakerIdentifiers: [UInt32]
    private let nextSpeaker: [UInt32]
    /// By person.
    private(set) var people: [Standing]
    private(set) var states = InternTable<ConsentRow>()
    /// The state of nobody.
    let unknown: UInt32
    private var found: [(rank: Int, entry: StandingTable.Entry)] = []

    init(
        _ history: ConsentHistory, _ columns: DecisionColumns, by judge: ConsentJudge,
        ranks: [Int]
    ) {
        self.judge = judge
        self.history = history
        self.columns = columns
        self.ranks = ranks
        let count = history.people.identifierCount
        identifiers = history.assertions.identifiers()
        standings = StandingTable(identifiers: count)
        people = [Standing](repeating: .stale, count: count)
        unknown = states.intern(ConsentRow()).number
        var speakers = [UInt32](repeating: StandingTable.none, count: history.people.nodeCount)
        var speakerIdentifiers: [UInt32] = []
        var nextSpeaker: [UInt32] = []
        var late: [UInt32] = []
        var isKnown = [Bool](repeating: false, count: count)
        for (entry, identifier) in identifiers.enumerated() where !isKnown[Int(identifier)] {
            isKnown[Int(identifier)] = true
            let linked = history.people.linkOffsets[Int(identifier)]
            if linked != .max, linked > history.assertions.offsets[entry] {
                late.append(identifier)
            }
            history.people.forEachCarrier(of: identifier) { carrier in
                speakerIdentifiers.append(identifier)
                nextSpeaker.append(speakers[Int(carrier)])
                speakers[Int(carrier)] = UInt32(speakerIdentifiers.count - 1)
            }
        }
        self.speakers = speakers
        self.speakerIdentifiers = speakerIdentifiers
        self.nextSpeaker = nextSpeaker
        self.late = late.sorted {
            (history.people.linkOffsets[Int($0)], $0) < (history.people.linkOffsets[Int($1)], $1)
        }
    }

    // MARK: What changes

    /// The next offset at which something changes; `.max` when nothing does any more.
    var nextChange: UInt64 {
        var next = UInt64.max
        if nextAssertion < identifiers.count { next = history.assertions.offsets[nextAssertion] }
        if nextLineage < history.lineage.count {
            next = min(next, history.lineage.offsets[nextLineage])
        }
        if nextLate < late.count {
            next = min(next, history.people.linkOffsets[Int(late[nextLate])])
        }
        return next
    }

    /// Takes in everything up to and with the record at `offset`.
    mutating func advance(through offset: UInt64) {
        // Joined and divided first: within one event, identity comes before its assertions (C5).
        while nextLineage < history.lineage.count, history.lineage.offsets[nextLineage] <= offset {
            people[Int(history.lineage.kept[nextLineage])] = .stale
            people[Int(history.lineage.others[nextLineage])] = .stale
            nextLineage += 1
        }
        while nextLate < late.count,
            history.people.linkOffsets[Int(late[nextLate])] <= offset
        {
            let identifier = late[nextLate]
            forget(identifier, at: history.people.linkOffsets[Int(identifier)])
            nextLate += 1
        }
        while nextAssertion < identifiers.count,
            history.assertions.offsets[nextAssertion] <= offset
        {
            takeAssertion(nextAssertion)
            nextAssertion += 1
        }
    }

    private mutating func takeAssertion(_ entry: Int) {
        let offset = history.assertions.offsets[entry]
        standings.take(
            StandingTable.Entry(
                time: history.assertions.times[entry], offset: offset,
                granted: history.assertions.granted[entry],
                denied: history.assertions.denied[entry]),
            on: identifiers[entry])
        forget(identifiers[entry], at: offset)
    }

    /// Forgets the state of the person that an identifier belonged to once the record at `offset` was applied.
    private mutating func forget(_ identifier: UInt32, at offset: UInt64) {
        // Whatever an event changes, it changes for its own person.
        var person = columns.person(at: offset)
        if person == DecisionColumns.none {
            person = history.people.oldestMember(withIdentifier: identifier, asOf: offset)
        }
        if person != DecisionColumns.none { people[Int(person)] = .stale }
    }

    // MARK: What holds

    /// Works a person's state out again, as of what was taken in up to `offset` and at the time `now`.
    mutating func refresh(_ person: UInt32, at offset: UInt64, now: Int64) {
        let isOne = collect(person, at: offset)
        let resolved = judge.resolve(found, isOne: isOne, now: now)
        people[Int(person)] = Standing(
            row: states.intern(resolved.row).number, from: resolved.from, until: resolved.until)
    }

    /// Collects what holds of the person's identifiers. Returns whether it is all of one identifier.
    private mutating func collect(_ person: UInt32, at offset: UInt64) -> Bool {
        found.removeAll(keepingCapacity: true)
        let carrier = history.people.carrier(of: person, asOf: offset)
        guard carrier != PersonHistory.none else { return true }
        var speaker = speakers[Int(carrier)]
        var root: UInt32?
        var speakerCount = 0
        while speaker != StandingTable.none {
            let identifier = speakerIdentifiers[Int(speaker)]
            speaker = nextSpeaker[Int(speaker)]
            guard standings.hasAny(identifier) else { continue }
            if identifier != person {
                let wanted = root ?? history.people.root(ofIdentifier: person, asOf: offset)
                root = wanted
                guard history.people.root(ofIdentifier: identifier, asOf: offset) == wanted
                else { continue }
            }
            speakerCount += 1
            let rank = ranks[Int(history.people.types[Int(identifier)])]
            standings.forEach(of: identifier) { found.append((rank, $0)) }
        }
        return speakerCount < 2
    }
}
