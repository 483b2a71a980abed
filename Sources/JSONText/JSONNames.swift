/// Member names that are looked for together, in one walk over an object.
///
/// Asking for one member after the other walks the object once for each of them.
public struct JSONNames: Sendable {
    /// The most names in one set.
    public static let limit = 16
    private static let longest = 31

    private let names: [StaticString]
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
                while left != 0 {
                    let place = left.trailingZeroBitCount
                    left &= left &- 1
                    guard found.values[place] == 0 else { continue }
                    if Bytes.equal(
                        view.text + Int(candidate.start) + 1, names[place].utf8Start,
                        count: length)
                    {
                        found.values[place] = value
                        break
                    }
                }
            }
            name = Int(view.tape[Int(value)].next)
        }
        return found
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
