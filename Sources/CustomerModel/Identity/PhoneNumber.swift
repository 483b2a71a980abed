/// Phone numbers in the one form in which they are compared: E.164, `+` and 7 to 15 digits (I1).
public enum PhoneNumber {
    /// Writes `value` in E.164 to `out`.
    ///
    /// `+` and `00` begin an international number; anything else is a national one of `country`, whose
    /// trunk prefix is dropped. Spaces and `-.()/` are passed over, and so is a `(0)` after a country's
    /// code. Anything else, such as letters or an extension, makes it no phone number: a wrong number
    /// would join strangers.
    ///
    /// - Parameter country: a calling code without `+`, such as `49`.
    /// - Returns: false when it is no phone number; `out` holds nothing of use then.
    static func normalise(
        _ value: UnsafeRawBufferPointer, country: String, into out: inout [UInt8]
    ) -> Bool {
        out.removeAll(keepingCapacity: true)
        out.append(UInt8(ascii: "+"))
        var isInternational = false
        var index = 0
        while index < value.count {
            let byte = value[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): out.append(byte)
            case UInt8(ascii: "+") where out.count == 1 && !isInternational: isInternational = true
            case UInt8(ascii: "(")
            where isInternational && out.count > 1 && value[index...].starts(with: "(0)".utf8):
                index += 2
            case UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("),
                UInt8(ascii: ")"), UInt8(ascii: "/"):
                break
            default: return false
            }
            index += 1
            // `00` says the same as `+`; what was read of it goes.
            if !isInternational, out.count == 3, out[1] == 0x30, out[2] == 0x30 {
                isInternational = true
                out.removeLast(2)
            }
        }
        if !isInternational {
            let trunk = trunkLength(out.dropFirst(), country: country)
            out.replaceSubrange(1..<1 + trunk, with: country.utf8)
        }
        return (8...16).contains(out.count) && out[1] != 0x30
    }

    /// How many leading digits of a national number are only dialled inside its country.
    private static func trunkLength(_ digits: ArraySlice<UInt8>, country: String) -> Int {
        let first = digits.first
        switch country {
        // These keep their zero: it is a part of the number.
        case "39", "378": return 0
        case "1": return digits.count == 11 && first == UInt8(ascii: "1") ? 1 : 0
        case "7": return digits.count == 11 && first == UInt8(ascii: "8") ? 1 : 0
        default: return first == UInt8(ascii: "0") ? 1 : 0
        }
    }

    /// Whether `text` is a calling code: one to three digits, the first not 0.
    public static func isCountry(_ text: String) -> Bool {
        (1...3).contains(text.utf8.count) && text.utf8.first != 0x30
            && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }
}
