extension Pattern {
    /// Whether the text holds a match anywhere.
    public func matches(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { matches(utf8: $0) }
    }

    /// The same for bytes. A byte that is no UTF-8 counts as U+FFFD.
    public func matches(utf8 text: UnsafeRawBufferPointer) -> Bool {
        var walk = Walk(count: steps.count)
        var place = 0
        var before: UInt32?
        while true {
            let (scalar, length) = Self.scalar(text, at: place)
            // A match may begin at every place.
            walk.waiting.append(0)
            if enter(&walk, before: before, after: scalar) { return true }
            guard let scalar else { return false }
            for state in walk.ready where takes(state, scalar) { walk.waiting.append(state + 1) }
            if walk.waiting.isEmpty, case .start = steps[0] { return false }
            before = scalar
            place += length
        }
    }

    /// The states of one walk over a text.
    private struct Walk {
        /// States to be entered at this place, perhaps more than once.
        var waiting: [Int] = []
        /// Entered states that take a character.
        var ready: [Int] = []
        /// The place, counted from 1, at which a state was last entered.
        var entered: [Int]
        var place = 0

        init(count: Int) { entered = [Int](repeating: 0, count: count) }
    }

    /// Enters all that is waiting, and what follows without taking a character.
    ///
    /// - Returns: whether the end of the pattern was reached.
    private func enter(_ walk: inout Walk, before: UInt32?, after: UInt32?) -> Bool {
        walk.place += 1
        walk.ready.removeAll(keepingCapacity: true)
        while let state = walk.waiting.popLast() {
            guard walk.entered[state] != walk.place else { continue }
            walk.entered[state] = walk.place
            switch steps[state] {
            case .match: return true
            case .scalar, .set: walk.ready.append(state)
            case .jump(let target): walk.waiting.append(target)
            case .split(let first, let second):
                walk.waiting.append(second)
                walk.waiting.append(first)
            case .start: if before == nil { walk.waiting.append(state + 1) }
            case .end: if after == nil { walk.waiting.append(state + 1) }
            case .wordBoundary:
                if Self.isWord(before) != Self.isWord(after) { walk.waiting.append(state + 1) }
            case .noWordBoundary:
                if Self.isWord(before) == Self.isWord(after) { walk.waiting.append(state + 1) }
            }
        }
        return false
    }

    private func takes(_ state: Int, _ scalar: UInt32) -> Bool {
        switch steps[state] {
        case .scalar(let wanted): wanted == scalar
        case .set(let index): sets[index].contains(scalar)
        default: false
        }
    }

    private static func isWord(_ scalar: UInt32?) -> Bool {
        scalar.map(CharacterRanges.word.contains) == true
    }

    /// The scalar at a place and its bytes; nil at the end.
    private static func scalar(
        _ text: UnsafeRawBufferPointer, at place: Int
    ) -> (scalar: UInt32?, length: Int) {
        guard place < text.count else { return (nil, 0) }
        let first = UInt32(text[place])
        guard first >= 0x80 else { return (first, 1) }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, first < 0xF5, place + length <= text.count else { return (0xFFFD, 1) }
        var value = first & (0x7F >> UInt32(length))
        for byte in text[(place + 1)..<(place + length)] {
            guard byte & 0xC0 == 0x80 else { return (0xFFFD, 1) }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        return (value, length)
    }
}
