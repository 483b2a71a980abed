/// Reads the subset of ECMA-262's regular expressions, in Unicode mode, that has no memory: characters,
/// classes, anchors, word boundaries, groups, alternatives, counts. Greedy and lazy are the same here,
/// since only whether there is a match is asked.
struct PatternReader {
    static let maximumDepth = 64
    static let maximumCount = 1_000
    static let maximumScalars = 4_096

    private let scalars: [UInt32]
    private var place = 0
    private var depth = 0

    static func read(_ text: String) throws(PatternError) -> PatternNode {
        var scalars: [UInt32] = []
        for scalar in text.unicodeScalars {
            guard scalars.count < maximumScalars else {
                throw PatternError(position: maximumScalars, problem: .tooLarge)
            }
            scalars.append(scalar.value)
        }
        var reader = PatternReader(scalars: scalars)
        let node = try reader.alternatives()
        // Only a closing bracket ends alternatives early.
        guard reader.place == scalars.count else { throw reader.error(.unbalanced) }
        return node
    }

    private init(scalars: [UInt32]) { self.scalars = scalars }

    private var next: Unicode.Scalar? {
        place < scalars.count ? Unicode.Scalar(scalars[place]) : nil
    }

    private func error(_ problem: PatternError.Problem, at position: Int? = nil) -> PatternError {
        PatternError(position: position ?? place, problem: problem)
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        place += 1
        return true
    }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .either(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var parts: [PatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let start = place
            let atom = try atom()
            parts.append(try quantified(atom, from: start))
        }
        return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
    }

    private mutating func atom() throws(PatternError) -> PatternNode {
        guard let scalar = next else { return .empty }
        let start = place
        place += 1
        switch scalar {
        case "^": return .start
        case "$": return .end
        case ".": return .set(.dot)
        case "(": return try group(from: start)
        case "[": return .set(try characterClass(from: start))
        case "\\": return try escape(from: start)
        case "*", "+", "?", "{": throw error(.nothingToRepeat, at: start)
        case "]", "}": throw error(.unbalanced, at: start)
        default: return .scalar(scalar.value)
        }
    }

    private mutating func group(from start: Int) throws(PatternError) -> PatternNode {
        if take("?"), !take(":") { throw error(.unsupported, at: start) }
        depth += 1
        guard depth <= Self.maximumDepth else { throw error(.tooLarge, at: start) }
        let inner = try alternatives()
        depth -= 1
        guard take(")") else { throw error(.unbalanced, at: start) }
        return inner
    }

    private mutating func quantified(
        _ atom: PatternNode, from start: Int
    ) throws(PatternError) -> PatternNode {
        let position = place
        let bounds: (least: Int, most: Int?)
        switch next {
        case "*"?: bounds = (0, nil)
        case "+"?: bounds = (1, nil)
        case "?"?: bounds = (0, 1)
        case "{"?: bounds = try counts()
        default: return atom
        }
        if position == place { place += 1 }
        _ = take("?")
        switch atom {
        case .start, .end, .wordBoundary, .noWordBoundary:
            throw error(.nothingToRepeat, at: position)
        default: return .repeated(atom, least: bounds.least, most: bounds.most)
        }
    }

    private mutating func counts() throws(PatternError) -> (least: Int, most: Int?) {
        let start = place
        place += 1
        guard let least = try count() else { throw error(.badCount, at: start) }
        var most: Int? = least
        if take(",") { most = try count() }
        guard take("}") else { throw error(.badCount, at: start) }
        if let most, most < least { throw error(.badRange, at: start) }
        return (least, most)
    }

    private mutating func count() throws(PatternError) -> Int? {
        let start = place
        var value = 0
        while let digit = next, ("0"..."9").contains(digit) {
            value = value * 10 + Int(digit.value - 0x30)
            guard value <= Self.maximumCount else { throw error(.tooLarge, at: start) }
            place += 1
        }
        return place == start ? nil : value
    }

    private mutating func escape(from start: Int) throws(PatternError) -> PatternNode {
        switch next {
        case "b"?:
            place += 1
            return .wordBoundary
        case "B"?:
            place += 1
            return .noWordBoundary
        default:
            switch try classEscape(from: start) {
            case .set(let set): return .set(set)
            case .scalar(let scalar): return .scalar(scalar)
            }
        }
    }

    private enum ClassAtom {
        case scalar(UInt32)
        case set(CharacterRanges)
    }

    /// What follows a backslash, within brackets or without.
    private mutating func classEscape(from start: Int) throws(PatternError) -> ClassAtom {
        guard let letter = next else { throw error(.badEscape, at: start) }
        place += 1
        switch letter {
        case "d": return .set(.digits)
        case "D": return .set(CharacterRanges.digits.inverted)
        case "w": return .set(.word)
        case "W": return .set(CharacterRanges.word.inverted)
        case "s": return .set(.space)
        case "S": return .set(CharacterRanges.space.inverted)
        case "t": return .scalar(0x09)
        case "n": return .scalar(0x0A)
        case "v": return .scalar(0x0B)
        case "f": return .scalar(0x0C)
        case "r": return .scalar(0x0D)
        case "0":
            // Followed by a digit it would be an octal number of old.
            if let digit = next, ("0"..."9").contains(digit) {
                throw error(.badEscape, at: start)
            }
            return .scalar(0)
        case "x": return .scalar(try hexadecimal(2, from: start))
        case "u": return .scalar(try unicodeEscape(from: start))
        case "^", "$", "\\", ".", "*", "+", "?", "(", ")", "[", "]", "{", "}", "|", "/":
            return .scalar(letter.value)
        case "1"..."9", "k", "p", "P", "c": throw error(.unsupported, at: start)
        default: throw error(.badEscape, at: start)
        }
    }

    private mutating func hexadecimal(_ digits: Int, from start: Int) throws(PatternError) -> UInt32
    {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let digit = next.flatMap(Self.hexadecimalValue) else {
                throw error(.badEscape, at: start)
            }
            value = value << 4 | digit
            place += 1
        }
        return value
    }

    private static func hexadecimalValue(_ scalar: Unicode.Scalar) -> UInt32? {
        switch scalar {
        case "0"..."9": scalar.value - 0x30
        case "a"..."f": scalar.value - 0x57
        case "A"..."F": scalar.value - 0x37
        default: nil
        }
    }

    /// `uHHHH`, a pair of them for what lies above, or `u{…}`.
    private mutating func unicodeEscape(from start: Int) throws(PatternError) -> UInt32 {
        if take("{") {
            var value: UInt32 = 0
            var sawDigit = false
            while let digit = next.flatMap(Self.hexadecimalValue) {
                value = value << 4 | digit
                guard value <= CharacterRanges.last else { throw error(.badEscape, at: start) }
                sawDigit = true
                place += 1
            }
            guard sawDigit, take("}"), Unicode.Scalar(value) != nil else {
                throw error(.badEscape, at: start)
            }
            return value
        }
        let first = try hexadecimal(4, from: start)
        guard (0xD800...0xDBFF).contains(first) else {
            // JSON text of ours has no halves of pairs, so neither have patterns.
            guard Unicode.Scalar(first) != nil else { throw error(.badEscape, at: start) }
            return first
        }
        guard take("\\"), take("u") else { throw error(.badEscape, at: start) }
        let second = try hexadecimal(4, from: start)
        guard (0xDC00...0xDFFF).contains(second) else { throw error(.badEscape, at: start) }
        return 0x1_0000 + (first - 0xD800) << 10 + (second - 0xDC00)
    }

    private mutating func characterClass(
        from start: Int
    ) throws(PatternError) -> CharacterRanges {
        let isNegated = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        while !take("]") {
            let position = place
            let first = try classAtom(from: start)
            guard next == "-", place + 1 < scalars.count, scalars[place + 1] != 0x5D else {
                switch first {
                case .scalar(let scalar): ranges.append(scalar...scalar)
                case .set(let set): ranges += set.ranges
                }
                continue
            }
            place += 1
            guard case .scalar(let low) = first,
                case .scalar(let high) = try classAtom(from: start), low <= high
            else { throw error(.badRange, at: position) }
            ranges.append(low...high)
        }
        let set = CharacterRanges(ranges)
        return isNegated ? set.inverted : set
    }

    private mutating func classAtom(from start: Int) throws(PatternError) -> ClassAtom {
        guard let scalar = next else { throw error(.unbalanced, at: start) }
        let position = place
        place += 1
        guard scalar == "\\" else { return .scalar(scalar.value) }
        if take("b") { return .scalar(0x08) }
        if take("-") { return .scalar(0x2D) }
        return try classEscape(from: position)
    }
}
