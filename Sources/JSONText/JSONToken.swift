/// One entry of the tape: where a value stands in the text and where the next one stands on the
/// tape.
///
/// ```
/// 0       4       8       12      16
/// | start | end   | next  | meta  |      meta: count << 5 | space << 4 | escapes << 3 | kind
/// ```
///
/// An object is followed by name, value, name, value, …; an array by its elements. `next` is the
/// index after the whole subtree. While a container is open its `next` holds its parent, so that no
/// stack is needed beside the tape.
@usableFromInline
struct JSONToken: Sendable {
    /// First byte of the value; for a string its opening quote.
    @usableFromInline var start: UInt32
    /// The byte after the value.
    @usableFromInline var end: UInt32
    @usableFromInline var next: UInt32
    @usableFromInline var meta: UInt32

    @inline(__always) @usableFromInline
    init(start: UInt32, end: UInt32, next: UInt32, meta: UInt32) {
        self.start = start
        self.end = end
        self.next = next
        self.meta = meta
    }

    static let empty = JSONToken(start: 0, end: 0, next: 0, meta: 0)

    @usableFromInline static var kindBits: UInt32 { 0b111 }
    /// A string with at least one escape; on an object: at least one of its names has one.
    @usableFromInline static var escapesBit: UInt32 { 0b1000 }
    /// A container with white space between its tokens, at any depth.
    @usableFromInline static var spaceBit: UInt32 { 0b1_0000 }
    @usableFromInline static var countShift: UInt32 { 5 }
    static var oneMember: UInt32 { 1 << countShift }

    @inlinable var hasEscapes: Bool { meta & Self.escapesBit != 0 }
    @inlinable var hasSpace: Bool { meta & Self.spaceBit != 0 }
    @inlinable var count: Int { Int(meta >> Self.countShift) }
    @inlinable var isContainer: Bool { meta & Self.kindBits <= 1 }
}
