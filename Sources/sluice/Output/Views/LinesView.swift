internal import JSONText

/// Lines of the log as they are.
enum LinesView {
    static func text(_ value: JSONValue) -> String {
        guard let lines = value["lines"]?.array else { return Renderer.text(value) }
        let lost = (value["unreadable"]?.array ?? []).map { range in
            "# offsets \(Renderer.cell(range["from"] ?? .null))..<\(Renderer.cell(range["to"] ?? .null)) cannot be read: \(range["reason"]?.string ?? "")"
        }
        return (lines.map { $0.string ?? $0.text } + lost).joined(separator: "\n")
    }
}
