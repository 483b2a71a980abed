/// The exponent of a decimal number's text.
enum DecimalExponent {
    /// Reads an optional sign and digits; nil for anything else. Past `limit` the value is held there: what an
    /// exponent of that size says, no digits of a text can outweigh.
    static func read(_ text: some Collection<UInt8>, limit: Int) -> Int? {
        var value = 0
        var isNegative = false
        var sawDigit = false
        for (place, byte) in text.enumerated() {
            switch byte {
            case UInt8(ascii: "+") where place == 0: break
            case UInt8(ascii: "-") where place == 0: isNegative = true
            case 0x30...0x39:
                sawDigit = true
                value = min(value * 10 + Int(byte - 0x30), limit)
            default: return nil
            }
        }
        guard sawDigit else { return nil }
        return isNegative ? -value : value
    }
}
