/// Text.
extension JSONView {
    /// The string without quotes and escapes; nil unless it is a string.
    public var string: String? { withUTF8 { String(decoding: $0, as: UTF8.self) } }

    /// Whether it is a string that holds at least one escape, so that its raw bytes are not its
    /// text.
    @inlinable
    public var hasEscapes: Bool { kind == .string && token.hasEscapes }

    /// Hands the unescaped bytes of a string to `body`, without a copy when it has no escapes; nil
    /// unless it is a string. The bytes are valid only inside `body`.
    @inlinable
    public func withUTF8<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R? {
        guard kind == .string else { return nil }
        guard token.hasEscapes else { return try body(contents) }
        return try withUnsafeTemporaryAllocation(byteCount: contents.count, alignment: 1) { room in
            let length = unescape(into: room)
            return try body(UnsafeRawBufferPointer(rebasing: room[..<length]))
        }
    }

    /// Whether it is a string that stands for exactly this text.
    public func equals(_ text: StaticString) -> Bool {
        equals(utf8: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Whether it is a string that stands for exactly these bytes.
    public func equals(utf8 other: UnsafeRawBufferPointer) -> Bool {
        guard kind == .string else { return false }
        let contents = contents
        guard token.hasEscapes else {
            guard contents.count == other.count else { return false }
            guard let a = contents.baseAddress, let b = other.baseAddress else { return true }
            return Bytes.equal(a, b, count: contents.count)
        }
        guard let start = contents.baseAddress else { return other.isEmpty }
        var escapes = JSONEscapes(start, count: contents.count)
        for byte in other where escapes.next() != byte { return false }
        return escapes.next() == nil
    }

    /// Whether both are strings and stand for the same text.
    func equals(_ other: JSONView) -> Bool {
        other.withUTF8 { equals(utf8: $0) } == true
    }

    /// Feeds a string's text to `hasher`; nothing for any other value.
    func hashText(into hasher: inout Hasher) {
        _ = withUTF8 { hasher.combine(bytes: $0) }
    }

    /// The bytes between the quotes.
    @inlinable
    var contents: UnsafeRawBufferPointer {
        let token = token
        return UnsafeRawBufferPointer(
            start: text + Int(token.start) + 1, count: Int(token.end - token.start) - 2)
    }

    @usableFromInline
    func unescape(into room: UnsafeMutableRawBufferPointer) -> Int {
        guard let start = contents.baseAddress, let target = room.baseAddress else { return 0 }
        var escapes = JSONEscapes(start, count: contents.count)
        return escapes.write(to: target)
    }
}
