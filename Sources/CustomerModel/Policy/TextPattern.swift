/// A regular expression in a policy, with its text: two are the same when their texts are.
public struct TextPattern: Equatable, Sendable {
    public let text: String
    public let pattern: Pattern

    /// - Throws: ``PatternError`` with the place of the first thing that is not taken.
    public init(_ text: String) throws(PatternError) {
        self.text = text
        pattern = try Pattern(text)
    }

    public static func == (a: TextPattern, b: TextPattern) -> Bool {
        a.text.utf8.elementsEqual(b.text.utf8)
    }
}
