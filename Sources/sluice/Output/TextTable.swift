/// Rows under headings, columns as wide as they need to be.
package struct TextTable {
    package enum Alignment { case left, right }

    private let headings: [String]
    private let alignments: [Alignment]
    private var rows: [[String]] = []

    package init(_ headings: [String], alignments: [Alignment] = []) {
        self.headings = headings
        self.alignments = alignments
    }

    package mutating func add(_ row: [String]) { rows.append(row) }

    package var isEmpty: Bool { rows.isEmpty }

    package var text: String {
        let all = [headings] + rows
        let widths = headings.indices.map { column in
            all.map { column < $0.count ? $0[column].count : 0 }.reduce(0, max)
        }
        return all.map { line($0, widths) }.joined(separator: "\n")
    }

    private func line(_ row: [String], _ widths: [Int]) -> String {
        var out = ""
        for column in widths.indices {
            let cell = column < row.count ? row[column] : ""
            let fill = String(repeating: " ", count: widths[column] - cell.count)
            let isRight = column < alignments.count && alignments[column] == .right
            out += isRight ? fill + cell : cell + fill
            if column < widths.count - 1 { out += "  " }
        }
        while out.last == " " { out.removeLast() }
        return out
    }
}
