internal import JSONText

/// `sluice audit decisions` for people: one line for each event and destination.
enum DecisionsView {
    static func text(_ value: JSONValue) -> String {
        guard let rows = value["rows"]?.array else { return Renderer.text(value) }
        var lines: [String] = []
        if let profile = value["profile"]?.string {
            lines.append(
                "profile \(profile): \(Renderer.cell(value["shown"] ?? .null)) of "
                    + "\(Renderer.cell(value["events"] ?? .null)) events")
        }
        var table = TextTable(
            ["offset", "received", "event", "profile", "policy", "destination", "decision"],
            alignments: [.right, .left, .left, .left, .right])
        for row in rows {
            for judgement in row["decisions"]?.array ?? [] {
                let reasons = judgement["reasons"]?.array?.compactMap(\.string) ?? []
                table.add([
                    cell(row, "offset"), String((row["received"]?.string ?? "").prefix(19)),
                    cell(row, row["name"]?.string?.isEmpty == false ? "name" : "type"),
                    cell(row, "profile"), cell(row, "policyVersion"),
                    cell(judgement, "destination"),
                    reasons.isEmpty ? "allow" : "withhold: " + reasons.joined(separator: ", "),
                ])
            }
        }
        lines.append(table.text)
        if let asOf = value["asOf"] {
            lines.append(
                "\(asOf["question"]?.string ?? ""), offset \(Renderer.cell(asOf["offset"] ?? .null))"
            )
        }
        return lines.joined(separator: "\n")
    }

    private static func cell(_ row: JSONValue, _ key: String) -> String {
        Renderer.cell(row[key] ?? .null)
    }
}
