/// A JSON number token against an ``Amount``, exactly.
///
/// A token may have more decimals than an amount holds (`0.30000000000000004`) or be far larger; it is
/// still above, below or the same, and no binary fraction is ever made of it.
enum ExactNumber {
    /// How the token stands to `amount`: -1 below, 0 equal, 1 above; nil when it is no JSON number.
    static func compare(_ token: some Collection<UInt8>, with amount: Amount) -> Int? {
        guard let number = Parts(token) else { return nil }
        return number.compare(with: amount)
    }

    /// The digits of a token, cut to billionths.
    private struct Parts {
        var isNegative = false
        /// The magnitude in whole billionths, rounded towards zero.
        var billionths: Int128 = 0
        /// Whether something was cut off.
        var hasRest = false
        /// Whether the magnitude passes every amount.
        var isHuge = false

        init?(_ token: some Collection<UInt8>) {
            var digits = token[...]
            if digits.first == UInt8(ascii: "-") {
                isNegative = true
                digits = digits.dropFirst()
            }
            let exponentAt = digits.firstIndex {
                $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E")
            }
            let mantissa = digits[..<(exponentAt ?? digits.endIndex)]
            var exponent = 0
            if let exponentAt {
                guard
                    let read = DecimalExponent.read(
                        digits[exponentAt...].dropFirst(), limit: 1_000_000_000)
                else {
                    return nil
                }
                exponent = read
            }
            let point = mantissa.firstIndex(of: UInt8(ascii: "."))
            let wholeCount = mantissa.distance(
                from: mantissa.startIndex, to: point ?? mantissa.endIndex)
            guard wholeCount > 0 else { return nil }
            // The power of ten that the next digit stands for.
            var power = wholeCount - 1 + exponent
            for (place, byte) in mantissa.enumerated() {
                if byte == UInt8(ascii: "."), place == wholeCount { continue }
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                add(Int128(byte - 0x30), power: power)
                power -= 1
            }
            if !isHuge, power >= -9 { scale(by: power + 10) }
        }

        private mutating func add(_ digit: Int128, power: Int) {
            guard power >= -9 else {
                if digit != 0 { hasRest = true }
                return
            }
            scale(by: 1)
            let (sum, overflowed) = billionths.addingReportingOverflow(digit)
            if overflowed { isHuge = true } else { billionths = sum }
        }

        private mutating func scale(by zeroes: Int) {
            var left = billionths == 0 ? 0 : zeroes
            while left > 0, !isHuge {
                let (product, overflowed) = billionths.multipliedReportingOverflow(by: 10)
                if overflowed { isHuge = true } else { billionths = product }
                left -= 1
            }
        }

        func compare(with amount: Amount) -> Int {
            if isHuge { return isNegative ? -1 : 1 }
            let signed = isNegative ? -billionths : billionths
            if signed != amount.billionths { return signed < amount.billionths ? -1 : 1 }
            guard hasRest else { return 0 }
            return isNegative ? -1 : 1
        }
    }
}
