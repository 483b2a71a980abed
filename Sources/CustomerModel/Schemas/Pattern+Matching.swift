extension Pattern {
    /// Whether the text holds a match anywhere.
    public func matches(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { matches(utf8: $0) }
    }

    /// The same for bytes. A byte that is no UTF-8 counts as U+FFFD.
    public func matches(utf8 text: UnsafeRawBufferPointer) -> Bool {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: Walk.size(steps.count)) { room in
            room.initialize(repeating: 0)
            // The size is above 0, so there is a base address.
            var walk = Walk(room.baseAddress.unsafelyUnwrapped, count: steps.count)
            return steps.withUnsafeBufferPointer { matches(text, $0, &walk) }
        }
    }

    private func matches(
        _ text: UnsafeRawBufferPointer, _ steps: UnsafeBufferPointer<Step>, _ walk: inout Walk
    ) -> Bool {
        var isAnchored = false
        if case .start = steps[0] { isAnchored = true }
        var place = 0
        var before: UInt32?
        while true {
            let (scalar, length) = Self.scalar(text, at: place)
            // A match may begin at every place.
            walk.wait(0)
            if Self.enter(steps, &walk, before: before, after: scalar) { return true }
            guard let scalar else { return false }
            for index in 0..<walk.readyCount {
                let state = walk.ready[index]
                if takes(steps[Int(state)], scalar) { walk.wait(state + 1) }
            }
            if isAnchored, walk.waitingCount == 0 { return false }
            before = scalar
            place += length
        }
    }

    /// The states of one walk over a text, in room that is taken once.
    private struct Walk {
        /// Entered states that take a character; each at most once.
        let ready: UnsafeMutablePointer<Int32>
        var readyCount = 0
        /// States to be entered at this place. At most one for each that was ready and two for each that
        /// is entered, and the first.
        let waiting: UnsafeMutablePointer<Int32>
        var waitingCount = 0
        /// The place, counted from 1, at which a state was last entered.
        let entered: UnsafeMutablePointer<Int32>
        var place: Int32 = 0

        static func size(_ count: Int) -> Int { count * 5 + 1 }

        init(_ room: UnsafeMutablePointer<Int32>, count: Int) {
            ready = room
            entered = room + count
            waiting = room + count * 2
        }

        @inline(__always)
        mutating func wait(_ state: Int32) {
            waiting[waitingCount] = state
            waitingCount += 1
        }
    }

    /// Enters all that is waiting, and what follows without taking a character.
    ///
    /// - Returns: whether the end of the pattern was reached.
    private static func enter(
        _ steps: UnsafeBufferPointer<Step>, _ walk: inout Walk, before: UInt32?, after: UInt32?
    ) -> Bool {
        walk.place += 1
        walk.readyCount = 0
        while walk.waitingCount > 0 {
            walk.waitingCount -= 1
            let state = walk.waiting[walk.waitingCount]
            guard walk.entered[Int(state)] != walk.place else { continue }
            walk.entered[Int(state)] = walk.place
            switch steps[Int(state)] {
            case .match: return true
            case .scalar, .set:
                walk.ready[walk.readyCount] = state
                walk.readyCount += 1
            case .jump(let target): walk.wait(target)
            case .split(let first, let second):
                walk.wait(second)
                walk.wait(first)
            case .start: if before == nil { walk.wait(state + 1) }
            case .end: if after == nil { walk.wait(state + 1) }
            case .wordBoundary: if isWord(before) != isWord(after) { walk.wait(state + 1) }
            case .noWordBoundary: if isWord(before) == isWord(after) { walk.wait(state + 1) }
            }
        }
        return false
    }

    private func takes(_ step: Step, _ scalar: UInt32) -> Bool {
        switch step {
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
