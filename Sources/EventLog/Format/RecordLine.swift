/// The front of a line, which only the log can write: version, offset, recorded.
enum RecordLine {
    private static let version = Array("{\"v\":1,\"offset\":".utf8)
    private static let recordedKey = Array(",\"recorded\":\"".utf8)

    /// `{"v":1,"offset":N,"recorded":"…",`
    static func append(offset: UInt64, recorded: [UInt8], to out: inout GrowingBytes) {
        out.append(version)
        appendDecimal(offset, to: &out)
        out.append(recordedKey)
        out.append(recorded)
        out.append(UInt8(ascii: "\""))
        out.append(UInt8(ascii: ","))
    }

    private static func appendDecimal(_ value: UInt64, to out: inout GrowingBytes) {
        var digits: (UInt64, UInt64, UInt32) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { room in
            var left = value
            var start = room.count
            repeat {
                start -= 1
                room[start] = UInt8(ascii: "0") + UInt8(left % 10)
                left /= 10
            } while left > 0
            out.append(UnsafeRawBufferPointer(rebasing: room[start...]))
        }
    }

    /// RFC 3339 in UTC with six digits of a second, for years 0000…9999.
    static func timestamp(_ microseconds: Int64) -> [UInt8] {
        let clamped = min(max(microseconds, -62_167_219_200_000_000), 253_402_300_799_999_999)
        let day = floorDivide(clamped, 86_400_000_000)
        let inDay = clamped - day * 86_400_000_000
        let (year, month, date) = civil(day)
        var out: [UInt8] = []
        out.reserveCapacity(27)
        put(year, 4, "-", &out)
        put(month, 2, "-", &out)
        put(date, 2, "T", &out)
        put(inDay / 3_600_000_000, 2, ":", &out)
        put(inDay / 60_000_000 % 60, 2, ":", &out)
        put(inDay / 1_000_000 % 60, 2, ".", &out)
        put(inDay % 1_000_000, 6, "Z", &out)
        return out
    }

    private static func put(
        _ value: Int64, _ width: Int, _ after: Unicode.Scalar, _ out: inout [UInt8]
    ) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            out.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
        out.append(UInt8(ascii: after))
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        a >= 0 ? a / b : -((b - 1 - a) / b)
    }

    /// The Gregorian date of a day counted from 1970-01-01 (Hinnant's civil_from_days).
    private static func civil(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, ofYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
