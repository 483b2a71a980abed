import CustomerModel
import Testing

/// A person's state from what was said on each identifier (C4, C6).
@Suite struct `A person's consent` {
    /// What one identifier says; of smaller rank is stronger.
    struct Said: Sendable {
        var rank: Int
        var isGrant: Bool
        var time: Int64
        var offset: UInt64
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rules: ConsentRules
        var said: [Said]
        var state: ConsentState.Value
    }

    private static let strictest = rules(.strictest)
    private static let superseding = rules(.strictest, supersedesWeaker: true)
    private static let latest = rules(.latest)

    private static func rules(
        _ resolution: ConsentRules.Resolution, supersedesWeaker: Bool = false
    ) -> ConsentRules {
        ConsentRules(resolution: resolution, supersedesWeaker: supersedesWeaker)
    }

    private static func denial(_ rank: Int, at time: Int64, _ offset: UInt64) -> Said {
        Said(rank: rank, isGrant: false, time: time, offset: offset)
    }

    private static func grant(_ rank: Int, at time: Int64, _ offset: UInt64) -> Said {
        Said(rank: rank, isGrant: true, time: time, offset: offset)
    }

    static let rows = [
        Row(
            testDescription: "strictest: a newer grant on a stronger identifier lifts nothing",
            rules: strictest, said: [denial(1, at: 1, 1), grant(0, at: 2, 2)], state: .denied),
        Row(
            testDescription: "supersedes: it retires an older denial on a weaker one",
            rules: superseding, said: [denial(1, at: 1, 1), grant(0, at: 2, 2)], state: .granted),
        Row(
            testDescription: "supersedes: none on another identifier of the same strength",
            rules: superseding, said: [denial(1, at: 1, 1), grant(1, at: 2, 2)], state: .denied),
        Row(
            testDescription: "supersedes: none on a stronger one",
            rules: superseding, said: [denial(0, at: 1, 1), grant(1, at: 2, 2)], state: .denied),
        Row(
            testDescription: "supersedes: none that was said at the same time",
            rules: superseding, said: [denial(1, at: 2, 1), grant(0, at: 2, 2)], state: .denied),
        Row(
            testDescription: "supersedes: none that was said later and heard of before",
            rules: superseding, said: [denial(1, at: 3, 1), grant(0, at: 2, 2)], state: .denied),
        Row(
            testDescription: "supersedes: none that was heard of after the grant",
            rules: superseding, said: [denial(1, at: 1, 3), grant(0, at: 2, 2)], state: .denied),
        Row(
            testDescription: "latest: a newer grant on a stronger identifier lifts",
            rules: latest, said: [denial(1, at: 1, 1), grant(0, at: 2, 2)], state: .granted),
        Row(
            testDescription: "latest: one of the same strength lifts",
            rules: latest, said: [denial(1, at: 1, 1), grant(1, at: 2, 2)], state: .granted),
        Row(
            testDescription: "latest: a weaker one does not",
            rules: latest, said: [denial(0, at: 1, 1), grant(1, at: 2, 2)], state: .denied),
        Row(
            testDescription: "latest: of the same time is denied",
            rules: latest, said: [denial(1, at: 2, 1), grant(0, at: 2, 2)], state: .denied),
    ]

    @Test(arguments: rows)
    func `C4: comes of all that its identifiers say`(_ row: Row) {
        let all = row.said.map {
            (
                rank: $0.rank,
                standing: ConsentStanding(
                    isGrant: $0.isGrant, assertedTime: $0.time, offset: $0.offset,
                    reader: .preference)
            )
        }
        for standings in [all, all.reversed()] {
            let state = ConsentState.resolve(
                standings, by: row.rules, expiresAfter: nil, now: 100)
            #expect(state.value == row.state)
        }
    }

    @Test(
        arguments: [(109, .granted), (110, .expired), (111, .expired)]
            as [(Int64, ConsentState.Value)])
    func `C6: ends with the moment at which it expires`(_ now: Int64, _ value: ConsentState.Value) {
        let grant = ConsentStanding(
            isGrant: true, assertedTime: 10, offset: 1, reader: .preference)
        let state = ConsentState.resolve(
            [(rank: 0, standing: grant)], by: Self.strictest, expiresAfter: 100, now: now)
        #expect(state.value == value)
    }
}
