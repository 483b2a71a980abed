/// How text is put between quotes.
package enum JSONStringText {
    /// Appends `utf8` as a string token: quotes, backslashes and control characters escaped, all
    /// else as it is.
    package static func append(utf8: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        var copied = 0
        for place in 0..<utf8.count {
            let byte = utf8[place]
            guard byte < 0x20 || byte == 0x22 || byte == 0x5C else { continue }
            out.append(contentsOf: utf8[copied..<place])
            copied = place + 1
            appendEscape(byte, to: &out)
        }
        out.append(contentsOf: utf8[copied...])
        out.append(UInt8(ascii: "\""))
    }

    /// Whether `utf8` is what the parser takes as UTF-8.
    package static func isValid(utf8: UnsafeRawBufferPointer) -> Bool {
        guard let text = utf8.baseAddress else { return true }
        return UTF8Check.firstBadByte(text, from: 0, to: utf8.count) == nil
    }

    private static func appendEscape(_ byte: UInt8, to out: inout [UInt8]) {
        out.append(0x5C)
        switch byte {
        case 0x22, 0x5C: out.append(byte)
        case 0x08: out.append(UInt8(ascii: "b"))
        case 0x0C: out.append(UInt8(ascii: "f"))
        case 0x0A: out.append(UInt8(ascii: "n"))
        case 0x0D: out.append(UInt8(ascii: "r"))
        case 0x09: out.append(UInt8(ascii: "t"))
        default:
            let digits: StaticString = "0123456789abcdef"
            out.append(contentsOf: [UInt8(ascii: "u"), 0x30, 0x30])
            out.append(digits.utf8Start[Int(byte >> 4)])
            out.append(digits.utf8Start[Int(byte & 15)])
        }
    }
}
