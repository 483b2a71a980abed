/// A mapping file that is refused, with the place.
public struct FeedMappingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The mapping file's name as it was given.
    public var file: String
    /// Counted from 1.
    public var line: Int
    /// Counted from 1.
    public var column: Int
    /// One sentence: `unknown key "colum"; did you mean "column"?`.
    public var reason: String

    public init(file: String, line: Int, column: Int, reason: String) {
        self.file = file
        self.line = line
        self.column = column
        self.reason = reason
    }

    /// `mapping.yaml:7:3: unknown key "colum"; did you mean "column"?`
    public var description: String { "\(file):\(line):\(column): \(reason)" }
}

/// Finding what somebody may have meant.
enum Suggestion {
    /// `; did you mean "…"?` with the nearest of `known`, or nothing when none is near.
    static func text(for word: String, among known: some Sequence<String>) -> String {
        var best: (distance: Int, word: String)?
        for candidate in known {
            let found = distance(Array(word.lowercased().utf8), Array(candidate.lowercased().utf8))
            if found <= max(1, candidate.utf8.count / 3), best.map({ found < $0.distance }) ?? true
            {
                best = (found, candidate)
            }
        }
        return best.map { "; did you mean \"\($0.word)\"?" } ?? ""
    }

    /// Levenshtein's distance.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let changed = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
