/// What an ``InternTable`` holds: up to three words that say everything.
protocol InternKey: Equatable, Sendable {
    var words: (UInt64, UInt64, UInt64) { get }
}

extension UInt64: InternKey {
    var words: (UInt64, UInt64, UInt64) { (self, 0, 0) }
}

/// Small values, each distinct one with a number in order of first appearance.
///
/// Nothing depends on the hash but speed: numbers follow the order of the log.
struct InternTable<Element: InternKey>: Sendable {
    private(set) var elements: [Element] = []
    private var slots = [UInt32](repeating: .max, count: 64)

    init() {}

    /// Takes elements over as they stand; nil when one stands there twice.
    init?(_ elements: [Element]) {
        for element in elements where !intern(element).isNew { return nil }
    }

    var count: Int { elements.count }

    subscript(number: UInt32) -> Element { elements[Int(number)] }

    mutating func intern(_ element: Element) -> (number: UInt32, isNew: Bool) {
        let mask = slots.count - 1
        var place = Self.hash(element) & mask
        while slots[place] != .max {
            if elements[Int(slots[place])] == element { return (slots[place], false) }
            place = (place + 1) & mask
        }
        let number = UInt32(elements.count)
        precondition(number < .max - 1, "more than four billion entries in one table")
        elements.append(element)
        slots[place] = number
        if elements.count * 2 > slots.count { grow() }
        return (number, true)
    }

    private mutating func grow() {
        slots = [UInt32](repeating: .max, count: slots.count * 2)
        let mask = slots.count - 1
        for (number, element) in elements.enumerated() {
            var place = Self.hash(element) & mask
            while slots[place] != .max { place = (place + 1) & mask }
            slots[place] = UInt32(number)
        }
    }

    @inline(__always)
    private static func mix(_ word: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
        return product.high ^ product.low ^ 0x8ebc_6af0_9c88_c6e3
    }

    /// Multiplies and folds; the constants are those of wyhash's secret.
    private static func hash(_ element: Element) -> Int {
        let (a, b, c) = element.words
        var state: UInt64 = 0xa076_1d64_78bd_642f
        state = mix(state ^ a)
        state = mix(state ^ b)
        state = mix(state ^ c)
        return Int(truncatingIfNeeded: state ^ (state >> 32))
    }
}
