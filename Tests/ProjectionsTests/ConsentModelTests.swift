import CustomerModel
import JSONText
import Projections
import Testing

/// C3 and C4 once more, as plainly as they can be said, over random assertions on one person's identifiers.
@Suite struct `A plain model of consent` {
    private struct Said {
        var rank: Int
        var offset: UInt64
        var time: Int64
        var isGrant: Bool
    }

    /// C3, for one identifier: what holds of all that was said, in the log's order.
    private static func standing(_ said: [Said]) -> Said? {
        var holds: Said?
        for next in said.sorted(by: { $0.offset < $1.offset }) {
            guard let now = holds else {
                holds = next
                continue
            }
            switch (now.isGrant, next.isGrant) {
            case (_, false):
                // Always replaces; of two denials the later time is the one that a grant must pass.
                var denial = next
                if !now.isGrant { denial.time = max(now.time, next.time) }
                holds = denial
            case (false, true), (true, true):
                if next.offset > now.offset, next.time > now.time { holds = next }
            }
        }
        return holds
    }

    /// C4.
    private static func state(_ said: [Said], resolve: String, supersedes: Bool) -> String {
        let standings = (0..<3).compactMap { rank in standing(said.filter { $0.rank == rank }) }
        let grants = standings.filter(\.isGrant)
        var denials = standings.filter { !$0.isGrant }
        if supersedes {
            denials.removeAll { denial in
                grants.contains {
                    $0.rank < denial.rank && $0.time > denial.time && $0.offset > denial.offset
                }
            }
        }
        if resolve == "latest" {
            denials.removeAll { denial in
                grants.contains { $0.rank <= denial.rank && $0.time > denial.time }
            }
        }
        return denials.isEmpty ? (grants.isEmpty ? "unknown" : "granted") : "denied"
    }

    private static let types = ["user_id", "email", "anonymous_id"]
    private static let values = ["u1", "e@x.org", "a1"]

    @Test(arguments: ["strictest", "latest"], [false, true])
    func `C3, C4: agrees with the fold, live, rebuilt and as of every offset`(
        _ resolve: String, _ supersedes: Bool
    ) throws {
        let more = supersedes ? "supersedes: weaker" : ""
        let policy = Policies.signals(resolve: resolve, more: more)
        var seen: Set<String> = []
        for seed in 0..<150 {
            var random = SplitMix(seed: UInt64(seed))
            var history = try History(policy: policy)
            // One person from the start, so that only consent varies.
            try history.event(
                #"{"type":"identify","messageId":"0","userId":"u1","anonymousId":"a1","traits":{"email":"e@x.org"}}"#
            )
            var said: [Said] = []
            var states: [(offset: UInt64, state: String)] = []
            for _ in 0..<8 {
                let rank = Int(random.next(upTo: 3))
                let isGrant = random.next(upTo: 2) == 0
                // Few distinct times, so that some are equal.
                let time = 1_767_220_000_000_000 + Int64(random.next(upTo: 6)) * 1_000_000
                let offset = history.append(
                    ConsentRecord(
                        type: Self.types[rank], value: Self.values[rank],
                        granted: isGrant ? ["analytics"] : [],
                        denied: isGrant ? [] : ["analytics"],
                        asserted: Timestamp(microseconds: time), by: "test"))
                said.append(Said(rank: rank, offset: offset, time: time, isGrant: isGrant))
                let expected = Self.state(said, resolve: resolve, supersedes: supersedes)
                #expect(
                    history.consent("user_id:u1", "analytics") == expected,
                    "seed \(seed), after \(said)")
                states.append((offset, expected))
                seen.insert(expected)
            }
            for (offset, expected) in states {
                #expect(
                    history.consent("user_id:u1", "analytics", asOf: offset) == expected,
                    "seed \(seed), as of \(offset)")
            }
            #expect(history.state.digest() == history.rebuilt().digest(), "seed \(seed)")
        }
        #expect(seen == ["granted", "denied"])
    }

    @Test func `C4: one more grant never takes anything away`() throws {
        for (resolve, expected) in [("latest", "granted"), ("strictest", "denied")] {
            var history = try History(policy: Policies.signals(resolve: resolve))
            try history.event(
                #"{"type":"identify","messageId":"0","userId":"u1","anonymousId":"a1","traits":{"email":"e@x.org"}}"#
            )
            let start = history.clock - 3_600_000_000
            for (index, (rank, isGrant)) in [(1, false), (0, true), (2, true)].enumerated() {
                history.append(
                    ConsentRecord(
                        type: Self.types[rank], value: Self.values[rank],
                        granted: isGrant ? ["analytics"] : [], denied: isGrant ? [] : ["analytics"],
                        asserted: Timestamp(microseconds: start + Int64(index) * 1_000_000),
                        by: "test"))
            }
            #expect(history.consent("user_id:u1", "analytics") == expected)
        }
    }
}
