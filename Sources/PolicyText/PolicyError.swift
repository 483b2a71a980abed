/// Why a policy was refused: everything that is wrong with it, at once (P3).
public struct PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file's name as the caller gave it.
    public let file: String
    /// At least one, in the order of the text.
    public let problems: [PolicyProblem]

    public init(file: String, problems: [PolicyProblem]) {
        self.file = file
        self.problems = problems
    }

    /// One line a problem: `shop.yaml:12:7: what is wrong; suggestion`.
    public var description: String {
        problems.map { "\(file):\($0)" }.joined(separator: "\n")
    }
}

/// One thing wrong with a policy, and where.
public struct PolicyProblem: Equatable, Sendable, CustomStringConvertible {
    /// From 1.
    public let line: Int
    /// From 1, in Unicode scalars.
    public let column: Int
    /// What is wrong. Never holds the literal value of something that must not be in a policy.
    public let message: String
    /// What to write instead, as a sentence's end; nil when nothing better is known than the message.
    public let suggestion: String?

    public init(line: Int, column: Int, message: String, suggestion: String? = nil) {
        self.line = line
        self.column = column
        self.message = message
        self.suggestion = suggestion
    }

    public var description: String {
        guard let suggestion else { return "\(line):\(column): \(message)" }
        return "\(line):\(column): \(message); \(suggestion)"
    }
}
