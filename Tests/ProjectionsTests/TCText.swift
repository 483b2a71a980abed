/// TC strings that tests send, from what they mean: for one site, of today, with disclosed vendors.
enum TCText {
    static func make(
        purposes: Set<Int>, interests: Set<Int> = [], vendors: Set<Int> = [755],
        vendorInterests: Set<Int> = [], disclosed: Set<Int>? = [755]
    ) -> String {
        var core: [Bool] = []
        func put(_ value: Int, _ width: Int, into bits: inout [Bool]) {
            for place in (0..<width).reversed() { bits.append(value >> place & 1 == 1) }
        }
        func put(_ ids: Set<Int>, into bits: inout [Bool]) {
            let last = ids.max() ?? 0
            put(last, 16, into: &bits)
            put(0, 1, into: &bits)
            for id in 0..<last { bits.append(ids.contains(id + 1)) }
        }
        for (value, width) in [
            (2, 6), (17_802_720_000, 36), (17_802_720_000, 36), (300, 12), (7, 12), (1, 6), (4, 6),
            (13, 6), (150, 12), (5, 6), (1, 1), (0, 1), (0, 12),
        ] { put(value, width, into: &core) }
        for ids in [purposes, interests] {
            for id in 1...24 { core.append(ids.contains(id)) }
        }
        for (value, width) in [(0, 1), (5, 6), (17, 6)] { put(value, width, into: &core) }
        put(vendors, into: &core)
        put(vendorInterests, into: &core)
        put(0, 12, into: &core)
        guard let disclosed else { return text(core) }
        var segment: [Bool] = []
        put(1, 3, into: &segment)
        put(disclosed, into: &segment)
        return "\(text(core)).\(text(segment))"
    }

    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    private static func text(_ bits: [Bool]) -> String {
        let padded = bits + [Bool](repeating: false, count: (6 - bits.count % 6) % 6)
        return String(
            stride(from: 0, to: padded.count, by: 6).map { start in
                alphabet[padded[start..<start + 6].reduce(0) { $0 * 2 + ($1 ? 1 : 0) }]
            })
    }
}
