/// Why a text is no pattern that is taken here, and where.
public struct PatternError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        /// A quantifier after nothing, after an anchor or after another quantifier.
        case nothingToRepeat
        /// A bracket or brace that closes nothing, or one that is not closed.
        case unbalanced
        /// An escape that means nothing, or needs more than the text has.
        case badEscape
        /// A range of characters or of counts that ends before it begins.
        case badRange
        /// `{` without `n}`, `n,}` or `n,m}`.
        case badCount
        /// Looking ahead or behind, back references, named groups, properties of Unicode.
        case unsupported
        /// More groups inside each other, or more states in all, than are taken.
        case tooLarge
    }

    /// The character, a Unicode scalar, counted from 0.
    public var position: Int
    public var problem: Problem

    public init(position: Int, problem: Problem) {
        self.position = position
        self.problem = problem
    }

    public var description: String {
        let fault =
            switch problem {
            case .nothingToRepeat: "nothing to repeat"
            case .unbalanced: "an unbalanced bracket"
            case .badEscape: "a bad escape"
            case .badRange: "a range that ends before it begins"
            case .badCount: "a bad count"
            case .unsupported: "a construct that is not taken"
            case .tooLarge: "too large"
            }
        return "\(fault) at character \(position)"
    }
}
