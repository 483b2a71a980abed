/// Finds what somebody probably meant.
enum Suggestion {
    /// The known word nearest to `word`, if it is near: at most a third of its letters wrong, or the same
    /// letters in another case or with other separators.
    static func nearest(to word: String, among known: [String]) -> String? {
        let plain = letters(word)
        if let same = known.first(where: { letters($0) == plain }) { return same }
        var best: (word: String, distance: Int)?
        for candidate in known {
            let other = letters(candidate)
            let allowed = max(1, max(plain.count, other.count) / 3)
            // Long words are not worth the square of their length.
            guard abs(plain.count - other.count) <= allowed, plain.count <= 64 else { continue }
            let distance = distance(plain, other)
            if distance <= allowed, best.map({ distance < $0.distance }) ?? true {
                best = (candidate, distance)
            }
        }
        return best?.word
    }

    /// "did you mean `x`?", or the list of what is known, when it is short enough to read.
    static func text(for word: String, among known: [String]) -> String? {
        if let nearest = nearest(to: word, among: known) { return "did you mean `\(nearest)`?" }
        guard !known.isEmpty, known.count <= 24 else { return nil }
        return "known are \(known.map { "`\($0)`" }.joined(separator: ", "))"
    }

    private static func letters(_ word: String) -> [UInt8] {
        word.lowercased().utf8.filter {
            $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") && $0 != 0x20
        }
    }

    /// How many letters must be put in, taken out, changed or swapped with their neighbour.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
