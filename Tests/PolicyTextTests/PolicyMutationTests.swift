import PolicyText
import Testing

@Suite struct `A policy with random damage` {
    /// Pieces that mean something to YAML.
    private static let pieces = [
        "[", "]", "{", "}", ": ", "- ", "\n", "  ", "#", "\"", "'", "|\n", ">", "&a ", "*a", "!t ",
        "? ", "%",
        "---\n", "\t", "\u{85}", "\u{2028}", "\u{FEFF}", "~", "<<: ", "é", "\\x00", "1e999", "-1",
        "all",
    ]

    @Test(arguments: 0..<8)
    func `P3: is read or refused with a place inside the text, and never crashes`(
        _ seed: Int
    ) throws {
        let text = Array(try PolicySamples.text("shop.yaml"))
        var state = UInt64(seed)
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<100 {
            var damaged = text
            for _ in 0...next(3) {
                let place = next(damaged.count)
                switch next(3) {
                case 0: damaged.insert(contentsOf: Self.pieces[next(Self.pieces.count)], at: place)
                case 1: damaged.removeSubrange(place..<min(damaged.count, place + 1 + next(20)))
                default:
                    damaged.insert(
                        contentsOf: damaged[place...].prefix(next(60)), at: next(place + 1))
                }
            }
            let policy = String(damaged)
            do {
                _ = try PolicyFile.read(policy, name: "p")
            } catch {
                let lines =
                    policy.unicodeScalars.count { $0 == "\n" || $0 == "\u{85}" || $0 == "\u{2028}" }
                    + 2
                #expect(!error.problems.isEmpty, "\(policy)")
                #expect(
                    error.problems.allSatisfy { (1...lines).contains($0.line) && $0.column >= 1 },
                    "\(error) in \(policy)")
            }
        }
    }
}
