import CustomerModel
import EventLog
import Foundation
import Hashing
import JSONText
import Projections
import ReadModel
import Testing

@Suite struct `Rows that follow the fold` {
    @Test func `a person stands there as the fold knows them`() throws {
        let bench = try Bench()
        try bench.activate()
        try bench.event(
            "identify", "\"userId\":\"u1\",\"anonymousId\":\"a1\"",
            "\"traits\":{\"plan\":\"gold\",\"age\":1.50,\"email\":\"Ada@Example.com\"}")
        try bench.event("track", "\"userId\":\"u1\"", name: "Order Completed")
        try bench.rebuild()

        #expect(try bench.store.profileCount() == 1)
        #expect(
            try bench.ask("SELECT * FROM profiles") == [
                #"["p1.0",1767225601000000,1767225602000000,2,"{\"age\":1.50,\"email\":\"Ada@Example.com\",\"plan\":\"gold\"}","{\"orders\":1}"]"#
            ])
        #expect(
            try bench.ask(
                """
                SELECT type, value, profile_id, linked_at, suppressed FROM identifiers
                ORDER BY type
                """) == [
                    #"["anonymous_id","a1","p1.0",1,0]"#,
                    #"["email","ada@example.com","p1.0",1,0]"#,
                    #"["user_id","u1","p1.0",1,0]"#,
                ])
        #expect(
            try bench.ask("SELECT * FROM memberships ORDER BY audience")
                == [#"["gold","p1.0",1]"#, #"["recent","p1.0",2]"#])
    }

    @Test func `two people who turn out to be one leave one row and a former id`() throws {
        let bench = try Bench()
        try bench.activate()
        try bench.event(
            "identify", "\"anonymousId\":\"a1\"", "\"traits\":{\"plan\":\"gold\"}")
        try bench.event("track", "\"userId\":\"u1\"", name: "Order Completed")
        try bench.event("track", "\"userId\":\"u1\"", name: "Order Completed")
        try bench.rebuild()
        #expect(
            try bench.ask("SELECT id FROM profiles ORDER BY id")
                == [#"["p1.0"]"#, #"["p2.0"]"#])
        #expect(
            try bench.ask("SELECT audience, profile_id FROM memberships ORDER BY audience")
                == [
                    #"["buyers","p2.0"]"#, #"["gold","p1.0"]"#, #"["recent","p2.0"]"#,
                ])

        try bench.event("track", "\"userId\":\"u1\",\"anonymousId\":\"a1\"", name: "Seen")
        try bench.follow()
        #expect(try bench.ask("SELECT id, event_count FROM profiles") == [#"["p1.0",4]"#])
        #expect(try bench.ask("SELECT * FROM former_ids") == [#"["p2.0","p1.0"]"#])
        #expect(try bench.ask("SELECT DISTINCT profile_id FROM identifiers") == [#"["p1.0"]"#])
        #expect(try bench.ask("SELECT DISTINCT profile_id FROM memberships") == [#"["p1.0"]"#])
    }

    @Test func `an identifier that is older than its person gives the person another id`() throws {
        let bench = try Bench()
        try bench.activate()
        // The second user_id is refused, so that its value is known before anybody has it.
        try bench.event("track", "\"userId\":\"u1\",\"anonymousId\":\"a1\"", name: "Seen")
        try bench.event("track", "\"userId\":\"u2\",\"anonymousId\":\"a1\"", name: "Seen")
        try bench.event("track", "\"anonymousId\":\"a9\"", name: "Seen")
        try bench.rebuild()
        try bench.event("track", "\"userId\":\"u2\",\"anonymousId\":\"a9\"", name: "Seen")
        try bench.follow()
        let followed = try bench.dump()
        try bench.rebuild()
        #expect(try bench.dump() == followed)
    }

    @Test func `a tick ends the membership of somebody who did nothing`() throws {
        let bench = try Bench()
        try bench.activate()
        try bench.append(TickRecord(time: Timestamp(microseconds: bench.clock), asIfLive: false))
        try bench.event("track", "\"userId\":\"u1\"", name: "Order Completed")
        try bench.rebuild()
        #expect(try bench.ask("SELECT audience FROM memberships") == [#"["recent"]"#])
        bench.clock += 2 * 3_600_000_000
        try bench.append(TickRecord(time: Timestamp(microseconds: bench.clock), asIfLive: false))
        try bench.follow()
        #expect(try bench.ask("SELECT audience FROM memberships").isEmpty)
    }

    @Test func `a policy makes members of people who did nothing`() throws {
        let bench = try Bench()
        try bench.event(
            "identify", "\"userId\":\"u1\"", "\"traits\":{\"plan\":\"gold\"}")
        try bench.rebuild()
        #expect(try bench.ask("SELECT audience FROM memberships").isEmpty)
        try bench.activate()
        try bench.follow()
        #expect(try bench.ask("SELECT * FROM memberships") == [#"["gold","p0.0",1]"#])
    }

    @Test func `the same changes applied again change nothing`() throws {
        let bench = try Bench()
        try bench.activate()
        try bench.rebuild()
        try bench.event("track", "\"userId\":\"u1\"", name: "Order Completed")
        try bench.event("track", "\"anonymousId\":\"a1\"", name: "Seen")
        try bench.event("track", "\"userId\":\"u1\",\"anonymousId\":\"a1\"", name: "Seen")
        try bench.fold()
        let changes = bench.projection.takeJournal()
        let applied = bench.projection.applied
        try bench.store.apply(
            changes: changes, projection: bench.projection, appliedTo: applied)
        let once = try bench.dump()
        try bench.store.apply(
            changes: changes, projection: bench.projection, appliedTo: applied)
        #expect(try bench.dump() == once)
        #expect(bench.store.appliedOffset == applied)
    }

    @Test func `a request is one row, from its attempt to its receipt`() throws {
        let bench = try Bench()
        try bench.rebuild()
        var row = DeliveryRow(
            attempt: Offset(10), receipt: nil, destination: "ads", epoch: 1,
            outcome: "attempting", members: 20, started: 5, settled: nil)
        try bench.follow(deliveries: [row])
        #expect(
            try bench.ask("SELECT * FROM deliveries")
                == [#"[10,null,"ads",1,"attempting",20,5,null]"#])
        row.receipt = Offset(11)
        row.outcome = "delivered"
        row.settled = 9
        try bench.follow(deliveries: [row])
        #expect(
            try bench.ask("SELECT * FROM deliveries")
                == [#"[10,11,"ads",1,"delivered",20,5,9]"#])
        try bench.store.rebuild(from: bench.projection, deliveries: { write in try write(row) })
        #expect(try bench.ask("SELECT attempt, outcome FROM deliveries") == [#"[10,"delivered"]"#])
    }

    @Test func `nothing follows before a first rebuild`() throws {
        let bench = try Bench()
        #expect(bench.store.standing == nil)
        #expect(bench.store.lag(durable: Offset(7)) == 7)
        #expect(throws: ReadModelError.neverBuilt) { try bench.follow() }
    }

    @Test func `another generation must be rebuilt`() throws {
        let bench = try Bench()
        try bench.rebuild()
        try bench.append(
            PromotedRecord(
                generation: 2, at: 0, digest: SHA256.of("g2"), codeVersion: FoldState.codeVersion,
                schedule: [], reason: "test"))
        try bench.event("track", "\"userId\":\"u1\"", name: "Seen")
        #expect(throws: ReadModelError.otherGeneration(model: 1, projection: 2)) {
            try bench.follow()
        }
        #expect(try bench.store.profileCount() == 0)
        try bench.rebuild()
        #expect(bench.store.standing?.generation == 2)
        #expect(try bench.store.profileCount() == 1)
    }

    @Test func `changes that could not be written are not passed over`() throws {
        let bench = try Bench()
        try bench.rebuild()
        let other = try Bench()
        try other.append(
            PromotedRecord(
                generation: 2, at: 0, digest: SHA256.of("g2"), codeVersion: FoldState.codeVersion,
                schedule: [], reason: "test"))
        try other.event("track", "\"userId\":\"u1\"", name: "Seen")
        try other.fold()
        #expect(throws: ReadModelError.otherGeneration(model: 1, projection: 2)) {
            try bench.store.apply(
                changes: other.projection.takeJournal(), projection: other.projection,
                appliedTo: Offset(1))
        }
        try bench.event("track", "\"userId\":\"u2\"", name: "Seen")
        #expect(throws: ReadModelError.changesLost) { try bench.follow() }
        #expect(!bench.store.canFollow(generation: 1, from: Offset(0)))
        #expect(bench.store.appliedOffset == Offset(0))
        try bench.rebuild()
        try bench.follow()
        #expect(try bench.store.profileCount() == 1)
    }
}
