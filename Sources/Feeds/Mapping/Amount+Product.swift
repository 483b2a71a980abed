import CustomerModel

extension Amount {
    /// The exact product; nil when it is out of range or has more than nine decimals.
    func multiplied(by other: Amount) -> Amount? {
        // A factor that is whole and small, as quantities are, needs no division by 128-bit
        // numbers.
        if let quantity = whole, let price = Int64(exactly: other.billionths) {
            let (product, overflowed) = price.multipliedReportingOverflow(by: quantity)
            if !overflowed { return Amount(billionths: Int128(product)) }
        }
        let (product, overflowed) = billionths.multipliedReportingOverflow(by: other.billionths)
        guard !overflowed, product % 1_000_000_000 == 0 else { return nil }
        return Amount(billionths: product / 1_000_000_000)
    }

    /// The value when it is a whole number that is not large.
    private var whole: Int64? {
        guard let short = Int64(exactly: billionths), short % 1_000_000_000 == 0 else { return nil }
        return short / 1_000_000_000
    }

    /// Reads a number token, the short ones without 128-bit arithmetic: prices and quantities all
    /// are.
    /// - Precondition: `token` is a JSON number.
    init?(decimal token: UnsafeRawBufferPointer) {
        guard token.count <= 17 else {
            self.init(token: token)
            return
        }
        var digits: Int64 = 0
        var decimals: Int?
        let isNegative = token.first == UInt8(ascii: "-")
        for byte in token.dropFirst(isNegative ? 1 : 0) {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits = digits * 10 + Int64(byte - 0x30)
                decimals = decimals.map { $0 + 1 }
            case UInt8(ascii: "."): decimals = 0
            default:
                self.init(token: token)
                return
            }
        }
        let places = decimals ?? 0
        guard places <= 9 else {
            self.init(token: token)
            return
        }
        var scale: Int64 = 1
        for _ in places..<9 { scale *= 10 }
        self.init(billionths: Int128(isNegative ? -digits : digits) * Int128(scale))
    }

    /// Appends ``description``, without making strings.
    func write(into out: inout [UInt8]) {
        if billionths < 0 { out.append(UInt8(ascii: "-")) }
        let magnitude = billionths.magnitude
        let (whole, rest) = magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard let short = UInt64(exactly: whole) else {
            out.append(contentsOf: Amount(billionths: abs(billionths)).description.utf8)
            return
        }
        Self.write(short, minimumDigits: 1, into: &out)
        var fraction = UInt64(truncatingIfNeeded: rest)
        guard fraction > 0 else { return }
        out.append(UInt8(ascii: "."))
        var digits = 9
        while fraction % 10 == 0 {
            fraction /= 10
            digits -= 1
        }
        Self.write(fraction, minimumDigits: digits, into: &out)
    }

    private static func write(_ value: UInt64, minimumDigits: Int, into out: inout [UInt8]) {
        let start = out.count
        var rest = value
        while rest > 0 || out.count - start < minimumDigits {
            out.append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
            rest /= 10
        }
        out[start...].reverse()
    }
}
