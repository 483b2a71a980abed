/// A record's dense place in the whole log: 0, 1, 2 … Never reused, never a byte place in a file.
public struct Offset: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The count of records before this one.
    public var value: UInt64

    public init(_ value: UInt64) { self.value = value }

    public static func < (a: Offset, b: Offset) -> Bool { a.value < b.value }

    /// The offset `distance` records later.
    public static func + (offset: Offset, distance: Int) -> Offset {
        Offset(offset.value + UInt64(distance))
    }

    public var description: String { String(value) }
}
