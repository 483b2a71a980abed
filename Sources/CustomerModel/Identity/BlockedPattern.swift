/// A regular expression of values that are no identifiers, as Segment's `^[0-]*$` (I4).
///
/// Matched in time linear in the value (``Pattern``), so that no client can make one slow.
public struct BlockedPattern: Equatable, Sendable {
    public let text: String
    let pattern: Pattern

    /// - Throws: ``PatternError`` when the text is no pattern that is taken here.
    public init(_ text: String) throws(PatternError) {
        pattern = try Pattern(text)
        self.text = text
    }

    public static func == (a: BlockedPattern, b: BlockedPattern) -> Bool { a.text == b.text }
}
