package import JSONText

/// Turns any operation's result into text for people: names and values one under the other, lists of alike
/// objects as tables. What has a view of its own (see `Views`) is shown by that instead.
package enum Renderer {
    /// Cells are cut at this many characters; `--json` has everything.
    private static let widest = 60

    package static func text(_ value: JSONValue) -> String {
        var lines: [String] = []
        write(value, indent: 0, into: &lines)
        return lines.joined(separator: "\n")
    }

    private static func write(_ value: JSONValue, indent: Int, into lines: inout [String]) {
        let margin = String(repeating: " ", count: indent)
        switch value {
        case .object(let object):
            let width = object.members.filter { isLeaf($0.value) }
                .map { words($0.key).count }.reduce(0, max)
            for (key, value) in object.members {
                let name = words(key)
                if isLeaf(value) {
                    let fill = String(repeating: " ", count: max(0, width - name.count) + 2)
                    lines.append(margin + name + fill + whole(value))
                } else if isEmpty(value) {
                    lines.append(margin + name + "  none")
                } else {
                    lines.append(margin + name)
                    write(value, indent: indent + 2, into: &lines)
                }
            }
        case .array(let elements):
            if let table = table(elements) {
                lines += table.text.split(separator: "\n", omittingEmptySubsequences: false)
                    .map { margin + $0 }
            } else {
                for element in elements {
                    if isLeaf(element) {
                        lines.append(margin + "- " + whole(element))
                    } else {
                        lines.append(margin + "-")
                        write(element, indent: indent + 2, into: &lines)
                    }
                }
            }
        default:
            lines.append(margin + whole(value))
        }
    }

    /// A table when all elements are objects of leaves and short lists.
    private static func table(_ elements: [JSONValue]) -> TextTable? {
        guard !elements.isEmpty else { return nil }
        var columns: [String] = []
        for element in elements {
            guard let members = element.object else { return nil }
            for (key, value) in members {
                guard isLeaf(value) || isFlatList(value) else { return nil }
                if !columns.contains(key) { columns.append(key) }
            }
        }
        let alignments = columns.map { column -> TextTable.Alignment in
            let values = elements.compactMap { $0[column] }
            return values.allSatisfy { $0.int != nil } ? .right : .left
        }
        var table = TextTable(columns.map(words), alignments: alignments)
        for element in elements {
            table.add(columns.map { column in element[column].map(cell) ?? "" })
        }
        return table
    }

    private static func isLeaf(_ value: JSONValue) -> Bool {
        value.object == nil && value.array == nil
    }

    private static func isFlatList(_ value: JSONValue) -> Bool {
        value.array.map { $0.allSatisfy(isLeaf) } ?? false
    }

    private static func isEmpty(_ value: JSONValue) -> Bool {
        value.array?.isEmpty ?? value.object?.isEmpty ?? false
    }

    /// One value on one line of a table, cut where it is too wide.
    package static func cell(_ value: JSONValue) -> String {
        let text = whole(value)
        return text.count > widest ? text.prefix(widest - 1) + "…" : text
    }

    /// One value on one line, without anything that a terminal would obey.
    package static func whole(_ value: JSONValue) -> String {
        let text: String
        switch value {
        case .null: text = "-"
        case .bool(let value): text = value ? "yes" : "no"
        case .int(let value): text = grouped(value)
        case .number(let token): text = token
        case .string(let value): text = value
        case .array(let elements): text = elements.map(whole).joined(separator: ", ")
        case .object: text = value.text
        }
        return String(text.map { isPrintable($0) ? $0 : "·" })
    }

    /// What came from clients may hold escape sequences.
    private static func isPrintable(_ character: Character) -> Bool {
        character.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
                .paragraphSeparator:
                false
            default: true
            }
        }
    }

    /// 1234567 as 1,234,567; up to four digits stay as they are.
    package static func grouped(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        guard digits.count > 4 else { return String(value) }
        var out = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { out.append(",") }
            out.append(digit)
        }
        return value < 0 ? "-" + out : out
    }

    /// `consentOffset` as `consent offset`, and `truncateIP` as `truncate IP`; names that are no camel case stay.
    package static func words(_ key: String) -> String {
        let characters = Array(key)
        var out = ""
        for (place, character) in characters.enumerated() {
            guard place > 0, character.isUppercase,
                characters[place - 1].isLowercase || characters[place - 1].isNumber
            else {
                out.append(character)
                continue
            }
            out.append(" ")
            let isAbbreviation =
                place + 1 < characters.count && characters[place + 1].isUppercase
            out.append(isAbbreviation ? String(character) : character.lowercased())
        }
        return out
    }
}
