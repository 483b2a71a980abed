/// Why a control record's body could not be read. Names the member, never its value.
public struct RecordError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        case missing
        /// Present, but not of the type or form that the record asks for.
        case illTyped
        /// A number below or above what it may be.
        case outOfRange
        /// The bitmap has not exactly one bit for each offset of its range.
        case lengthMismatch
    }

    public var kind: RecordKind
    /// Dotted, with places in lists: `members[3].digest`.
    public var member: String
    public var problem: Problem

    public init(kind: RecordKind, member: String, problem: Problem) {
        self.kind = kind
        self.member = member
        self.problem = problem
    }

    public var description: String {
        let fault =
            switch problem {
            case .missing: "is missing"
            case .illTyped: "is not of the right type"
            case .outOfRange: "is out of range"
            case .lengthMismatch: "does not fit its range of offsets"
            }
        return "\(kind.name) record: \(member) \(fault)"
    }
}
