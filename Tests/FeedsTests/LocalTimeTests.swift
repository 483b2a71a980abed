import Feeds
import JSONText
import Testing

@Suite struct `A local time without an offset` {
    @Test(
        arguments: [
            ("Europe/London", "2011-01-01 12:00:00", "2011-01-01T12:00:00", "winter"),
            ("Europe/London", "2011-07-01 12:00:00", "2011-07-01T11:00:00", "summer"),
            ("Europe/London", "2011-03-27 00:59:59", "2011-03-27T00:59:59", "before the gap"),
            (
                "Europe/London", "2011-03-27 01:00:00", "2011-03-27T01:00:00",
                "the gap's start is shifted"
            ),
            (
                "Europe/London", "2011-03-27 01:30:00", "2011-03-27T01:30:00",
                "inside: read as 02:30"
            ),
            ("Europe/London", "2011-03-27 02:00:00", "2011-03-27T01:00:00", "after the gap"),
            (
                "Europe/London", "2011-10-30 00:59:59", "2011-10-29T23:59:59",
                "before the hour that comes twice"
            ),
            ("Europe/London", "2011-10-30 01:00:00", "2011-10-30T00:00:00", "the earlier of two"),
            ("Europe/London", "2011-10-30 01:59:59", "2011-10-30T00:59:59", "the earlier of two"),
            ("Europe/London", "2011-10-30 02:00:00", "2011-10-30T02:00:00", "after it"),
            ("America/New_York", "2026-03-08 02:30:00", "2026-03-08T07:30:00", "a gap west of UTC"),
            ("America/New_York", "2026-11-01 01:30:00", "2026-11-01T05:30:00", "twice west of UTC"),
            (
                "Australia/Lord_Howe", "2025-10-05 02:15:00", "2025-10-04T15:45:00",
                "a gap of half an hour"
            ),
            ("Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30T22:00:00", "a day that never came"),
            ("Asia/Kolkata", "2026-01-01 00:00:00", "2025-12-31T18:30:00", "half an hour's offset"),
            ("UTC", "2026-01-01 00:00:00", "2026-01-01T00:00:00", "UTC"),
            ("Europe/London", "2011-07-01T12:00:00Z", "2011-07-01T12:00:00", "its own offset wins"),
            (
                "Europe/London", "2011-07-01T12:00:00+05:00", "2011-07-01T07:00:00",
                "its own offset wins"
            ),
        ])
    func `is read by the zone's rules`(
        _ zone: String, _ local: String, _ moment: String, _ reason: String
    ) throws {
        let yaml = track("csv", "timeZone: \(zone)\ntimestamp: { column: t }")
        // Once alone and once behind a neighbour, since days are remembered.
        let output = try mapped("t,k\n\(local),1\n2011-10-30 12:00:00,2\n\(local),3\n", yaml)
        for place in [0, 2] {
            let value = try JSONValue(parsing: Array(output.messages[place].utf8))
            #expect(value["timestamp"]?.string == "\(moment).000000Z", "\(reason)")
        }
    }

    @Test func `never goes back further than clocks did, over a year of minutes`() throws {
        let start = Timestamp.days(year: 2011, month: 1, day: 1) * 1_440
        var text = "t,k\n"
        for minute in stride(from: start, to: start + 365 * 1_440, by: 15) {
            let local = Timestamp(secondsSince1970: Int64(minute) * 60).description
            text += "\(local.prefix(19)),1\n"
        }
        let output = try mapped(
            text, track("csv", "timeZone: Europe/London\ntimestamp: { column: t }"))
        let moments = try output.messages.map { message in
            let value = try JSONValue(parsing: Array(message.utf8))
            return try #require(value["timestamp"]?.string.flatMap { Timestamp(parsing: $0) })
        }
        var steps: [Int64: Int] = [:]
        for (a, b) in zip(moments, moments.dropFirst()) {
            steps[(b.microseconds - a.microseconds) / 60_000_000, default: 0] += 1
        }
        // One gap, whose hour is laid over the next one; one hour of which only the earlier pass is
        // meant.
        #expect(steps == [15: 365 * 96 - 3, -45: 1, 75: 1])
    }
}
