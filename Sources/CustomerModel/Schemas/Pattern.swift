/// A regular expression that is matched in time linear in the text, whatever the pattern is.
///
/// All states that the text so far could have led to are kept at once, so nothing is ever tried twice:
/// time is at most characters times ``cost``, memory ``cost``. What is taken is described at
/// ``PatternReader``; the rest is refused when it is compiled.
public struct Pattern: Sendable {
    /// More states than this are refused.
    public static let maximumStates = 4_096

    enum Step: Sendable {
        case scalar(UInt32)
        case set(Int)
        case split(Int32, Int32)
        case jump(Int32)
        case start
        case end
        case wordBoundary
        case noWordBoundary
        case match
    }

    private(set) var steps: [Step] = []
    private(set) var sets: [CharacterRanges] = []

    /// How many states a character may visit.
    public var cost: Int { steps.count }

    /// - Throws: ``PatternError`` with the place of the first thing that is not taken.
    public init(_ text: String) throws(PatternError) {
        let node = try PatternReader.read(text)
        var visits = 0
        try emit(node, &visits)
        try append(.match)
    }

    // MARK: Compiling

    private mutating func append(_ step: Step) throws(PatternError) {
        guard steps.count < Self.maximumStates else {
            throw PatternError(position: 0, problem: .tooLarge)
        }
        steps.append(step)
    }

    /// - Parameter visits: nodes written so far. Counts inside counts of nothing add no states, so those
    ///   alone would not end it.
    private mutating func emit(_ node: PatternNode, _ visits: inout Int) throws(PatternError) {
        visits += 1
        guard visits <= Self.maximumStates * 4 else {
            throw PatternError(position: 0, problem: .tooLarge)
        }
        switch node {
        case .empty: break
        case .scalar(let scalar): try append(.scalar(scalar))
        case .set(let set):
            let known = sets.firstIndex(of: set)
            if known == nil { sets.append(set) }
            try append(.set(known ?? sets.count - 1))
        case .start: try append(.start)
        case .end: try append(.end)
        case .wordBoundary: try append(.wordBoundary)
        case .noWordBoundary: try append(.noWordBoundary)
        case .sequence(let parts):
            for part in parts { try emit(part, &visits) }
        case .either(let branches): try emit(branches: branches, &visits)
        case .repeated(let inner, let least, let most):
            for _ in 0..<least { try emit(inner, &visits) }
            if let most {
                try emit(optional: inner, times: most - least, &visits)
            } else {
                let split = steps.count
                try append(.match)
                try emit(inner, &visits)
                try append(.jump(Int32(split)))
                steps[split] = .split(Int32(split + 1), Int32(steps.count))
            }
        }
    }

    private mutating func emit(
        branches: [PatternNode], _ visits: inout Int
    ) throws(PatternError) {
        var jumps: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index < branches.count - 1 else {
                try emit(branch, &visits)
                continue
            }
            let split = steps.count
            try append(.match)
            try emit(branch, &visits)
            jumps.append(steps.count)
            try append(.match)
            steps[split] = .split(Int32(split + 1), Int32(steps.count))
        }
        for jump in jumps { steps[jump] = .jump(Int32(steps.count)) }
    }

    private mutating func emit(
        optional inner: PatternNode, times: Int, _ visits: inout Int
    ) throws(PatternError) {
        var splits: [Int] = []
        for _ in 0..<times {
            splits.append(steps.count)
            try append(.match)
            try emit(inner, &visits)
        }
        for split in splits { steps[split] = .split(Int32(split + 1), Int32(steps.count)) }
    }
}
