/// Turns the inside of a checked string token into the bytes it stands for.
///
/// A surrogate without its pair, which only a text whose structure alone was checked can hold, stands
/// for U+FFFD.
///
/// - Precondition: the token came through ``JSONScanner``, so every escape is whole. Nothing is read
///   past `end`.
struct JSONEscapes {
    private let text: UnsafeRawPointer
    private let end: Int
    private var position = 0
    /// Bytes of the character that the last escape stood for and that were not handed out yet,
    /// lowest first.
    private var pending: UInt32 = 0
    private var pendingCount = 0

    /// Reads `count` bytes at `text`, without the quotes.
    init(_ text: UnsafeRawPointer, count: Int) {
        self.text = text
        end = count
    }

    /// The next byte of the string, nil at its end.
    mutating func next() -> UInt8? {
        if pendingCount > 0 {
            pendingCount -= 1
            defer { pending >>= 8 }
            return UInt8(truncatingIfNeeded: pending)
        }
        guard position < end else { return nil }
        let byte = text.load(fromByteOffset: position, as: UInt8.self)
        position += 1
        return byte == 0x5C ? escape() : byte
    }

    /// Writes the whole string to `room`, which holds `count` bytes or more: no escape is shorter
    /// than what it stands for.
    mutating func write(to room: UnsafeMutableRawPointer) -> Int {
        var length = 0
        while let byte = next() {
            room.storeBytes(of: byte, toByteOffset: length, as: UInt8.self)
            length += 1
        }
        return length
    }

    private mutating func escape() -> UInt8 {
        let byte = text.load(fromByteOffset: position, as: UInt8.self)
        position += 1
        switch byte {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"):
            let scalar = unit()
            return encode(scalar & 0xF800 == 0xD800 ? paired(scalar) : scalar)
        default: return byte
        }
    }

    /// The character of a pair whose first half was read; U+FFFD where the second is not there.
    private mutating func paired(_ high: UInt32) -> UInt32 {
        guard high < 0xDC00, position + 6 <= end,
            text.load(fromByteOffset: position, as: UInt8.self) == 0x5C,
            text.load(fromByteOffset: position + 1, as: UInt8.self) == UInt8(ascii: "u")
        else { return 0xFFFD }
        let start = position
        position += 2
        let low = unit()
        guard low & 0xFC00 == 0xDC00 else {
            position = start
            return 0xFFFD
        }
        return 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
    }

    private mutating func unit() -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Self.digit(text.load(fromByteOffset: position, as: UInt8.self))
            else { preconditionFailure("an unchecked escape reached the decoder") }
            value = value << 4 | digit
            position += 1
        }
        return value
    }

    /// Hands out the first byte of `scalar` in UTF-8 and keeps the others.
    private mutating func encode(_ scalar: UInt32) -> UInt8 {
        let tail = { (shift: UInt32) -> UInt32 in 0x80 | (scalar >> shift & 0x3F) }
        switch scalar {
        case 0..<0x80:
            return UInt8(truncatingIfNeeded: scalar)
        case 0x80..<0x800:
            (pending, pendingCount) = (tail(0), 1)
            return UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6)
        case 0x800..<0x10000:
            (pending, pendingCount) = (tail(6) | tail(0) << 8, 2)
            return UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12)
        default:
            (pending, pendingCount) = (tail(12) | tail(6) << 8 | tail(0) << 16, 3)
            return UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18)
        }
    }

    /// The value of one hexadecimal digit, nil for any other byte.
    static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) - 0x30
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte) - 0x61 + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte) - 0x41 + 10
        default: nil
        }
    }
}
