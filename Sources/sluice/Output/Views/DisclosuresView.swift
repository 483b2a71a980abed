internal import JSONText

/// `sluice audit disclosures` for people: one line for each thing that left, newest last.
enum DisclosuresView {
    static func text(_ value: JSONValue) -> String {
        guard let profile = value["profile"]?.string, let rows = value["disclosures"]?.array else {
            return Renderer.text(value)
        }
        var lines = [
            "profile \(profile): \(Renderer.cell(value["received"] ?? .null)) received, "
                + "\(Renderer.cell(value["mayHaveReceived"] ?? .null)) may have been received"
        ]
        for doubt in value["because"]?.array ?? [] {
            lines.append("may be incomplete: \(doubt.string ?? "")")
        }
        if rows.isEmpty { return (lines + ["nothing was shared"]).joined(separator: "\n") }
        var table = TextTable(
            ["when", "recipient", "outcome", "event", "fields", "consent", "policy", "plan"],
            alignments: [.left, .left, .left, .left, .left, .right, .right])
        for row in rows {
            let fields = (row["fields"]?.array ?? []) + (row["identifiers"]?.array ?? [])
            table.add([
                String((row["when"]?.string ?? "").prefix(19)), cell(row, "recipient"),
                cell(row, "outcome"), cell(row, "event"), Renderer.cell(.array(fields)),
                cell(row, "consent"), cell(row, "policyVersion"), cell(row, "plan"),
            ])
        }
        lines += ["", table.text]
        if let asOf = value["asOf"] {
            lines += [
                "",
                "\(asOf["question"]?.string ?? ""), offset \(Renderer.cell(asOf["offset"] ?? .null))",
            ]
        }
        return lines.joined(separator: "\n")
    }

    private static func cell(_ row: JSONValue, _ key: String) -> String {
        Renderer.cell(row[key] ?? .null)
    }
}
