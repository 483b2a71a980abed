internal import JSONText

/// `sluice explain` for people: the decisive sentence first, then every gate, consent and attempt.
enum ExplainView {
    static func text(_ value: JSONValue) -> String {
        guard let destination = value["destination"]?.string,
            let decision = value["decision"]?.string, let event = value["event"],
            let story = value["story"]?.array
        else { return Renderer.text(value) }
        let name = event["name"]?.string ?? event["type"]?.string ?? "event"
        var lines = [
            "\(Renderer.cell(.string(name))) (offset \(Renderer.cell(event["offset"] ?? .null))) "
                + "→ \(destination): \(decision)"
        ]
        lines += story.map { "  " + ($0.string ?? "") }
        if let gates = value["gates"]?.array {
            lines += ["", "gates"]
            for gate in gates {
                let mark = gate["passed"]?.bool == true ? "pass" : "FAIL"
                lines.append("  \(mark)  \(gate["gate"]?.string ?? "")")
            }
        }
        for (title, key) in [("consent at the event", "consent"), ("attempts", "attempts")] {
            guard let rows = value[key]?.array, !rows.isEmpty else { continue }
            lines += ["", title, indented(Renderer.text(.array(rows)))]
        }
        if let asOf = value["asOf"] {
            lines += [
                "",
                "\(asOf["question"]?.string ?? "") \(Renderer.cell(asOf["offset"] ?? .null)), "
                    + "policy version \(Renderer.cell(value["policyVersion"] ?? .null)), "
                    + "rule \(Renderer.cell(value["rule"] ?? .null))",
            ]
        }
        return lines.joined(separator: "\n")
    }

    static func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
            .joined(separator: "\n")
    }
}
