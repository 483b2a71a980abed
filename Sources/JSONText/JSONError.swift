/// Why a text is not JSON that this platform takes, and where.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Sendable, Equatable {
        /// A string holds bytes that are not UTF-8: overlong, a surrogate, past U+10FFFF, cut
        /// short.
        case invalidUTF8
        /// A byte that cannot stand here.
        case unexpectedByte
        /// The text ends inside a value, or holds none.
        case unexpectedEnd
        /// An object has two members whose names are equal after unescaping (L2).
        case duplicateKey
        /// Half of a UTF-16 pair as `\uD800`…`\uDFFF` without its other half (L2).
        case loneSurrogate
        /// More containers inside each other than allowed.
        case tooDeep
        /// More bytes than allowed.
        case tooLong
        /// A number against the grammar: `01`, `1.`, `-`, `1e`.
        case badNumber
        /// A backslash followed by none of `"\/bfnrtu`, or `\u` without four hexadecimal digits.
        case badEscape
        /// A byte below 0x20 inside a string.
        case controlCharacter
        /// Something other than white space follows the value.
        case trailingBytes
    }

    /// The byte, counted from 0, at which the problem was seen. For a duplicate key: the opening
    /// quote of the later one.
    public var position: Int
    /// What is wrong there.
    public var problem: Problem

    public init(position: Int, problem: Problem) {
        self.position = position
        self.problem = problem
    }

    /// For people: `duplicate key at byte 17`.
    public var description: String { "\(problem.text) at byte \(position)" }
}

extension JSONError.Problem {
    /// The problem in words, without its place.
    public var text: String {
        switch self {
        case .invalidUTF8: "invalid UTF-8"
        case .unexpectedByte: "unexpected byte"
        case .unexpectedEnd: "unexpected end"
        case .duplicateKey: "duplicate key"
        case .loneSurrogate: "lone surrogate"
        case .tooDeep: "too many levels"
        case .tooLong: "too many bytes"
        case .badNumber: "bad number"
        case .badEscape: "bad escape"
        case .controlCharacter: "control character in a string"
        case .trailingBytes: "bytes after the value"
        }
    }
}

/// What one text may cost.
public struct JSONLimits: Sendable, Equatable {
    /// How many objects and arrays may stand inside each other; `[[1]]` is 2.
    public var maximumDepth: Int
    /// The longest text, in bytes, white space around it included.
    public var maximumBytes: Int

    /// - Precondition: `maximumDepth` is at most 1,000 and `maximumBytes` at most 128 MiB.
    public init(maximumDepth: Int = 64, maximumBytes: Int = 4 << 20) {
        precondition(maximumDepth >= 0 && maximumDepth <= JSONLimits.hardestDepth)
        precondition(maximumBytes >= 0 && maximumBytes <= JSONLimits.hardestBytes)
        self.maximumDepth = maximumDepth
        self.maximumBytes = maximumBytes
    }

    /// No text is read past these, trusted or not: values are walked by recursion, and a token
    /// counts its members in 27 bits.
    static let hardestDepth = 1_000
    static let hardestBytes = 128 << 20
}
