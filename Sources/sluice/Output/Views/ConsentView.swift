internal import JSONText

/// `sluice consent` for people: the state of each purpose, then each identifier's, then who said what.
enum ConsentView {
    static func text(_ value: JSONValue) -> String {
        guard let purposes = value["purposes"]?.array, let asOf = value["asOf"] else {
            return Renderer.text(value)
        }
        let profile = value["profile"]?.string.map { "profile \($0)" } ?? "nobody's profile yet"
        var lines = [
            "\(profile), policy version \(Renderer.cell(value["policyVersion"] ?? .null))"
        ]
        let sections: [(String, [JSONValue])] = [
            ("purposes", purposes), ("by identifier", value["identifiers"]?.array ?? []),
            ("assertions, oldest first", (value["history"]?.array ?? []).map(withoutNulls)),
        ]
        for (title, rows) in sections where !rows.isEmpty {
            lines += ["", title, ExplainView.indented(Renderer.text(.array(rows)))]
        }
        if let tcf = value["tcf"], !tcf.isNull {
            lines += ["", "TC string", ExplainView.indented(Renderer.text(withoutNulls(tcf)))]
        }
        lines += [
            "",
            "\(asOf["question"]?.string ?? ""), offset \(Renderer.cell(asOf["offset"] ?? .null))",
        ]
        return lines.joined(separator: "\n")
    }

    /// Columns that say nothing in a row only cost width.
    private static func withoutNulls(_ row: JSONValue) -> JSONValue {
        guard let members = row.object else { return row }
        return .object(JSONObject(members.filter { !$0.value.isNull }))
    }
}
