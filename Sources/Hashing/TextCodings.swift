/// Lower-case hexadecimal.
public enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Two characters a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        for byte in bytes {
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The bytes of `text`, or nil when it is not an even number of hexadecimal digits (either case).
    public static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { decode(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// The same of a text's UTF-8.
    public static func decode(utf8 characters: UnsafeRawBufferPointer) -> [UInt8]? {
        guard characters.count % 2 == 0 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(characters.count / 2)
        for index in stride(from: 0, to: characters.count, by: 2) {
            guard let high = value(characters[index]), let low = value(characters[index + 1]) else {
                return nil
            }
            out.append(high << 4 | low)
        }
        return out
    }

    /// The number that 16 digits spell; nil for anything else.
    public static func word(utf8 characters: UnsafeRawBufferPointer) -> UInt64? {
        guard characters.count == 16 else { return nil }
        var word: UInt64 = 0
        for character in characters {
            guard let value = value(character) else { return nil }
            word = word << 4 | UInt64(value)
        }
        return word
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x61...0x66: character - 0x57
        case 0x41...0x46: character - 0x37
        default: nil
        }
    }
}

/// Base64 (RFC 4648, section 4): standard alphabet, padded.
public enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The padded text of `bytes`.
    public static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = min(3, bytes.count - index)
            var group = UInt32(bytes[index]) << 16
            if left > 1 { group |= UInt32(bytes[index + 1]) << 8 }
            if left > 2 { group |= UInt32(bytes[index + 2]) }
            for place in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * place)) & 63
                out.append(place <= left ? alphabet[digit] : 0x3D)
            }
            index += 3
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The bytes of `text`, or nil when it is not valid. Padding may be absent.
    public static func decode(_ text: String) -> [UInt8]? {
        var characters = Array(text.utf8)
        var padding = 0
        while characters.last == 0x3D, padding < 2 {
            characters.removeLast()
            padding += 1
        }
        guard characters.count % 4 != 1 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(characters.count * 3 / 4)
        var group: UInt32 = 0
        var bits = 0
        for character in characters {
            guard let digit = value(character) else { return nil }
            group = group << 6 | UInt32(digit)
            bits += 6
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        return out
    }

    /// The bytes of a base64url text (RFC 4648, section 5), padded or not; nil when it is not valid.
    public static func decodeURL(_ text: Substring) -> [UInt8]? {
        let standard = text.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            // Refused below, as they are no digits there.
            case UInt8(ascii: "+"), UInt8(ascii: "/"): UInt8(ascii: "-")
            default: byte
            }
        }
        return decode(String(decoding: standard, as: UTF8.self))
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x61 + 26
        case 0x30...0x39: character - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
