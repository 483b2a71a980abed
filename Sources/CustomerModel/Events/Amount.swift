/// An exact decimal number: a whole count of billionths (D4).
///
/// Money and quantities are added over years, in whatever order; binary fractions would make the sum
/// depend on that order. Range: about ±1.7e29. A number with more than nine decimals, or outside the
/// range, does not fit and is refused rather than rounded.
public struct Amount: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The value times 1,000,000,000.
    public var billionths: Int128

    public init(billionths: Int128) { self.billionths = billionths }

    /// A whole number.
    public init(_ whole: Int64) { billionths = Int128(whole) * 1_000_000_000 }

    public static let zero = Amount(billionths: 0)

    /// Reads a JSON number token (RFC 8259, section 6), exponent and all; nil when it does not fit exactly.
    public init?(token: some Collection<UInt8>) {
        var digits: Int128 = 0
        var isNegative = false
        var decimals = 0
        var sawPoint = false
        var sawDigit = false
        var exponent = 0
        var index = token.startIndex
        if index < token.endIndex, token[index] == 0x2D {
            isNegative = true
            index = token.index(after: index)
        }
        scan: while index < token.endIndex {
            let character = token[index]
            switch character {
            case 0x30...0x39:
                sawDigit = true
                let (product, overflowed) = digits.multipliedReportingOverflow(by: 10)
                guard !overflowed else { return nil }
                digits = product + Int128(character - 0x30)
                if sawPoint { decimals += 1 }
            case 0x2E:
                guard !sawPoint else { return nil }
                sawPoint = true
            case 0x45, 0x65:
                index = token.index(after: index)
                guard let read = Self.exponent(token[index...]) else { return nil }
                exponent = read
                break scan
            default:
                return nil
            }
            index = token.index(after: index)
        }
        guard sawDigit else { return nil }
        var scale = 9 - decimals + exponent
        if digits == 0 { scale = 0 }
        while scale > 0 {
            let (product, overflowed) = digits.multipliedReportingOverflow(by: 10)
            guard !overflowed else { return nil }
            digits = product
            scale -= 1
        }
        while scale < 0 {
            guard digits % 10 == 0 else { return nil }
            digits /= 10
            scale += 1
        }
        billionths = isNegative ? -digits : digits
    }

    private static func exponent(_ text: some Collection<UInt8>) -> Int? {
        var isNegative = false
        var value = 0
        var sawDigit = false
        for (place, character) in text.enumerated() {
            switch character {
            case 0x2B where place == 0: break
            case 0x2D where place == 0: isNegative = true
            case 0x30...0x39:
                sawDigit = true
                value = value * 10 + Int(character - 0x30)
                guard value <= 400 else { return nil }
            default: return nil
            }
        }
        guard sawDigit else { return nil }
        return isNegative ? -value : value
    }

    public static func < (a: Amount, b: Amount) -> Bool { a.billionths < b.billionths }

    /// The sum, or nil when it does not fit.
    public func adding(_ other: Amount) -> Amount? {
        let (sum, overflowed) = billionths.addingReportingOverflow(other.billionths)
        return overflowed ? nil : Amount(billionths: sum)
    }

    /// The shortest decimal text: `12`, `-0.5`.
    public var description: String {
        let magnitude = billionths.magnitude
        let whole = magnitude / 1_000_000_000
        let sign = billionths < 0 ? "-" : ""
        let fraction = magnitude % 1_000_000_000
        guard fraction != 0 else { return "\(sign)\(whole)" }
        var digits = String(fraction)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(sign)\(whole).\(digits)"
    }
}
