import EventLog
import Foundation
import Testing

@Suite struct `Random histories` {
    /// `SLUICE_HISTORIES` says how many, `SLUICE_SEED` the first one's seed.
    private static func number(_ name: String, _ usual: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? usual
    }

    @Test
    func `of appends, seals, erasures, crashes and faults lose nothing and show nothing untrue`() {
        let first = Self.number("SLUICE_SEED", 1)
        let count = Self.number("SLUICE_HISTORIES", 1_000)
        print("random histories: seeds \(first)..<\(first + count)")
        var failed = 0
        for seed in first..<first + count {
            var history = RandomHistory(seed: seed)
            history.run()
            guard let problem = history.problems.first else { continue }
            failed += 1
            Issue.record(
                """
                SLUICE_SEED=\(seed), step \(history.steps.count): \(problem)
                  \(history.steps.joined(separator: "\n  "))
                """)
            if failed == 5 { break }
        }
    }
}
