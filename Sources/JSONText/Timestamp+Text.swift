/// A moment as clients write it, with or without a zone.
///
/// ```
/// 2026-03-14T15:09:26.535+01:00      date: year of 4 digits, month and day of 1 or 2
///           |        |   |           T, t or a space; hour of 1 or 2 digits, then always 2
///           |        |   offset      Z, z, ±hh:mm, ±hhmm, or none
///           |        fraction        1 to 9 digits, cut to microseconds
/// ```
///
/// 24:00 and dates without a time are refused. A second of 60 is taken where RFC 3339 has it, in
/// the last minute of a UTC day, and is the moment after it.
public struct TimestampText: Equatable, Sendable {
    /// The moment, had the text been in UTC.
    public var local: Timestamp
    /// East of UTC is positive; nil when the text says nothing.
    public var offsetMinutes: Int?

    /// Reads a whole text; nil when it is anything else than the form above.
    public init?(utf8: UnsafeRawBufferPointer) {
        if let usual = Self.usual(utf8) {
            local = usual
            offsetMinutes = 0
            return
        }
        var cursor = Cursor(bytes: utf8)
        guard
            let year = cursor.number(digits: 4...4), year >= 1, cursor.take("-"),
            let month = cursor.number(digits: 1...2), month >= 1, month <= 12, cursor.take("-"),
            let day = cursor.number(digits: 1...2), day >= 1,
            day <= Timestamp.daysInMonth(year: year, month: month),
            cursor.take("T") || cursor.take("t") || cursor.take(" "),
            let hour = cursor.number(digits: 1...2), hour <= 23, cursor.take(":"),
            let minute = cursor.number(digits: 2...2), minute <= 59, cursor.take(":"),
            let second = cursor.number(digits: 2...2), second <= 60,
            let fraction = cursor.fraction(), let offset = cursor.offset(), cursor.isAtEnd
        else { return nil }
        if second == 60 {
            let minuteOfDay = hour * 60 + minute - (offset.minutes ?? 0)
            guard (minuteOfDay + 1) % 1_440 == 0 else { return nil }
        }
        let days = Timestamp.days(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
        local = Timestamp(microseconds: Int64(seconds) * 1_000_000 + Int64(fraction))
        offsetMinutes = offset.minutes
    }

    /// The moment in UTC, taking a text without an offset as UTC.
    public var moment: Timestamp {
        guard let offsetMinutes else { return local }
        return Timestamp(microseconds: local.microseconds - Int64(offsetMinutes) * 60_000_000)
    }

    /// The form that this log writes and most clients too: UTC, with three or six decimals. Nil for every
    /// other, and for what is no time: then it is read byte by byte.
    private static func usual(_ utf8: UnsafeRawBufferPointer) -> Timestamp? {
        let count = utf8.count
        guard count == 24 || count == 27, utf8[count &- 1] == UInt8(ascii: "Z"),
            // 2026-03-  14T15:09  :26.535      as digits, with 0 where the signs stand
            let date = digits(utf8, at: 0, over: 0x2D30_302D_3030_3030),
            let time = digits(utf8, at: 8, over: 0x3030_3A30_3054_3030),
            // The last of these is the fourth decimal, or the Z.
            let rest = digits(
                utf8, at: count == 24 ? 15 : 16,
                over: count == 24 ? 0x3030_302E_3030_3A30 : 0x3030_3030_2E30_303A)
        else { return nil }
        func pair(_ word: UInt64, _ place: UInt64) -> Int {
            Int(word >> (place &* 8) & 0xFF) &* 10 &+ Int(word >> (place &* 8 &+ 8) & 0xFF)
        }
        let year = pair(date, 0) &* 100 &+ pair(date, 2)
        let month = pair(date, 5)
        let (day, hour, minute) = (pair(time, 0), pair(time, 3), pair(time, 6))
        let shift: UInt64 = count == 24 ? 2 : 1
        let second = pair(rest, shift)
        var fraction = pair(rest, shift &+ 3) &* 10 &+ Int(rest >> ((shift &+ 5) &* 8) & 0xFF)
        if count == 24 {
            fraction &*= 1_000
        } else {
            let last = (utf8[23] &- 0x30, utf8[24] &- 0x30, utf8[25] &- 0x30)
            guard last.0 <= 9, last.1 <= 9, last.2 <= 9 else { return nil }
            fraction = fraction &* 1_000 &+ Int(last.0) &* 100 &+ Int(last.1) &* 10 &+ Int(last.2)
        }
        guard year >= 1, month >= 1, month <= 12, day >= 1,
            day <= Timestamp.daysInMonth(year: year, month: month), hour <= 23, minute <= 59,
            second <= 59
        else { return nil }
        let days = Timestamp.days(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
        return Timestamp(microseconds: Int64(seconds) * 1_000_000 + Int64(fraction))
    }

    /// Eight bytes as digits, the first lowest; nil where one is none, or no such sign as `form` has there.
    @inline(__always)
    private static func digits(
        _ utf8: UnsafeRawBufferPointer, at place: Int, over form: UInt64
    ) -> UInt64? {
        let word = UInt64(littleEndian: utf8.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        let signs = form ^ 0x3030_3030_3030_3030
        let values = word ^ form
        // A sign leaves 0 and nothing else; a digit leaves at most 9.
        let isSign =
            ((signs | signs << 1 | signs << 2 | signs << 3 | signs << 4) >> 4)
            & 0x0101_0101_0101_0101
        let wrongSigns = values & (isSign &* 0xFF)
        let wrongDigits = (values &+ 0x7676_7676_7676_7676 | values) & 0x8080_8080_8080_8080
        return wrongSigns | wrongDigits == 0 ? values : nil
    }

    private struct Cursor {
        let bytes: UnsafeRawBufferPointer
        var position = 0

        var isAtEnd: Bool { position == bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard position < bytes.count, bytes[position] == UInt8(ascii: character) else {
                return false
            }
            position += 1
            return true
        }

        mutating func number(digits: ClosedRange<Int>) -> Int? {
            var value = 0
            var count = 0
            while position < bytes.count, count < digits.upperBound, bytes[position] &- 0x30 <= 9 {
                value = value * 10 + Int(bytes[position] - 0x30)
                position += 1
                count += 1
            }
            return count >= digits.lowerBound ? value : nil
        }

        /// Microseconds; 0 when there is no point, nil when no digit or more than nine follow it.
        mutating func fraction() -> Int? {
            guard take(".") else { return 0 }
            let start = position
            guard var value = number(digits: 1...9) else { return nil }
            for _ in position - start..<9 { value *= 10 }
            return value / 1_000
        }

        /// Nil when it is malformed; `minutes` nil when there is none.
        mutating func offset() -> (minutes: Int?, Void)? {
            if isAtEnd { return (nil, ()) }
            if take("Z") || take("z") { return (0, ()) }
            let sign: Int
            if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
            guard let hours = number(digits: 2...2), hours <= 23 else { return nil }
            _ = take(":")
            guard let minutes = number(digits: 2...2), minutes <= 59 else { return nil }
            return (sign * (hours * 60 + minutes), ())
        }
    }
}

extension Timestamp: CustomStringConvertible {
    /// Reads RFC 3339 and what clients send instead (see ``TimestampText``); no zone means UTC. Nil
    /// when it is anything else, or when the moment in UTC lies outside the years 1 to 9999.
    public init?(utf8: UnsafeRawBufferPointer) {
        guard let moment = TimestampText(utf8: utf8)?.moment,
            moment >= .earliest, moment <= .latest
        else { return nil }
        self = moment
    }

    /// The same for a string.
    public init?(parsing text: String) {
        var text = text
        guard let read = text.withUTF8({ Timestamp(utf8: UnsafeRawBufferPointer($0)) }) else {
            return nil
        }
        self = read
    }

    /// `2026-03-14T15:09:26.535000Z`, always with six decimals; reads back as itself.
    public var description: String {
        var out: [UInt8] = []
        write(into: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Appends ``description``, without quotes: 27 bytes in the years 1 to 9999.
    public func write(into out: inout [UInt8]) {
        let perDay: Int64 = 86_400_000_000
        let remainder = microseconds % perDay
        let timeOfDay = remainder < 0 ? remainder + perDay : remainder
        let wholeDays = microseconds / perDay - (remainder < 0 ? 1 : 0)
        let date = Timestamp.date(days: Int(wholeDays))
        let seconds = Int(timeOfDay / 1_000_000)
        // Filled from the back and appended at once: every line of the log holds two of these.
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { room in
            var start = 32
            func put(_ byte: UInt8) {
                start -= 1
                room[start] = byte
            }
            func put(_ value: Int, digits: Int) {
                var rest = value
                for _ in 0..<digits {
                    put(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
                    rest /= 10
                }
            }
            put(UInt8(ascii: "Z"))
            put(Int(timeOfDay % 1_000_000), digits: 6)
            put(UInt8(ascii: "."))
            put(seconds % 60, digits: 2)
            put(UInt8(ascii: ":"))
            put(seconds / 60 % 60, digits: 2)
            put(UInt8(ascii: ":"))
            put(seconds / 3_600, digits: 2)
            put(UInt8(ascii: "T"))
            put(date.day, digits: 2)
            put(UInt8(ascii: "-"))
            put(date.month, digits: 2)
            put(UInt8(ascii: "-"))
            if date.year >= 0, date.year <= 9_999 {
                put(date.year, digits: 4)
            } else {
                put(abs(date.year), digits: 6)
                put(UInt8(ascii: date.year < 0 ? "-" : "+"))
            }
            out.append(contentsOf: room[start...])
        }
    }
}
