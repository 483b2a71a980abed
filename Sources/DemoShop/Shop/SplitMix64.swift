/// Steele, Lea and Flood's SplitMix64: small, and the same numbers on every machine and in every
/// version of the standard library, which `Int.random(in:using:)` does not promise.
struct SplitMix64 {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// From 0 up to `bound`, which is above 0.
    mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Whether something happens that happens `percent` times in a hundred.
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    /// One of a list that is not empty.
    mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

    /// A version 4 UUID.
    mutating func uuid() -> String {
        let high = Self.hexadecimal(next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000)
        let low = Self.hexadecimal(next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
        return [
            high.prefix(8), high.dropFirst(8).prefix(4), high.suffix(4), low.prefix(4),
            low.dropFirst(4),
        ].joined(separator: "-")
    }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
