/// A value inside a parsed text.
///
/// Valid only inside the closure that was handed it (or its parent): it points into the text and
/// into the parser's tape. Copy out what is to live longer. Looking up a member walks the object's
/// members and compares lengths first; none of it allocates, but for ``string`` and strings with
/// escapes.
public struct JSONView {
    /// What sort of value it is.
    public enum Kind: UInt8, Sendable { case object, array, string, number, bool, null }

    @usableFromInline let text: UnsafeRawPointer
    @usableFromInline let tape: UnsafePointer<JSONToken>
    @usableFromInline let index: UInt32

    @inlinable
    init(text: UnsafeRawPointer, tape: UnsafePointer<JSONToken>, index: UInt32) {
        self.text = text
        self.tape = tape
        self.index = index
    }

    @inlinable var token: JSONToken { tape[Int(index)] }

    @inlinable
    func at(_ index: UInt32) -> JSONView { JSONView(text: text, tape: tape, index: index) }

    /// What sort of value it is.
    @inlinable
    public var kind: Kind {
        Kind(rawValue: UInt8(truncatingIfNeeded: token.meta & JSONToken.kindBits)).unsafelyUnwrapped
    }

    /// Its bytes exactly as they stand in the text; a string with its quotes, a container with the
    /// white space inside it.
    @inlinable
    public var rawBytes: UnsafeRawBufferPointer {
        let token = token
        return UnsafeRawBufferPointer(
            start: text + Int(token.start), count: Int(token.end - token.start))
    }

    /// Where ``rawBytes`` stand in the text.
    @inlinable
    public var byteRange: Range<Int> { Int(token.start)..<Int(token.end) }

    @inlinable
    public var isNull: Bool { kind == .null }

    /// The truth value; nil unless it is `true` or `false`.
    public var bool: Bool? {
        guard kind == .bool else { return nil }
        return token.end - token.start == 4
    }

    /// The value of an integer token that fits; nil for `1.0`, `1e2`, larger ones, and all else.
    public var int: Int64? {
        guard kind == .number else { return nil }
        let bytes = rawBytes
        let isNegative = bytes[0] == UInt8(ascii: "-")
        var value: Int64 = 0
        for byte in bytes.dropFirst(isNegative ? 1 : 0) {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let (tens, overflowed) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte - 0x30)
            // Counted downwards, since the negative side reaches one further.
            let (sum, overflowedAgain) = tens.subtractingReportingOverflow(digit)
            guard !overflowed, !overflowedAgain else { return nil }
            value = sum
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// Appends its tokens byte for byte, without the white space between them (L1).
    public func writeMinified(into out: inout [UInt8]) {
        let token = token
        guard token.isContainer, token.hasSpace else {
            out.append(contentsOf: rawBytes)
            return
        }
        var copied = Int(token.start)
        for index in Int(index)..<Int(token.next) {
            let leaf = tape[index]
            guard !leaf.isContainer else { continue }
            writePunctuation(copied..<Int(leaf.start), into: &out)
            out.append(contentsOf: at(UInt32(index)).rawBytes)
            copied = Int(leaf.end)
        }
        writePunctuation(copied..<Int(token.end), into: &out)
    }

    /// Between tokens there is white space and ``{}[],:``, nothing else.
    private func writePunctuation(_ range: Range<Int>, into out: inout [UInt8]) {
        for place in range {
            let byte = text.load(fromByteOffset: place, as: UInt8.self)
            if byte > 0x20 { out.append(byte) }
        }
    }
}
