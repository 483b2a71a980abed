/// Strings and numbers.
extension JSONScanner {
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// Reads the string whose opening quote is here.
    ///
    /// Eight bytes at a time: the high bit of each byte of `stops` says whether it is a quote, a
    /// backslash or a control character. A borrow can only make false hits above a true one, and
    /// only the lowest is looked at.
    @inline(__always)
    mutating func string() throws(JSONError) {
        var at = position &+ 1
        var meta = UInt32(JSONView.Kind.string.rawValue)
        var seen: UInt64 = 0
        while true {
            var stopped = false
            while at &+ 8 <= end {
                let word = UInt64(
                    littleEndian: text.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                let quotes = word ^ (Self.ones &* 0x22)
                let backslashes = word ^ (Self.ones &* 0x5C)
                let stops =
                    (((quotes &- Self.ones) & ~quotes)
                        | ((backslashes &- Self.ones) & ~backslashes)
                        | ((word &- (Self.ones &* 0x20)) & ~word)) & Self.highs
                if stops == 0 {
                    seen |= word
                    at &+= 8
                    continue
                }
                seen |= word & ((stops & (0 &- stops)) &- 1)
                at &+= stops.trailingZeroBitCount &>> 3
                stopped = true
                break
            }
            if !stopped { at = plainEnd(from: at, seen: &seen) }
            guard at < end else { throw JSONError(position: end, problem: .unexpectedEnd) }
            let byte = self[at]
            if byte == 0x22 { break }
            guard byte == 0x5C else { throw JSONError(position: at, problem: .controlCharacter) }
            at = try escapeEnd(at)
            meta |= JSONToken.escapesBit
        }
        if seen & Self.highs != 0, trust == .nobody {
            if let bad = UTF8Check.firstBadByte(text, from: position &+ 1, to: at) {
                throw JSONError(position: bad, problem: .invalidUTF8)
            }
        }
        append(end: at &+ 1, meta: meta)
    }

    /// The last few bytes of the text, where no whole word is left.
    @inline(never)
    private func plainEnd(from start: Int, seen: inout UInt64) -> Int {
        var at = start
        while at < end {
            let byte = self[at]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { break }
            seen |= UInt64(byte)
            at &+= 1
        }
        return at
    }

    /// The place after the escape that begins at `at`. A surrogate pair is one escape.
    @inline(never)
    private func escapeEnd(_ at: Int) throws(JSONError) -> Int {
        guard at + 1 < end else { throw JSONError(position: end, problem: .unexpectedEnd) }
        switch self[at + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return at + 2
        case UInt8(ascii: "u"):
            let unit = try hexadecimal(at)
            if unit & 0xF800 != 0xD800 { return at + 6 }
            guard unit < 0xDC00, at + 7 < end, self[at + 6] == 0x5C,
                self[at + 7] == UInt8(ascii: "u"), try hexadecimal(at + 6) & 0xFC00 == 0xDC00
            else {
                if trust == .structure { return at + 6 }
                throw JSONError(position: at, problem: .loneSurrogate)
            }
            return at + 12
        default:
            throw JSONError(position: at, problem: .badEscape)
        }
    }

    /// The four digits of the `\u` at `at`.
    private func hexadecimal(_ at: Int) throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for place in at + 2..<at + 6 {
            guard place < end else { throw JSONError(position: end, problem: .unexpectedEnd) }
            guard let digit = JSONEscapes.digit(self[place]) else {
                throw JSONError(position: at, problem: .badEscape)
            }
            unit = unit << 4 | digit
        }
        return unit
    }

    /// Reads the number that begins here.
    @inline(__always)
    mutating func number() throws(JSONError) {
        guard let after = Self.numberEnd(text, from: position, to: end) else {
            throw failure(.badNumber)
        }
        append(end: after, meta: UInt32(JSONView.Kind.number.rawValue))
    }

    /// Whether `token` is a number and nothing besides.
    static func isNumber(_ token: UnsafeRawBufferPointer) -> Bool {
        guard let text = token.baseAddress, token.count > 0 else { return false }
        return numberEnd(text, from: 0, to: token.count) == token.count
    }

    /// The place after `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`; nil when what
    /// begins at `start` is none.
    @inline(__always)
    private static func numberEnd(_ text: UnsafeRawPointer, from start: Int, to end: Int) -> Int? {
        @inline(__always) func byte(_ at: Int) -> UInt8 {
            text.load(fromByteOffset: at, as: UInt8.self)
        }
        @inline(__always) func digitsEnd(_ from: Int) -> Int {
            var at = from
            while at < end, byte(at) &- 0x30 <= 9 { at &+= 1 }
            return at
        }
        let whole = byte(start) == UInt8(ascii: "-") ? start &+ 1 : start
        var at = digitsEnd(whole)
        if at &- whole != 1 {
            guard at > whole, byte(whole) != UInt8(ascii: "0") else { return nil }
        }
        if at < end, byte(at) == UInt8(ascii: ".") {
            let fraction = at &+ 1
            at = digitsEnd(fraction)
            guard at > fraction else { return nil }
        }
        if at < end, byte(at) | 0x20 == UInt8(ascii: "e") {
            at &+= 1
            if at < end, byte(at) == UInt8(ascii: "+") || byte(at) == UInt8(ascii: "-") { at &+= 1 }
            let exponent = at
            at = digitsEnd(exponent)
            guard at > exponent else { return nil }
        }
        return at
    }
}
