internal import JSONText

/// `sluice audience explain` for people: the answer first, then the condition as a tree.
enum AudienceView {
    static func explanation(_ value: JSONValue) -> String {
        guard let audience = value["audience"]?.string, let profile = value["profile"]?.string,
            let isMember = value["member"]?.bool, let condition = value["condition"]
        else { return Renderer.text(value) }
        let isPast = value["asOf"]?["question"]?.string?.hasPrefix("as known") == true
        var first = "\(profile) \(isPast ? "was" : "is") \(isMember ? "in" : "not in") \(audience)"
        if isMember { first += ", since offset \(Renderer.cell(value["since"] ?? .null))" }
        var lines = [first, ""]
        append(condition, depth: 1, to: &lines)
        lines.append("")
        if value["unreadable"] != nil {
            lines.append("some of it rests on records that cannot be read")
        } else if value["agrees"]?.bool == false {
            lines.append("what is recorded differs: run `sluice replay verify`")
        }
        lines.append(
            "projection time \(Renderer.cell(value["projectionTime"] ?? .null)), "
                + "policy version \(Renderer.cell(value["policyVersion"] ?? .null))")
        return lines.joined(separator: "\n")
    }

    private static func append(_ part: JSONValue, depth: Int, to lines: inout [String]) {
        let mark =
            switch part["holds"]?.string {
            case "yes": "yes"
            case "no": "NO "
            default: "?  "
            }
        var line = String(repeating: "  ", count: depth) + mark + "  "
        line += part["condition"]?.string ?? ""
        if let found = part["found"]?.string { line += " (\(found))" }
        if let time = part["canChangeAt"] { line += "; can change at \(Renderer.cell(time))" }
        lines.append(line)
        for inner in part["parts"]?.array ?? [] { append(inner, depth: depth + 1, to: &lines) }
    }
}
