internal import JSONText

/// `sluice replay simulate` for people: for each destination what changes, and why.
enum SimulationView {
    static func text(_ value: JSONValue) -> String {
        guard let policy = value["policy"]?.string, let items = value["destinations"]?.array else {
            return Renderer.text(value)
        }
        var lines = [
            "policy \(policy) over \(cell(value, "events")) events "
                + "(offsets \(cell(value, "from")) to \(cell(value, "to"))), nothing was sent",
            "people \(cell(value, "peopleBefore")) → \(cell(value, "peopleAfter"))",
            "",
        ]
        var table = TextTable(
            [
                "destination", "allowed before", "after", "newly allowed", "newly withheld",
                "already shared, now withheld",
            ],
            alignments: [.left, .right, .right, .right, .right, .right])
        for item in items {
            table.add([
                cell(item, "destination"), cell(item, "allowedBefore"), cell(item, "allowedAfter"),
                cell(item, "newlyAllowed"), cell(item, "newlyWithheld"), cell(item, "overShared"),
            ])
        }
        lines.append(table.text)
        for item in items {
            lines += reasons(item, "newlyWithheldBy", "withheldSamples", "newly withheld by")
            lines += reasons(
                item, "newlyAllowedBefore", "allowedSamples", "newly allowed, withheld before by")
        }
        lines += people(value)
        if let seconds = value["seconds"] {
            let how =
                value["foldedBecause"]?.string.map { "folding every line again: \($0)" }
                ?? "from columns alone"
            lines += ["", "took \(Renderer.cell(seconds)) s, \(how)"]
        }
        return lines.joined(separator: "\n")
    }

    private static func reasons(
        _ item: JSONValue, _ key: String, _ samples: String, _ title: String
    ) -> [String] {
        guard let rows = item[key]?.array, !rows.isEmpty else { return [] }
        var lines = ["", "\(cell(item, "destination")): \(title)"]
        for row in rows { lines.append("  \(cell(row, "events"))  \(cell(row, "reason"))") }
        if let offsets = item[samples]?.array, !offsets.isEmpty {
            let named = offsets.map { $0.text }.joined(separator: ", ")
            lines.append("  such as offsets \(named): see `sluice explain`")
        }
        return lines
    }

    /// Audiences that somebody enters or leaves, and people who join or split.
    private static func people(_ value: JSONValue) -> [String] {
        var lines: [String] = []
        for item in value["audiences"]?.array ?? []
        where item["enter"]?.int != 0 || item["leave"]?.int != 0 {
            lines += [
                "",
                "audience \(cell(item, "audience")): \(cell(item, "before")) → \(cell(item, "after")), "
                    + "\(cell(item, "enter")) enter, \(cell(item, "leave")) leave",
            ]
            for (key, word) in [("enterSamples", "entering"), ("leaveSamples", "leaving")] {
                guard let names = item[key]?.array, !names.isEmpty else { continue }
                lines.append("  \(word): \(Renderer.cell(.array(names)))")
            }
        }
        if let profiles = value["profiles"],
            profiles["join"]?.int != 0 || profiles["split"]?.int != 0
        {
            lines += [
                "",
                "profiles: \(cell(profiles, "join")) would be joined of several, "
                    + "\(cell(profiles, "split")) would split",
            ]
        }
        return lines
    }

    private static func cell(_ value: JSONValue, _ key: String) -> String {
        Renderer.cell(value[key] ?? .null)
    }
}
