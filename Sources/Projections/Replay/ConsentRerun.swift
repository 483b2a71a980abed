import CustomerModel

/// The moments of a range of events under other consent rules: each a moment as it was decided, with the state
/// that the event's person would have had.
///
/// Events lie in the log as they came, so two of one person are far apart, and what is known of a person would
/// have to be fetched from memory for each. So a window of events is put in order of people first; then each
/// part of the people is walked through by itself, on all processors; then the answers go back to their places.
struct ConsentRerun {
    /// By place of the decision columns: the number of a pair; `none` where there is no event, or where it was
    /// not asked for.
    private(set) var moments = EventColumn<UInt32>()
    /// A moment and a state, by number.
    private(set) var pairs: [(first: UInt32, second: UInt32)] = []
    private(set) var states: [ConsentRow] = []

    /// - Parameter windowSize: how many events are put in order of people at once.
    init(
        _ frame: ConsentFrame, _ columns: DecisionColumns, range: Range<UInt64>, windowSize: Int
    ) {
        let stretches = columns.stretches(in: range)
        guard let first = stretches.first, let last = stretches.last else { return }
        let places = first.rows.lowerBound..<last.rows.upperBound
        moments.append(repeating: DecisionColumns.none, upTo: places.lowerBound)
        let room = RerunRoom(size: min(windowSize, places.count))
        let numbers = RerunNumbers()
        let workers = (0..<Workers.count).map { number in
            RerunWorker(number, of: Workers.count, frame, columns, room, numbers)
        }
        var start = places.lowerBound
        while start < places.upperBound {
            let window = start..<min(start + windowSize, places.upperBound)
            Self.run(workers, window)
            for piece in workers.flatMap(\.pieces) { moments.append(piece) }
            start = window.upperBound
        }
        pairs = numbers.pairs.elements.map {
            (UInt32(truncatingIfNeeded: $0 >> 32), UInt32(truncatingIfNeeded: $0))
        }
        states = numbers.states.elements
    }

    private static func run(_ workers: [RerunWorker], _ window: Range<Int>) {
        // Whole chunks of the columns, so that each worker makes its own.
        let shares = Workers.shares(
            of: window, among: workers.count, unit: EventColumn<UInt32>.chunkSize)
        Workers.run(workers.count) { workers[$0].look(at: shares[$0], of: window) }
        // Part after part, and within a part worker after worker, which keeps the order of the log.
        var end = 0
        var parts: [Range<Int>] = []
        for part in workers[0].cursors.indices {
            let start = end
            for worker in workers {
                let size = worker.cursors[part]
                worker.cursors[part] = end
                end += size
            }
            parts.append(start..<end)
        }
        let ranges = parts
        Workers.run(workers.count) { workers[$0].ask(shares[$0], of: window) }
        Workers.run(workers.count) { workers[$0].walk(ranges, of: window) }
        Workers.run(workers.count) { workers[$0].number(shares[$0], of: window) }
    }
}

/// How a walk through people's consent is cut into pieces that are worked on one after another, or at once.
/// What comes out does not depend on it.
package struct WalkCut: Sendable {
    /// Events in a window: 20 bytes are kept of each.
    package var window = 1 << 22
    /// The identifiers of a part of the people, as a power of two; more if there would be very many parts.
    package var partBits = 12

    package init() {}
}

/// What the workers of a window write to.
///
/// `@unchecked Sendable`: in each step a worker writes to places that are its alone, and the next step begins
/// when all have ended.
private final class RerunRoom: @unchecked Sendable {
    /// By place of the window: the person's position, then the number of their state, then that of the pair.
    let answers: UnsafeMutableBufferPointer<UInt32>
    /// In order of parts.
    let questions: UnsafeMutableBufferPointer<ConsentWalk.Question>

    init(size: Int) {
        answers = .allocate(capacity: size)
        questions = .allocate(capacity: size)
    }

    deinit {
        answers.deallocate()
        questions.deallocate()
    }
}

/// The numbers that all workers give.
private final class RerunNumbers: Sendable {
    let states = SharedNumbers<ConsentRow>.Pool()
    let pairs = SharedNumbers<UInt64>.Pool()
    /// The state of nobody.
    let unknown: UInt32

    init() { unknown = states.number(of: ConsentRow()) }
}

/// One of the threads that run through a window.
///
/// `@unchecked Sendable`: one thread at a time uses it.
private final class RerunWorker: @unchecked Sendable {
    private let columns: DecisionColumns
    private let room: RerunRoom
    private let numbers: RerunNumbers
    private let frame: ConsentFrame
    private let number: Int
    private let workerCount: Int
    /// The walks through each of its parts: of every so many the one with its number.
    private var walks: [ConsentWalk]
    private var states: SharedNumbers<ConsentRow>
    /// Pairs as this worker numbers them, and as all do.
    private var pairs = PairNumbers()
    private var sharedPairs: [UInt32] = []
    /// By part: how many questions its share of the window holds; then where the next of them goes.
    var cursors: [Int] = []
    /// Its share of the window's answers, in order.
    private(set) var pieces: [[UInt32]] = []

    init(
        _ number: Int, of workerCount: Int, _ frame: ConsentFrame, _ columns: DecisionColumns,
        _ room: RerunRoom, _ numbers: RerunNumbers
    ) {
        self.number = number
        self.workerCount = workerCount
        self.frame = frame
        self.columns = columns
        self.room = room
        self.numbers = numbers
        walks = stride(from: number, to: frame.groups.parts.count, by: workerCount).map {
            ConsentWalk(frame, part: $0)
        }
        states = SharedNumbers(numbers.states)
    }

    // MARK: In order of the log

    /// Finds the person of each event of its share, and how many fall to each part.
    func look(at share: Range<Int>, of window: Range<Int>) {
        cursors = [Int](repeating: 0, count: frame.groups.parts.count)
        let groups = frame.groups
        let answers = room.answers
        columns.moments.forEachPart(of: share) { place, moments in
            let first = place & (EventColumn<UInt32>.chunkSize - 1)
            let people = columns.people.chunks[place >> 16][first..<first + moments.count]
            moments.withUnsafeBufferPointer { moments in
                people.withUnsafeBufferPointer { people in
                    groups.positions.withUnsafeBufferPointer { positions in
                        groups.partOfBlock.withUnsafeBufferPointer { parts in
                            cursors.withUnsafeMutableBufferPointer { cursors in
                                let out = place - window.lowerBound
                                for index in moments.indices {
                                    let person = people[index]
                                    guard moments[index] != DecisionColumns.none,
                                        person != DecisionColumns.none
                                    else {
                                        answers[out + index] = ConsentGroups.none
                                        continue
                                    }
                                    let position = positions[Int(person)]
                                    answers[out + index] = position
                                    guard position != ConsentGroups.none else { continue }
                                    cursors[Int(parts[Int(position) >> groups.shift])] += 1
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Puts a question for each event of its share where its part's stand.
    func ask(_ share: Range<Int>, of window: Range<Int>) {
        let groups = frame.groups
        let (answers, questions) = (room.answers, room.questions)
        columns.received.forEachPart(of: share) { place, times in
            times.withUnsafeBufferPointer { times in
                groups.partOfBlock.withUnsafeBufferPointer { parts in
                    cursors.withUnsafeMutableBufferPointer { cursors in
                        for index in times.indices {
                            let position = answers[place - window.lowerBound + index]
                            guard position != ConsentGroups.none else { continue }
                            let part = Int(parts[Int(position) >> groups.shift])
                            questions[cursors[part]] = ConsentWalk.Question(
                                received: times[index], place: UInt32(place + index),
                                person: position)
                            cursors[part] += 1
                        }
                    }
                }
            }
        }
    }

    // MARK: In order of people

    /// Walks through its parts of the people.
    func walk(_ parts: [Range<Int>], of window: Range<Int>) {
        let answers = room.answers
        for walk in walks.indices {
            let questions = UnsafeMutableBufferPointer(
                rebasing: room.questions[parts[number + walk * workerCount]])
            walks[walk].answer(questions, in: frame, &states)
            for question in questions {
                answers[Int(question.place) - window.lowerBound] = question.person
            }
        }
    }

    // MARK: In order of the log again

    /// Numbers the pairs of its share, and puts them into chunks of the column to be.
    func number(_ share: Range<Int>, of window: Range<Int>) {
        pieces.removeAll()
        columns.moments.forEachPart(of: share) { place, moments in
            let first = place - window.lowerBound
            var index = moments.startIndex
            while index < moments.endIndex {
                let out = first + (index - moments.startIndex)
                index = Self.find(
                    moments[index...], room.answers[out..<out + moments.endIndex - index],
                    pairs, sharedPairs, unknown: numbers.unknown)
                guard index < moments.endIndex else { break }
                learn(moments[index], state(at: first + (index - moments.startIndex)))
            }
            pieces.append(Array(room.answers[first..<first + moments.count]))
        }
    }

    private func state(at place: Int) -> UInt32 {
        let state = room.answers[place]
        return state == ConsentGroups.none ? numbers.unknown : state
    }

    /// Numbers events up to one whose pair is new to this worker; returns its index.
    private static func find(
        _ moments: ArraySlice<UInt32>, _ answers: UnsafeMutableBufferPointer<UInt32>.SubSequence,
        _ pairs: PairNumbers, _ sharedPairs: [UInt32], unknown: UInt32
    ) -> Int {
        let (keys, own) = (pairs.keys.span, pairs.numbers.span)
        let (shared, part) = (sharedPairs.span, moments.span)
        let out = UnsafeMutableBufferPointer(rebasing: answers)
        for index in part.indices {
            let moment = part[index]
            guard moment != DecisionColumns.none else {
                out[index] = DecisionColumns.none
                continue
            }
            let state = out[index] == ConsentGroups.none ? unknown : out[index]
            let pair = PairNumbers.find(PairNumbers.key(moment, state), in: keys, own)
            guard pair != PairNumbers.none else { return moments.startIndex + index }
            out[index] = shared[Int(pair)]
        }
        return moments.endIndex
    }

    private func learn(_ moment: UInt32, _ state: UInt32) {
        _ = pairs.intern(moment, state)
        sharedPairs.append(numbers.pairs.number(of: PairNumbers.key(moment, state)))
    }
}
