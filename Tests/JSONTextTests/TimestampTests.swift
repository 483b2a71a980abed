import JSONText
import Testing

@Suite struct `A timestamp` {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0, "the beginning"),
            ("2026-03-14T15:09:26.535000Z", 1_773_500_966_535_000, "as we write it"),
            (
                "2026-03-14T15:09:26.535+00:00", 1_773_500_966_535_000,
                "as analytics-python writes it"
            ),
            ("2026-03-14T15:09:26.214803+00:00", 1_773_500_966_214_803, "microseconds"),
            ("2026-03-14T16:09:26.535+01:00", 1_773_500_966_535_000, "an offset"),
            ("2026-03-14T16:09:26.535+0100", 1_773_500_966_535_000, "an offset without a colon"),
            ("2026-03-14T09:39:26.535-05:30", 1_773_500_966_535_000, "half an hour west"),
            ("2026-03-14 15:09:26.535Z", 1_773_500_966_535_000, "a space"),
            ("2026-03-14 15:09:26", 1_773_500_966_000_000, "no zone is UTC"),
            ("2026-03-14t15:09:26z", 1_773_500_966_000_000, "small letters, RFC 3339 section 5.6"),
            (
                "2015-2-02T00:30:08.276Z", 1_422_837_008_276_000,
                "a month of one digit, Segment's docs"
            ),
            ("2015-2-2T0:30:08.276Z", 1_422_837_008_276_000, "day and hour of one digit"),
            ("2026-03-14T15:09:26.5Z", 1_773_500_966_500_000, "one decimal"),
            ("2026-03-14T15:09:26.123456789Z", 1_773_500_966_123_456, "nanoseconds are cut"),
            ("2026-03-14T15:09:26.999999999Z", 1_773_500_966_999_999, "cut, never rounded"),
            ("2026-03-14T15:09:26-00:00", 1_773_500_966_000_000, "unknown offset, RFC 3339"),
            ("1969-12-31T23:59:59.999999Z", -1, "just before"),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000, "leap by 400"),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000, "leap by 4"),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000, "a leap second is the moment after it"),
            ("2017-01-01T05:29:60+05:30", 1_483_228_800_000_000, "the same one in India"),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000, "the earliest"),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999, "the latest"),
        ] as [(String, Int64, String)])
    func `reads what clients send`(_ text: String, _ microseconds: Int64, _ reason: String) {
        #expect(Timestamp(parsing: text)?.microseconds == microseconds, "\(reason)")
    }

    @Test(
        arguments: [
            ("", "nothing"), ("now", "a word"), ("1773500966", "seconds"),
            ("2026-03-14", "no time"),
            ("2026-03-14T15:09Z", "no seconds"), ("2026-03-14T15Z", "no minutes"),
            ("26-03-14T15:09:26Z", "a year of two digits"), ("0000-01-01T00:00:00Z", "year 0"),
            ("10000-01-01T00:00:00Z", "a year of five digits"), ("-001-01-01T00:00:00Z", "a sign"),
            ("2026-00-14T15:09:26Z", "month 0"), ("2026-13-14T15:09:26Z", "month 13"),
            ("2026-03-00T15:09:26Z", "day 0"), ("2026-03-32T15:09:26Z", "day 32"),
            ("2026-04-31T15:09:26Z", "31 April"), ("2026-02-29T00:00:00Z", "no leap year"),
            ("1900-02-29T00:00:00Z", "no leap by 100"), ("2026-003-14T15:09:26Z", "three digits"),
            ("2026-03-14T24:00:00Z", "hour 24"), ("2026-03-14T15:60:00Z", "minute 60"),
            ("2026-03-14T15:09:61Z", "second 61"), ("2026-03-14T15:09:60Z", "no leap second here"),
            ("2026-03-14T15:9:26Z", "a minute of one digit"),
            ("2026-03-14T15:09:6Z", "a short second"),
            ("2026-03-14T15:09:26.Z", "a point alone"), ("2026-03-14T15:09:26,5Z", "a comma"),
            ("2026-03-14T15:09:26.1234567890Z", "ten decimals"),
            ("2026-03-14  15:09:26Z", "two spaces"),
            ("2026-03-14T15:09:26+1:00", "a short offset"),
            ("2026-03-14T15:09:26+24:00", "a day off"),
            ("2026-03-14T15:09:26+01:60", "offset minute 60"),
            ("2026-03-14T15:09:26+01", "hours alone"),
            ("2026-03-14T15:09:26ZZ", "more after it"), (" 2026-03-14T15:09:26Z", "a space before"),
            ("2026-03-14T15:09:26Z\n", "a line end"), ("2026/03/14T15:09:26Z", "slashes"),
            ("２０２６-03-14T15:09:26Z", "digits that are not ASCII"),
            ("0001-01-01T00:00:00+00:01", "before the year 1 in UTC"),
            ("9999-12-31T23:59:59-00:01", "after the year 9999 in UTC"),
            ("9999-12-31T23:59:60Z", "the moment after the year 9999"),
            ("2026-03-14T15:09:26\0", "a NUL"),
        ])
    func `refuses everything else`(_ text: String, _ reason: String) {
        #expect(Timestamp(parsing: text) == nil, "\(reason)")
    }

    @Test func `always has six decimals`() {
        #expect(Timestamp(microseconds: 0).description == "1970-01-01T00:00:00.000000Z")
        #expect(Timestamp.earliest.description == "0001-01-01T00:00:00.000000Z")
        #expect(Timestamp.latest.description == "9999-12-31T23:59:59.999999Z")
        #expect(
            Timestamp(secondsSince1970: 1_773_500_966).description == "2026-03-14T15:09:26.000000Z")
    }

    @Test func `has a text even where none is read back`() {
        #expect(Timestamp(microseconds: .max).description == "+294247-01-10T04:00:54.775807Z")
        #expect(Timestamp(microseconds: .min).description == "-290308-12-21T19:59:05.224192Z")
    }

    @Test func `reads back what it wrote, over all of its range`() {
        var random = Seeded(seed: 11)
        let range = Timestamp.earliest.microseconds...Timestamp.latest.microseconds
        for _ in 0..<50_000 {
            let moment = Timestamp(microseconds: Int64.random(in: range, using: &random))
            #expect(Timestamp(parsing: moment.description) == moment)
        }
    }

    @Test func `knows every day of 800 years`() {
        var day = Timestamp.days(year: 1600, month: 1, day: 1)
        for year in 1600..<2400 {
            for month in 1...12 {
                for date in 1...Timestamp.daysInMonth(year: year, month: month) {
                    if Timestamp.days(year: year, month: month, day: date) != day
                        || Timestamp.date(days: day) != (year, month, date)
                    {
                        Issue.record("\(year)-\(month)-\(date) is not day \(day)")
                    }
                    day += 1
                }
            }
        }
    }

    /// The usual form is read eight bytes at a time, and with a small `z` byte by byte.
    @Test func `is the same in the usual form and in any other, whatever byte is wrong`() {
        var random = SystemRandomNumberGenerator()
        for text in ["2026-03-14T15:09:26.535Z", "2026-12-31T23:59:59.999999Z"] {
            for _ in 0..<20_000 {
                var bytes = Array(text.utf8)
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    // Digits mostly, so that many of them are a time.
                    bytes[Int.random(in: 0..<bytes.count - 1, using: &random)] =
                        .random(in: Bool.random() ? 0x30...0x39 : 0...255, using: &random)
                }
                let usual = bytes.withUnsafeBytes { Timestamp(utf8: $0) }
                bytes[bytes.count - 1] = UInt8(ascii: "z")
                let other = bytes.withUnsafeBytes { Timestamp(utf8: $0) }
                #expect(usual == other, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    @Test func `random bytes never trap`() {
        var random = Seeded(seed: 12)
        let alphabet = Array("0123456789-:TZ. +tz\0\u{FF}".utf8)
        for _ in 0..<50_000 {
            var text = Array("2026-03-14T15:09:26.535+01:00".utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                text[Int.random(in: 0..<text.count, using: &random)] =
                    alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            text.removeLast(Int.random(in: 0...text.count, using: &random))
            if let read = text.withUnsafeBytes({ Timestamp(utf8: $0) }) {
                #expect(Timestamp(parsing: read.description) == read)
            }
        }
    }

    @Test func `the clock is past the day this was written`() {
        #expect(Timestamp.now() > Timestamp(secondsSince1970: 1_735_689_600))
    }
}

@Suite struct `A length of time` {
    @Test(
        arguments: [
            ("90s", 90_000_000), ("15m", 900_000_000), ("24h", 86_400_000_000),
            ("30d", 2_592_000_000_000), ("52w", 31_449_600_000_000), ("0s", 0), ("250ms", 250_000),
            ("7us", 7),
        ] as [(String, Int64)])
    func `is a number and a unit`(_ text: String, _ microseconds: Int64) {
        #expect(DurationText.parse(text) == microseconds)
        #expect(DurationText.parse(DurationText.format(microseconds)) == microseconds)
    }

    @Test(
        arguments: [
            "", "s", "90", "90 s", "1.5h", "-1s", "+1s", "1h30m", "1S", "1y", "99999999999999w",
        ])
    func `is refused otherwise`(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test func `is written in the largest unit that is exact`() {
        #expect(DurationText.format(86_400_000_000) == "1d")
        #expect(DurationText.format(90_000_000) == "90s")
        #expect(DurationText.format(0) == "0s")
        #expect(DurationText.format(1_500_000) == "1500ms")
        #expect(DurationText.format(-60_000_000) == "-1m")
    }
}
