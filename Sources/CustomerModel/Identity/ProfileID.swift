/// A person's id: the place where the oldest of its identifiers first appeared (I6).
///
/// It is a fact of the log, so every rebuild finds the same one. Text form `p<offset>.<ordinal>`.
public struct ProfileID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The offset of the event.
    public var offset: UInt64
    /// Which of that event's identifiers, in the order of ``EventIdentifiers``.
    public var ordinal: UInt16

    public init(offset: UInt64, ordinal: UInt16) {
        self.offset = offset
        self.ordinal = ordinal
    }

    /// Reads the text form; nil for anything else.
    public init?(_ text: String) {
        guard text.first == "p" else { return nil }
        let parts = text.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let offset = UInt64(parts[0]), let ordinal = UInt16(parts[1])
        else { return nil }
        self.init(offset: offset, ordinal: ordinal)
    }

    public static func < (a: ProfileID, b: ProfileID) -> Bool {
        (a.offset, a.ordinal) < (b.offset, b.ordinal)
    }

    public var description: String { "p\(offset).\(ordinal)" }
}
