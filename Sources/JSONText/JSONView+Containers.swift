/// Members and elements.
extension JSONView {
    /// The member of this name; nil when it is absent or this is no object.
    public subscript(_ key: StaticString) -> JSONView? {
        member(
            utf8: UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
    }

    /// The member of this name; nil when it is absent or this is no object.
    public func member(_ key: String) -> JSONView? {
        var key = key
        return key.withUTF8 { member(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// The member of this name, given as its unescaped bytes; nil when it is absent or this is no
    /// object.
    public func member(utf8 key: UnsafeRawBufferPointer) -> JSONView? {
        let token = token
        guard token.meta & JSONToken.kindBits == 0 else { return nil }
        let rawLength = UInt32(truncatingIfNeeded: key.count) &+ 2
        let last = Int(token.next)
        var name = Int(index) &+ 1
        while name < last {
            let candidate = tape[name]
            if candidate.hasEscapes {
                if at(UInt32(truncatingIfNeeded: name)).equals(utf8: key) {
                    return at(UInt32(truncatingIfNeeded: name &+ 1))
                }
            } else if candidate.end &- candidate.start == rawLength {
                // An empty key may have no base address; then there is nothing to compare.
                guard let wanted = key.baseAddress else {
                    return at(UInt32(truncatingIfNeeded: name &+ 1))
                }
                if Bytes.equal(text + Int(candidate.start) + 1, wanted, count: key.count) {
                    return at(UInt32(truncatingIfNeeded: name &+ 1))
                }
            }
            name = Int(tape[name &+ 1].next)
        }
        return nil
    }

    /// The member of a member of …; this value itself for an empty path.
    public func value(at path: [String]) -> JSONView? {
        var found = self
        for key in path {
            guard let next = found.member(key) else { return nil }
            found = next
        }
        return found
    }

    /// How many members or elements it has; 0 for anything else.
    @inlinable
    public var count: Int { token.isContainer ? token.count : 0 }

    /// Calls `body` for each member of an object, in the text's order; never for anything else.
    @inlinable
    public func forEachMember(_ body: (_ key: JSONView, _ value: JSONView) throws -> Void) rethrows
    {
        guard kind == .object else { return }
        let last = token.next
        var name = index &+ 1
        while name < last {
            let value = at(name &+ 1)
            try body(at(name), value)
            name = value.token.next
        }
    }

    /// Calls `body` for each element of an array, in order; never for anything else.
    @inlinable
    public func forEachElement(_ body: (JSONView) throws -> Void) rethrows {
        guard kind == .array else { return }
        let last = token.next
        var index = index &+ 1
        while index < last {
            let element = at(index)
            try body(element)
            index = element.token.next
        }
    }
}
