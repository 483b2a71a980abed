extension RecordLine {
    /// Of ``timestamp(_:)``.
    static let timestampBytes = 27

    /// What the front of a line says.
    struct Opening {
        var offset: UInt64
        var recorded: Int64
    }

    /// Reads a front as ``append(offset:recorded:to:)`` writes it; anything else is an error.
    static func opening(of line: UnsafeRawBufferPointer) throws(FormatProblem) -> Opening {
        let problem = FormatProblem("a line does not begin like a record")
        let before = Array("{\"v\":1,\"offset\":".utf8)
        let between = Array(",\"recorded\":\"".utf8)
        guard line.starts(with: before) else { throw problem }
        var place = before.count
        var offset: UInt64 = 0
        while place < line.count, let digit = digit(line[place]) {
            let (tenfold, overflows) = offset.multipliedReportingOverflow(by: 10)
            let (sum, carries) = tenfold.addingReportingOverflow(UInt64(digit))
            guard !overflows, !carries else { throw problem }
            offset = sum
            place += 1
        }
        let time = place + between.count..<place + between.count + timestampBytes
        guard place > before.count, line.count > time.upperBound,
            line.part(place..<time.lowerBound).elementsEqual(between),
            let recorded = microseconds(line.part(time))
        else { throw problem }
        // One spelling only: what is read is what would be written.
        var again = GrowingBytes(capacity: 128)
        append(offset: offset, recorded: timestamp(recorded), to: &again)
        guard line.starts(with: again.bytes) else { throw problem }
        return Opening(offset: offset, recorded: recorded)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : nil
    }

    /// `YYYY-MM-DDTHH:MM:SS.ffffffZ`; what it does not check, its caller does by writing it again.
    static func microseconds(_ text: UnsafeRawBufferPointer) -> Int64? {
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for place in range {
                guard let digit = digit(text[place]) else { return nil }
                value = value * 10 + Int64(digit)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let fraction = number(20..<26), (1...12).contains(month)
        else { return nil }
        // Days from civil (Hinnant), the inverse of what timestamp(_:) does.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let ofEra = shifted - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
        return ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + fraction
    }
}
