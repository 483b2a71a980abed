import CustomerModel
import EventLog
import JSONText
import Platform
import Testing

@Suite struct `A file played as if live` {
    private func row(_ id: String, at time: String) -> String {
        track(id, more: #","timestamp":"2011-01-01T\#(time)Z""#)
    }

    @Test func `T2: moves time along with its events, a tick a minute at most`() async throws {
        let desk = try Desk()
        try await desk.collect(
            row("a", at: "10:00:00"), row("b", at: "10:00:30"), row("c", at: "10:01:00"),
            row("d", at: "09:00:00"), row("e", at: "12:00:00"), row("f", at: "12:00:10"),
            pace: .asIfLive)
        #expect(desk.collector.isPlayingAsIfLive)
        try await desk.collector.finishAsIfLive()
        #expect(!desk.collector.isPlayingAsIfLive)
        let story = try desk.lines().map { line in
            line["kind"]?.string == "tick"
                ? "tick " + (line["body"]?["time"]?.string ?? "?").dropFirst(11).prefix(8)
                : line["body"]?["messageId"]?.string ?? "?"
        }
        #expect(
            story == [
                "tick 10:00:00", "a", "b", "tick 10:01:00", "c", "d", "tick 12:00:00", "e", "f",
                "tick 12:00:10",
            ])
        let first = try desk.lines()[1]
        #expect(first["received"]?.string == "2011-01-01T10:00:00.000000Z")
        #expect(first["asIfLive"]?.bool == true)
        #expect(try desk.lines()[0]["body"]?["asIfLive"]?.bool == true)
    }

    @Test func `goes on after a restart, and twice is once`() async throws {
        let desk = try Desk()
        let rows = (0..<10).map { row("r\($0)", at: "10:0\($0):00") }
        try await desk.collect(Array(rows[..<5]), pace: .asIfLive)
        let later = try desk.reopened()
        let outcome = try await later.collect(rows, pace: .asIfLive)
        #expect(outcome.accepted == 5)
        #expect(outcome.duplicates == 5)
        let ticks = try later.lines().filter { $0["kind"]?.string == "tick" }
        #expect(ticks.count == 10)
    }

    @Test func `T2: is refused where other events are`() async throws {
        let desk = try Desk()
        try await desk.collect(track("live"))
        await #expect(throws: CollectRefusal.workspaceNotEmpty) {
            try await desk.collect(row("a", at: "10:00:00"), pace: .asIfLive)
        }
        let later = try desk.reopened()
        await #expect(throws: CollectRefusal.workspaceNotEmpty) {
            try await later.collect(row("a", at: "10:00:00"), pace: .asIfLive)
        }
    }
}

@Suite struct `The columns of an event` {
    @Test func `T1: hold the client's time, corrected by what it says of its clock`() async throws {
        let desk = try Desk()
        // The example of Segment's documentation.
        try await desk.collect(
            track(
                "m",
                more:
                    #","timestamp":"2026-01-01T07:00:43.400Z","sentAt":"2026-01-01T07:00:45.124Z""#),
            received: "2026-01-01T07:00:45.558Z")
        var reader = desk.log.makeReader()
        var occurred: Int64 = 0
        var keys = 0
        _ = try reader.forEach(from: .init(0), to: .init(1), needs: .columns) { record in
            occurred = record.occurred
            keys = record.keys.count
            return .next
        }
        let corrected = try #require(Timestamp(parsing: "2026-01-01T07:00:43.834Z"))
        #expect(occurred == corrected.microseconds)
        #expect(keys == 2, "the message id and the user id")
    }

    @Test(arguments: [
        (#","originalTimestamp":"2026-01-01T07:00:00Z""#, "2026-01-01T07:00:00Z"),
        (
            #","originalTimestamp":"2026-01-01T07:00:00Z","sentAt":"2026-01-01T07:00:01Z""#,
            "2026-01-01T08:59:59Z"
        ),
        ("", "2026-01-01T09:00:00Z"),
    ])
    func `T1: hold its original time, or when it was received`(_ more: String, _ wanted: String)
        async throws
    {
        let desk = try Desk()
        try await desk.collect(track("m", more: more), received: "2026-01-01T09:00:00Z")
        var reader = desk.log.makeReader()
        var occurred: Int64 = 0
        _ = try reader.forEach(from: .init(0), to: .init(1), needs: .columns) { record in
            occurred = record.occurred
            return .next
        }
        #expect(occurred == Timestamp(parsing: wanted)?.microseconds)
    }
}
