/// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF.
enum UTF8Check {
    /// The first byte of the first bad sequence in `start..<end`, or nil when all is well.
    @inline(never)
    static func firstBadByte(_ text: UnsafeRawPointer, from start: Int, to end: Int) -> Int? {
        var at = start
        while at < end {
            if at &+ 8 <= end {
                let word = text.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                if word & 0x8080_8080_8080_8080 == 0 {
                    at &+= 8
                    continue
                }
            }
            let lead = text.load(fromByteOffset: at, as: UInt8.self)
            if lead < 0x80 {
                at &+= 1
                continue
            }
            let length = sequenceLength(text + at, lead: lead, available: end &- at)
            guard length > 0 else { return at }
            at &+= length
        }
        return nil
    }

    /// The length of the sequence of two to four bytes at `text`, 0 when it is bad. Only its second
    /// byte has bounds of its own (Unicode, table 3-7).
    @inline(__always)
    private static func sequenceLength(
        _ text: UnsafeRawPointer, lead: UInt8, available: Int
    ) -> Int {
        let length: Int
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, lowest) = (3, 0xA0)
        case 0xED: (length, highest) = (3, 0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, lowest) = (4, 0x90)
        case 0xF4: (length, highest) = (4, 0x8F)
        case 0xF1...0xF3: length = 4
        default: return 0
        }
        guard length <= available else { return 0 }
        let second = text.load(fromByteOffset: 1, as: UInt8.self)
        guard second >= lowest, second <= highest else { return 0 }
        for place in 2..<max(length, 2)
        where text.load(fromByteOffset: place, as: UInt8.self) & 0xC0 != 0x80 {
            return 0
        }
        return length
    }
}
