import CustomerModel
import EventLog
import Foundation
import JSONText
import Projections
import ReadModel
import Testing

@Suite struct `A rebuild of the rows` {
    @Test(arguments: 1...6)
    func `P2: makes the rows that following made, over random histories`(seed: Int) throws {
        let bench = try Bench()
        try bench.activate()
        try bench.rebuild()
        var dice = Dice(seed: UInt64(seed))
        for batch in 0..<12 {
            for _ in 0..<(1 + dice.roll(40)) { try Self.write(&dice, to: bench) }
            if batch == 6 {
                try bench.activate(Bench.policy.replacing("atLeast: 2", with: "atLeast: 3"))
            }
            try bench.follow()
        }
        let followed = try bench.dump()
        let standing = bench.store.standing
        try bench.rebuild()
        #expect(try bench.dump() == followed, "seed \(seed)")
        #expect(bench.store.standing == standing)
    }

    private static func write(_ dice: inout Dice, to bench: Bench) throws {
        let user = "\"userId\":\"u\(dice.roll(12))\""
        let device = "\"anonymousId\":\"a\(dice.roll(30))\""
        switch dice.roll(14) {
        case 0...2: try bench.event("track", device, name: "Seen")
        case 3...4: try bench.event("track", user, name: "Order Completed")
        case 5...6: try bench.event("track", user + "," + device, name: "Order Completed")
        case 7...8:
            try bench.event(
                "identify", user,
                "\"traits\":{\"plan\":\"\(dice.roll(2) == 0 ? "gold" : "grey")\",\"email\":\"e\(dice.roll(20))@example.com\"}"
            )
        case 9: try bench.event("identify", device, "\"traits\":{\"plan\":null}")
        case 10:
            bench.clock += Int64(dice.roll(90)) * 60_000_000
            try bench.append(
                TickRecord(time: Timestamp(microseconds: bench.clock), asIfLive: false))
        case 11...12:
            // So that people split, and some of them meet again.
            let first = IdentityRecord.Identifier(type: "user_id", value: "u\(dice.roll(12))")
            let second =
                dice.roll(2) == 0
                ? IdentityRecord.Identifier(type: "anonymous_id", value: "a\(dice.roll(30))")
                : IdentityRecord.Identifier(
                    type: "email", value: "e\(dice.roll(20))@example.com")
            try bench.append(
                IdentityRecord(
                    act: dice.roll(4) == 0 ? .lift : .retract, first: first, second: second,
                    by: "test"))
        default:
            // With an event behind it, as whoever is suppressed keeps sending for a while.
            let value = "u\(dice.roll(12))"
            try bench.append(SuppressionRecord(type: "user_id", value: value, by: "test"))
            try bench.event("track", "\"userId\":\"\(value)\"", name: "Seen")
        }
    }

    @Test func `readers see the old rows until it is done`() throws {
        let bench = try Bench()
        try bench.rebuild()
        try bench.event("track", "\"userId\":\"u1\"", name: "Seen")
        try bench.fold()
        let store = bench.store
        try store.rebuild(
            from: bench.projection,
            deliveries: { _ in
                let seen = try store.profileCount()
                #expect(seen == 0)
            })
        #expect(try store.profileCount() == 1)
    }

    @Test func `what happened meanwhile is in the rows when they are first seen`() throws {
        let bench = try Bench()
        try bench.activate()
        try bench.event("track", "\"anonymousId\":\"a1\"", name: "Seen")
        try bench.event("track", "\"userId\":\"u1\"", name: "Seen")
        try bench.fold()
        _ = bench.projection.takeJournal()
        let projection = bench.projection
        try bench.store.rebuild(
            from: projection,
            deliveries: { _ in
                try bench.event("track", "\"userId\":\"u1\",\"anonymousId\":\"a1\"", name: "Seen")
                try bench.event("track", "\"userId\":\"u2\"", name: "Seen")
                try bench.fold()
            },
            catchingUp: { projection.takeJournal() })
        #expect(bench.store.appliedOffset == Offset(3))
        #expect(
            try bench.ask("SELECT id, event_count FROM profiles ORDER BY id")
                == [#"["p1.0",3]"#, #"["p4.0",1]"#])
    }

    @Test func `people who meet while they are read come out as one`() async throws {
        let bench = try Bench()
        try bench.activate()
        let pairs = 4_000
        // The two of a pair stand far apart, so that many pairs meet between the one's read and the other's.
        for person in 0..<pairs {
            try bench.event("track", "\"anonymousId\":\"a\(person)\"", name: "Seen")
        }
        for person in 0..<pairs {
            try bench.event("track", "\"userId\":\"u\(person)\"", name: "Seen")
        }
        try bench.fold()
        _ = bench.projection.takeJournal()
        // Written before the race and folded in it, all over the place.
        for turn in 0..<pairs {
            let person = turn * 1_237 % pairs
            try bench.event(
                "track", "\"userId\":\"u\(person)\",\"anonymousId\":\"a\(person)\"", name: "Seen")
        }
        try bench.settle()
        let projection = bench.projection
        let store = bench.store
        let rebuild = Thread.run {
            try store.rebuild(from: projection, catchingUp: { projection.takeJournal() })
        }
        // The file stands beside the old one as soon as people are being read.
        let deadline = ContinuousClock.now + .seconds(20)
        while try bench.files().count(where: { $0.hasSuffix(".sqlite") }) < 3,
            ContinuousClock.now < deadline
        {}
        var replayer = Replayer(log: bench.log)
        while try projection.applyNext(&replayer, limit: 50) != .nothing {}
        try await rebuild.value
        try bench.follow()
        let followed = try bench.dump()
        #expect(try bench.store.profileCount() == pairs)
        try bench.rebuild()
        #expect(try bench.dump() == followed)
    }

    @Test func `one that fails leaves the old rows and no file`() throws {
        struct Refusal: Error {}
        let bench = try Bench()
        try bench.event("track", "\"userId\":\"u1\"", name: "Seen")
        try bench.rebuild()
        let before = try bench.files()
        #expect(throws: Refusal.self) {
            try bench.store.rebuild(
                from: bench.projection, deliveries: { _ in throw Refusal() })
        }
        #expect(try bench.files() == before)
        #expect(try bench.store.profileCount() == 1)
        #expect(throws: ReadModelError.changesLost) { try bench.follow() }
    }
}

extension String {
    /// Traps when the piece is not in it.
    func replacing(_ piece: String, with other: String) -> String {
        precondition(contains(piece), "there is no \(piece)")
        return replacingOccurrences(of: piece, with: other)
    }
}

extension Thread {
    /// Blocking work on a thread of its own; the task ends with it.
    static func run(_ work: @escaping @Sendable () throws -> Void) -> Task<Void, any Error> {
        Task {
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<Void, any Error>) in
                Thread.detachNewThread {
                    continuation.resume(with: Result { try work() })
                }
            }
        }
    }
}
