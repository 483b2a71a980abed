internal import JSONText

/// `sluice status` for people: is it well, how far is it, what waits where.
enum StatusView {
    static func text(_ value: JSONValue) -> String {
        guard let health = value["health"]?.string, let log = value["log"],
            let projection = value["projection"]
        else { return Renderer.text(value) }
        var lines = [
            "health      \(health)",
            "log         \(Renderer.cell(log["records"] ?? log["durable"] ?? .null)) records"
                + (log["failure"]?.string.map { ", FAILED: \($0)" } ?? ""),
            "projection  applied \(Renderer.cell(projection["applied"] ?? .null)), "
                + "\(Renderer.cell(projection["lag"] ?? .null)) behind, "
                + "generation \(Renderer.cell(projection["generation"] ?? .null))",
            "people      \(Renderer.cell(projection["people"] ?? .null)) with "
                + "\(Renderer.cell(projection["identifiers"] ?? .null)) identifiers, "
                + "\(Renderer.cell(projection["events"] ?? .null)) events",
        ]
        if let policy = value["policy"], let name = policy["name"]?.string {
            lines.append(
                "policy      \(name), version \(Renderer.cell(policy["version"] ?? .null))")
        } else {
            lines.append("policy      none yet: nothing leaves")
        }
        if let tracking = value["tracking"], let held = tracking["quarantined"]?.int, held > 0 {
            lines.append(
                "quarantine  \(held) events were put there by tracking plans: see `sluice policy quarantine`"
            )
        }
        lines += soundness(value)
        if let parked = projection["parked"]?.array, !parked.isEmpty {
            lines += ["", "parked records", Renderer.text(.array(parked))]
        }
        for (title, key) in [("destinations", "destinations"), ("audiences", "audiences")] {
            guard let rows = value[key]?.array, !rows.isEmpty else { continue }
            lines += ["", title, Renderer.text(.array(rows.map(withoutNulls)))]
        }
        if let collected = value["collected"] {
            lines += ["", "collected since the start", Renderer.text(collected)]
        }
        return lines.joined(separator: "\n")
    }

    /// What cannot be read, and what waits for an operator because of it.
    private static func soundness(_ value: JSONValue) -> [String] {
        var lines: [String] = []
        if let hold = value["dispatchHeld"]?.string {
            lines += ["", "ALL DISPATCH IS HELD: \(hold)"]
        }
        for (title, key) in [
            ("parts of the log that cannot be read", "losses"),
            ("other damage of the log", "damage"), ("restores", "restores"),
        ] {
            guard let rows = value[key]?.array, !rows.isEmpty else { continue }
            lines += ["", title, Renderer.text(.array(rows.map(withoutNulls)))]
        }
        if let missing = value["suppressionsNotInLog"]?.int, missing > 0 {
            lines += [
                "", "\(missing) suppressions are not in the log: see `sluice suppress --reapply`",
            ]
        }
        return lines
    }

    /// Columns that say nothing in any row only cost width.
    private static func withoutNulls(_ row: JSONValue) -> JSONValue {
        guard let members = row.object else { return row }
        return .object(JSONObject(members.filter { !$0.value.isNull }))
    }
}
