import CustomerModel
import JSONText

/// The filters of a candidate that must be asked event by event, and what they say.
struct FilterQuestions {
    /// One destination's.
    private struct Question {
        var destination: Int
        var kept: FilterVerdicts.Kept
        var profilePaths: [FieldPath]
        /// Whether it asks nothing of the event itself.
        var isOfProfile: Bool
    }

    /// A mask of questions is a word.
    static let limit = 32

    private let basis: SimulationBasis
    private let moments: EventColumn<UInt32>
    /// By moment: the questions that its events must be asked.
    private let needs: [UInt32]
    private var questions: [Question] = []

    /// - Parameters:
    ///   - asked: destinations and what they ask, at most ``limit``.
    ///   - needs: by moment, a mask over `asked`.
    init(
        _ basis: SimulationBasis, _ moments: EventColumn<UInt32>,
        asked: [(destination: Int, condition: Condition)], needs: [UInt32],
        _ reading: FilterReading
    ) {
        self.basis = basis
        self.moments = moments
        self.needs = needs
        questions = asked.map { destination, condition in
            let paths = condition.paths
            return Question(
                destination: destination,
                kept: reading.verdicts.kept(condition, of: reading.state),
                profilePaths: paths.filter(\.isOfProfile),
                isOfProfile: paths.allSatisfy(\.isOfProfile))
        }
    }

    /// Answers everything that is asked in a range, from what is known and from lines.
    mutating func answer(_ range: Range<UInt64>, _ reading: FilterReading) throws(NeedsFold) {
        let stretches = basis.columns.stretches(in: range)
        var wanted: [Range<UInt64>] = []
        for stretch in stretches { try collect(stretch, into: &wanted) }
        defer {
            for question in questions { reading.verdicts.keep(question.kept, of: reading.state) }
        }
        guard !wanted.isEmpty else { return }
        do {
            for range in wanted { try read(range, reading.lines) }
        } catch {
            // Folding finds out what is lost and says so.
            throw NeedsFold(reason: "a part of the log cannot be read: \(error)")
        }
        var missing: [Range<UInt64>] = []
        for stretch in stretches { try collect(stretch, into: &missing) }
        guard missing.isEmpty else {
            throw NeedsFold(reason: "the lines of some events are not there any more")
        }
    }

    /// What an event must still be asked, as a mask.
    @inline(__always)
    private func unknown(_ place: Int, _ moment: UInt32) -> UInt32 {
        var left = needs[Int(moment)]
        var found: UInt32 = 0
        while left != 0 {
            let bit = left & (~left &+ 1)
            if !questions[bit.trailingZeroBitCount].kept.known[place] { found |= bit }
            left &= ~bit
        }
        return found
    }

    /// Collects the offsets whose lines are needed, with no more than a frame's worth of others between; what
    /// only asks the profile is answered at once.
    private mutating func collect(
        _ stretch: OffsetSpace.Stretch, into wanted: inout [Range<UInt64>]
    ) throws(NeedsFold) {
        var parser = JSONParser()
        for place in stretch.rows {
            let moment = moments[place]
            guard moment != DecisionColumns.none, needs[Int(moment)] != 0 else { continue }
            var left = unknown(place, moment)
            guard left != 0 else { continue }
            for number in questions.indices
            where left & (1 << UInt32(number)) != 0 && !questions[number].profilePaths.isEmpty {
                let profile = try profile(number, place)
                guard questions[number].isOfProfile else { continue }
                note(number, place, holdsOfProfile(number, profile, place, &parser))
                left &= ~(1 << UInt32(number))
            }
            guard left != 0 else { continue }
            let offset = stretch.offsets.lowerBound + UInt64(place - stretch.rows.lowerBound)
            if let last = wanted.last, offset - last.upperBound < Self.gap {
                wanted[wanted.count - 1] = last.lowerBound..<offset + 1
            } else {
                wanted.append(offset..<offset + 1)
            }
        }
    }

    /// About half of a sealed frame: skipping less saves nothing.
    private static let gap: UInt64 = 256

    private mutating func read(_ range: Range<UInt64>, _ lines: LineSource) throws {
        var parser = JSONParser()
        try lines.read(range) { offset, line in
            guard let row = basis.columns.space.row(offset), row < UInt64(moments.count) else {
                return
            }
            let place = Int(row)
            let moment = moments[place]
            guard moment != DecisionColumns.none else { return }
            let left = unknown(place, moment)
            guard left != 0 else { return }
            var held: UInt32?
            try parser.parseTrusted(line) { view in
                held = try EventBody.read(line: view) { body in try holds(left, body, place) }
            }
            guard let held else { return }
            for number in questions.indices where left & (1 << UInt32(number)) != 0 {
                note(number, place, held & (1 << UInt32(number)) != 0)
            }
        }
    }

    /// Which of some questions an event's own body answers with yes.
    private func holds(_ asked: UInt32, _ body: EventBody, _ place: Int) throws(NeedsFold) -> UInt32
    {
        var held: UInt32 = 0
        for number in questions.indices where asked & (1 << UInt32(number)) != 0 {
            if try holds(number, body, place) { held |= 1 << UInt32(number) }
        }
        return held
    }

    private func holds(_ number: Int, _ body: EventBody, _ place: Int) throws(NeedsFold) -> Bool {
        questions[number].kept.condition.evaluate(
            on: body, received: basis.columns.received[place],
            profile: questions[number].profilePaths.isEmpty ? nil : try profile(number, place))
    }

    private mutating func note(_ number: Int, _ place: Int, _ holds: Bool) {
        questions[number].kept.known.insert(place)
        if holds { questions[number].kept.holds.insert(place) }
    }

    // MARK: Profiles

    private func holdsOfProfile(
        _ number: Int, _ profile: ProfileValues, _ place: Int, _ parser: inout JSONParser
    ) -> Bool {
        do {
            return try parser.parse(Array("{\"body\":{}}".utf8)) { view in
                EventBody.read(line: view) { nothing in
                    questions[number].kept.condition.evaluate(
                        on: nothing, received: basis.columns.received[place], profile: profile)
                } ?? false
            }
        } catch {
            preconditionFailure("an empty event is JSON: \(error)")
        }
    }

    /// What the live fold read of the profile for an event.
    private func profile(_ number: Int, _ place: Int) throws(NeedsFold) -> ProfileValues {
        var tokens: [[UInt8]?] = []
        for path in questions[number].profilePaths {
            guard case .read(let token) = basis.profiles?.reading(path, at: UInt64(place)) else {
                throw NeedsFold(reason: "\(path) was not read of every event")
            }
            tokens.append(token)
        }
        return ProfileValues(paths: questions[number].profilePaths, tokens: tokens)
    }

    // MARK: What they said

    /// The moments of a range, told apart by which filters do not hold: pairs of a moment and a mask over the
    /// destinations' questions.
    ///
    /// - Precondition: everything was answered.
    func refined(_ range: Range<UInt64>) -> (moments: EventColumn<UInt32>, pairs: PairNumbers) {
        var pairs = PairNumbers()
        var refined = EventColumn<UInt32>()
        for stretch in basis.columns.stretches(in: range) {
            refined.append(repeating: DecisionColumns.none, upTo: stretch.rows.lowerBound)
            moments.forEachPart(of: stretch.rows) { first, part in
                var place = first
                for moment in part {
                    defer { place += 1 }
                    guard moment != DecisionColumns.none else {
                        refined.append(moment)
                        continue
                    }
                    refined.append(pairs.intern(moment, failing(place, moment)))
                }
            }
        }
        return (refined, pairs)
    }

    @inline(__always)
    private func failing(_ place: Int, _ moment: UInt32) -> UInt32 {
        var left = needs[Int(moment)]
        var found: UInt32 = 0
        while left != 0 {
            let bit = left & (~left &+ 1)
            if !questions[bit.trailingZeroBitCount].kept.holds[place] { found |= bit }
            left &= ~bit
        }
        return found
    }
}
