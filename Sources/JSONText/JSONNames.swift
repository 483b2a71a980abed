/// Member names that are looked for together, in one walk over an object.
///
/// Asking for one member after the other walks the object once for each of them.
public struct JSONNames: Sendable {
    /// The most names in one set.
    public static let limit = 16
    private static let longest = 31

    private let names: [StaticString]
    /// By name: its first eight bytes, or all that it has.
    private let heads: [UInt64]
    /// By length: names of that length, as bits.
    private let ofLength: [UInt16]

    /// - Precondition: at most ``limit`` names, of 31 bytes at most, none twice.
    public init(_ names: [StaticString]) {
        precondition(names.count <= Self.limit, "too many names in one set")
        var ofLength = [UInt16](repeating: 0, count: Self.longest + 1)
        for (place, name) in names.enumerated() {
            precondition(name.utf8CodeUnitCount <= Self.longest, "a name is too long")
            ofLength[name.utf8CodeUnitCount] |= 1 << UInt16(place)
        }
        self.names = names
        self.ofLength = ofLength
        heads = names.map { name in
            var head: UInt64 = 0
            for place in (0..<min(8, name.utf8CodeUnitCount)).reversed() {
                head = head << 8 | UInt64(name.utf8Start[place])
            }
            return head
        }
    }

    /// Finds the members of these names: what ``JSONView/subscript(_:)`` gives for each of them. None where
    /// `view` is no object.
    public func members(of view: JSONView) -> JSONMembers {
        var found = JSONMembers(of: view)
        let token = view.token
        guard token.meta & JSONToken.kindBits == 0 else { return found }
        let last = Int(token.next)
        var name = Int(view.index) &+ 1
        while name < last {
            let candidate = view.tape[name]
            let value = UInt32(truncatingIfNeeded: name &+ 1)
            let length = Int(candidate.end &- candidate.start) &- 2
            if candidate.hasEscapes {
                takeEscaped(view.at(UInt32(truncatingIfNeeded: name)), value, &found)
            } else if length <= Self.longest {
                var left = ofLength[length]
                if left != 0 {
                    let start = view.text + Int(candidate.start) + 1
                    let head = Self.head(start, count: length)
                    while left != 0 {
                        let place = left.trailingZeroBitCount
                        left &= left &- 1
                        guard heads[place] == head, found.values[place] == 0 else { continue }
                        if length <= 8
                            || Bytes.equal(
                                start + 8, names[place].utf8Start + 8, count: length &- 8)
                        {
                            found.values[place] = value
                            break
                        }
                    }
                }
            }
            name = Int(view.tape[Int(value)].next)
        }
        return found
    }

    /// The first eight bytes of a name, or all that it has.
    @inline(__always)
    private static func head(_ name: UnsafeRawPointer, count: Int) -> UInt64 {
        // After a name come at least its quote, a colon, a value and a bracket.
        guard count < 4 else {
            let word = UInt64(littleEndian: name.loadUnaligned(as: UInt64.self))
            return count < 8 ? word & (1 << UInt64(count &* 8) &- 1) : word
        }
        var head: UInt64 = 0
        for place in (0..<max(0, count)).reversed() {
            head = head << 8 | UInt64(name.load(fromByteOffset: place, as: UInt8.self))
        }
        return head
    }

    @inline(never)
    private func takeEscaped(_ name: JSONView, _ value: UInt32, _ found: inout JSONMembers) {
        for place in names.indices
        where found.values[place] == 0 && name.equals(names[place]) {
            found.values[place] = value
        }
    }
}

/// What ``JSONNames`` found of one object. Valid as long as the object's view.
public struct JSONMembers {
    @usableFromInline let view: JSONView
    /// By name: the value's index; 0, where no value of a member stands, for none.
    @usableFromInline var values: InlineArray<16, UInt32>

    init(of view: JSONView) {
        self.view = view
        values = InlineArray(repeating: 0)
    }

    /// The member of the name at this place of the set.
    @inlinable
    public subscript(place: Int) -> JSONView? {
        let value = values[place]
        return value == 0 ? nil : view.at(value)
    }
}
